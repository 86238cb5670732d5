// `bfl audit redact`: personal data out of the ledger, its proofs left whole.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/row_named.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/elsewhere.h"
#include "interpreter/ledger/kept_copies.h"
#include "interpreter/ledger/redaction.h"
#include "interpreter/ledger/sweep.h"
#include "interpreter/report/words.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/executor.h"
#include "interpreter/store/state.h"

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

// What to do about a relation that still holds the row, or may.
std::string held_by(const ledger::KeptCopy& copy, bool hides_key) {
  const std::string what = fmt::format("{}, which {} keeps", copy.relation, copy.job.empty() ? "a job" : copy.job);
  if (!copy.untold.empty()) return fmt::format("{}: {}{}; whether it holds the row is for whoever knows the job to say", what, copy.untold, hides_key || copy.refusal.empty() ? "" : ": " + copy.refusal);
  const std::string out = fmt::format("`DELETE FROM {} WHERE {}`", copy.relation, hides_key ? run::unshown : copy.condition);
  const std::string held = fmt::format("{}, still holds it in {}", what, report::counted(copy.rows, "row"));
  if (copy.in_use) return fmt::format("{}: that job has not come to its end, and may go on by it; redact again when it has, or {}", held, out);
  return fmt::format("{}: this connection may not change it; {}", held, out);
}

std::string in_doubt(const ledger::Doubtful& images, const ledger::NamedTable& table) {
  const std::string& generation = images.generation;
  if (images.other_key) return fmt::format("images of {} may hold it: `{}` had another key then, and this one does not name their rows; they are as they were", generation, table.table.name);
  return fmt::format("images of {} may hold it: several schemas have a table `{}`, and the ledger does not tell of which they are; they are as they were. If they are of `{}`, redact with `--was {}`", generation, table.relation(), table.table.schema + "." + table.relation(), table.relation());
}

// Relations of bfl's own that have lost rows of the table, now or before.
std::vector<std::string> relations_of(const ledger::Redacted& redacted) {
  std::vector<std::string> all;
  for (const auto* some : {&redacted.done, &redacted.before})
    for (const ledger::Redaction& one : *some)
      for (const std::string& relation : one.relations)
        if (std::find(all.begin(), all.end(), relation) == all.end()) all.push_back(relation);
  return all;
}

// Whether an event may tell values of the row: in the words with which it was set aside, or with which a step failed at it.
bool tells_of(const store::JournalEntry& entry, const std::string& key) {
  if (entry.kind == "row_quarantined") return entry.reason.starts_with("row " + key + ":");
  if (entry.kind != "step_failed" && entry.kind != "chunk_retried") return false;
  const std::string& text = entry.reason;
  const auto is_of_word = [&](std::size_t at) { return at < text.size() && (std::isalnum(static_cast<unsigned char>(text[at])) || text[at] == '_'); };
  for (std::size_t at = text.find(key); at != std::string::npos; at = text.find(key, at + 1))
    if ((at == 0 || !is_of_word(at - 1)) && !is_of_word(at + key.size())) return true;
  return false;
}

// Their chain allows for no other words.
std::string in_the_diary(const Arguments& arguments, const ledger::TypedKey& key, bool hides_key) {
  const std::string path = state_path_of(arguments);
  if (hides_key || !std::filesystem::exists(path)) return {};  // there it is not shown
  auto state = store::read_state(path);
  auto entries = state ? (*state)->journal("") : Result<std::vector<store::JournalEntry>>{state.error()};
  if (!entries) return fmt::format("whether the diary `{}` tells something of the row cannot be seen: {}", path, entries.error().message);
  const std::string written = key.columns.empty() ? std::string() : ledger::display(key.spellings().front());
  const auto found = std::count_if(entries->begin(), entries->end(), [&](const store::JournalEntry& entry) { return tells_of(entry, arguments.operands[2]) || tells_of(entry, written); });
  if (found == 0) return {};
  return fmt::format("the diary `{}` has {} that may tell values of the row; `bfl state gc --keep 0h` takes old ones out", path, report::counted(found, "event"));
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
  const Table& table = named->table.table;
  const bool hides_key = hides_keys(table);
  const std::string place = arguments.operands[1] + " " + (hides_key ? run::unshown : arguments.operands[2]);
  const std::vector<std::string> columns = columns_of(arguments);
  ledger::Redacted redacted;
  if (*there) {
    if (!agreed(arguments, fmt::format("erase {} from the ledger for good?", place))) return report::say(stderr, "nothing was erased\n"), exit_code::failed;
    auto clock = run::system_clock();
    const ledger::Runner runner = runner_here(*clock, new_run_id(clock->now()));
    auto done = ledger::redact(target, {named->table, named->key, arguments.operands[2], columns, arguments.value("why"), hides_key}, runner);
    if (!done) return failed(done.error());
    redacted = std::move(*done);
  }
  // Killed before it was swept, an earlier one has left it to this one.
  report::Redacted told{.done = redacted.done, .stopped = redacted.stopped.has_value()};
  if (!redacted.done.empty() || !redacted.before.empty()) {
    ledger::Swept swept = ledger::sweep(target, relations_of(redacted));
    told.left = std::move(swept.left);
    told.beyond = std::move(swept.beyond);
  }
  for (const ledger::Redaction& one : redacted.before)
    if (one.hides_key || one.key == arguments.operands[2]) told.before.push_back(one);
  for (const ledger::Doubtful& images : redacted.doubtful) told.held.push_back({{}, {}, 0, in_doubt(images, named->table)});
  // What cannot be seen of it keeps nothing from being erased in the ledger.
  auto copies = ledger::kept_copies(target, named->table, named->key, columns);
  auto elsewhere = copies ? ledger::elsewhere(target, named->table, named->key, session.program.catalogues[0].tables) : Result<ledger::Elsewhere>{copies.error()};
  if (!elsewhere) report::put(stderr, fmt::format("warning: whether the row is held elsewhere in the database cannot be seen: {}\n", elsewhere.error().message));
  for (const ledger::KeptCopy& copy : copies ? *copies : std::vector<ledger::KeptCopy>()) told.held.push_back({copy.relation, copy.job, copy.rows, held_by(copy, hides_key)});
  if (elsewhere) {
    for (std::string& line : elsewhere->renamed) told.held.push_back({{}, {}, 0, std::move(line)});
    told.made = std::move(elsewhere->made);
  }
  for (const std::string& other : redacted.other_keys)
    told.made.push_back(fmt::format("the row had another key as well, {}: what was done to it under that one is as it was, redact that too", hides_key ? std::string(run::unshown) : "`" + other + "`"));
  if (const std::string line = in_the_diary(arguments, named->key, hides_key); !line.empty()) told.held.push_back({{}, {}, 0, line});
  if (arguments.has("json")) report::put(stdout, report::redacted_json(told));
  else report::put(stdout, report::redacted_text(place, told));
  if (redacted.stopped) return failed(*redacted.stopped);
  return elsewhere && told.held.empty() && told.left.empty() ? exit_code::done : exit_code::conflicts;
}

}  // namespace bfl::cli
