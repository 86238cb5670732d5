#include "interpreter/ledger/redaction.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <optional>
#include <set>

#include "interpreter/ledger/hold_for.h"
#include "interpreter/ledger/image_table.h"
#include "interpreter/ledger/images.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/pack.h"
#include "interpreter/ledger/verify_text.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;
using connect::RawValue;

constexpr std::size_t packs_of_entry = 200;  // an entry has room for 60,000 bytes

// A generation whose images may be of the table.
struct Touching {
  std::int64_t step = 0;
  std::string name, state;
  std::vector<ImageTable> tables;
};

Result<std::vector<Touching>> touching(OwnSql& sql, const std::string& job, const NamedTable& table, std::vector<Doubtful>& doubtful) {
  std::map<std::int64_t, std::string> states;
  auto read = sql.query("SELECT id, state FROM bfl_step WHERE job = ?1 AND name <> ''", {text(job)}, [&](RawRow row) {
    states[row[0].integer] = std::string(row[1].bytes);
    return true;
  });
  std::vector<Touching> all;
  std::string untold;
  if (read)
    read = sql.query("SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = '' ORDER BY l.seq", {text(job)}, [&](RawRow row) {
      if (row[0].bytes.find("\"kind\":\"open\"") == std::string_view::npos) return true;
      const EntryFields fields = fields_of(row[0].bytes);
      Touching one{std::strtoll(in(fields, "step_row").c_str(), nullptr, 10), in(fields, "step"), {}, described_tables(in(fields, "tables"))};
      one.state = states[one.step];
      if (one.tables.empty() && !in(fields, "tables").empty()) untold = one.name;
      bool of_it = false;
      for (const ImageTable& of : one.tables) {
        const Same same = table.is(of.named());
        const bool known = same == Same::yes && of.key_as_now(table.table);
        if (same != Same::no && !known) doubtful.push_back({fmt::format("`{}` of {}, generation {}", one.name, job, in(fields, "generation")), same == Same::yes});
        of_it = of_it || known;
      }
      if (of_it) all.push_back(std::move(one));
      return true;
    });
  if (!read) return read.error();
  if (!untold.empty())
    return Error{ErrorClass::refused, fmt::format("the ledger does not tell the columns of the tables that `{}` of {} changed", untold, job), {}, "its entry had no room for them; nothing was erased"};
  return all;
}

Error of_the_key(const std::string& column, const std::string& table) {
  return {ErrorClass::data, fmt::format("`{}` is of the key of `{}`, which says what was erased", column, table), {}, "name other columns; keys stay in the ledger"};
}

// What of a generation's records is of the row, and what of them is to go.
class Selection {
 public:
  Selection(connect::Connector& target, const Touching& generation, const RedactionRequest& request) : target_(target), request_(request) {
    const auto found = std::find_if(generation.tables.begin(), generation.tables.end(), [&](const ImageTable& table) { return request.table.is(table.named()) == Same::yes && table.key_as_now(request.table.table); });
    table_ = &*found;
    own_ = found == generation.tables.begin();
    key_ = *table_->key_as_now(request.table.table);
  }

  // The columns by number; an error where one is of the key, or is none of the table.
  Result<void> prepare() {
    for (std::size_t i = 0; i < table_->columns.size(); ++i) {
      const int column = static_cast<int>(i);
      const bool key = std::find(table_->key.begin(), table_->key.end(), column) != table_->key.end();
      const bool named = std::find(request_.columns.begin(), request_.columns.end(), table_->columns[i]) != request_.columns.end();
      if (named && key) return of_the_key(table_->columns[i], table_->name);
      if (named || (request_.columns.empty() && !key)) gone_.push_back(column);
      if (named) named_.push_back(table_->columns[i]);
    }
    return {};
  }
  const std::vector<std::string>& named() const { return named_; }
  const std::set<std::string>& other_keys() const { return other_keys_; }
  std::size_t columns() const { return table_->columns.size(); }

