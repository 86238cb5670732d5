#include "interpreter/run/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/base/fault_points.h"
#include "interpreter/ledger/approval.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/run/behind.h"
#include "interpreter/run/context.h"
#include "interpreter/run/hands.h"
#include "interpreter/run/planned.h"
#include "interpreter/run/rollback.h"
#include "interpreter/run/schedule.h"
#include "interpreter/run/undo.h"
#include "interpreter/run/whole_job.h"
#include "interpreter/run/workbench.h"
#include "interpreter/run/workers.h"

namespace bfl::run {
namespace {

// The generations of the job in each target, and what they mean for each step.
struct Outlook {
  std::vector<std::vector<ledger::Generation>> generations;
  std::vector<Decision> decisions;
  std::map<std::string, std::int64_t> quarantined;  // by step: rows that wait there
  std::map<std::string, std::int64_t> conflicts;    // by step: rows that its newest application has left as they are
};

bool named(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool wanted(const Context& context, const program::Step& step) { return context.options.only.empty() || step.name == context.options.only; }

bool refuse(Context& context, Code code, const Error& error, int exit_code) {
  Diagnostic& diagnostic = context.whole.diagnostics.error(code, context.program.job_span, error.message, error.help);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
  diagnostic.notes.push_back("nothing was changed by this run");
  context.whole.outcome.exit_code = exit_code;
  return false;
}

bool refuse(Context& context, const Error& error) {
  if (error.kind == ErrorClass::interrupted) return !(context.whole.outcome.exit_code = context.stop.signal == 15 ? 143 : 130);
  const bool held = error.kind == ErrorClass::held,
             again = held || error.kind == ErrorClass::transient || error.kind == ErrorClass::unknown_commit;
  return refuse(context, held ? Code::job_held : Code::database_error, error, again ? 75 : error.kind == ErrorClass::refused ? 4 : 5);
}

bool is_behind(Context& context, std::size_t source, const std::vector<ledger::Generation>& generations) {
  const std::string& identity = context.identities[source];
  const std::string& name = context.program.sources.size() > source ? context.program.sources[source].name : identity;
  auto older = older_than_seen(*context.targets[source], context.whole.state, identity, name, generations, context.options.job_file);
  if (!older) return !refuse(context, older.error());
  return *older && !refuse(context, Code::target_behind, **older, 4);
}

// A statement that is to run once, and has.
bool ran_once(const program::Step& step, const std::vector<ledger::Generation>& generations) {
  if (!step.sql || step.idempotence != program::Idempotence::once) return false;
  for (auto generation = generations.rbegin(); generation != generations.rend(); ++generation)
    if (generation->step == step.name && generation->state != ledger::StepState::undone) return generation->state == ledger::StepState::done;
  return false;
}

Decision adjusted(const Context& context, const program::Step& step, Decision decision,
                  const std::vector<ledger::Generation>& generations) {
  const bool ran = decision.kind == DecisionKind::reuse || (decision.kind == DecisionKind::stop && ran_once(step, generations));
  const bool retried = named(context.options.retry, step.name);
  if ((retried || named(context.options.again, step.name)) && ran) {
    decision.kind = DecisionKind::run;
    for (const ledger::Generation& generation : generations)
      if (generation.step == step.name) decision.generation = std::max(decision.generation, generation.number);
    ++decision.generation;
    decision.why = retried ? "its rows in quarantine are tried again" : "`--again` asks for another application";
  }
  // Under another walk the place where it stopped means something else.
  if (named(context.options.accept, step.name) && decision.kind == DecisionKind::stop && decision.acceptable) {
    decision.kind = DecisionKind::resume;
    decision.why = "goes on with the edited step, as `--accept` says: " + decision.why;
  }
  return decision;
}

bool look(Context& context, Outlook& outlook) {
  outlook = {};
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    if (!context.keeps[i]) {
      outlook.generations.emplace_back();
      continue;
    }
    auto list = ledger::generations(*context.targets[i], context.program.job);
    if (!list) return refuse(context, list.error());
    if (is_behind(context, i, *list)) return false;
    for (const ledger::Generation& generation : *list)
      if (generation.route == "undo" && generation.state == ledger::StepState::open && !is_untouched_undo(generation))
        return refuse(context, Code::step_changed,
                      {ErrorClass::refused, fmt::format("`{}` was cut short: some rows are put back, and some are not", generation.step), {},
                       fmt::format("finish it with `bfl undo {} --finish`; then run the job", context.options.job_file)}, 4);
    if (std::any_of(list->begin(), list->end(), [](const ledger::Generation& generation) { return generation.quarantined > 0; })) {
      auto waiting = ledger::quarantine(*context.targets[i], context.program.job);
      if (!waiting) return refuse(context, waiting.error());
      for (const ledger::Quarantined& row : *waiting) ++outlook.quarantined[row.name];
    }
    for (const ledger::Generation& generation : *list)
      if (generation.route != "undo") outlook.conflicts[generation.step] = generation.conflicts;
    outlook.generations.push_back(std::move(*list));
  }
  outlook.decisions = decide(context.program, context.plan, outlook.generations);
  for (std::size_t i = 0; i < outlook.decisions.size(); ++i) {
    const program::Step& step = context.program.steps[i];
    if (step.keeper >= 0)
      outlook.decisions[i] =
          adjusted(context, step, std::move(outlook.decisions[i]), outlook.generations[static_cast<std::size_t>(step.keeper)]);
  }
  renew(context.program, outlook.generations, outlook.decisions);
  return true;
}

// Nothing may have run that the plan does not know of; and what a plan has begun goes on with it alone.
bool refuse_void(Context& context, const Outlook& outlook) {
  for (const std::size_t index : context.options.kept ? std::vector<std::size_t>() : begun_from_a_plan(context.program, outlook.decisions, outlook.generations))
    if (const program::Step& step = context.program.steps[index]; wanted(context, step))
      context.fail(step, Code::plan_void, {ErrorClass::refused, "it was begun from a kept plan, and would go on without it", {}, fmt::format("go on with that plan, `bfl run --plan FILE`, or take back what it did, `bfl undo {}`", context.options.job_file)},
                   "what the plan has changed is committed and in the ledger; this run changed nothing");
  if (!context.options.kept) return context.whole.outcome.exit_code != 0;
  for (const std::string& change : run_since(*context.options.kept, context.program, outlook.decisions, outlook.generations))
    refuse(context, Code::plan_void, {ErrorClass::refused, "the plan is void: " + change, {}, help_to_plan(context.options.job_file)}, 4);
  return context.whole.outcome.exit_code != 0;
}

// Steps that were edited half way stop the run before anything is changed.
bool refuse_edited(Context& context, const Outlook& outlook) {
  bool edited = false;
  for (std::size_t i = 0; i < outlook.decisions.size(); ++i) {
    const program::Step& step = context.program.steps[i];
    const Decision& decision = outlook.decisions[i];
    if (decision.kind != DecisionKind::stop || !wanted(context, step)) continue;
    edited = true;
    if (ran_once(step, outlook.generations[static_cast<std::size_t>(step.keeper)])) {
      context.fail(step, Code::step_changed, {ErrorClass::refused, fmt::format("it says `once`, has run, and was edited: {}", decision.why), {}, fmt::format("give the edited step a name of its own, or run it again: `--again {}`", step.name)},
                   "every changed row is committed and in the ledger with its image before; this run changed nothing");
      continue;
    }
    const bool walk = !decision.acceptable;
    context.fail(step, Code::step_changed,
                 {ErrorClass::refused, fmt::format("it was edited while an application of it is unfinished: {}", decision.why), {},
                  walk ? "put back how its rows are walked (`chunk … by`), and run again"
                       : fmt::format("put the old text back and run again, or go on with the new one: `--accept {}`", step.name)},
                 "every changed row is committed and in the ledger with its image before; this run changed nothing");
  }
  return edited;
}

// An undo that was stopped before its first row is taken back: the step goes on, and it would be one of other rows.
bool abandon_undos(Context& context, const Outlook& outlook) {
  for (std::size_t i = 0; i < context.targets.size(); ++i)
    for (const ledger::Generation& generation : outlook.generations[i])
      if (context.writers[i] && is_untouched_undo(generation))
        if (auto abandoned = context.writers[i]->abandon(generation.id); !abandoned) return refuse(context, abandoned.error());
  return true;
}

ledger::Runner runner_of(Context& context) {
  std::string parameters;
  for (const program::Parameter& parameter : context.program.parameters)
    parameters += fmt::format("{} = {}\n", parameter.name, parameter.secret ? "***" : parameter.is_clock ? "now()" : to_literal(parameter.value));
  return {context.options.run_id, context.options.who, context.options.version, context.options.script_digest,
          ledger::this_process(context.options.host), std::move(parameters), [&context] { return context.clock.now(); }, {},
          context.program.why, context.program.ticket, context.program.owner, context.plan.meaning};
}

// Under which signatures a run stands, for whoever reads its log.
void tell_approvals(Context& context) {
  for (const auto& [kind, fields] : context.options.attested) {
    if (std::string_view(kind) != "approval") continue;
    const auto signed_at = fields.find("signed");
    Event event;
    event.kind = EventKind::approved;
    event.time = format_timestamp(context.clock.now());
    event.run = context.options.run_id;
    event.job = context.program.job;
    event.reason = ledger::Approval{fields.at("approver"), fields.at("key"), fields.at("plan"), signed_at == fields.end() ? "" : signed_at->second}.text();
    event.query = fields.at("note");
    context.tell(event);
  }
}

// The job is taken over where something is to be written. A run that only verifies takes nothing over: it may run beside
// others, and on a database that it may not write.
bool take_over(Context& context, const Outlook& outlook, bool one_transaction) {
  std::vector<bool> needed(context.targets.size());
  for (std::size_t i = 0; i < outlook.decisions.size(); ++i) {
    const program::Step& step = context.program.steps[i];
    if (step.kind != program::StepKind::verify && step.keeper >= 0 && outlook.decisions[i].kind != DecisionKind::reuse &&
        wanted(context, step))
      needed[static_cast<std::size_t>(step.keeper)] = true;
  }
  // One now() for the job: where it has begun in one of its targets, it begins in the others at the same instant.
  std::optional<Timestamp> begun;
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    if (!context.keeps[i]) continue;
    auto frozen = ledger::frozen_clock(*context.targets[i], context.program.job);
    if (!frozen) return refuse(context, frozen.error());
    if (*frozen && (!begun || **frozen < *begun)) begun = **frozen;
    if (*frozen && !needed[i]) context.cut_short.push_back(i);
    else if (context.options.record_completion && !needed[i]) {
      auto completed = ledger::completed(*context.targets[i], context.program.job, context.plan.meaning);
      if (!completed) return refuse(context, completed.error());
      if (completed->run.empty()) context.cut_short.push_back(i);
    }
  }
  if (!begun && context.options.kept) begun = parse_timestamp(context.options.kept->facts().clock);
  if (!begun) begun = context.clock.now();
  ledger::Runner runner = runner_of(context);
  runner.clock = *begun;
  runner.evict = context.options.evict;
  runner.one_transaction = context.program.atomic.has_value();
  tell_approvals(context);
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    context.clocks[i] = *begun;
    if (!needed[i]) continue;
    fault_point("before_take_over");
    auto writer = ledger::Writer::take_over(*context.targets[i], context.program.job, runner);
    if (!writer) return refuse(context, writer.error());
    for (const std::string& session : (*writer)->evicted())
      context.whole.diagnostics.warning(Code::job_held, context.program.job_span, session + " kept the job's rows, and was ended", "what it had not committed is rolled back; this run goes on behind what it had");
    context.clocks[i] = (*writer)->clock();
    context.writers[i] = std::move(*writer);
    fault_point("after_take_over");
    if (!context.options.kept || one_transaction || begun_by(*context.options.kept, outlook.generations)) continue;  // of one transaction they are a part
    for (const auto& [kind, fields] : context.options.attested)
      if (auto attested = context.writers[i]->attest(kind, fields); !attested) return refuse(context, attested.error());
  }
  return true;
}

