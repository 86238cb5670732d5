#include "interpreter/run/executor.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "interpreter/run/context.h"
#include "interpreter/run/fault_points.h"
#include "interpreter/run/journal.h"

namespace bfl::run {
namespace {

using Generations = std::unordered_map<std::string, std::vector<ledger::Generation>>;

bool named(const std::vector<std::string>& names, const std::string& name) { return std::find(names.begin(), names.end(), name) != names.end(); }

// Every target's share of the job is taken over before anything is decided.
bool take_over(Context& context) {
  ledger::Runner runner{context.options.run_id, context.options.who, context.options.version, context.options.script_digest,
                        ledger::this_process(context.options.host)};
  for (connect::Connector* target : context.targets) {
    auto writer = ledger::Writer::take_over(*target, context.program.job, runner, context.clock.now());
    if (!writer) {
      const Error& error = writer.error();
      const bool held = error.kind == ErrorClass::held, busy = error.kind == ErrorClass::transient;
      Diagnostic& diagnostic = context.diagnostics.error(held ? Code::job_held : Code::database_error, context.program.job_span, error.message, error.help);
      if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
      diagnostic.notes.push_back("nothing was changed by this run");
      context.outcome.exit_code = held || busy ? 75 : 5;
      return false;
    }
    context.writers.push_back(std::move(*writer));
    auto identity = ledger::identity(*target);
    context.identities.push_back(identity ? *identity : "");
  }
  return true;
}

// A target that shows fewer chunks than this machine saw committed was restored from a backup.
bool behind(Context& context, const ledger::Generation& generation, const std::string& identity) {
  if (generation.next_seq == 0 && generation.state == ledger::StepState::done) return false;
  auto known = context.state.known_seq(identity, generation.id);
  if (!known || !*known || **known <= generation.next_seq) return false;
  context.diagnostics.error(Code::target_behind, context.program.job_span,
                            fmt::format("the target shows {} chunks of step `{}`, and this machine saw {} committed: it was restored to an older state",
                                        generation.next_seq, generation.step, **known),
                            "if the restored state is the right one, give a new state file with `--state PATH`: the run goes on from what the target holds");
  context.outcome.exit_code = 4;
  return true;
}

bool read_generations(Context& context, Generations& all) {
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    auto list = ledger::generations(*context.targets[i], context.program.job);
    if (!list) {
      context.diagnostics.error(Code::database_error, context.program.job_span, list.error().message, list.error().help);
      context.outcome.exit_code = 5;
      return false;
    }
    for (ledger::Generation& generation : *list) {
      if (behind(context, generation, context.identities[i])) return false;
      const std::string step = generation.step;
      all[step].push_back(std::move(generation));
    }
  }
  return true;
}

Decision decision_for(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const std::vector<ledger::Generation>& generations) {
  Decision decision = decide(step, step_plan, generations);
  if (named(context.options.again, step.name) && decision.kind == DecisionKind::reuse) {
    decision.kind = DecisionKind::run;
    ++decision.generation;
    decision.why = "`--again` asks for another application";
  }
  if (named(context.options.accept, step.name) && decision.kind == DecisionKind::stop) {
    decision.kind = DecisionKind::resume;
    decision.why = "`--accept` goes on with the edited step: " + decision.why;
  }
  return decision;
}

StepEnd carry_out(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const std::vector<ledger::Generation>& generations) {
  const Decision decision = decision_for(context, step, step_plan, generations);
  Event event = context.event(EventKind::step_started, step);
  event.reason = decision.why;
  switch (decision.kind) {
    case DecisionKind::reuse:
      ++context.outcome.steps_reused;
      event.kind = EventKind::step_reused;
      context.tell(event);
      return StepEnd::done;
    case DecisionKind::stop:
      return context.fail(step, Code::step_changed,
                          {ErrorClass::refused, fmt::format("it was edited while an application of it is unfinished: {}", decision.why), {},
                           fmt::format("put the old text back and run, or go on with the new one: `bfl run … --accept {}`", step.name)},
                          "every changed row is committed and in the ledger with its image before");
    case DecisionKind::resume:
      ++context.outcome.steps_resumed;
      event.kind = EventKind::step_resumed;
      break;
    case DecisionKind::run: ++context.outcome.steps_run; break;
  }
  context.tell(event);
  const ledger::Generation* open = nullptr;
  for (const ledger::Generation& generation : generations)
    if (decision.kind == DecisionKind::resume && generation.number == decision.generation) open = &generation;
  if (open && open->memo_key != step_plan.key.digest)
    if (auto changed = context.writers[static_cast<std::size_t>(step.target.source)]->rekey(open->id, step_plan.key); !changed)
      return context.fail(step, code_of(changed.error()), changed.error());
  switch (step_plan.work) {
    case plan::WorkKind::assertion: return assertion(context, step, step_plan, decision);
    case plan::WorkKind::direct_write: return direct_write(context, step, step_plan, decision, open);
    default: return sealed_write(context, step, step_plan, decision, open);
  }
}

void run_steps(Context& context, const Generations& generations) {
  const program::Program& program = context.program;
  std::vector<std::vector<std::size_t>> waits(program.steps.size());
  for (const plan::Edge& edge : context.plan.edges) waits[edge.to].push_back(edge.from);
  std::vector<bool> missing(program.steps.size());  // failed or blocked
  static const std::vector<ledger::Generation> none;
  for (std::size_t index : context.plan.order) {
    const program::Step& step = program.steps[index];
    if (!context.options.only.empty() && step.name != context.options.only) continue;
    const auto failed = std::find_if(waits[index].begin(), waits[index].end(), [&](std::size_t before) { return missing[before]; });
    if (failed != waits[index].end()) {
      missing[index] = true;
      Event blocked = context.event(EventKind::step_blocked, step);
      blocked.reason = fmt::format("waits for `{}`", program.steps[*failed].name);
      context.tell(blocked);
      continue;
    }
    const auto found = generations.find(step.name);
    const StepEnd end = carry_out(context, step, context.plan.steps[index], found == generations.end() ? none : found->second);
    if (end == StepEnd::stopped) return;
    missing[index] = end == StepEnd::failed;
  }
}

}  // namespace

