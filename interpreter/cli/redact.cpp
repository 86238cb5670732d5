// `bfl audit redact`: personal data out of the ledger, its proofs left whole.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/row_named.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/kept_copies.h"
#include "interpreter/ledger/redaction.h"
#include "interpreter/lower/sql.h"
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
bool may_vacuum(connect::Connector& target, const std::vector<std::string>& tables) {
  std::vector<std::string> found;
  for (const std::string& table : tables) found.push_back(fmt::format("to_regclass({})", lower::quote_text(table)));
  auto asked = target.prepare(fmt::format("SELECT 1 FROM pg_class WHERE oid IN ({}) AND NOT pg_has_role(relowner, 'USAGE')", fmt::join(found, ", ")));
  bool mine = true;
  auto read = asked ? (*asked)->query_raw({}, [&](connect::RawRow) { return mine = false; }) : Result<void>{asked.error()};
  return read && mine;
}

// PostgreSQL keeps what was overwritten until it is vacuumed.
std::string left_behind(connect::Connector& target, const std::vector<ledger::Redaction>& done) {
  if (target.engine() != "postgres") return "backups, exports and kept plans that were made before still hold them";
  std::vector<std::string> tables{"bfl.ledger", "bfl.stage"};
  for (const ledger::Redaction& one : done)
    for (const std::string& relation : one.relations)
      if (std::find(tables.begin(), tables.end(), relation) == tables.end()) tables.push_back(relation);
  const std::string vacuum = fmt::format("VACUUM {}", fmt::join(tables, ", "));
  if (may_vacuum(target, tables) && target.execute(vacuum)) return "backups, archived WAL, exports and kept plans that were made before still hold them";
  return fmt::format("the server keeps the old bytes until the owner of the tables runs `{}`; backups, archived WAL, exports and kept plans still hold them", vacuum);
}

// What to do about a relation that still holds the row, or may.
std::string held_by(const ledger::KeptCopy& copy, bool hides_key) {
  const std::string what = fmt::format("{}, which {} keeps", copy.relation, copy.job.empty() ? "a job" : copy.job);
  if (!copy.untold.empty()) return fmt::format("{}: {}{}; whether it holds the row is for whoever knows the job to say", what, copy.untold, hides_key || copy.refusal.empty() ? "" : ": " + copy.refusal);
  const std::string out = fmt::format("`DELETE FROM {} WHERE {}`", copy.relation, hides_key ? run::unshown : copy.condition);
  const std::string held = fmt::format("{}, still holds it in {}", what, report::counted(copy.rows, "row"));
  if (copy.in_use) return fmt::format("{}: that job has not come to its end, and may go on by it; redact again when it has, or {}", held, out);
  return fmt::format("{}: this connection may not change it; {}", held, out);
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
  ledger::Redacted redacted;
  if (*there) {
    if (!agreed(arguments, fmt::format("erase {} from the ledger for good?", place))) return report::say(stderr, "nothing was erased\n"), exit_code::failed;
    auto clock = run::system_clock();
    const ledger::Runner runner = runner_here(*clock, new_run_id(clock->now()));
    auto done = ledger::redact(target, {named->table.name, named->key, arguments.operands[2], columns, arguments.value("why"), hides_key, named->table}, runner);
    if (!done) return failed(done.error());
    redacted = std::move(*done);
  }
  // What cannot be seen of it keeps nothing from being erased in the ledger.
  auto copies = ledger::kept_copies(target, named->table, named->key, columns);
  if (!copies) report::put(stderr, fmt::format("warning: whether relations that jobs keep still hold the row cannot be seen: {}\n", copies.error().message));
  std::vector<report::StillHeld> held;
  for (const ledger::KeptCopy& copy : copies ? *copies : std::vector<ledger::KeptCopy>()) held.push_back({copy.relation, copy.job, copy.rows, held_by(copy, hides_key)});
  const std::string behind = redacted.done.empty() ? "" : left_behind(target, redacted.done);
  if (arguments.has("json")) {
    report::put(stdout, report::redacted_json(redacted.done, held, behind));
  } else {
    if (redacted.done.empty() && !redacted.stopped) report::put(stdout, fmt::format("{}: the ledger holds no image of it that could be erased\n", place));
    for (const ledger::Redaction& one : redacted.done) report::put(stdout, report::redaction_text(one) + "\n");
    if (std::any_of(redacted.done.begin(), redacted.done.end(), [](const ledger::Redaction& one) { return one.kept > 0; }))
      report::put(stdout, "checks of its job that count what it keeps, or compare with it, find a row less when they are asked again\n");
    for (const report::StillHeld& one : held) report::put(stdout, one.text + "\n");
    if (!behind.empty()) report::put(stdout, behind + "\n");
  }
  if (redacted.stopped) return failed(*redacted.stopped);
  return copies && held.empty() ? exit_code::done : exit_code::conflicts;
}

}  // namespace bfl::cli