// `together`: the snapshots that are taken with this one, itself the first.
StepEnd carry_out(Context& context, std::size_t index, const Outlook& outlook, const std::vector<std::size_t>& together) {
  const program::Step& step = context.program.steps[index];
  const plan::StepPlan& step_plan = context.plan.steps[index];
  const Decision& decision = outlook.decisions[index];
  Event event = context.event(EventKind::step_started, step);
  event.reason = decision.why;
  switch (decision.kind) {
    case DecisionKind::reuse:
      context.count([](Outcome& outcome) { ++outcome.steps_reused; });
      event.kind = EventKind::step_reused;
      if (const auto waiting = outlook.quarantined.find(step.name); waiting != outlook.quarantined.end()) {
        event.quarantined = waiting->second;
        context.count([&](Outcome& outcome) { outcome.quarantined += waiting->second; });
      }
      if (const auto left = outlook.conflicts.find(step.name); left != outlook.conflicts.end()) {
        event.conflicts = left->second;
        context.count([&](Outcome& outcome) { outcome.conflicts_left += left->second; });
      }
      context.tell(event);
      return StepEnd::done;
    case DecisionKind::stop: return StepEnd::failed;  // said before anything was begun
    case DecisionKind::resume:
      context.count([](Outcome& outcome) { ++outcome.steps_resumed; });
      event.kind = EventKind::step_resumed;
      break;
    case DecisionKind::run:
      if (decision.undone_in_part) event.kind = EventKind::step_resumed;
      if (program::changes_rows(step.kind)) context.count([](Outcome& outcome) { ++outcome.steps_run; });
      break;
  }
  context.begin_step(step);
  if (auto end = step.kind == program::StepKind::verify ? std::nullopt : context.pause(step, step.keeper)) return *end;
  if (decision.kind == DecisionKind::run) {
    const PlannedStep* planned = context.options.kept ? context.options.kept->step(step.name) : nullptr;
    auto wanted = planned ? Result<bool>(planned->planned != Planned::left_out) : applies(context, step);
    if (!wanted) return context.fail(step, wanted.error(), unharmed);
    if (!*wanted) {
      event.kind = EventKind::step_left_out;
      event.reason = "left out: " + step.when_reason;
      context.tell(event);
      return StepEnd::done;
    }
  }
  for (const std::size_t other : together) {
    event.step = context.program.steps[other].name;
    context.tell(event);
  }
  if (step_plan.work == plan::WorkKind::keep) return keep(context, together, outlook.decisions);
  if (step_plan.work == plan::WorkKind::assertion) return assertion(context, step, step_plan, decision);
  const ledger::Generation* open = nullptr;
  for (const ledger::Generation& generation : outlook.generations[static_cast<std::size_t>(step.target.source)])
    if (decision.kind == DecisionKind::resume && generation.step == step.name && generation.number == decision.generation)
      open = &generation;
  if (open && open->memo_key != step_plan.key.digest)
    if (auto accepted = context.writer(step.target.source).rekey(open->id, step_plan.key); !accepted)
      return context.fail(step, accepted.error());
  return write(context, step, step_plan, decision, open);
}

