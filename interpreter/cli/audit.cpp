// `bfl audit`: what the ledger proves, and what it tells of one row.
#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fmt/format.h>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/history.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/report/words.h"
#include "interpreter/run/discreet.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

constexpr std::size_t jobs_looked_at = 100;

bool open_address(Session& session, const std::string& name, const std::string& url) {
  session.texts.add(url, "");
  auto connector = connect::open(url, {.read_only = true});
  if (!connector) return add(session.diagnostics, Code::cannot_connect, {}, connector.error()), false;
  program::Source& source = session.program.sources.emplace_back();
  source.name = name;
  source.url = url;
  session.connectors.push_back(std::move(*connector));
  return true;
}

int verify(const Arguments& arguments, const std::string& operand) {
  Session session;
  if (!open_named(session, arguments, operand)) return failed(session);
  auto targets = prove_ledgers(session);
  if (!targets) return failed(targets.error());
  if (auto compared = compare_with_anchors(arguments, *targets); !compared) return failed(Code::evidence_refused, compared.error());
  report::Audit audit;
  for (ProvenTarget& target : *targets) audit.targets.emplace_back(std::move(target.name), std::move(target.proven));
  if (const std::string path = state_path_of(arguments); std::filesystem::exists(path)) {
    auto state = store::open_state(path);
    if (!state) return failed(state.error());
    auto proven = (*state)->verify();
    if (!proven) return failed(proven.error());
    audit.diary = path;
    audit.proven = std::move(*proven);
  }
  report::put(stdout, arguments.has("json") ? report::audit_json(audit) : report::audit_text(audit));
  return audit.sound() ? exit_code::done : exit_code::refused;
}

// The source of that name: of the job that was named, of the command line, or of the newest job of this folder that has one.
Result<std::unique_ptr<Session>> open_source(const Arguments& arguments, const std::string& name, int& code) {
  auto session = std::make_unique<Session>();
  const Error unknown{ErrorClass::data, fmt::format("no source `{}` is known here", name), {}, fmt::format("name the job that has it (`bfl audit row … JOB.bfl`), or its address: `--source {}=URL`", name)};
  std::vector<std::string> jobs;
  if (arguments.operands.size() > 3) {
    jobs.push_back(arguments.operands[3]);
  } else {
    for (const std::string& pair : arguments.all("source"))
      if (pair.starts_with(name + "=")) {
        if (open_address(*session, name, pair.substr(name.size() + 1))) return session;
        code = failed(*session);
        return unknown;
      }
    if (const std::string path = state_path_of(arguments); std::filesystem::exists(path)) {
      auto state = store::open_state(path);
      if (!state) return state.error();
      auto runs = (*state)->runs(jobs_looked_at);
      if (!runs) return runs.error();
      for (const store::RunRecord& run : *runs)
        if (std::filesystem::exists(run.path) && std::find(jobs.begin(), jobs.end(), run.path) == jobs.end()) jobs.push_back(run.path);
    }
  }
  for (const std::string& job : jobs) {
    session = std::make_unique<Session>();
    if (!load(*session, arguments, job) || !open_sources(*session, Access::read, name)) {
      code = failed(*session);
      return unknown;
    }
    if (!session->connectors.empty()) return session;
  }
  return unknown;
}

// A key as it is typed, by the types of its columns.
Result<ledger::Key> key_typed(const Table& table, const std::vector<int>& columns, std::string_view typed) {
  ledger::Key key;
  for (const int column : columns) {
    const bool last = key.size() + 1 == columns.size();
    const std::string_view word = typed.substr(0, last ? typed.size() : typed.find(','));
    typed.remove_prefix(std::min(typed.size(), word.size() + 1));
    const Column& of = table.columns[static_cast<std::size_t>(column)];
    std::int64_t number = 0;
    if (of.type.kind != Kind::integer) {
      key.push_back(ledger::Stored::of(ledger::text(word)));
      continue;
    }
    const auto [end, problem] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (problem != std::errc() || end != word.data() + word.size())
      return Error{ErrorClass::data, fmt::format("`{}` is no key of `{}`, expected an int for `{}`", word, table.name, of.name), {}, "keys of several columns are written with commas: `7,12`"};
    key.push_back(ledger::Stored::of(ledger::number(number)));
  }
  return key;
}

