#include "interpreter/report/audit_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/report/words.h"
#include "interpreter/run/discreet.h"

namespace bfl::report {
namespace {

using Json = nlohmann::ordered_json;

std::string listed(const std::vector<Damage>& damages) {
  std::string text;
  for (const Damage& damage : damages) text += fmt::format("  {}: {}\n", damage.place, damage.what);
  return text;
}

Json array_of(const std::vector<Damage>& damages) {
  Json all = Json::array();
  for (const Damage& damage : damages) all.push_back({{"place", damage.place}, {"what", damage.what}});
  return all;
}

std::string fact(const std::map<std::string, std::string, std::less<>>& facts, std::string_view name) {
  const auto found = facts.find(name);
  return found == facts.end() ? std::string() : found->second;
}

std::string key_of(const ledger::Redaction& one) { return one.hides_key ? run::unshown : one.key; }

Json redaction_object(const ledger::Redaction& one) {
  return {{"job", one.job}, {"table", one.table}, {"key", key_of(one)}, {"columns", one.columns}, {"why", one.why}, {"who", one.who}, {"host", one.host}, {"time", one.time},
          {"packs", one.packs}, {"images", one.images}, {"kept_rows", one.kept}};
}

Json gap_object(const ledger::Gap& gap) {
  return {{"job", gap.job}, {"step", gap.name}, {"generation", gap.generation}, {"chunks", gap.chunks}, {"table", gap.table}, {"rows", gap.rows(gap.hidden)}, {"who", gap.who}, {"time", gap.time}};
}

Json gaps_array(const std::vector<ledger::Gap>& gaps) {
  Json all = Json::array();
  for (const ledger::Gap& gap : gaps) all.push_back(gap_object(gap));
  return all;
}

// `of_a_row`: one that may be among them.
std::string gap_text(const ledger::Gap& gap, bool of_a_row) {
  return printable(fmt::format("without images: `{}` of {}, generation {}, {}{}: {} lost with bfl's tables, taken as done by {} at {}", gap.name, gap.job, gap.generation, gap.rows(gap.hidden),
                               of_a_row ? ", and this row may be of them" : "", gap.chunks > 0 ? counted(gap.chunks, "chunk") : "chunks", gap.who, gap.time));
}

std::string untold_text(const std::string& job) {
  return printable(fmt::format("several schemas have a table of this name, and the ledger does not tell of which {} has changed rows with this key; `--was` with that name takes them as of this one", job));
}

std::string_view deed(char kind) { return kind == 'i' ? "added" : kind == 'd' ? "deleted" : "changed"; }

}  // namespace

bool Audit::sound() const {
  return proven.damages.empty() && std::all_of(targets.begin(), targets.end(), [](const auto& target) { return target.second.damages.empty(); });
}

std::string redaction_text(const ledger::Redaction& one) {
  const std::string kept = one.kept > 0 ? fmt::format(" and {} that it keeps", counted(one.kept, "row")) : "";
  return printable(fmt::format("redacted: {} {}, {}, {} in {} of {}{}, by {}@{} at {}: {}", one.table, key_of(one), one.columns.empty() ? "all but the key" : one.columns, counted(one.images, "image"),
                               counted(one.packs, "pack"), one.job, kept, one.who, one.host, one.time, one.why));
}

std::string redacted_text(const std::string& place, const Redacted& redacted) {
  std::string text;
  if (redacted.done.empty() && !redacted.stopped) text += fmt::format("{}: the ledger holds no image of it that could be erased{}\n", place, redacted.before.empty() ? "" : " any more");
  for (const ledger::Redaction& one : redacted.done) text += redaction_text(one) + "\n";
  if (redacted.done.empty())
    for (const ledger::Redaction& one : redacted.before) text += "before: " + redaction_text(one) + "\n";
  if (std::any_of(redacted.done.begin(), redacted.done.end(), [](const ledger::Redaction& one) { return one.kept > 0; }))
    text += "checks of its job that count what it keeps, or compare with it, find a row less when they are asked again\n";
  for (const StillHeld& one : redacted.held) text += printable(one.text) + "\n";
  for (const std::string& line : redacted.made) text += printable(line) + "\n";
  for (const std::string& line : redacted.left) text += printable(line) + "\n";
  if (redacted.left.empty() && redacted.done.empty() && !redacted.before.empty()) text += "what it has overwritten was swept out of the database once more\n";
  if (!redacted.beyond.empty()) text += redacted.beyond + "\n";
  return text;
}

std::string redacted_json(const Redacted& redacted) {
  Json all = {{"redactions", Json::array()}, {"before", Json::array()}, {"held", Json::array()}, {"made", redacted.made}, {"left", redacted.left}, {"behind", redacted.beyond}};
  for (const ledger::Redaction& one : redacted.done) all["redactions"].push_back(redaction_object(one));
  for (const ledger::Redaction& one : redacted.before) all["before"].push_back(redaction_object(one));
  for (const StillHeld& one : redacted.held) all["held"].push_back({{"relation", one.relation}, {"job", one.job}, {"rows", one.rows}, {"text", one.text}});
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string audit_text(const Audit& audit) {
  std::string text;
  if (audit.targets.empty()) text += "no ledger: nothing was ever changed by bfl here\n";
  for (const auto& [name, found] : audit.targets) {
    text += fmt::format("{}: {} of {}, {} with {} in {}{}\n", name, counted(found.generations, "generation"), counted(static_cast<std::int64_t>(found.jobs.size()), "job"),
                        counted(found.entries, "entry", "entries"), counted(found.images, "image"), counted(found.packs, "pack"),
                        found.sealed ? fmt::format(", {} sealed", counted(found.sealed, "row")) : "");
    for (const ledger::ProvenJob& job : found.jobs) text += fmt::format("  {} root {} over {}\n", job.name, hex(job.root), counted(job.entries, "entry", "entries"));
    for (const auto& [job, approval] : found.approvals) text += fmt::format("  {}, run {}: {}\n", job, approval.run, approval.text());
    for (const ledger::Redaction& one : found.redactions) text += fmt::format("  {}\n", redaction_text(one));
    if (found.erased_records) text += fmt::format("  erased out of {}: {} that they still hold hang on no leaf of their packs any more, but on the entry of the redaction\n", counted(found.erased_records, "record"), counted(found.unproven_values, "value"));
    for (const ledger::Gap& gap : found.lost) text += fmt::format("  {}\n", gap_text(gap, false));
    if (found.anchored) text += fmt::format("  compared with {}\n", counted(found.anchored, "signed checkpoint"));
    text += found.damages.empty() ? "  everything holds\n" : listed(found.damages);
  }
  if (!audit.diary.empty()) {
    text += fmt::format("{}: {}, {}\n", audit.diary, counted(audit.proven.runs, "run"), counted(audit.proven.entries, "entry", "entries"));
    text += audit.proven.damages.empty() ? "  everything holds\n" : listed(audit.proven.damages);
  }
  return text;
}

std::string audit_json(const Audit& audit) {
  Json document{{"ok", audit.sound()}, {"targets", Json::array()}};
  for (const auto& [name, found] : audit.targets) {
    Json jobs = Json::array();
    for (const ledger::ProvenJob& job : found.jobs) jobs.push_back({{"job", job.name}, {"entries", job.entries}, {"root", hex(job.root)}});
    Json redactions = Json::array();
    for (const ledger::Redaction& one : found.redactions) redactions.push_back(redaction_object(one));
    Json approvals = Json::array();
    for (const auto& [job, approval] : found.approvals)
      approvals.push_back({{"job", job}, {"run", approval.run}, {"approver", approval.approver}, {"key", approval.key}, {"plan", approval.plan}, {"signed", approval.when}, {"recorded", approval.recorded}});
    document["targets"].push_back({{"source", name}, {"identity", found.identity}, {"jobs", std::move(jobs)}, {"generations", found.generations},
                                   {"entries", found.entries}, {"packs", found.packs}, {"images", found.images}, {"sealed", found.sealed}, {"anchored", found.anchored},
                                   {"approvals", std::move(approvals)}, {"redactions", std::move(redactions)},
                                   {"unproven", {{"records", found.erased_records}, {"values", found.unproven_values}}}, {"lost", gaps_array(found.lost)},
                                   {"damages", array_of(found.damages)}});
  }
  if (!audit.diary.empty())
    document["diary"] = {{"path", audit.diary}, {"runs", audit.proven.runs}, {"entries", audit.proven.entries}, {"damages", array_of(audit.proven.damages)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string history_text(const std::string& place, const std::string& key, const ledger::History& history, const std::vector<ledger::Gap>& lost, const ShownValue& shown) {
  std::string text = fmt::format("{} {}: {}\n", place, key, !history.events.empty() ? counted(static_cast<std::int64_t>(history.events.size()), "change") : lost.empty() && history.untold.empty() && history.other_key.empty() ? "never changed by bfl" : "no image of a change");
  for (const ledger::RowEvent& event : history.events) {
    const auto of = [&](std::string_view name) { return fact(event.facts, name); };
    text += fmt::format("{}  {} by `{}` of {}, generation {}, chunk {}{}\n", of("time"), deed(event.kind), of("step"), of("job"), of("generation"), event.seq + 1,
                        event.cascade ? ", with the row that it refers to" : event.in_between ? ", in between: changed once more in the same chunk" : "");
    text += fmt::format("  run {} by {}@{}, bfl {}\n", of("run"), of("who"), of("host"), of("version"));
    if (const std::string why = fact(event.opening, "why"), ticket = fact(event.opening, "ticket"); !why.empty() || !ticket.empty())
      text += fmt::format("  why: {}{}{}\n", why, !why.empty() && !ticket.empty() ? ", " : "", ticket);
    if (const std::string plan = fact(event.opening, "plan"), by = fact(event.opening, "approved_by"); !plan.empty())
      text += fmt::format("  plan {}{}{}\n", plan.substr(0, 12), by.empty() ? "" : ", approved by ", by);
    std::size_t width = 0;
    for (const auto& column : event.columns) width = std::max(width, column.name.size());
    for (const auto& column : event.columns) {
      if (column.erased) {
        text += fmt::format("    {:<{}}  (redacted)\n", column.name, width);
        continue;
      }
      text += fmt::format("    {:<{}}  {}", column.name, width, column.before ? shown(column.name, *column.before) : "");
      text += fmt::format("{}{}{}\n", column.before && column.after ? " -> " : "", column.after ? shown(column.name, *column.after) : "", event.erased ? "  (not proven any more)" : "");
    }
    if (event.redaction) text += fmt::format("  {}\n", redaction_text(*event.redaction));
  }
  for (const std::string& job : history.untold) text += untold_text(job) + "\n";
  for (const std::string& job : history.other_key) text += printable(fmt::format("{} has changed rows of the table when it had another key: they are not found by this one", job)) + "\n";
  for (const ledger::Gap& gap : lost) text += gap_text(gap, true) + "\n";
  return text;
}

std::string history_json(const std::string& place, const std::string& key, const ledger::History& history, const std::vector<ledger::Gap>& lost, const ShownValue& shown) {
  Json document{{"row", place}, {"key", key}, {"changes", Json::array()}};
  for (const ledger::RowEvent& event : history.events) {
    Json change;
    for (const char* name : {"run", "job", "step"}) change[name] = fact(event.facts, name);
    change["kind"] = deed(event.kind);
    for (const char* name : {"time", "who", "host", "version", "generation", "script", "statement"}) change[name] = fact(event.facts, name);
    change["chunk"] = event.seq + 1;
    if (event.lane > 0) change["lane"] = event.lane;
    for (const char* name : {"why", "ticket", "owner", "plan", "approved_by"})
      if (const std::string said = fact(event.opening, name); !said.empty()) change[name] = said;
    if (event.cascade) change["cascade"] = true;
    if (event.in_between) change["in_between"] = true;
    change["columns"] = Json::object();
    for (const auto& column : event.columns) {
      Json& values = change["columns"][column.name] = Json::object();
      if (column.erased) {
        values["redacted"] = true;
        continue;
      }
      if (column.before) values["before"] = shown(column.name, *column.before);
      if (column.after) values["after"] = shown(column.name, *column.after);
      if (event.erased) values["proven"] = false;
    }
    if (event.redaction) change["redaction"] = redaction_object(*event.redaction);
    document["changes"].push_back(std::move(change));
  }
  document["untold"] = history.untold;
  document["other_key"] = history.other_key;
  document["lost"] = gaps_array(lost);
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bfl::report
