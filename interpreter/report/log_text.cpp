#include "interpreter/report/log_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <string_view>
#include <unordered_map>

#include "interpreter/ledger/approval.h"
#include "interpreter/run/journal.h"
#include "interpreter/run/stages.h"
#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

using Json = nlohmann::ordered_json;

struct StepSummary {
  std::string name, state;
  std::string why{};                     // of what does not go on
  std::string stage{};                   // of its rollout, the one it is in
  std::int64_t chunks = 0, changed = 0, conflicts = 0, left_out = 0, quarantined = 0;
  std::vector<std::string> in_conflict{};  // the first of them, each with why
};

constexpr std::string_view transaction_open = "transaction_open", in_transaction = "in the transaction";

std::string_view state_after(std::string_view kind) {
  if (kind == "step_started" || kind == "step_resumed" || kind == "step_staged" || kind == "chunk_committed") return "under way";
  if (kind == "step_finished") return "done";
  if (kind == "step_reused") return "finished before";
  if (kind == "step_failed" || kind == "assertion_failed") return "failed";
  if (kind == "step_blocked") return "waits";
  if (kind == "step_paused") return "paused";
  if (kind == "draining") return "stopped";
  if (kind == "held_back") return "held back";
  if (kind == "goes_on") return "under way";
  if (kind == transaction_open) return in_transaction;
  return "";
}

std::vector<StepSummary> steps_of(const std::vector<store::JournalEntry>& journal) {
  std::vector<StepSummary> steps;
  std::unordered_map<std::string_view, std::size_t> places;
  for (const auto& entry : journal) {
    if (entry.kind == "transaction_taken_back")
      for (StepSummary& step : steps)
        if (step.state == in_transaction) step.state = "taken back";
    if (entry.step.empty()) continue;
    const auto [place, fresh] = places.try_emplace(entry.step, steps.size());
    if (fresh) steps.push_back({entry.step, "under way"});
    StepSummary& step = steps[place->second];
    if (const auto state = state_after(entry.kind); !state.empty()) {
      step.state = state;
      step.why = state == "failed" || state == "paused" || state == "stopped" || state == "held back" ? entry.reason : "";
    }
    if (entry.kind == "stage_begun") step.stage = entry.reason;
    if (entry.kind == "row_quarantined") ++step.quarantined;
    if (entry.kind == run::row_in_conflict) step.in_conflict.push_back(entry.reason);
    if (entry.kind == "rows_left_out") step.left_out += entry.rows_read;
    if (entry.kind != "chunk_committed") continue;
    ++step.chunks;
    step.changed += entry.rows_changed;
    step.conflicts += entry.conflicts;
  }
  return steps;
}

// Keys and reasons come from a database: an entry stays on its line, and nothing steers the terminal.
std::string one_line(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\n') out += ' ';
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else out += c;
  }
  return out;
}

constexpr std::string_view approved = "approved";

// The signature is looked at again: its note is in the diary.
std::string signature_of(const store::JournalEntry& entry) {
  const std::string fault = ledger::fault_of(ledger::approval_told(entry.reason), entry.query);
  return fault.empty() ? ": the signature holds" : ": " + one_line(fault);
}

std::string text_of(const Held& held) { return fmt::format("`{}`: {}{}", held.step, one_line(held.why), held.command.empty() ? "" : fmt::format("; `{}`", held.command)); }

// Of a run that is gone nobody here knows whether its commit has come through.
std::string text_of(const Transaction& transaction, const store::RunRecord& run, const Alive& alive) {
  std::string text = fmt::format("since {} by {}@{}", transaction.since.substr(0, 19), run.who, run.host);
  if (!run.finished.empty() || !alive(run)) return text + fmt::format(": {}, and whether it was committed is not known here; `bfl run {}` finds out", run.finished.empty() ? "cut short" : "stopped", run.path);
  if (!transaction.step.empty()) text += fmt::format(", at `{}`", transaction.step);
  return text + ": " + one_line(transaction.told);
}

Json object_of(const store::RunRecord& run, const Alive& alive, const Standing& stands) {
  const std::optional<Held>& by = stands.held;
  Json object{{"run", run.id}, {"job", run.job}, {"step", ""}, {"kind", "run"}, {"time", run.started}, {"state", by && run.finished.empty() ? "paused" : state_of(run, alive)},
              {"path", run.path}, {"who", run.who}, {"host", run.host}, {"pid", run.pid}, {"version", run.version}, {"script_digest", run.script_digest}};
  if (by) object["waits"] = {{"step", by->step}, {"why", by->why}, {"command", by->command}};
  if (const auto& open = stands.transaction) object["transaction"] = {{"since", open->since}, {"step", open->step}, {"rows_changed", open->changed}, {"committed", run.finished.empty() && alive(run) ? Json(false) : Json()}};
  if (run.finished.empty()) return object;
  object["finished"] = run.finished;
  object["exit_code"] = run.exit_code;
  return object;
}

