#include "interpreter/cli/refusals.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "interpreter/cli/approvals.h"
#include "interpreter/cli/environments.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/ledger/control.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/run/behind.h"
#include "interpreter/run/halted.h"
#include "interpreter/run/undo.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

// What the target itself says: orders, and that it is older than what was seen of it. What cannot be asked is met by the run.
void ask(Session& session, std::size_t source, store::State* state, bool rolls_back, Diagnostics& found) {
  connect::Connector& target = *session.connectors[source];
  auto there = ledger::exists(target);
  if (!there || !*there) return;
  if (const auto orders = ledger::orders(target, session.program.job))
    for (const ledger::Order& order : *orders)
      if (order.kind == "halt" || order.kind == "pause") found.error(Code::told_to_stop, session.program.job_span, order.text(), "`bfl resume` takes it back");
  const auto generations = ledger::generations(target, session.program.job);
  if (!generations) return;
  for (const ledger::Generation& generation : *generations)
    if (!rolls_back && generation.route == "undo" && generation.state == ledger::StepState::open && !run::is_untouched_undo(generation))
      found.error(Code::step_changed, session.program.job_span, fmt::format("`{}` was cut short: some rows are put back, and some are not", generation.step), "finish it with `bfl undo JOB.bfl --finish`");
  const auto identity = state ? ledger::identity(target) : Result<std::string>(std::string());
  if (!state || !identity) return;
  if (const auto older = run::older_than_seen(target, *state, *identity, session.program.sources[source].name, *generations); older && *older)
    found.error(Code::target_behind, session.program.job_span, (*older)->message, (*older)->help);
}

}  // namespace

std::vector<std::string> warn_of_refusals(Session& session, const Arguments& arguments) {
  Diagnostics before = std::exchange(session.diagnostics, Diagnostics());
  const bool resumable = session.resumable;
  (void)may_run(session, nullptr);
  (void)is_promoted(session);
  Diagnostics found = std::exchange(session.diagnostics, std::move(before));
  session.resumable = resumable;  // the plan itself was made
  const std::string state_path = state_path_of(arguments);
  if (const std::string why = run::halted_here(session.program.job, (std::filesystem::path(state_path).parent_path() / "halt").string()); !why.empty())
    found.error(Code::told_to_stop, session.program.job_span, why, "take it away");
  std::unique_ptr<store::State> state;
  if (std::filesystem::exists(state_path))
    if (auto opened = store::open_state(state_path)) state = std::move(*opened);
  const auto cut_short = run::undo_cut_short(session.program, session.targets());
  const bool rolls_back = session.program.rollback && cut_short && *cut_short && !(*cut_short)->empty();
  if (rolls_back) found.error(Code::rolled_back, session.program.job_span, "a run that undid itself was cut short: the next one finishes that, and does nothing else", "`bfl run` does so, or `bfl undo JOB.bfl --finish`");
  const std::vector<bool> keeps = keepers(session.program);
  for (std::size_t i = 0; i < keeps.size(); ++i)
    if (keeps[i]) ask(session, i, state.get(), rolls_back, found);
  std::vector<std::string> said;
  for (const Diagnostic& one : found.all()) {
    Diagnostic warning = one;
    warning.severity = Severity::warning;
    warning.message = "a run would be refused: " + one.message;
    said.push_back(one.message);
    session.diagnostics.add(std::move(warning));
  }
  return said;
}

}  // namespace bfl::cli
