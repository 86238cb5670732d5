// Sealed sets as they are read back, and what earlier applications of a step have changed.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "interpreter/ledger/gaps.h"
#include "interpreter/ledger/images.h"
#include "interpreter/ledger/in_between.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

using connect::RawRow;
using connect::RawValue;

std::size_t HashShort::operator()(const Short& digest) const {
  std::size_t hash = 0;
  std::memcpy(&hash, digest.data(), sizeof hash);
  return hash;
}

Short short_digest(std::span<const RawValue> values) {
  std::string bytes;
  for (const RawValue& value : values) put(bytes, value);
  const Digest whole = sha256(bytes);
  Short digest;
  std::copy_n(whole.begin(), digest.size(), digest.begin());
  return digest;
}

std::string sealed_leaf(const StageBlock& block) { return sealed_leaf(block, as_bytes(sha256(block.bytes))); }

std::string sealed_leaf(const StageBlock& block, std::string_view bytes) {
  std::string leaf;
  put_varint(leaf, static_cast<std::uint64_t>(block.first));
  put_varint(leaf, static_cast<std::uint64_t>(block.rows));
  return leaf.append(as_bytes(block.root)).append(bytes);
}

Result<StageBlock> Writer::stage_block(std::int64_t step, std::int64_t ordinal) {
  std::optional<StageBlock> block;
  auto read = sql_.query("SELECT first, rows, root, pack FROM bfl_stage WHERE step = ?1 AND first <= ?2 ORDER BY block DESC LIMIT 1",
                         {number(step), number(ordinal)}, [&](RawRow row) {
                           block = StageBlock{row[0].integer, row[1].integer, {}, std::string(row[3].bytes)};
                           if (row[2].bytes.size() == block->root.size())
                             std::copy(row[2].bytes.begin(), row[2].bytes.end(), block->root.begin());
                           return true;
                         });
  if (!read) return read.error();
  if (!block || ordinal >= block->first + block->rows)
    return Error{
        ErrorClass::fatal, "the sealed set of the step is not whole", {}, "the tables `bfl_…` of the target were altered; restore them"};
  return std::move(*block);
}

namespace {

// What the ledger says of the rows of a step: it changes them, an undo puts some of them back, an undo of that undo changes these again.
// What a generation has become as a whole does not tell it: of one that was undone, rows in conflict have stayed as they were.
class Applied {
 public:
  explicit Applied(const std::vector<int>& key) : key_(key) {}

  // `identity`: columns by which an undo knows the rows.
  void add(const Record& record, std::size_t undoes, const std::vector<int>& identity) {
    if (!record.table.empty()) return;
    const bool back = undoes % 2 == 1;
    if (record.kind == 'u') return set(short_digest(key_in(back ? row_after(record, record.before.size()) : record.before, key_)), record.before, back);
    if (record.kind == 'i' && undoes == 0) {
      const Short cause = short_digest(views(record.before));
      causes_[short_digest(key_in(row_after(record, record.after.size()), identity))] = cause;
      return set(cause, record.before, back);
    }
    if (undoes == 0 && record.kind != 'd') return;
    std::vector<Stored> row = record.kind == 'i' ? row_after(record, record.after.size()) : record.before;
    if (record.kind == 's') row = row_with(identity, record.before);  // it was so already
    else if (record.kind != 'i' && record.kind != 'd') return;
    const auto cause = causes_.find(short_digest(key_in(row, identity)));
    const Short key = cause != causes_.end() ? cause->second : short_digest(key_in(row, key_));
    set(key, row, back);
    if (record.kind != 'd' || back) return;
    rows.changed.erase(key);
    rows.deleted.insert(key);
  }

  AppliedRows rows;