  // Added rows are planned under the key of what causes them: the changes are looked at before the plans.
  void learn(const Record& record) {
    if (!of_table(record)) return;
    if (record.kind == 'u') {
      const auto row = row_after(record, columns());
      const bool was = is_key(key_in(record.before, key_)), is = is_key(key_in(row, key_));
      if (was != is) other_keys_.insert(key_shown(was ? row : record.before));
    }
    if (record.kind != 'i') return;
    adds_ = true;
    if (is_key(key_in(row_after(record, columns()), key_))) causes_.insert(encode(record.before));
  }

  std::vector<int> wanted(const Record& record) const {
    if (!of_table(record)) return {};
    switch (record.kind) {
      case 'u':
        return is_key(key_in(record.before, key_)) || is_key(key_in(row_after(record, columns()), key_)) ? holding(record, record.before) : std::vector<int>{};
      case 'd': return is_key(key_in(record.before, key_)) ? holding(record, record.before) : std::vector<int>{};
      case 'i': return is_key(key_in(row_after(record, columns()), key_)) ? holding(record, {}) : std::vector<int>{};
      case 'p': return is_planned(record) ? holding(record, planned_row(record)) : std::vector<int>{};
      default: break;  // conflicts, rows left out or set aside: the key and a reason, which may tell values
    }
    const bool of_row = adds_ ? causes_.contains(encode(record.before)) : own_ && is_key(in_order(record.before));
    return of_row && !record.reason.empty() ? std::vector<int>{-1} : std::vector<int>{};
  }

 private:
  bool of_table(const Record& record) const { return own_ ? record.table.empty() : record.table == table_->name; }
  bool is_key(const std::vector<RawValue>& key) const { return request_.key.is(target_, key); }
  std::vector<Stored> planned_row(const Record& record) const {
    if (record.before.size() < columns()) return {};
    return {record.before.end() - static_cast<std::ptrdiff_t>(columns()), record.before.end()};
  }
  bool is_planned(const Record& record) const {
    if (adds_ && causes_.contains(encode(record.before))) return true;
    // By what the key was, which stands alone where the step is `once`, and by what it is to become.
    std::vector<Stored> row = adds_ ? std::vector<Stored>() : planned_row(record);
    if (row.empty() ? !adds_ && own_ && is_key(in_order(record.before)) : is_key(key_in(row, key_))) return true;
    row.resize(columns());
    for (const auto& [column, value] : record.after)
      if (static_cast<std::size_t>(column) < row.size()) row[static_cast<std::size_t>(column)] = value;
    return is_key(key_in(row, key_));
  }
  // A key as it was kept, in the order of now.
  std::vector<RawValue> in_order(const std::vector<Stored>& key) const {
    if (key.size() != key_.size()) return {};
    std::vector<RawValue> ordered;
    for (const int column : key_) ordered.push_back(key[static_cast<std::size_t>(std::find(table_->key.begin(), table_->key.end(), column) - table_->key.begin())].view());
    return ordered;
  }
  std::string key_shown(const std::vector<Stored>& row) const {
    Key key;
    for (const int column : key_) key.push_back(row[static_cast<std::size_t>(column)]);
    return display(key);
  }
  // Of those that are to go the ones that the record holds.
  std::vector<int> holding(const Record& record, const std::vector<Stored>& row) const {
    std::vector<int> all;
    for (const int column : gone_) {
      const bool in_row = static_cast<std::size_t>(column) < row.size();
      const bool set = std::any_of(record.after.begin(), record.after.end(), [&](const auto& pair) { return pair.first == column; });
      if (in_row || set) all.push_back(column);
    }
    return all;
  }

  connect::Connector& target_;
  const RedactionRequest& request_;
  const ImageTable* table_ = nullptr;
  bool own_ = false, adds_ = false;
  std::vector<std::string> named_{};  // columns of the request that the table has
  std::vector<int> gone_{}, key_{};
  std::set<std::string> causes_{}, other_keys_{};
};

bool takes_out(const KeptCopy& copy) { return copy.untold.empty() && !copy.in_use; }

std::pair<const char*, std::map<std::string, std::string>> said(const RedactionRequest& request, const std::string& packs, std::int64_t images) {
  const TableName table = name_in_ledger(request.table.table);
  return {"redact", {{"table", table.name}, {"schema", table.schema}, {"was", request.table.was}, {"key", request.hides_key ? "***" : request.key_shown}, {"columns", fmt::format("{}", fmt::join(request.columns, ","))}, {"why", request.why}, {"packs", packs}, {"images", std::to_string(images)}, {"key_hidden", request.hides_key ? "yes" : ""}}};
}

