// Sealed sets as they are read back, and what earlier applications of a step have changed.
#include <algorithm>
#include <cstring>

#include "interpreter/ledger/gaps.h"
#include "interpreter/ledger/images.h"
#include "interpreter/ledger/in_between.h"
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

Result<ChangedRows> changed_rows(connect::Connector& target, const std::string& job, const std::string& step, const std::vector<int>& key_columns) {
  ChangedRows rows;
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return rows;
  // What chunks have changed of which the images are lost is known where the set was sealed; nobody knows what these rows were.
  auto lost = gaps(target, job);
  if (!lost) return lost.error();
  for (const Gap& gap : *lost) {
    if (gap.name != step || gap.undone) continue;
    auto known = each_lost(target, gap, [&](RawRow planned) { rows[short_digest(key_columns.empty() ? planned : planned.first(std::min(planned.size(), key_columns.size())))] = {}; });
    if (!known) return known.error();
  }
  OwnSql sql(target);
  Result<void> sound;
  const std::string undo = "undo " + step;
  bool undone_in_part = false;
  auto looked = sql.query("SELECT 1 FROM bfl_step WHERE job = ?1 AND name = ?2 AND state <> 'undone' LIMIT 1", {text(job), text(undo)}, [&](RawRow) { return !(undone_in_part = true); });
  if (!looked) return looked.error();
  std::unordered_map<Short, Short, HashShort> causes;  // of added rows, by the row: by that an undo deletes it
  // Oldest first, so that the newest image of a row stays.
  auto read = sql.query(
      "SELECT l.entry, l.pack, s.name FROM bfl_ledger AS l JOIN bfl_step AS s ON s.id = l.step"
      " WHERE s.job = ?1 AND s.name IN (?2, ?3) AND s.state <> 'undone' AND l.pack IS NOT NULL ORDER BY l.id",
      {text(job), text(step), text(undo)}, [&](RawRow row) {
        const bool undone = row[2].bytes == undo;  // of a part of a generation: the rest of it is done
        const auto root = rows_root(row[0].bytes);
        std::vector<RawValue> key, before;
        Joining joining(key_columns);
        sound = read_pack(row[1].bytes, root.value_or(Digest{}), [&](const Record& given) {
          Record record = given;
          if (record.kind == 'u' && !joining.whole(record)) return true;
          if (undone && record.kind == 'd' && record.table.empty()) {
            if (const auto cause = causes.find(short_digest(views(record.before))); cause != causes.end()) rows.erase(cause->second);
            return true;
          }
          if ((record.kind != 'u' && record.kind != 'i') || !record.table.empty()) return true;
          key.clear();
          before.clear();
          for (const Stored& value : record.before) before.push_back(value.view());
          if (record.kind == 'i') key = before;  // of the row that caused it
          else
            for (const int column : key_columns)
              key.push_back(static_cast<std::size_t>(column) < before.size() ? before[static_cast<std::size_t>(column)] : RawValue{});
          if (record.kind == 'i' && undone_in_part) {
            const std::vector<Stored> added = row_after(record, record.after.size());
            causes[short_digest(views(added))] = short_digest(key);
          }
          if (undone) rows.erase(short_digest(key));
          else rows[short_digest(key)] = short_digest(before);
          return true;
        });
        return bool(sound);
      });
  if (!read) return read.error();
  if (!sound) return sound.error();
  return rows;
}

}  // namespace bfl::ledger
