#include "interpreter/ledger/history.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/json.h"
#include "interpreter/ledger/image_table.h"
#include "interpreter/ledger/images.h"
#include "interpreter/ledger/in_between.h"
#include "interpreter/ledger/key_index.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/pack.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;
using connect::RawValue;
using Facts = EntryFields;

Error altered(std::int64_t step, std::int64_t lane, std::int64_t seq) {
  return {ErrorClass::refused, fmt::format("bfl_ledger, step {}, lane {}, seq {}: the entry does not hold", step, lane, seq), {},
          "the ledger was altered or damaged: `bfl audit verify` names every place"};
}

struct Candidate {
  std::int64_t step = 0, lane = 0, seq = 0;
  std::vector<std::size_t> blocks;
};

class Search {
 public:
  Search(connect::Connector& target, const NamedTable& table, const TypedKey& key) : target_(target), sql_(target), table_(table), key_(key) {}

  Result<History> run() {
    // A long key is cut like the ends of the ranges: it lies between them as before.
    std::vector<Candidate> candidates;
    for (const std::string& name : table_.names())
      for (const Key& spelling : key_.spellings()) {
        const std::string form = sortable(views(spelling)), low = upper_end(form), high = lower_end(form);
        auto read = sql_.query("SELECT step, lane, seq, detail FROM bfl_key WHERE name = ?1 AND low <= ?2 AND high >= ?3", {text(name), blob(low), blob(high)}, [&](RawRow row) {
          if (auto blocks = blocks_with(row[3].bytes, form)) add(candidates, {row[0].integer, row[1].integer, row[2].integer, std::move(*blocks)});
          return true;
        });
        if (!read) return read.error();
      }
    for (const Candidate& candidate : candidates)
      if (auto looked = look(candidate); !looked) return looked.error();
    if (auto other = under_other_keys(); !other) return other.error();
    std::stable_sort(events_.begin(), events_.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (auto& [number, event] : events_) found_.events.push_back(std::move(event));
    return std::move(found_);
  }

 private:
  // By the bare name by which it goes it most likely is the one that is asked for, and to be seen.
  bool is_this(const ImageTable& table) const {
    const Same same = table_.is(table.named());
    return (same == Same::yes || (same == Same::untold && table.name == table_.table.name)) && table.key_as_now(table_.table) == table.key;
  }

  Result<void> under_other_keys() {
    return sql_.query("SELECT s.job, l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.name = '' AND l.entry LIKE '%\"kind\":\"open\"%'", {}, [&](RawRow row) {
      for (const ImageTable& table : described_tables(field(row[1].bytes, "tables")))
        if (table_.is(table.named()) == Same::yes && !is_this(table)) found_.other_key.emplace(row[0].bytes);
      return true;
    });
  }

  // Each block once, by whatever spelling it was found.
  static void add(std::vector<Candidate>& all, Candidate made) {
    const auto known = std::find_if(all.begin(), all.end(), [&](const Candidate& one) { return one.step == made.step && one.lane == made.lane && one.seq == made.seq; });
    if (known == all.end()) {
      all.push_back(std::move(made));
      return;
    }
    known->blocks.insert(known->blocks.end(), made.blocks.begin(), made.blocks.end());
    std::sort(known->blocks.begin(), known->blocks.end());
    known->blocks.erase(std::unique(known->blocks.begin(), known->blocks.end()), known->blocks.end());
  }

  Result<void> look(const Candidate& at) {
    std::int64_t number_ = 0;
    std::string entry, pack;
    bool sound = false;
    auto read = sql_.query("SELECT id, entry, hash, pack FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq = ?3", {number(at.step), number(at.lane), number(at.seq)}, [&](RawRow row) {
      number_ = row[0].integer;
      entry = std::string(row[1].bytes);
      pack = std::string(row[3].bytes);
      sound = as_bytes(sha256(entry)) == row[2].bytes;
      return true;
    });
    if (!read) return read;
    const Facts facts = fields_of(entry);
    const auto named = facts.find("pack");
    if (!sound || named == facts.end()) return altered(at.step, at.lane, at.seq);
    auto opening = opening_of(facts.at("job"), at.step);
    if (!opening) return opening.error();
    const Redactions& redactions = redactions_[facts.at("job")];
    const std::string place = place_of_pack(at.step, at.lane, at.seq);
    if (redactions.now(place, named->second) != hex(sha256(pack))) return altered(at.step, at.lane, at.seq);
    const auto tables = described_tables((*opening)->contains("tables") ? (*opening)->at("tables") : "");
    const auto described = std::find_if(tables.begin(), tables.end(), [&](const ImageTable& t) { return is_this(t); });
    if (tables.empty()) return altered(at.step, at.lane, at.seq);
    if (described == tables.end()) {  // of another table of that name, or nobody knows of which
      if (std::any_of(tables.begin(), tables.end(), [&](const ImageTable& t) { return table_.is(t.named()) == Same::untold; })) found_.untold.insert(facts.at("job"));
      return {};
    }
    const bool own = described == tables.begin();
    auto blocks = read_blocks(pack, at.blocks, [&](const Record& record) {
      if (own ? !record.table.empty() : record.table != described->name) return;
      if (record.kind != 'u' && record.kind != 'i' && record.kind != 'd') return;
      RowEvent event{record.kind, facts, **opening, at.lane, at.seq, record.depth > 0 || !own, is_in_between(record), {}, false, {}};
      event.erased = !record.erased.empty();
      if (const Redaction* by = record.erased.empty() ? nullptr : redactions.of(place, table_)) event.redaction = *by;
      if (!matches(*described, record, event)) return;
      events_.emplace_back(number_, std::move(event));
      if (table_.is(described->named()) == Same::untold) found_.untold.insert(facts.at("job"));
    });
    return blocks;
  }

  bool matches(const ImageTable& table, const Record& record, RowEvent& event) const {
    const std::vector<Stored> before = row_before(record), after = row_after(record, table.columns.size());
    const auto is = [&](const std::vector<Stored>& row) {
      return !row.empty() && key_.is(target_, key_in(row, table.key));
    };
    if (!is(before) && !is(after)) return false;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      RowEvent::Column column{table.columns[i], {}, {}, false};
      if (i < before.size()) column.before = before[i];
      if (record.kind != 'd') column.after = after[i];
      column.erased = std::find(record.erased.begin(), record.erased.end(), static_cast<int>(i)) != record.erased.end();
      const bool changed = std::any_of(record.after.begin(), record.after.end(), [&](const auto& pair) { return pair.first == static_cast<int>(i); });
      if (record.kind != 'u' || changed) event.columns.push_back(std::move(column));
    }
    return true;
  }