bool is_later(const Context& context, const program::Step& step) {
  const PlannedStep* planned = context.options.kept ? context.options.kept->step(step.name) : nullptr;
  return planned && planned->planned == Planned::later;
}

// How many steps may be under way at a time, of all sources or of those whose ledger lies in one: as `--steps` says, or the sources do.
int steps_at_once(const Context& context, std::optional<int> source = {}) {
  const Options& options = context.options;
  if (options.kept || options.played || options.limit_chunks >= 0) return 1;  // what is played is played the same twice
  if (options.steps > 0) return options.steps;
  return source ? source_setting(context.program, *source, "steps", 1) : run::steps_at_once(context.program);
}

// Snapshots that stand next to each other and wait for nothing more see one state: those that are taken with this step, itself the first.
std::vector<std::size_t> taken_together(const Context& context, const Schedule& schedule, const Outlook& outlook, std::size_t index) {
  const program::Program& program = context.program;
  const program::Step& step = program.steps[index];
  std::vector<std::size_t> together{index};
  const auto joins = [&](std::size_t next) {
    return context.plan.steps[next].work == plan::WorkKind::keep && !schedule.ended(next) && !is_later(context, program.steps[next]) &&
           outlook.decisions[next].kind == DecisionKind::run && program.steps[next].keeper == step.keeper &&
           !step.through && !program.steps[next].through &&  // a program takes its time
           computed_where_kept(program, program.steps[next]) == computed_where_kept(program, step) &&
           std::all_of(schedule.waits(next).begin(), schedule.waits(next).end(), [&](const plan::Edge* edge) {
             return (schedule.ended(edge->from) && !schedule.missing(edge->from)) || std::find(together.begin(), together.end(), edge->from) != together.end();
           });
  };
  if (context.plan.steps[index].work == plan::WorkKind::keep && outlook.decisions[index].kind == DecisionKind::run)
    for (std::size_t next = index + 1; next < program.steps.size() && joins(next); ++next) together.push_back(next);
  return together;
}

