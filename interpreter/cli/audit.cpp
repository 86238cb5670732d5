// `bfl audit`: what the ledger proves.
#include <filesystem>
#include <fmt/format.h>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/report/audit_text.h"
#include "interpreter/report/words.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

int failed(const Error& error) {
  report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), error.message);
  if (!error.detail.empty()) report::say(stderr, "  {}\n", error.detail);
  if (!error.help.empty()) report::say(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), error.help);
  return error.kind == ErrorClass::refused ? exit_code::refused : exit_code::world;
}

// The sources of a job, or the one database that an address names.
bool open_targets(Session& session, const Arguments& arguments, const std::string& operand) {
  if (operand.ends_with(".bfl")) return load(session, arguments) && open_sources(session, Access::read);
  session.texts.add(operand, "");
  auto connector = connect::open(operand, {.read_only = true});
  if (!connector) return add(session.diagnostics, Code::cannot_connect, {}, connector.error()), false;
  program::Source& source = session.program.sources.emplace_back();
  source.name = source.url = operand;
  session.connectors.push_back(std::move(*connector));
  return true;
}

int verify(const Arguments& arguments, const std::string& operand) {
  Session session;
  if (!open_targets(session, arguments, operand)) {
    show(session.diagnostics, session.texts);
    return exit_code_of(session.diagnostics);
  }
  report::Audit audit;
  for (std::size_t i = 0; i < session.connectors.size(); ++i) {
    connect::Connector& target = *session.connectors[i];
    auto there = target.has_sql() ? ledger::exists(target) : Result<bool>{false};
    if (!there) return failed(there.error());
    if (!*there) continue;
    auto proven = ledger::verify(target);
    if (!proven) return failed(proven.error());
    audit.targets.emplace_back(session.program.sources[i].name, std::move(*proven));
  }
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

}  // namespace

int audit(const Arguments& arguments) { return verify(arguments, arguments.operands[1]); }

}  // namespace bfl::cli