struct Rewritten { std::string place, before, after; std::int64_t images = 0; };

// Within the transaction of the job's writer.
class Redacting {
 public:
  Redacting(connect::Connector& target, const RedactionRequest& request, std::vector<Rewritten>& done) : sql_(target), request_(request), done_(done) {}

  Result<void> generation(const Touching& of, Selection& selection) {
    std::vector<std::pair<std::int64_t, std::int64_t>> places;
    auto read = sql_.query("SELECT lane, seq FROM bfl_ledger WHERE step = ?1 AND pack IS NOT NULL ORDER BY id", {number(of.step)}, [&](RawRow row) {
      places.emplace_back(row[0].integer, row[1].integer);
      return true;
    });
    if (!read) return read;
    for (const bool learning : {true, false})
      for (const auto& [lane, seq] : places)
        if (auto looked = pack(of.step, lane, seq, selection, learning); !looked) return looked;
    for (std::int64_t block_ = 0;; ++block_) {
      auto more = block(of.step, block_, selection);
      if (!more) return more.error();
      if (!*more) return {};
    }
  }

 private:
  Result<void> pack(std::int64_t step, std::int64_t lane, std::int64_t seq, Selection& selection, bool learning) {
    std::string entry, bytes;
    auto read = sql_.query("SELECT entry, pack FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq = ?3", {number(step), number(lane), number(seq)}, [&](RawRow row) {
      entry = std::string(row[0].bytes);
      bytes = std::string(row[1].bytes);
      return true;
    });
    if (!read) return read;
    const Digest root = rows_root(entry).value_or(Digest{});
    if (learning) return read_pack(bytes, root, [&](const Record& record) { return selection.learn(record), true; });
    auto erased = erase(bytes, root, selection.columns(), [&](const Record& record) { return selection.wanted(record); });
    if (!erased) return erased.error();
    if (erased->records == 0) return {};
    auto changed = sql_.run("UPDATE bfl_ledger SET pack = ?4 WHERE step = ?1 AND lane = ?2 AND seq = ?3", {number(step), number(lane), number(seq), blob(erased->bytes)});
    return rewritten(changed, place_of_pack(step, lane, seq), bytes, *erased);
  }

  // False: there is no such block.
  Result<bool> block(std::int64_t step, std::int64_t block, Selection& selection) {
    std::optional<std::string> bytes;
    Digest root{};
    auto read = sql_.query("SELECT root, pack FROM bfl_stage WHERE step = ?1 AND block = ?2", {number(step), number(block)}, [&](RawRow row) {
      bytes = std::string(row[1].bytes);
      if (row[0].bytes.size() == root.size()) std::copy(row[0].bytes.begin(), row[0].bytes.end(), root.begin());
      return true;
    });
    if (!read) return read.error();
    if (!bytes) return false;
    auto erased = erase(*bytes, root, selection.columns(), [&](const Record& record) { return selection.wanted(record); });
    if (!erased) return erased.error();
    if (erased->records == 0) return true;
    auto changed = sql_.run("UPDATE bfl_stage SET pack = ?3 WHERE step = ?1 AND block = ?2", {number(step), number(block), blob(erased->bytes)});
    auto done = rewritten(changed, place_of_block(step, block), *bytes, *erased);
    return done ? Result<bool>{true} : Result<bool>{done.error()};
  }

  Result<void> rewritten(const Result<std::int64_t>& changed, std::string place, const std::string& before, const Erased& erased) {
    if (!changed) return changed.error();
    done_.push_back({std::move(place), hex(sha256(before)), hex(sha256(erased.bytes)), erased.records});
    return {};
  }

  OwnSql sql_;
  const RedactionRequest& request_;
  std::vector<Rewritten>& done_;
};