void run_steps(Context& context, const Outlook& outlook, const WholeJob* whole_job) {
  const program::Program& program = context.program;
  const bool all_or_nothing = whole_job && whole_job->under_way();
  Schedule schedule(program, context.plan, [&](std::size_t index) { return wanted(context, program.steps[index]); },
                    [&](std::size_t index) { return outlook.decisions[index].kind == DecisionKind::reuse; });
  // Of one transaction there is one connection.
  Hands hands(context, whole_job ? 1 : steps_at_once(context), [&](Context& with, std::size_t index) { return carry_out(with, index, outlook, {index}); });
  const std::function<bool(const program::Step&)> room = [&](const program::Step& step) {
    return hands.free() && static_cast<int>(hands.under_way(step.keeper)) < steps_at_once(context, step.keeper);
  };
  bool left_for_later = false, stopped = false;
  const auto end = [&](std::size_t index, StepEnd how) {
    if (how == StepEnd::stopped || (all_or_nothing && how != StepEnd::done)) stopped = context.whole.ending = true;
    schedule.end(index, how == StepEnd::failed);
  };
  const auto passed_over = [&](std::size_t index, std::string why) {
    Event blocked = context.event(EventKind::step_blocked, program.steps[index]);
    blocked.reason = std::move(why);
    context.tell(blocked);
    schedule.end(index, true);
  };
  const auto next = [&] { return stopped || context.whole.ending.load() ? std::nullopt : schedule.next(hands.several() || !hands.idle() ? room : nullptr); };
  for (auto turn = next(); turn || !hands.idle(); turn = next()) {
    if (!turn) {
      for (const Hands::Ended& one : hands.wait()) end(one.step, one.how);
      continue;
    }
    const std::size_t index = turn->step;
    const program::Step& step = program.steps[index];
    if (turn->waits_for) {
      passed_over(index, fmt::format("not started: it waits for `{}`", program.steps[*turn->waits_for].name));
      continue;
    }
    if (is_later(context, step)) {
      left_for_later = true;
      passed_over(index, "not in the plan: " + context.options.kept->step(step.name)->why);
      continue;
    }
    schedule.begin(index);
    // What stands alone is carried out here; so is what has nothing to do.
    if (!turn->alone && outlook.decisions[index].kind != DecisionKind::reuse && (!hands.idle() || next())) {
      if (hands.begin(index)) continue;
      if (!hands.idle()) {
        schedule.put_back(index);
        continue;
      }
    }
    const std::vector<std::size_t> together = taken_together(context, schedule, outlook, index);
    const StepEnd how = carry_out(context, index, outlook, together);
    for (const std::size_t each : together) end(each, how);
  }
  if (hands.several()) context.whole.diagnostics.sort_by_position();  // whoever came first
  if (!stopped && left_for_later && context.whole.outcome.exit_code == 0) {
    context.whole.outcome.exit_code = 75;
    context.whole.outcome.next_plan = true;
  }
}

