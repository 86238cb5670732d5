// `bfl setup`: bfl's tables made before the first run, by bfl or by somebody else.
#include "interpreter/ledger/setup.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/lower/sql.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

using Json = nlohmann::ordered_json;

// Of an address; empty where bfl keeps nothing: in files.
std::string engine_of(const std::string& url) { return url.starts_with("sqlite:") ? "sqlite" : url.starts_with("postgres") ? "postgres" : ""; }

// Without a connection: the SQL is for those who have none.
bool engines_of(const Arguments& arguments, Session& session, std::vector<std::string>& engines) {
  const std::string& operand = arguments.operands[0];
  if (const std::string engine = engine_of(operand); !engine.empty()) return engines.push_back(engine), true;
  ast::File file;
  if (!operand.ends_with(".bfl")) {
    if (!open_named(session, arguments, operand)) return false;
  } else {
    if (!load(session, arguments, operand) || !read_file(session, file)) return false;
    session.program.sources = check::sources_of(file, session.texts, session.settings, session.diagnostics);
  }
  for (const program::Source& source : session.program.sources)
    if (const std::string engine = engine_of(source.url); !engine.empty() && std::find(engines.begin(), engines.end(), engine) == engines.end()) engines.push_back(engine);
  return !session.diagnostics.has_errors();
}

std::string script_for(const std::string& engine, const std::string& role) {
  std::string text = engine == "postgres" ? "-- By whoever may make a schema in the database; it becomes the owner of bfl's tables.\nBEGIN;\n" : "-- SQLite has no roles: whoever may write the file may do all of it.\nBEGIN;\n";
  for (const std::string& sql : ledger::set_up_statements(engine)) text += sql + ";\n";
  text += "COMMIT;\n";
  if (engine != "postgres") return text;
  text += fmt::format("\n-- For {}, which runs jobs. It owns nothing here, and cannot change what the ledger says.\n", role);
  for (const ledger::Grant& grant : ledger::grants(role)) text += fmt::format("{};  -- {}\n", grant.sql, grant.purpose);
  return text + fmt::format("\n-- On the tables of the jobs themselves, as they need it: SELECT; UPDATE of the columns that are set; INSERT, DELETE.\n"
                            "-- `bfl audit redact` also updates bfl.ledger and bfl.stage: better for another role than {}.\n", role);
}

int print(const Arguments& arguments) {
  Session session;
  std::vector<std::string> engines;
  if (!engines_of(arguments, session, engines)) return failed(session);
  if (engines.empty()) return failed({ErrorClass::data, fmt::format("`{}` is no database in which bfl keeps anything", arguments.operands[0]), {}, "name a job, or an address: sqlite:PATH, postgres://HOST/DATABASE"});
  const std::string role = lower::quote_identifier(arguments.value("role", "bfl_runner"));
  Json all = Json::array();
  if (arguments.has("role") && std::find(engines.begin(), engines.end(), "postgres") == engines.end())
    return failed({ErrorClass::data, "`--role` is of PostgreSQL, and there is no such database here", {}, "leave it out: SQLite has no roles, whoever may write the file may do all of it"});
  for (const std::string& engine : engines) {
    if (!arguments.has("json")) {
      report::put(stdout, script_for(engine, role));
      continue;
    }
    Json made{{"engine", engine}, {"statements", ledger::set_up_statements(engine)}, {"grants", Json::array()}};
    if (engine == "postgres")
      for (const ledger::Grant& grant : ledger::grants(role)) made["grants"].push_back({{"sql", grant.sql}, {"purpose", grant.purpose}});
    all.push_back(std::move(made));
  }
  if (arguments.has("json")) report::put(stdout, all.dump(2) + "\n");
  return exit_code::done;
}

}  // namespace

int set_up(const Arguments& arguments) {
  if (arguments.has("print")) return print(arguments);
  if (arguments.has("role")) return failed({ErrorClass::data, "`--role` goes with `--print`: who runs jobs is granted what the printed SQL says", {}, fmt::format("write `bfl setup {} --print --role {}`", arguments.operands[0], arguments.value("role"))});
  Session session;
  if (!open_named(session, arguments, arguments.operands[0], Access::write)) return failed(session);
  Json all = Json::array();
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    connect::Connector& target = *session.connectors[i];
    if (!target.has_sql()) continue;  // files
    const std::string& name = session.program.sources[i].name;
    auto there = ledger::exists(target);
    auto made = there ? ledger::set_up(target) : Result<void>{there.error()};
    if (!made) {
      Error error = made.error();
      if (error.kind == ErrorClass::permission) error.help = fmt::format("give somebody who may what `bfl setup {} --print` prints", arguments.operands[0]);
      return failed(error);
    }
    auto identity = ledger::identity(target);
    if (!identity) return failed(identity.error());
    if (arguments.has("json")) all.push_back({{"source", name}, {"created", !*there}, {"identity", *identity}, {"format", ledger::format_version}});
    else report::put(stdout, fmt::format("{}: bfl's tables {}, format {}, identity {}\n", name, *there ? "are there already" : "were made", ledger::format_version, *identity));
  }
  if (arguments.has("json")) report::put(stdout, all.dump(2) + "\n");
  return exit_code::done;
}

}  // namespace bfl::cli