// Rows of a relation that a job keeps, and that have been taken out, a line each; the number of them.
Result<std::pair<std::string, std::int64_t>> out_of_kept(connect::Connector& target, const RedactionRequest& request, const std::string& job) {
  std::pair<std::string, std::int64_t> lines;
  // Found again where nobody runs the job: it may have gone on since it was looked at.
  auto copies = kept_copies(target, request.table, request.key, request.columns, job);
  if (!copies) return copies.error();
  for (const KeptCopy& copy : *copies) {
    if (!takes_out(copy)) continue;
    auto gone = take_out(target, copy);
    if (!gone) return gone.error();
    if (!*gone || **gone == 0) continue;
    lines.first += fmt::format("{} {}\n", copy.relation, **gone);
    lines.second += **gone;
  }
  return lines;
}

// Erases in one job; the entries that say so.
Result<Writer::Entries> of_job(connect::Connector& target, const RedactionRequest& request, const std::string& job, const std::vector<Touching>& generations, std::set<std::string>& other_keys) {
  std::vector<Rewritten> done;
  Redacting redacting(target, request, done);
  for (const Touching& generation : generations) {
    Selection selection(target, generation, request);
    if (auto prepared = selection.prepare(); !prepared) return prepared.error();
    if (auto erased = redacting.generation(generation, selection); !erased) return erased.error();
    other_keys.insert(selection.other_keys().begin(), selection.other_keys().end());
  }
  Writer::Entries entries;
  for (std::size_t from = 0; from < done.size(); from += packs_of_entry) {
    std::string packs;
    std::int64_t images = 0;
    for (std::size_t i = from; i < std::min(done.size(), from + packs_of_entry); ++i) {
      packs += fmt::format("{} {} {}\n", done[i].place, done[i].before, done[i].after);
      images += done[i].images;
    }
    entries.push_back(said(request, packs, images));
  }
  auto kept = out_of_kept(target, request, job);
  if (!kept) return kept.error();
  if (kept->second == 0) return entries;
  if (entries.empty()) entries.push_back(said(request, {}, 0));
  entries.front().second["kept"] = kept->first;
  entries.front().second["kept_rows"] = std::to_string(kept->second);
  return entries;
}

}  // namespace

std::string place_of_pack(std::int64_t step, std::int64_t lane, std::int64_t seq) { return fmt::format("{}/{}/{}", step, lane, seq); }
std::string place_of_block(std::int64_t step, std::int64_t block) { return fmt::format("{}/{}", step, block); }

void Redactions::add(const EntryFields& entry) {
  Redaction made{in(entry, "job"), in(entry, "table"), in(entry, "schema"), in(entry, "key"), in(entry, "columns"), in(entry, "why"), in(entry, "who"), in(entry, "host"), in(entry, "time"), 0,
                 std::strtoll(in(entry, "images").c_str(), nullptr, 10)};
  made.hides_key = in(entry, "key_hidden") == "yes";
  made.kept = std::strtoll(in(entry, "kept_rows").c_str(), nullptr, 10);
  std::string_view relations = in(entry, "kept");
  while (!relations.empty()) {
    const std::string_view line = relations.substr(0, relations.find('\n'));
    relations.remove_prefix(std::min(relations.size(), line.size() + 1));
    made.relations.emplace_back(line.substr(0, line.rfind(' ')));
  }
  std::string_view rest = in(entry, "packs");
  while (!rest.empty()) {
    std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto first = line.find(' '), second = first == std::string_view::npos ? first : line.find(' ', first + 1);
    if (second == std::string_view::npos) continue;
    steps_[std::string(line.substr(0, first))].push_back({std::string(line.substr(first + 1, second - first - 1)), std::string(line.substr(second + 1)), all_.size()});
    ++made.packs;
  }
  all_.push_back(std::move(made));
}

std::string Redactions::now(const std::string& place, const std::string& named) const {
  const auto found = steps_.find(place);
  std::string digest = named;
  if (found == steps_.end()) return digest;
  for (const Step& step : found->second)
    if (step.before == digest) digest = step.after;
  return digest;
}

std::string Redactions::first(const std::string& place) const {
  const auto found = steps_.find(place);
  return found == steps_.end() ? std::string() : found->second.front().before;
}