// What this machine has seen of each target: by that an older copy is known when it comes back.
void note_revisions(Context& context) {
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    if (context.writers[i]) context.note(note_seen(*context.targets[i], context.whole.state, context.identities[i]));
  }
}

void carry_out(Context& context, WholeJob* whole_job) {
  context.keeps.resize(context.targets.size());
  for (const program::Step& step : context.program.steps)
    if (step.keeper >= 0) context.keeps[static_cast<std::size_t>(step.keeper)] = true;
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    auto identity = context.keeps[i] ? ledger::identity(*context.targets[i]) : std::string();
    if (!identity) return void(refuse(context, identity.error()));
    context.identities.push_back(std::move(*identity));
    context.clocks.push_back(context.clock.now());
  }
  for (const Catalogue& catalogue : context.program.catalogues) context.schema_versions.push_back(catalogue.schema_version);
  context.writers.resize(context.targets.size());
  Outlook outlook;
  if (!look(context, outlook) || refuse_void(context, outlook) || refuse_edited(context, outlook) || !take_over(context, outlook, whole_job != nullptr)) return;
  // Another run may have gone on until it was taken over.
  if (std::any_of(context.writers.begin(), context.writers.end(), [](const auto& writer) { return bool(writer); })) {
    if (!look(context, outlook) || refuse_void(context, outlook) || refuse_edited(context, outlook) || !abandon_undos(context, outlook)) return;
  }
  if (whole_job && !whole_job->begin(context)) return;
  run_steps(context, outlook, whole_job);
  if (whole_job) whole_job->end(context);
  fault_point("after_steps");
  note_revisions(context);
}