// As the job says, of which nothing is checked here.
void mark_sensitive(const Session& job, const std::string& source, Catalogue& catalogue) {
  if (job.text.empty()) return;
  Session again;
  again.path = job.path;
  again.text = job.text;
  again.settings = job.settings;
  ast::File file;
  if (!read_file(again, file)) return;
  for (const ast::NodeId item : ast::children(file, file.root)) {
    if (file[item].kind != ast::NodeKind::source || file[item].text != source) continue;
    for (const ast::NodeId part : ast::children(file, item))
      for (Table& table : catalogue.tables)
        for (Column& column : table.columns)
          if ((file[part].flags & ast::flag::secret) != 0 && file[part].text == table.name + "." + column.name) column.sensitive = true;
  }
  check::mark_references(catalogue);
}

int row(const Arguments& arguments) {
  const std::string& place = arguments.operands[1];
  const auto dot = place.find('.');
  if (arguments.operands.size() < 3 || dot == std::string::npos || dot == 0)
    return failed({ErrorClass::data, fmt::format("`{}` names no row, expected SOURCE.TABLE and a key", place), {}, "for example: bfl audit row shop.orders 42"});
  const std::string source = place.substr(0, dot), name = place.substr(dot + 1);
  int code = 0;
  auto session = open_source(arguments, source, code);
  if (!session) return code != 0 ? code : failed(session.error());
  connect::Connector& target = *(*session)->connectors[0];
  auto catalogue = target.catalogue();
  if (!catalogue) return failed(catalogue.error());
  mark_sensitive(**session, source, *catalogue);
  const auto table = std::find_if(catalogue->tables.begin(), catalogue->tables.end(), [&](const Table& t) { return t.name == name; });
  if (table == catalogue->tables.end()) return failed({ErrorClass::data, fmt::format("`{}` has no table `{}`", source, name), {}, {}});
  const Key* identity = table->identity();
  if (!identity)
    return failed({ErrorClass::data, fmt::format("rows of `{}` have no key by which they could be named", name), {}, "`bfl log` shows what was done to the table"});
  auto key = key_typed(*table, identity->columns, arguments.operands[2]);
  if (!key) return failed(key.error());
  auto events = ledger::history(target, name, ledger::views(*key));
  if (!events) return failed(events.error());
  const report::ShownValue shown = [&](const std::string& column, const ledger::Stored& value) {
    const int index = table->column_index(column);
    if (index >= 0 && table->columns[static_cast<std::size_t>(index)].sensitive && value.kind != connect::RawValue::Class::null) return std::string(run::unshown);
    if (index >= 0)
      if (auto decoded = target.decode(value.view(), lower::wire_of(table->columns[static_cast<std::size_t>(index)]))) return to_literal(*decoded);
    return ledger::display({value});
  };
  report::put(stdout, arguments.has("json") ? report::history_json(place, arguments.operands[2], *events, shown)
                                            : report::history_text(place, arguments.operands[2], *events, shown));
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
  return exit_code_of(session.diagnostics);
}

bool open_named(Session& session, const Arguments& arguments, const std::string& operand) {
  if (operand.ends_with(".bfl")) return load(session, arguments) && open_sources(session, Access::read);
  return open_address(session, operand.find("://") == std::string::npos ? operand : "target", operand);
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
    all.push_back({&target, session.program.sources[i].name, std::move(*proven)});
  }
  return all;
}

int audit(const Arguments& arguments) {
  if (arguments.operands[0] == "row") return row(arguments);
  if (arguments.operands.size() > 2) return failed({ErrorClass::data, fmt::format("`bfl audit {}` takes one job or one address", arguments.operands[0]), {}, {}});
  if (arguments.operands[0] == "checkpoint") return write_checkpoint(arguments);
  if (arguments.operands[0] == "export") return export_ledger(arguments);
  return verify(arguments, arguments.operands[1]);
}

}  // namespace bfl::cli
