#include "interpreter/run/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/base/fault_points.h"
#include "interpreter/ledger/approval.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/run/behind.h"
#include "interpreter/run/context.h"
#include "interpreter/run/pace.h"
#include "interpreter/run/planned.h"
#include "interpreter/run/undo.h"
#include "interpreter/run/whole_job.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {
namespace {

// The generations of the job in each target, and what they mean for each step.
struct Outlook {
  std::vector<std::vector<ledger::Generation>> generations;
  std::vector<Decision> decisions;
  std::map<std::string, std::int64_t> quarantined;  // by step: rows that wait there
};

bool named(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool wanted(const Context& context, const program::Step& step) { return context.options.only.empty() || step.name == context.options.only; }

bool refuse(Context& context, Code code, const Error& error, int exit_code) {
  Diagnostic& diagnostic = context.diagnostics.error(code, context.program.job_span, error.message, error.help);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
  diagnostic.notes.push_back("nothing was changed by this run");
  context.outcome.exit_code = exit_code;
  return false;
}

bool refuse(Context& context, const Error& error) {
  if (error.kind == ErrorClass::interrupted) return !(context.outcome.exit_code = context.stop.signal == 15 ? 143 : 130);
  const bool held = error.kind == ErrorClass::held,
             again = held || error.kind == ErrorClass::transient || error.kind == ErrorClass::unknown_commit;
  return refuse(context, held ? Code::job_held : Code::database_error, error, again ? 75 : error.kind == ErrorClass::refused ? 4 : 5);
}

bool is_behind(Context& context, std::size_t source, const std::vector<ledger::Generation>& generations) {
  const std::string& identity = context.identities[source];
  const std::string& name = context.program.sources.size() > source ? context.program.sources[source].name : identity;
  auto older = older_than_seen(*context.targets[source], context.state, identity, name, generations);
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
                       "finish it with `bfl undo JOB.bfl --finish`; then run the job"}, 4);
    if (std::any_of(list->begin(), list->end(), [](const ledger::Generation& generation) { return generation.quarantined > 0; })) {
      auto waiting = ledger::quarantine(*context.targets[i], context.program.job);
      if (!waiting) return refuse(context, waiting.error());
      for (const ledger::Quarantined& row : *waiting) ++outlook.quarantined[row.name];
    }
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

// Nothing may have run that the plan does not know of.
bool refuse_void(Context& context, const Outlook& outlook) {
  if (!context.options.kept) return false;
  for (const std::string& change : run_since(*context.options.kept, context.program, outlook.decisions, outlook.generations))
    refuse(context, Code::plan_void, {ErrorClass::refused, "the plan is void: " + change, {}, help_to_plan}, 4);
  return context.outcome.exit_code != 0;
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
bool take_over(Context& context, const Outlook& outlook, bool whole) {
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
      context.diagnostics.warning(Code::job_held, context.program.job_span, session + " kept the job's rows, and was ended", "what it had not committed is rolled back; this run goes on behind what it had");
    context.clocks[i] = (*writer)->clock();
    context.writers[i] = std::move(*writer);
    fault_point("after_take_over");
    if (!context.options.kept || whole || begun_by(*context.options.kept, outlook.generations)) continue;  // of one transaction they are a part
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
      ++context.outcome.steps_reused;
      event.kind = EventKind::step_reused;
      if (const auto waiting = outlook.quarantined.find(step.name); waiting != outlook.quarantined.end()) {
        event.quarantined = waiting->second;
        context.outcome.quarantined += waiting->second;
      }
      context.tell(event);
      return StepEnd::done;
    case DecisionKind::stop: return StepEnd::failed;  // said before anything was begun
    case DecisionKind::resume:
      ++context.outcome.steps_resumed;
      event.kind = EventKind::step_resumed;
      break;
    case DecisionKind::run:
      if (decision.undone_in_part) event.kind = EventKind::step_resumed;
      if (program::changes_rows(step.kind)) ++context.outcome.steps_run;
      break;
  }
  context.pacer = program::changes_rows(step.kind) ? std::make_shared<Pacer>(context, step) : nullptr;
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

void run_steps(Context& context, const Outlook& outlook, bool all_or_nothing) {
  const program::Program& program = context.program;
  std::vector<std::vector<const plan::Edge*>> waits(program.steps.size());
  for (const plan::Edge& edge : context.plan.edges) waits[edge.to].push_back(&edge);
  std::vector<bool> missing(program.steps.size());  // failed or blocked
  std::vector<bool> ended(program.steps.size());
  bool left_for_later = false;
  constexpr std::size_t none = static_cast<std::size_t>(-1);
  std::vector<std::size_t> guard(program.steps.size(), none);  // of a check: the first of its chain, itself included, that is missing
  for (const std::size_t index : context.plan.order) {
    const program::Step& step = program.steps[index];
    if (!wanted(context, step) || ended[index]) continue;
    const bool check = step.kind == program::StepKind::check;
    std::size_t failed = none;
    for (const plan::Edge* edge : waits[index]) {
      if (check && guard[index] == none) guard[index] = guard[edge->from];
      // A check behind a failed one is evaluated all the same: whoever reads the report sees all that fail.
      if (check && edge->reason == plan::EdgeReason::guarded) continue;
      if (failed == none && missing[edge->from]) failed = edge->from;
      if (failed == none && !check && !step.writes.empty()) failed = guard[edge->from];
    }
    if (failed != none) {
      missing[index] = true;
      if (check && guard[index] == none) guard[index] = index;
      Event blocked = context.event(EventKind::step_blocked, step);
      blocked.reason = fmt::format("not started: it waits for `{}`", program.steps[failed].name);
      context.tell(blocked);
      continue;
    }
    if (is_later(context, step)) {
      missing[index] = true;
      left_for_later = true;
      Event blocked = context.event(EventKind::step_blocked, step);
      blocked.reason = "not in the plan: " + context.options.kept->step(step.name)->why;
      context.tell(blocked);
      continue;
    }
    // Snapshots that stand next to each other and wait for nothing more see one state.
    std::vector<std::size_t> together{index};
    const auto joins = [&](std::size_t next) {
      return context.plan.steps[next].work == plan::WorkKind::keep && !ended[next] && !is_later(context, program.steps[next]) && wanted(context, program.steps[next]) &&
             outlook.decisions[next].kind == DecisionKind::run && program.steps[next].keeper == step.keeper &&
             !step.through && !program.steps[next].through &&  // a program takes its time
             computed_where_kept(program, program.steps[next]) == computed_where_kept(program, step) &&
             std::all_of(waits[next].begin(), waits[next].end(), [&](const plan::Edge* edge) {
               return (ended[edge->from] && !missing[edge->from]) || std::find(together.begin(), together.end(), edge->from) != together.end();
             });
    };
    if (context.plan.steps[index].work == plan::WorkKind::keep && outlook.decisions[index].kind == DecisionKind::run)
      for (std::size_t next = index + 1; next < program.steps.size() && joins(next); ++next) together.push_back(next);
    const StepEnd end = carry_out(context, index, outlook, together);
    if (end == StepEnd::stopped || (all_or_nothing && end != StepEnd::done)) return;
    for (const std::size_t each : together) {
      ended[each] = true;
      missing[each] = end == StepEnd::failed;
    }
    if (check && missing[index] && guard[index] == none) guard[index] = index;
  }
  if (left_for_later && context.outcome.exit_code == 0) {
    context.outcome.exit_code = 75;
    context.outcome.next_plan = true;
  }
}

// What this machine has seen of each target: by that an older copy is known when it comes back.
void note_revisions(Context& context) {
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    if (context.writers[i]) context.note(note_seen(*context.targets[i], context.state, context.identities[i]));
  }
}

void carry_out(Context& context, WholeJob* whole) {
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
  if (!look(context, outlook) || refuse_void(context, outlook) || refuse_edited(context, outlook) || !take_over(context, outlook, whole != nullptr)) return;
  // Another run may have gone on until it was taken over.
  if (std::any_of(context.writers.begin(), context.writers.end(), [](const auto& writer) { return bool(writer); })) {
    if (!look(context, outlook) || refuse_void(context, outlook) || refuse_edited(context, outlook) || !abandon_undos(context, outlook)) return;
  }
  if (whole && !whole->begin(context)) return;
  run_steps(context, outlook, whole && whole->under_way());
  if (whole) whole->end(context);
  fault_point("after_steps");
  note_revisions(context);
}

// What runs before this one, which were killed, have changed and had in conflict: the job undoes itself for that too. False: it cannot be read.
bool count_earlier(Context& context) {
  Outcome& outcome = context.outcome;
  const auto& rollback = context.program.rollback;
  for (std::size_t i = 0; rollback && (rollback->percent || rollback->conflicts >= 0) && i < context.targets.size(); ++i) {
    if (!context.keeps[i]) continue;
    auto there = ledger::exists(*context.targets[i]);
    if (!there) return false;
    if (!*there) continue;
    auto runs = ledger::unfinished_runs(*context.targets[i], context.program.job);
    if (!runs) return false;
    std::erase(*runs, context.options.run_id);
    auto done = ledger::done_by(*context.targets[i], context.program.job, *runs);
    if (!done) return false;
    outcome.changed_before += done->first;
    outcome.conflicts_before += done->second;
  }
  return true;
}

// If the job cannot be let go, its lease ends by itself. A run that was killed behind its last step has let nothing go: who
// finds all of it done does so for it, or its clock would be that of the next application, whenever that is.
void let_go(Context& context, bool finished) {
  Outcome& outcome = context.outcome;
  if ((outcome.exit_code == 0 || outcome.exit_code == 3) && !count_earlier(context)) {
    finished = false;
    outcome.exit_code = 75;
    context.diagnostics.error(Code::database_error, context.program.job_span, "whether the job undoes itself is not known: what the runs before had in conflict cannot be read", "run again: then it is asked anew");
  }
  finished = finished && conflicts_to_roll_back(context.program, outcome.changed + outcome.changed_before, outcome.conflicts + outcome.conflicts_before).empty();
  for (auto& writer : context.writers)
    if (writer) (void)writer->release(finished);
  context.writers.clear();
  for (const std::size_t target : context.cut_short) {
    if (!finished) break;
    auto writer = ledger::Writer::take_over(*context.targets[target], context.program.job, runner_of(context));
    if (writer) (void)(*writer)->release(true);
  }
}

}  // namespace

