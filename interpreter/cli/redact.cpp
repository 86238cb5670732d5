// `bfl audit redact`: personal data out of the ledger, its proofs left whole.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/row_named.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/kept_copies.h"
#include "interpreter/ledger/redaction.h"
#include "interpreter/report/words.h"
#include "interpreter/run/discreet.h"
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

// Of tables that are not the role's own the server passes a VACUUM over with a warning.
bool may_vacuum(connect::Connector& target) {
  auto asked = target.prepare("SELECT 1 FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = 'bfl' AND c.relname IN ('ledger', 'stage') AND NOT pg_has_role(c.relowner, 'USAGE')");
  bool mine = true;
  auto read = asked ? (*asked)->query_raw({}, [&](connect::RawRow) { return mine = false; }) : Result<void>{asked.error()};
  return read && mine;
}

// PostgreSQL keeps what was overwritten until it is vacuumed.
std::string left_behind(connect::Connector& target, const std::vector<ledger::KeptCopy>& copies) {
  if (target.engine() != "postgres") return "backups, exports and kept plans that were made before still hold them";
  std::string vacuum = "VACUUM bfl.ledger, bfl.stage";
  for (const ledger::KeptCopy& copy : copies)
    if (copy.rows > 0 && !copy.in_use) vacuum += ", " + copy.relation;
  if (may_vacuum(target) && target.execute(vacuum)) return "backups, archived WAL, exports and kept plans that were made before still hold them";
  return fmt::format("the server keeps the old bytes until the owner of the tables runs `{}`; backups, archived WAL, exports and kept plans still hold them", vacuum);
}

// Where the row is still held, and what to do about it.
std::string held_by(const ledger::KeptCopy& copy, bool hides_key) {
  if (copy.untold) return fmt::format("{}, which a job keeps, has columns of that table: whether it holds the row cannot be told by `{}`, look into it", copy.relation, copy.missing);
  if (copy.rows == 0) return fmt::format("{}, which a job keeps, has columns of that table and not `{}`: whether it holds the row is for whoever knows the job to say", copy.relation, copy.missing);
  const std::string out = fmt::format("`DELETE FROM {} WHERE {}`", copy.relation, hides_key ? run::unshown : copy.condition);
  const std::string what = fmt::format("{}, which {} keeps, still holds it in {}", copy.relation, copy.job.empty() ? "a job" : copy.job, report::counted(copy.rows, "row"));
  if (copy.in_use) return fmt::format("{}: that job has not come to its end, and may go on by it; redact again when it has, or {}", what, out);
  return fmt::format("{}: {}; {}", what, copy.job.empty() ? "the ledger knows of no such job" : "this connection may not change it", out);
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
  const bool hides_key = hides_keys(named->table);
  const std::string place = arguments.operands[1] + " " + (hides_key ? run::unshown : arguments.operands[2]);
  const std::vector<std::string> columns = columns_of(arguments);
  std::vector<ledger::Redaction> done;
  // What cannot be read there keeps nothing from being erased in the ledger.
  auto copies = ledger::kept_copies(target, named->table, named->key, columns);
  const std::vector<ledger::KeptCopy> kept = copies ? *copies : std::vector<ledger::KeptCopy>();
  if (*there) {
    if (!agreed(arguments, fmt::format("erase {} from the ledger for good?", place))) return report::say(stderr, "nothing was erased\n"), exit_code::failed;
    auto clock = run::system_clock();
    const ledger::Runner runner = runner_here(*clock, new_run_id(clock->now()));
    auto redacted = ledger::redact(target, {named->table.name, named->key, arguments.operands[2], columns, arguments.value("why"), hides_key, kept}, runner);
    if (!redacted) return failed(redacted.error());
    done = std::move(*redacted);
  }
  const bool json = arguments.has("json");
  if (json) report::put(stdout, report::redactions_json(done));
  else if (done.empty()) report::put(stdout, fmt::format("{}: the ledger holds no image of it that could be erased\n", place));
  for (const ledger::Redaction& one : done)
    if (!json) report::put(stdout, report::redaction_text(one) + "\n");
  if (copies) copies = ledger::kept_copies(target, named->table, named->key, columns);  // what is left
  if (!copies) report::put(stderr, fmt::format("warning: whether relations that jobs keep still hold the row cannot be seen: {}\n", copies.error().message));
  else
    for (const ledger::KeptCopy& copy : *copies) report::put(json ? stderr : stdout, held_by(copy, hides_key) + "\n");
  if (!json && !done.empty()) report::put(stdout, left_behind(target, kept) + "\n");
  return copies && copies->empty() ? exit_code::done : exit_code::conflicts;
}

}  // namespace bfl::cli
