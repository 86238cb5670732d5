// `bfl registry`: what was ever run against a database, as the database tells it.
#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/report/registry_text.h"
#include "interpreter/report/words.h"

namespace bfl::cli {

int show_registry(const Arguments& arguments) {
  Session session;
  if (!open_named(session, arguments, arguments.operands[0])) return failed(session);
  std::vector<report::Registered> all;
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    connect::Connector& target = *session.connectors[i];
    if (!target.has_sql()) continue;  // files have no ledger
    auto jobs = ledger::registry(target);
    if (!jobs) return failed(jobs.error());
    auto identity = ledger::identity(target);
    if (!identity) return failed(identity.error());
    all.push_back({session.program.sources[i].name, std::move(*identity), std::move(*jobs)});
  }
  report::put(stdout, arguments.has("json") ? report::registry_json(all) : report::registry_text(all));
  return exit_code::done;
}

}  // namespace bfl::cli
