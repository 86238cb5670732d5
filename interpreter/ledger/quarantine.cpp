#include "interpreter/ledger/quarantine.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "interpreter/base/secrets.h"
#include "interpreter/ledger/conflicts.h"
#include "interpreter/ledger/verify_text.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

using connect::RawRow;

namespace {

// Records of one kind in the chunks of a generation; `counted` is the field by which an entry tells that it has some.
Result<void> each_record(connect::Connector& target, std::int64_t step, const char* counted, char kind, const std::function<void(const EntryFields& chunk, const Record& record)>& each) {
  Result<void> sound;
  const std::string some = fmt::format("%\"{}\":\"%", counted), none = fmt::format("%\"{}\":\"0\"%", counted);
  auto read = OwnSql(target).query(
      "SELECT lane, seq, entry, pack FROM bfl_ledger WHERE step = ?1 AND entry LIKE ?2 AND entry NOT LIKE ?3 ORDER BY id", {number(step), text(some), text(none)}, [&](RawRow row) {
        const EntryFields chunk = fields_of(row[2].bytes);
        sound = read_pack(row[3].bytes, rows_root(row[2].bytes).value_or(Digest{}), [&](const Record& record) {
          if (record.kind == kind) each(chunk, record);
          return true;
        });
        if (!sound)
          sound = Error{ErrorClass::refused, fmt::format("bfl_ledger, step {}, lane {}, seq {}: {}", step, row[0].integer, row[1].integer, sound.error().message), {},
                        "the ledger was altered or damaged: `bfl audit verify` names every place"};
        return bool(sound);
      });
  return read ? sound : read;
}

}  // namespace

Result<std::vector<Quarantined>> set_aside(connect::Connector& target, std::int64_t step) {
  std::vector<Quarantined> all;
  auto read = each_record(target, step, "quarantined", 'q', [&](const EntryFields& chunk, const Record& record) {
    const auto fact = [&](const char* name) -> const std::string& { return in(chunk, name); };
    all.push_back({step, fact("step"), std::strtoll(fact("generation").c_str(), nullptr, 10), record.before, record.reason, fact("run"), fact("who") + "@" + fact("host"), fact("time")});
  });
  if (!read) return read.error();
  return all;
}

Result<void> each_skipped(connect::Connector& target, std::int64_t step, const std::function<void(const Key& key, const std::string& reason)>& each) {
  return each_record(target, step, "skipped", 's', [&](const EntryFields&, const Record& record) { each(record.before, record.reason); });
}

Result<void> each_conflict(connect::Connector& target, std::int64_t step, const std::function<void(const Key& key, const std::string& reason)>& each) {
  return each_record(target, step, "conflicts", 'c', [&](const EntryFields&, const Record& record) { each(record.before, record.reason); });
}

Result<std::vector<Quarantined>> quarantine(connect::Connector& target, const std::string& job) {
  std::vector<Quarantined> all;
  auto known = generations(target, job);
  if (!known) return known.error();
  std::map<std::string, const Generation*> newest;  // oldest first: the last one stays
  for (const Generation& generation : *known)
    if (generation.state != StepState::undone && generation.route != "undo") newest[generation.step] = &generation;
  std::erase_if(newest, [](const auto& one) { return one.second->quarantined == 0; });
  if (newest.empty()) return all;
  std::set<std::pair<std::string, std::string>> resolved;  // row of bfl_step, key
  auto read = OwnSql(target).query(
      "SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = '' AND l.entry LIKE '%\"kind\":\"resolve\"%'", {text(job)},
      [&](RawRow row) {
        resolved.emplace(field(row[0].bytes, "step_row"), field(row[0].bytes, "key"));
        return true;
      });
  if (!read) return read.error();
  for (const Generation& generation : *known) {
    const auto found = newest.find(generation.step);
    if (found == newest.end() || found->second != &generation) continue;
    auto rows = set_aside(target, generation.id);
    if (!rows) return rows.error();
    for (Quarantined& row : *rows)
      if (!resolved.contains({std::to_string(row.step), hex(encode(row.key))})) all.push_back(std::move(row));
  }
  return all;
}

Result<void> Writer::resolve(const std::vector<Quarantined>& rows, const std::string& why) {
  return guarded([&]() -> Result<void> {
    for (const Quarantined& row : rows) {
      auto noted = note("resolve", {{"step", row.name},
                                    {"step_row", std::to_string(row.step)},
                                    {"generation", std::to_string(row.generation)},
                                    {"key", hex(encode(row.key))},
                                    {"why", why}});
      if (!noted) return noted.error();
    }
    return {};
  });
}

}  // namespace bfl::ledger