Json object_of(const store::JournalEntry& entry) {
  Json object{{"run", entry.run}, {"job", entry.job}, {"step", entry.step}, {"kind", entry.kind}, {"time", entry.time}, {"seq", entry.seq}};
  for (const auto& [name, text] : {std::pair("reason", &entry.reason), std::pair("query", &entry.query)})
    if (!text->empty()) object[name] = *text;
  if (entry.kind == approved) {
    const ledger::Approval told = ledger::approval_told(entry.reason);
    for (const auto& [name, text] : {std::pair("approver", &told.approver), {"key", &told.key}, {"plan", &told.plan}, {"signed", &told.when}}) object[name] = *text;
    object["holds"] = ledger::fault_of(told, entry.query).empty();
  }
  if (entry.chunk >= 0) object["chunk"] = entry.chunk;
  for (const auto& [name, text] : {std::pair("from_key", &entry.from_key), std::pair("to_key", &entry.to_key)})
    if (!text->empty()) object[name] = *text;
  if (entry.rows_read) object[entry.kind == "rows_left_out" ? "rows_left_out" : "rows_read"] = entry.rows_read;
  object["rows_changed"] = entry.rows_changed;
  if (entry.conflicts) object["conflicts"] = entry.conflicts;
  if (entry.seconds > 0) object["seconds"] = entry.seconds;
  return object;
}

// Those that the diary does not name. One of an older version names none.
std::string more_in_conflict(std::int64_t all, std::int64_t named) {
  return all > named && named > 0 ? fmt::format("    in conflict: {} more\n", grouped(all - named)) : "";
}