std::string conflicts_to_roll_back(const program::Program& program, std::int64_t changed, std::int64_t conflicts) {
  if (!program.rollback) return {};
  const program::Rollback& when = *program.rollback;
  const bool share = when.percent && Decimal(conflicts * 100).compare(*multiply(*when.percent, Decimal(changed + conflicts))) > 0;
  if (!share && (when.conflicts < 0 || conflicts <= when.conflicts)) return {};
  return fmt::format("{} rows are in conflict, and {} were changed", conflicts, changed);
}

namespace {

Outcome run_through(Context& context, const Listener& listener, WholeJob* whole) {
  return context.run(listener, [&] {
    carry_out(context, whole);
    const bool undoes_itself = !conflicts_to_roll_back(context.program, context.outcome.changed, context.outcome.conflicts).empty();
    const bool finished = context.outcome.exit_code == 0 && context.options.only.empty() && !undoes_itself;
    fault_point("before_release");
    let_go(context, finished);
    fault_point("after_release");
  });
}

}  // namespace

Outcome execute(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets,
                store::State& state, Clock& clock, StopSignal& stop, const Listener& listener, const Options& options,
                Diagnostics& diagnostics) {
  std::optional<WholeJob> whole;
  if (program.atomic) whole.emplace(program, targets);
  Context context{program, plan, whole ? whole->targets() : targets, whole ? whole->state(state) : state, clock, stop, options, diagnostics};
  return run_through(context, listener, whole ? &*whole : nullptr);
}

}  // namespace bfl::run