 private:
  static std::vector<Stored> row_with(const std::vector<int>& columns, const std::vector<Stored>& values) {
    std::vector<Stored> row;
    for (std::size_t i = 0; i < columns.size() && i < values.size(); ++i) {
      row.resize(std::max(row.size(), static_cast<std::size_t>(columns[i]) + 1));
      row[static_cast<std::size_t>(columns[i])] = values[i];
    }
    return row;
  }

  void set(const Short& row, const std::vector<Stored>& before, bool back) {
    rows.deleted.erase(row);
    if (back) {
      rows.changed.erase(row);
      rows.put_back.insert(row);
    } else {
      rows.changed[row] = short_digest(views(before));
      rows.put_back.erase(row);
    }
  }

  const std::vector<int>& key_;
  std::unordered_map<Short, Short, HashShort> causes_;  // of added rows, by the row
};

}  // namespace

Result<AppliedRows> applied_rows(connect::Connector& target, const std::string& job, const std::string& step, const std::vector<int>& key_columns) {
  Applied applied(key_columns);
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return applied.rows;
  // What chunks have changed of which the images are lost is known where the set was sealed; nobody knows what these rows were.
  auto lost = gaps(target, job);
  if (!lost) return lost.error();
  for (const Gap& gap : *lost) {
    if (gap.name != step || gap.undone) continue;
    auto known =
        each_lost(target, gap, [&](RawRow planned) { applied.rows.changed[short_digest(key_columns.empty() ? planned : planned.first(std::min(planned.size(), key_columns.size())))] = {}; });
    if (!known) return known.error();
  }
  auto all = generations(target, job);
  if (!all) return all.error();
  std::vector<std::string> undoes{step};
  for (std::string undo = "undo " + step; std::any_of(all->begin(), all->end(), [&](const Generation& one) { return one.step == undo; }); undo = "undo " + undo) undoes.push_back(undo);
  std::map<std::int64_t, std::pair<std::size_t, std::vector<int>>> known;  // by generation: how often "undo" stands in its name, and the identity of the rows
  for (const Generation& one : *all) {
    const auto name = std::find(undoes.begin(), undoes.end(), one.step);
    if (name == undoes.end()) continue;
    auto& [depth, identity] = known[one.id];
    depth = static_cast<std::size_t>(name - undoes.begin());
    if (undoes.size() == 1) continue;
    auto tables = image_tables(target, job, one.id);
    if (!tables) return tables.error();
    if (!tables->empty()) identity = tables->front().key;
  }
  std::string places = "?2";
  for (std::size_t i = 1; i < undoes.size(); ++i) places += fmt::format(", ?{}", i + 2);
  std::vector<RawValue> parameters{text(job)};
  for (const std::string& name : undoes) parameters.push_back(text(name));
  // Oldest first, so that the newest image of a row stays.
  const std::string sql =
      fmt::format("SELECT l.step, l.entry, l.pack FROM bfl_ledger AS l JOIN bfl_step AS s ON s.id = l.step WHERE s.job = ?1 AND s.name IN ({}) AND l.pack IS NOT NULL ORDER BY l.id", places);
  Result<void> sound;
  auto read = OwnSql(target).query(sql, parameters, [&](RawRow row) {
    const auto& [depth, identity] = known[row[0].integer];
    Joining joining(key_columns);
    sound = read_pack(row[2].bytes, rows_root(row[1].bytes).value_or(Digest{}), [&, depth = depth, &identity = identity](const Record& record) {
      if (const Record* whole = record.kind == 'u' ? joining.whole(record) : &record) applied.add(*whole, depth, identity);
      return true;
    });
    return bool(sound);
  });
  if (!read) return read.error();
  if (!sound) return sound.error();
  return std::move(applied.rows);
}

Result<ChangedRows> changed_rows(connect::Connector& target, const std::string& job, const std::string& step, const std::vector<int>& key_columns) {
  auto applied = applied_rows(target, job, step, key_columns);
  if (!applied) return applied.error();
  return std::move(applied->changed);
}

}  // namespace bfl::ledger
