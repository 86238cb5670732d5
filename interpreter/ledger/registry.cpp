#include "interpreter/ledger/registry.h"

#include <algorithm>
#include <functional>
#include <map>
#include <set>
#include <tuple>

#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/verify_text.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;

std::int64_t number_in(const EntryFields& fields, std::string_view name) { return std::strtoll(in(fields, name).c_str(), nullptr, 10); }

void once(std::vector<std::string>& list, std::string text) {
  if (std::find(list.begin(), list.end(), text) == list.end()) list.push_back(std::move(text));
}

// The entries of one job, in the order in which they were written, come to its versions.
class Gathering {
 public:
  Gathering(RegisteredJob& job, const std::map<std::int64_t, std::string>& states) : job_(job), states_(states) {}

  void take(const EntryFields& fields) {
    const std::string& script = in(fields, "script");
    if (script.empty()) return lost(fields);  // nobody's version: rows in quarantine were settled, images erased
    RegisteredVersion& version = of(script);
    version.last = in(fields, "time");
    if (version.first.empty()) version.first = version.last;
    const std::string& kind = in(fields, "kind");
    if (runs_[script].insert(in(fields, "run")).second) {
      ++version.runs;
      version.state = "let go";
      once(version.who, in(fields, "who") + "@" + in(fields, "host"));
      once(version.programs, in(fields, "version"));
    }
    for (const auto& [name, to] : {std::pair("owner", &version.owner), {"ticket", &version.ticket}, {"why", &version.why}, {"meaning", &version.meaning}})
      if (const std::string& said = in(fields, name); !said.empty()) *to = said;
    if (kind == "begin") {
      version.state = job_.held_by.empty() ? "let go" : "running";
      const bool one_transaction = in(fields, "atomic") == "yes";
      version.transaction = one_transaction ? version.last : "";
      version.atomic += one_transaction;
    }
    if (kind == "whole" || kind == "end") version.transaction.clear();
    if (kind == "end") {
      const bool finished = in(fields, "finished") == "yes";
      version.finished += finished;
      version.state = finished ? "finished" : "stopped";
    }
    if (kind == "open" || kind == "keep" || kind == "check" || kind == "nothing") {
      RegisteredStep& step = step_of(version, in(fields, "step"));
      ++step.applications;
      step.route = in(fields, "route");
      opened_[number_in(fields, "step_row")] = {script, step.name};
      const auto state = states_.find(number_in(fields, "step_row"));
      step.state = state == states_.end() ? "" : state->second;
    }
    if (kind == "chunk") {
      RegisteredStep& step = step_of(version, in(fields, "step"));
      for (const auto& [name, sum, all] : {std::tuple("changed", &step.changed, &version.changed), std::tuple("conflicts", &step.conflicts, &version.conflicts)}) {
        *sum += number_in(fields, name);
        *all += number_in(fields, name);
      }
      step.quarantined += number_in(fields, "quarantined");
    }
  }

 private:
  // Chunks whose images are lost are of the version that opened the generation.
  void lost(const EntryFields& fields) {
    if (in(fields, "gap") != "yes") return;
    const auto opened = opened_.find(number_in(fields, "step_row"));
    if (opened != opened_.end()) step_of(of(opened->second.script), opened->second.step).lost += std::max<std::int64_t>(1, number_in(fields, "lost"));
  }
  RegisteredVersion& of(const std::string& script) {
    for (RegisteredVersion& version : job_.versions)
      if (version.script == script) return version;
    job_.versions.emplace_back().script = script;
    return job_.versions.back();
  }
  static RegisteredStep& step_of(RegisteredVersion& version, const std::string& name) {
    for (RegisteredStep& step : version.steps)
      if (step.name == name) return step;
    version.steps.emplace_back().name = name;
    return version.steps.back();
  }

  RegisteredJob& job_;
  const std::map<std::int64_t, std::string>& states_;
  std::map<std::string, std::set<std::string>> runs_{};  // by script
  struct Opened { std::string script, step; };
  std::map<std::int64_t, Opened> opened_{};  // generations
};

Result<std::vector<RegisteredJob>> gather(connect::Connector& target) {
  OwnSql sql(target);
  std::vector<RegisteredJob> jobs;
  std::map<std::int64_t, std::string> states;
  auto read = sql.query("SELECT id, name, job, state FROM bfl_step ORDER BY id", {}, [&](RawRow row) {
    if (row[1].bytes.empty()) jobs.emplace_back().name = std::string(row[2].bytes);
    else states[row[0].integer] = std::string(row[3].bytes);
    return true;
  });
  if (!read) return read.error();
  std::sort(jobs.begin(), jobs.end(), [](const RegisteredJob& a, const RegisteredJob& b) { return a.name < b.name; });
  for (RegisteredJob& job : jobs) {
    auto held = holder(target, job.name);
    if (!held) return held.error();
    if (*held) job.held_by = (*held)->name;
    Gathering gathering(job, states);
    auto entries = sql.query("SELECT l.entry FROM bfl_ledger AS l JOIN bfl_step AS s ON s.id = l.step WHERE s.job = ?1 ORDER BY l.id", {text(job.name)}, [&](RawRow row) {
      gathering.take(fields_of(row[0].bytes));
      return true;
    });
    if (!entries) return entries.error();
  }
  return jobs;
}

}  // namespace

