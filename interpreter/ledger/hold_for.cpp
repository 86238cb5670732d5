#include "interpreter/ledger/hold_for.h"

#include "interpreter/ledger/registry.h"

namespace bfl::ledger {

Result<void> hold_for(connect::Connector& target, const std::string& job, const Runner& runner, const std::function<Result<void>(Writer&)>& act) {
  auto writer = Writer::take_over(target, job, runner);
  if (!writer) return writer.error();
  auto over = is_over(target, job);
  auto done = over ? act(**writer) : Result<void>{over.error()};
  auto released = (*writer)->release(over && *over);
  return done ? released : done;
}

}  // namespace bfl::ledger