// What runs before this one, which were killed, have changed and had in conflict: the job undoes itself for that too. False: it cannot be read.
bool count_earlier(Context& context) {
  Outcome& outcome = context.whole.outcome;
  const auto& rollback = context.program.rollback;
  for (std::size_t i = 0; rollback && (rollback->conflicts.any() || rollback->quarantined.any()) && i < context.targets.size(); ++i) {
    if (!context.keeps[i]) continue;
    auto there = ledger::exists(*context.targets[i]);
    if (!there) return false;
    if (!*there) continue;
    auto runs = ledger::unfinished_runs(*context.targets[i], context.program.job);
    if (!runs) return false;
    std::erase(*runs, context.options.run_id);
    auto done = ledger::done_by(*context.targets[i], context.program.job, *runs);
    if (!done) return false;
    outcome.before += *done;
  }
  return true;
}

// If the job cannot be let go, its lease ends by itself. A run that was killed behind its last step has let nothing go: who
// finds all of it done does so for it, or its clock would be that of the next application, whenever that is.
void let_go(Context& context, bool finished) {
  Outcome& outcome = context.whole.outcome;
  if ((outcome.exit_code == 0 || outcome.exit_code == 3) && !count_earlier(context)) {
    finished = false;
    outcome.exit_code = 75;
    context.whole.diagnostics.error(Code::database_error, context.program.job_span, "whether the job undoes itself is not known: what the runs before had in conflict or set aside cannot be read", "run again: then it is asked anew");
  }
  finished = finished && rows_to_roll_back(context.program, outcome.of_all_runs()).empty();
  for (auto& writer : context.writers)
    if (writer) (void)writer->release(finished);
  context.writers.clear();
  for (const std::size_t target : context.cut_short) {
    if (!finished) break;
    auto writer = ledger::Writer::take_over(*context.targets[target], context.program.job, runner_of(context));
    if (writer) (void)(*writer)->release(true);
  }
}

Outcome run_through(Context& context, const Listener& listener, WholeJob* whole_job) {
  return context.run(listener, [&] {
    carry_out(context, whole_job);
    const Outcome& outcome = context.whole.outcome;
    const bool undoes_itself = !rows_to_roll_back(context.program, outcome.of_this_run()).empty();
    const bool finished = outcome.exit_code == 0 && context.options.only.empty() && !undoes_itself;
    fault_point("before_release");
    let_go(context, finished);
    fault_point("after_release");
  });
}

}  // namespace

Outcome execute(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets,
                store::State& state, Clock& clock, StopSignal& stop, const Listener& listener, const Options& options,
                Diagnostics& diagnostics) {
  std::optional<WholeJob> whole_job;
  if (program.atomic) whole_job.emplace(program, targets);
  WholeRun whole{state, diagnostics};
  Context context(whole, program, plan, whole_job ? whole_job->targets() : targets, clock, stop, options);
  return run_through(context, listener, whole_job ? &*whole_job : nullptr);
}

}  // namespace bfl::run