std::string dumped(const Json& json, int indent = -1) { return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::string line_of(const store::JournalEntry& entry) {
  std::string line = fmt::format("  {}  {:<17} {}", entry.time, entry.kind, entry.step);
  if (entry.chunk >= 0) line += fmt::format(" chunk {}", entry.chunk);
  if (!entry.to_key.empty()) line += fmt::format(" ({}, {}]", entry.from_key.empty() ? "start" : one_line(entry.from_key), one_line(entry.to_key));
  if (entry.kind == "chunk_committed" || entry.kind == "step_finished") line += fmt::format(" {} changed", counted(entry.rows_changed, "row"));
  if (entry.kind == "rows_left_out") line += " " + counted(entry.rows_read, "row");
  if (entry.conflicts) line += fmt::format(", {} in conflict", grouped(entry.conflicts));
  if (!entry.reason.empty()) line += ": " + one_line(entry.reason);
  if (entry.kind == approved) line += signature_of(entry);
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

}  // namespace

std::optional<Held> held(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive) {
  const bool under_way = run.finished.empty() && alive(run), stopped = !run.finished.empty() && run.exit_code == 75;
  std::vector<Held> waiting;  // steps that are under way at the same time wait each for itself
  const auto over = [&](const std::string& step) { std::erase_if(waiting, [&](const Held& one) { return one.step == step; }); };
  for (const auto& entry : journal) {
    const bool approval = entry.kind == "step_paused" && entry.reason.ends_with(run::waits_for_approval);
    const bool waits = under_way ? entry.kind == "held_back" : stopped && approval;
    const bool goes_on = under_way ? entry.kind == "goes_on" || entry.kind == "step_finished" || entry.kind == "step_failed" : entry.kind == "stage_approved";
    if (waits || goes_on) over(entry.step);
    if (waits) waiting.push_back({entry.step, entry.reason, under_way ? fmt::format("bfl resume {}", run.path) : fmt::format("bfl approve {} --step {}", run.path, entry.step)});
  }
  std::optional<Held> now = waiting.empty() ? std::nullopt : std::optional(waiting.back());
  // What holds it back is taken away by `bfl resume` where somebody has ordered it.
  if (now && under_way && !now->why.starts_with("paused")) now->command.clear();
  return now;
}

Standing standing(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive) {
  Standing now{held(run, journal, alive), {}};
  for (const auto& entry : journal) {
    if (!entry.kind.starts_with("transaction_")) continue;
    if (entry.kind != transaction_open) now.transaction.reset();
    else now.transaction = Transaction{now.transaction ? now.transaction->since : entry.time, entry.step, entry.reason, entry.rows_changed};
  }
  return now;
}

std::string state_of(const store::RunRecord& run, const Alive& alive) {
  if (run.finished.empty()) return alive(run) ? "running" : "cut short";
  switch (run.exit_code) {
    case 0: return "done";
    case 1: return "failed";
    case 3: return "conflicts";
    case 75: case 130: case 143: return "stopped";
    default: return "refused";
  }
}

std::string runs_text(const std::vector<store::RunRecord>& runs, const Alive& alive, const StandingOf& standing_of) {
  if (runs.empty()) return "no runs yet\n";
  std::size_t id = 3, job = 3;
  for (const auto& run : runs) id = std::max(id, run.id.size()), job = std::max(job, run.job.size());
  std::string text = fmt::format("{:<{}}  {:<{}}  {:<19}  {}\n", "RUN", id, "JOB", job, "STARTED", "STATE");
  for (const auto& run : runs) {
    const Standing stands = standing_of ? standing_of(run) : Standing();
    const std::optional<Held>& by = stands.held;
    text += fmt::format("{:<{}}  {:<{}}  {:<19}  {}\n", run.id, id, run.job, job, run.started.substr(0, 19), by && run.finished.empty() ? "paused" : state_of(run, alive));
    if (by) text += fmt::format("  {}\n", text_of(*by));
    if (stands.transaction) text += fmt::format("  one transaction {}\n", text_of(*stands.transaction, run, alive));
  }
  return text;
}

std::string runs_json(const std::vector<store::RunRecord>& runs, const Alive& alive, const StandingOf& standing_of) {
  Json list = Json::array();
  for (const auto& run : runs) list.push_back(object_of(run, alive, standing_of ? standing_of(run) : Standing()));
  return dumped(list, 2);
}

std::string run_text(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive) {
  const Standing stands = standing(run, journal, alive);
  const std::optional<Held>& by = stands.held;
  std::string text = fmt::format("run {} of {}: {}\n  script    {}\n  by        {}@{}, pid {}, bfl {}\n  started   {}\n", run.id, run.job, by && run.finished.empty() ? "paused" : state_of(run, alive),
                                 run.path, run.who, run.host, run.pid, run.version, run.started);
  if (!run.finished.empty()) text += fmt::format("  finished  {}, exit code {}\n", run.finished, run.exit_code);
  if (by) text += fmt::format("  waits     {}\n", text_of(*by));
  if (stands.transaction) text += fmt::format("  atomic    one transaction {}\n", text_of(*stands.transaction, run, alive));
  const auto steps = steps_of(journal);
  std::size_t width = 0;
  for (const StepSummary& step : steps) width = std::max(width, step.name.size());
  for (const StepSummary& step : steps) {
    text += fmt::format("  {:<{}}  {}", step.name, width, step.state);
    if (step.chunks) text += fmt::format(", {} changed in {}", counted(step.changed, "row"), counted(step.chunks, "chunk"));
    if (!step.stage.empty()) text += ", " + step.stage;
    if (step.conflicts) text += fmt::format(", {} in conflict", grouped(step.conflicts));
    if (step.quarantined) text += fmt::format(", {} put in quarantine", grouped(step.quarantined));
    if (step.left_out) text += fmt::format(", {} left out", grouped(step.left_out));
    if (!step.why.empty()) text += ": " + one_line(step.why);
    text += "\n";
    for (const std::string& row : step.in_conflict) text += fmt::format("    in conflict: {}\n", one_line(row));
    text += more_in_conflict(step.conflicts, static_cast<std::int64_t>(step.in_conflict.size()));
  }
  return text;
}

std::string run_json(const store::RunRecord& run, const std::vector<store::JournalEntry>& journal, const Alive& alive) {
  Json object = object_of(run, alive, standing(run, journal, alive));
  object["steps"] = Json::array();
  for (const StepSummary& step : steps_of(journal))
    object["steps"].push_back({{"step", step.name}, {"state", step.state}, {"chunks", step.chunks}, {"rows_changed", step.changed}, {"conflicts", step.conflicts}, {"in_conflict", step.in_conflict}, {"left_out", step.left_out}, {"quarantined", step.quarantined}, {"stage", step.stage}, {"why", step.why}});
  return dumped(object, 2);
}

std::string log_text(const std::vector<store::JournalEntry>& journal) {
  std::string text;
  const std::string* run = nullptr;
  std::map<std::string_view, std::int64_t> named;  // rows in conflict, by step
  for (const auto& entry : journal) {
    if (!run || *run != entry.run) named.clear(), text += fmt::format("run {} of {}\n", entry.run, entry.job);
    run = &entry.run;
    text += line_of(entry);
    if (entry.kind == run::row_in_conflict) ++named[entry.step];
    if (entry.kind == "step_finished") text += more_in_conflict(entry.conflicts, named[entry.step]);
  }
  return text;
}

std::string log_json(const std::vector<store::JournalEntry>& journal) {
  std::string text;
  for (const auto& entry : journal) text += dumped(object_of(entry));
  return text;
}

}  // namespace bfl::report