  // The entry that opened a generation stands in the lane of its job.
  Result<const Facts*> opening_of(const std::string& job, std::int64_t step) {
    auto& opened = openings_[job];
    if (opened.empty()) {
      std::map<std::string, std::string> approvers;  // by the digest of the plan
      auto read = sql_.query(
          "SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = '' ORDER BY l.seq", {text(job)}, [&](RawRow row) {
            const auto is = [&](std::string_view kind) { return row[0].bytes.find(fmt::format("\"kind\":\"{}\"", kind)) != std::string_view::npos; };
            if (is("approval")) {
              std::string& names = approvers[field(row[0].bytes, "plan")];
              names += (names.empty() ? "" : ", ") + field(row[0].bytes, "approver");
              return true;
            }
            if (is("redact")) redactions_[job].add(fields_of(row[0].bytes));
            if (!is("open")) return true;
            Facts facts = fields_of(row[0].bytes);
            if (const std::string route = facts["route"]; route.starts_with("plan ")) {
              facts["plan"] = route.substr(5);
              facts["approved_by"] = approvers[facts["plan"]];
            }
            opened[std::strtoll(facts["step_row"].c_str(), nullptr, 10)] = std::move(facts);
            return true;
          });
      if (!read) return read.error();
    }
    return &opened[step];
  }

  connect::Connector& target_;
  OwnSql sql_;
  const NamedTable& table_;
  const TypedKey& key_;
  std::map<std::string, std::map<std::int64_t, Facts>> openings_;
  std::map<std::string, Redactions> redactions_;  // by job
  std::vector<std::pair<std::int64_t, RowEvent>> events_;
  History found_;
};

}  // namespace

Result<History> history(connect::Connector& target, const NamedTable& table, const TypedKey& key) {
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return History{};
  return Search(target, table, key).run();
}

}  // namespace bfl::ledger
