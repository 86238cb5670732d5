#include "interpreter/ledger/stages.h"

#include <map>

#include "interpreter/ledger/verify_text.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

using connect::RawRow;

namespace {

std::map<std::string, std::string> of_stage(const auto& facts, std::int64_t step, std::size_t stage) {
  return {{"step", facts.name}, {"step_row", std::to_string(step)}, {"generation", std::to_string(facts.generation)}, {"stage", std::to_string(stage)}};
}

}  // namespace

Result<std::vector<Stage>> stages(connect::Connector& target, const std::string& job, std::int64_t step) {
  std::vector<Stage> all;
  const std::string row_of_step = std::to_string(step);
  auto read = OwnSql(target).query(
      "SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = '' AND l.entry LIKE '%\"stage\":\"%' ORDER BY l.seq", {text(job)},
      [&](RawRow row) {
        const EntryFields facts = fields_of(row[0].bytes);
        const auto fact = [&](const char* name) -> const std::string& { return in(facts, name); };
        if (fact("step_row") != row_of_step) return true;
        const std::string kind = fact("kind");
        const auto number = static_cast<std::size_t>(std::strtoull(fact("stage").c_str(), nullptr, 10));
        if (kind == "open" || kind == "stage") all.push_back({fact("share"), all.empty() ? std::strtoll(fact("stage_rows").c_str(), nullptr, 10) : all.front().rows});
        if (number == 0 || number > all.size()) return true;
        Stage& stage = all[number - 1];
        if (kind == "stage_passed") stage.passed = fact("time"), stage.waits = fact("waits") == "approval";
        if (kind == "stage_approved") stage.approved = fact("who") + "@" + fact("host");
        return true;
      });
  if (!read) return read.error();
  return all;
}

Result<void> Writer::open_stage(std::int64_t step, std::size_t stage, const std::string& share, const std::vector<LaneRange>& lanes) {
  return guarded([&]() -> Result<void> {
    auto facts = facts_of(step);
    if (!facts) return facts.error();
    Fields fields = of_stage(**facts, step, stage);
    fields["share"] = share;
    auto noted = note("stage", std::move(fields));
    if (!noted) return noted.error();
    auto newest = newest_lane(step);
    if (!newest) return newest.error();
    std::int64_t number = newest->lane;
    for (const LaneRange& lane : lanes)
      if (auto added = add_lane(step, ++number, lane.from ? &*lane.from : nullptr, lane.upto); !added) return added;
    return {};
  });
}

Result<void> Writer::pass_stage(std::int64_t step, std::size_t stage, bool waits) {
  auto facts = facts_of(step);
  if (!facts) return facts.error();
  Fields fields = of_stage(**facts, step, stage);
  if (waits) fields["waits"] = "approval";
  return attest("stage_passed", std::move(fields));
}

Result<void> Writer::approve_stage(std::int64_t step, std::size_t stage, const std::string& why) {
  auto facts = facts_of(step);
  if (!facts) return facts.error();
  Fields fields = of_stage(**facts, step, stage);
  fields["why"] = why;
  return attest("stage_approved", std::move(fields));
}

}  // namespace bfl::ledger
