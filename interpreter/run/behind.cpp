#include "interpreter/run/behind.h"

#include <fmt/format.h>

namespace bfl::run {

Result<std::optional<Error>> older_than_seen(connect::Connector& target, store::State& state, const std::string& identity, const std::string& name,
                                             const std::vector<ledger::Generation>& generations, const std::string& job_file) {
  const auto older = [&](const std::string& what) {
    return std::optional(Error{ErrorClass::refused, fmt::format("`{}` is older than the local state: {}", name, what), {},
                               fmt::format("if the older copy is the right one: `bfl state rebuild {} --from {} --lost redo`; if only bfl's tables are older: `--lost keep`", job_file, name)});
  };
  auto revision = ledger::revision(target);
  if (!revision) return revision.error();
  auto known = state.known_seq(identity, store::revision_row);
  if (known && *known && **known > *revision) return older(fmt::format("it shows revision {} of its ledger, and revision {} was seen", *revision, **known));
  for (const ledger::Generation& generation : generations) {
    if (generation.state == ledger::StepState::done) continue;
    known = state.known_seq(identity, generation.id);
    if (known && *known && **known > generation.next_seq)
      return older(fmt::format("it shows {} chunks of `{}`, and {} were seen to be committed", generation.next_seq, generation.step, **known));
  }
  return std::optional<Error>();
}

Result<void> note_seen(connect::Connector& target, store::State& state, const std::string& identity) {
  auto revision = ledger::revision(target);
  return revision ? state.note_seq(identity, store::revision_row, *revision) : Result<void>{};
}

}  // namespace bfl::run