Result<std::vector<RegisteredJob>> registry(connect::Connector& target) {
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return std::vector<RegisteredJob>{};
  if (auto begun = target.begin_read(); !begun) return begun.error();
  auto jobs = gather(target);
  target.rollback();
  return jobs;
}

Result<Completed> completed(connect::Connector& target, const std::string& job, const std::string& meaning) {
  Completed found;
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return found;
  std::map<std::string, std::string> meanings;  // of the runs that have begun
  auto read = OwnSql(target).query(
      "SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = '' ORDER BY l.seq", {text(job)}, [&](RawRow row) {
        const EntryFields fields = fields_of(row[0].bytes);
        const std::string &kind = in(fields, "kind"), &run = in(fields, "run");
        if (kind == "begin") meanings[run] = in(fields, "meaning");
        if (kind == "open" && in(fields, "route") == "undo") found = {};  // of all, of a step, of some rows
        if (kind != "end" || in(fields, "finished") != "yes" || meanings[run].empty()) return true;
        found.any = true;
        if (meanings[run] == meaning) found.run = run, found.when = in(fields, "time");
        return true;
      });
  if (!read) return read.error();
  return found;
}

namespace {

// The entries of the job's own lane.
Result<void> each_of_job(connect::Connector& target, const std::string& job, const std::function<bool(const EntryFields&)>& each) {
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return {};
  return OwnSql(target).query("SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = '' ORDER BY l.seq", {text(job)},
                              [&](RawRow row) { return each(fields_of(row[0].bytes)); });
}

}  // namespace

Result<RowsDone> done_by(connect::Connector& target, const std::string& job, const std::vector<std::string>& runs) {
  RowsDone counts;
  if (runs.empty()) return counts;
  auto read = OwnSql(target).query("SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id WHERE s.job = ?1 AND s.name <> '' AND s.state <> 'undone' AND s.route <> 'undo'", {text(job)}, [&](RawRow row) {
    if (std::find(runs.begin(), runs.end(), field(row[0].bytes, "run")) == runs.end()) return true;
    const auto add = [&](std::int64_t& count, const char* name) { count += std::strtoll(field(row[0].bytes, name).c_str(), nullptr, 10); };
    add(counts.changed, "changed");
    add(counts.conflicts, "conflicts");
    add(counts.quarantined, "quarantined");
    return true;
  });
  if (!read) return read.error();
  return counts;
}

Result<std::vector<std::string>> unfinished_runs(connect::Connector& target, const std::string& job) {
  std::vector<std::string> runs;
  auto read = each_of_job(target, job, [&](const EntryFields& fields) {
    if (in(fields, "kind") == "begin") once(runs, in(fields, "run"));
    if (in(fields, "kind") == "end" && in(fields, "finished") == "yes") runs.clear();
    return true;
  });
  if (!read) return read.error();
  return runs;
}

Result<bool> is_over(connect::Connector& target, const std::string& job) {
  auto clock = frozen_clock(target, job);
  if (!clock) return clock.error();
  bool over = true;
  auto read = *clock ? each_of_job(target, job, [&](const EntryFields& fields) {
    const auto meaning = fields.find("meaning");  // an older bfl does not tell it
    if (in(fields, "kind") == "begin" && (meaning == fields.end() || !meaning->second.empty())) over = false;
    if (in(fields, "kind") == "end" && in(fields, "finished") == "yes") over = true;
    return true;
  }) : Result<void>{};
  if (!read) return read.error();
  return over;
}

Result<std::vector<std::int64_t>> undoes_since_end(connect::Connector& target, const std::string& job) {
  std::vector<std::int64_t> undoes;
  auto read = each_of_job(target, job, [&](const EntryFields& fields) {
    const std::string& route = in(fields, "route");  // of what was opened
    const bool ended = in(fields, "kind") == "end" && in(fields, "finished") == "yes";
    if (ended || (!route.empty() && route != "undo")) undoes.clear();
    if (route == "undo") undoes.push_back(std::strtoll(in(fields, "step_row").c_str(), nullptr, 10));
    return true;
  });
  if (!read) return read.error();
  return undoes;
}

Result<bool> bears(connect::Connector& target, const std::string& job, const std::string& kind, const std::string& attempt) {
  if (auto begun = target.begin_write(connect::WriteKind::own); !begun) return begun.error();
  bool found = false;
  auto read = OwnSql(target).query("SELECT 1 FROM bfl_job WHERE name = ?1 FOR UPDATE", {text(job)}, [](RawRow) { return true; });
  if (read) read = each_of_job(target, job, [&](const EntryFields& fields) { return !(found = in(fields, "kind") == kind && in(fields, "attempt") == attempt); });
  target.rollback();
  if (!read) return read.error();
  return found;
}

Result<bool> knows_run(connect::Connector& target, const std::string& job, const std::string& prefix) {
  bool known = false;
  auto read = each_of_job(target, job, [&](const EntryFields& fields) { return !(known = in(fields, "run").starts_with(prefix)); });
  if (!read) return read.error();
  return known;
}

}  // namespace bfl::ledger