Outcome execute(const program::Program& program, const plan::Plan& plan, const std::vector<connect::Connector*>& targets, store::State& state, Clock& clock,
                StopSignal& stop, const Listener& listener, const Options& options, Diagnostics& diagnostics) {
  Context context{program, plan, targets, state, clock, stop, options, diagnostics, {}, {}, {}};
  const Listener journal = journal_listener(state, context.journal_failed);
  context.tell = [&](const Event& event) {
    journal(event);
    if (listener) listener(event);
  };
  context.chunks_left = options.limit_chunks;
  context.heartbeat_at = clock.seconds();

  Event begun;
  begun.kind = EventKind::run_started;
  begun.time = format_timestamp(clock.now());
  begun.run = options.run_id;
  begun.job = program.job;
  context.tell(begun);

  Generations generations;
  if (take_over(context) && read_generations(context, generations)) {
    fault_point("after_take_over");
    run_steps(context, generations);
  }
  const bool sound = context.outcome.exit_code == 0;
  if (sound && context.outcome.conflicts > 0) context.outcome.exit_code = 3;
  if (!sound) context.outcome.resume_hint = "run the job again: it goes on behind the last committed chunk";
  for (auto& writer : context.writers) (void)writer->release(sound);

  Event ended = begun;
  ended.kind = EventKind::run_finished;
  ended.time = format_timestamp(clock.now());
  ended.rows_changed = context.outcome.changed;
  ended.conflicts = context.outcome.conflicts;
  ended.exit_code = context.outcome.exit_code;
  context.tell(ended);
  (void)state.flush();
  return context.outcome;
}

}  // namespace bfl::run
