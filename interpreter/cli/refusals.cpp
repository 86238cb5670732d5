#include "interpreter/cli/refusals.h"

#include <fmt/format.h>

#include <filesystem>
#include <utility>

#include "interpreter/cli/approvals.h"
#include "interpreter/cli/environments.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/typed.h"
#include "interpreter/ledger/control.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/run/behind.h"
#include "interpreter/run/halted.h"
#include "interpreter/run/undo.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

// What the target itself says: orders, and that it is older than what was seen of it. An error: it could not be asked.
Result<void> ask(Session& session, std::size_t source, store::State* state, bool rolls_back, Diagnostics& found) {
  connect::Connector& target = *session.connectors[source];
  auto there = ledger::exists(target);
  if (!there || !*there) return there ? Result<void>{} : there.error();
  const auto orders = ledger::orders(target, session.program.job);
  if (!orders) return orders.error();
  for (const ledger::Order& order : *orders)
    if (order.kind == "halt" || order.kind == "pause") found.error(Code::told_to_stop, session.program.job_span, order.text(), "`bfl resume` takes it back");
  const auto generations = ledger::generations(target, session.program.job);
  if (!generations) return generations.error();
  for (const ledger::Generation& generation : *generations)
    if (!rolls_back && generation.route == "undo" && generation.state == ledger::StepState::open && !run::is_untouched_undo(generation))
      found.error(Code::step_changed, session.program.job_span, fmt::format("`{}` was cut short: some rows are put back, and some are not", generation.step), "finish it with `bfl undo JOB.bfl --finish`");
  if (!state) return {};
  const auto identity = ledger::identity(target);
  if (!identity) return identity.error();
  const auto older = run::older_than_seen(target, *state, *identity, session.program.sources[source].name, *generations, as_typed(session.path));
  if (!older) return older.error();
  if (*older) found.error(Code::target_behind, session.program.job_span, (*older)->message, (*older)->help);
  return {};
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
  Result<void> asked;
  std::error_code nothing;
  if (std::filesystem::file_size(state_path, nothing) > 0 && !nothing) {
    auto opened = store::read_state(state_path);
    if (opened) state = std::move(*opened);
    else asked = opened.error();
  }
  const auto cut_short = session.program.rollback ? run::undo_cut_short(session.program, session.targets()) : Result<std::optional<std::string>>(std::optional<std::string>());
  if (!cut_short && asked) asked = cut_short.error();
  const bool rolls_back = cut_short && *cut_short && !(*cut_short)->empty();
  if (rolls_back) found.error(Code::rolled_back, session.program.job_span, "a run that undid itself was cut short: the next one finishes that, and does nothing else", "`bfl run` does so, or `bfl undo JOB.bfl --finish`");
  const std::vector<bool> keeps = keepers(session.program);
  for (std::size_t i = 0; i < keeps.size(); ++i)
    if (auto told = keeps[i] ? ask(session, i, state.get(), rolls_back, found) : Result<void>{}; !told && asked) asked = told;
  if (!asked) {
    Diagnostic warning{.code = Code::database_error, .severity = Severity::warning, .message = "cannot tell whether a run would be refused: " + asked.error().message, .span = session.program.job_span, .help = asked.error().help};
    session.diagnostics.add(std::move(warning));
  }
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
