// `bfl audit`: what the ledger proves, and what it tells of one row.
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/row_named.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/gaps.h"
#include "interpreter/ledger/history.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/report/words.h"
#include "interpreter/run/behind.h"
#include "interpreter/run/discreet.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

// An older copy of a target holds by itself: that there was more is known to the diary.
Result<void> compare_with_diary(store::State& state, ProvenTarget& target) {
  for (const ledger::ProvenJob& job : target.proven.jobs) {
    const auto generations = ledger::generations(*target.target, job.name);
    if (!generations) return generations.error();
    const auto older = run::older_than_seen(*target.target, state, target.proven.identity, target.name, *generations, "JOB.bfl");
    if (!older) return older.error();
    if (!*older) continue;
    target.proven.damages.push_back({"bfl_meta, bfl_lane", (*older)->message});
    return {};
  }
  return {};
}

int verify(const Arguments& arguments, const std::string& operand) {
  Session session;
  if (!open_named(session, arguments, operand)) return failed(session);
  auto targets = prove_ledgers(session);
  if (!targets) return failed(targets.error());
  if (auto compared = compare_with_anchors(arguments, *targets); !compared) return failed(Code::evidence_refused, compared.error());
  report::Audit audit;
  if (const std::string path = state_path_of(arguments); std::filesystem::exists(path)) {
    auto state = store::open_state(path);
    if (!state) return failed(state.error());
    auto proven = (*state)->verify();
    if (!proven) return failed(proven.error());
    audit.diary = path;
    audit.proven = std::move(*proven);
    for (ProvenTarget& target : *targets)
      if (auto compared = compare_with_diary(**state, target); !compared) return failed(compared.error());
  }
  for (ProvenTarget& target : *targets) audit.targets.emplace_back(std::move(target.name), std::move(target.proven));
  report::put(stdout, arguments.has("json") ? report::audit_json(audit) : report::audit_text(audit));
  return audit.sound() ? exit_code::done : exit_code::refused;
}

int row(const Arguments& arguments) {
  Session session;
  auto named = row_named(session, arguments, Access::read);
  if (!named) return session.diagnostics.has_errors() ? failed(session) : failed(named.error());
  connect::Connector& target = *session.connectors[0];
  const Table* table = &named->table.table;
  const std::string& place = arguments.operands[1];
  auto history = ledger::history(target, named->table, named->key);
  if (!history) return failed(history.error());
  auto lost = ledger::gaps(target);
  if (!lost) return failed(lost.error());
  Result<bool> looked = true;
  std::erase_if(*lost, [&](ledger::Gap& gap) {
    gap.hidden = hides_keys(*table);
    bool held = false;
    for (const ledger::Key& spelling : named->key.spellings()) {
      auto may = ledger::may_hold(target, gap, named->table, ledger::views(spelling));
      if (!may) looked = may;
      held = held || !may || *may;
    }
    return !held;
  });
  if (!looked) return failed(looked.error());
  const std::string key = hides_keys(*table) ? run::unshown : arguments.operands[2];
  const report::ShownValue shown = [&](const std::string& column, const ledger::Stored& value) {
    const int index = table->column_index(column);
    if (index >= 0) {
      const Column& of = table->columns[static_cast<std::size_t>(index)];
      if (auto decoded = target.decode(value.view(), lower::wire_of(of))) return run::literal(of, *decoded);
    }
    return run::display_key(*table, {index}, {value});
  };
  report::put(stdout, arguments.has("json") ? report::history_json(place, key, *history, *lost, shown)
                                            : report::history_text(place, key, *history, *lost, shown));
  return exit_code::done;
}

}  // namespace

namespace {

int told(const std::string& word, const Error& error) {
  report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, word), error.message);
  if (!error.detail.empty()) report::say(stderr, "  {}\n", error.detail);
  if (!error.help.empty()) report::say(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), error.help);
  if (error.kind == ErrorClass::held) return exit_code::resumable;
  return error.kind == ErrorClass::refused ? exit_code::refused : error.kind == ErrorClass::data ? exit_code::script : exit_code::world;
}

}  // namespace

int failed(const Error& error) { return told("error", error); }

int failed(Code code, const Error& error) { return told(fmt::format("error[{}]", code_text(code)), error); }

int failed(const Session& session) {
  show(session.diagnostics, session.texts);
  return exit_code_of(session);
}

Result<std::vector<ProvenTarget>> prove_ledgers(const Session& session) {
  std::vector<ProvenTarget> all;
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    connect::Connector& target = *session.connectors[i];
    auto there = target.has_sql() ? ledger::exists(target) : Result<bool>{false};
    if (!there) return there.error();
    if (!*there) continue;
    auto proven = ledger::verify(target);
    if (!proven) return proven.error();
    const auto hidden = [&](const ledger::TableName& named) {  // as the job marks it; of an address nothing is known
      return i < session.program.catalogues.size() && std::any_of(session.program.catalogues[i].tables.begin(), session.program.catalogues[i].tables.end(),
                                                                  [&](const Table& table) { return hides_keys(table) && ledger::NamedTable{table}.is(named) != ledger::Same::no; });
    };
    for (ledger::Redaction& one : proven->redactions) one.hides_key = one.hides_key || hidden({one.table, one.schema});
    for (ledger::Gap& gap : proven->lost) gap.hidden = hidden({gap.table, gap.schema});
    all.push_back({&target, session.program.sources[i].name, std::move(*proven)});
  }
  return all;
}

int audit(const Arguments& arguments) {
  if (arguments.operands[0] == "row") return row(arguments);
  if (arguments.operands[0] == "redact") return redact_row(arguments);
  if (arguments.operands.size() > 2) return failed({ErrorClass::data, fmt::format("`bfl audit {}` takes one job or one address", arguments.operands[0]), {}, {}});
  if (arguments.operands[0] == "checkpoint") return write_checkpoint(arguments);
  if (arguments.operands[0] == "export") return export_ledger(arguments);
  return verify(arguments, arguments.operands[1]);
}

}  // namespace bfl::cli
