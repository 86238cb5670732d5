#include "interpreter/run/behind.h"

#include <fmt/format.h>

namespace bfl::run {

Result<std::string> lacking(connect::Connector& target, store::State& state, const std::string& identity, const std::string& name, const std::vector<ledger::Generation>& generations) {
  const auto behind = [&](const std::string& what) { return fmt::format("`{}` is older than the local state: {}", name, what); };
  auto revision = ledger::revision(target);
  auto known = state.known_seq(identity, store::revision_row);
  if (!revision) return revision.error();
  if (known && *known && **known > *revision) return behind(fmt::format("it shows revision {} of its ledger, and revision {} was seen", *revision, **known));
  for (const ledger::Generation& generation : generations) {
    if (generation.state == ledger::StepState::done) continue;
    known = state.known_seq(identity, generation.id);
    if (known && *known && **known > generation.next_seq)
      return behind(fmt::format("it shows {} chunks of `{}`, and {} were seen to be committed", generation.next_seq, generation.step, **known));
  }
  return std::string();
}

}  // namespace bfl::run
