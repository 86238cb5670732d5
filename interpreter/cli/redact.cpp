// `bfl audit redact`: personal data out of the ledger, its proofs left whole.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/row_named.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/redaction.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"

namespace bfl::cli {
namespace {

std::vector<std::string> columns_of(const Arguments& arguments) {
  std::vector<std::string> all;
  const std::string held = arguments.value("columns");
  for (std::size_t from = 0; from < held.size();) {
    const std::size_t end = std::min(held.find(',', from), held.size());
    if (end > from) all.push_back(held.substr(from, end - from));
    from = end + 1;
  }
  return all;
}

// PostgreSQL keeps what was overwritten until it is vacuumed.
std::string left_behind(connect::Connector& target) {
  if (target.engine() != "postgres") return "backups, exports and kept plans that were made before still hold them";
  if (target.execute("VACUUM bfl.ledger, bfl.stage")) return "backups, archived WAL, exports and kept plans that were made before still hold them";
  return "the server keeps the old bytes until the owner of the tables runs `VACUUM bfl.ledger, bfl.stage`; backups, archived WAL, exports and kept plans still hold them";
}

}  // namespace

int redact_row(const Arguments& arguments) {
  if (arguments.value("why").find_first_not_of(" \t\r\n") == std::string::npos) return failed({ErrorClass::data, "`bfl audit redact` needs the reason, which stays in the ledger", {}, "for example: --why \"erasure asked for, ticket GDPR-7\""});
  Session session;
  auto named = row_named(session, arguments, Access::write);
  if (!named) return session.diagnostics.has_errors() ? failed(session) : failed(named.error());
  connect::Connector& target = *session.connectors[0];
  auto there = ledger::exists(target);
  if (!there) return failed(there.error());
  const std::string place = arguments.operands[1] + " " + arguments.operands[2];
  std::vector<ledger::Redaction> done;
  if (*there) {
    if (!agreed(arguments, fmt::format("erase {} from the ledger for good?", place))) return report::say(stderr, "nothing was erased\n"), exit_code::failed;
    auto clock = run::system_clock();
    const ledger::Runner runner = runner_here(*clock, new_run_id(clock->now()));
    auto redacted = ledger::redact(target, {named->table.name, named->key, arguments.operands[2], columns_of(arguments), arguments.value("why")}, runner);
    if (!redacted) return failed(redacted.error());
    done = std::move(*redacted);
  }
  if (arguments.has("json")) return report::put(stdout, report::redactions_json(done)), exit_code::done;
  if (done.empty()) return report::put(stdout, fmt::format("{}: the ledger holds no image of it that could be erased\n", place)), exit_code::done;
  for (const ledger::Redaction& one : done) report::put(stdout, report::redaction_text(one) + "\n");
  report::put(stdout, left_behind(target) + "\n");
  return exit_code::done;
}

}  // namespace bfl::cli