const Redaction* Redactions::of(const std::string& place, const NamedTable& table) const {
  const auto found = steps_.find(place);
  if (found == steps_.end()) return nullptr;
  for (auto step = found->second.rbegin(); step != found->second.rend(); ++step)
    if (const Redaction& one = all_[step->redaction]; table.is({one.table, one.schema}) != Same::no) return &one;
  return nullptr;
}

Result<Redactions> redactions_of(connect::Connector& target, const std::string& job) {
  Redactions all;
  auto read = OwnSql(target).query("SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = '' AND l.entry LIKE '%\"kind\":\"redact\"%' ORDER BY l.seq", {text(job)},
                                   [&](RawRow row) {
                                     all.add(fields_of(row[0].bytes));
                                     return true;
                                   });
  if (!read) return read.error();
  return all;
}

Result<Redacted> redact(connect::Connector& target, const RedactionRequest& request, const Runner& runner) {
  OwnSql sql(target);
  std::vector<std::string> jobs;
  auto listed = sql.query("SELECT job FROM bfl_step WHERE name = '' ORDER BY job", {}, [&](RawRow row) { return jobs.emplace_back(row[0].bytes), true; });
  if (!listed) return listed.error();
  // Everything is looked at before anything is erased.
  std::map<std::string, std::vector<Touching>> found;
  std::set<std::string> known;  // of the columns
  Redacted all;
  const Table& table = request.table.table;
  for (const std::string& name : request.columns) {
    const int column = table.column_index(name);
    if (column < 0) continue;
    const ::bfl::Key* identity = table.identity();
    if (identity && std::find(identity->columns.begin(), identity->columns.end(), column) != identity->columns.end()) return of_the_key(name, table.name);
    known.insert(name);
  }
  for (const std::string& job : jobs) {
    auto generations = touching(sql, job, request.table, all.doubtful);
    if (!generations) return generations.error();
    for (const Touching& generation : *generations) {
      if (generation.state == "open" || generation.state == "staging")
        return Error{ErrorClass::refused, fmt::format("`{}` of {} is not finished, and goes on by its images", generation.name, job), {}, "finish it (`bfl run`) or undo it first; nothing was erased"};
      Selection selection(target, generation, request);
      if (auto prepared = selection.prepare(); !prepared) return prepared.error();
      known.insert(selection.named().begin(), selection.named().end());
    }
    if (!generations->empty()) found[job] = std::move(*generations);
  }
  // What cannot be seen of them keeps nothing from being erased in the ledger.
  auto copies = kept_copies(target, request.table, request.key, request.columns);
  for (const KeptCopy& copy : copies ? *copies : std::vector<KeptCopy>()) {
    if (!takes_out(copy) || copy.job.empty()) continue;
    found.try_emplace(copy.job);
  }
  for (const std::string& name : request.columns)
    if (!known.contains(name) && !found.empty()) return Error{ErrorClass::data, fmt::format("no image of `{}` has the column `{}`", table.name, name), {}, "`bfl audit row` shows the images and their columns"};
  // What is overwritten is to be gone from the file as well.
  if (target.engine() == "sqlite")
    if (auto set = target.execute("PRAGMA secure_delete = ON"); !set) return set.error();
  for (const std::string& job : jobs) {
    auto told = redactions_of(target, job);
    if (!told) return told.error();
    for (const Redaction& one : told->all())
      if (request.table.is({one.table, one.schema}) == Same::yes) all.before.push_back(one);
  }
  for (const auto& each : found) {
    const std::string& job = each.first;
    std::size_t made = 0;
    auto done = hold_for(target, job, runner, [&](Writer& writer) {
      return writer.record([&]() -> Result<Writer::Entries> {
        auto entries = of_job(target, request, job, each.second, all.other_keys);
        if (entries) made = entries->size();
        return entries;
      });
    });
    auto told = done ? redactions_of(target, job) : Result<Redactions>{done.error()};
    if (!told) {  // what is done of other jobs is done
      all.stopped = told.error();
      break;
    }
    all.done.insert(all.done.end(), told->all().end() - static_cast<std::ptrdiff_t>(std::min(made, told->all().size())), told->all().end());
  }
  return all;
}

}  // namespace bfl::ledger
