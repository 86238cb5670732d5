// `bfl test`: each `test` block of a job, played in scratch databases.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/kept.h"
#include "interpreter/cli/rehearsal.h"
#include "interpreter/cli/scratch_places.h"
#include "interpreter/cli/signals.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/words.h"
#include "interpreter/syntax/parse.h"

namespace bfl::cli {
namespace {

// What a test needs outside of the job: a folder, and a server when a source is on one.
class Places {
 public:
  explicit Places(const Arguments& arguments) : arguments_(arguments) {}

  bool ready(Session& session) {
    if (rows_.made() && schemas_.made()) return true;
    no_folder(session);
    return false;
  }

  // Sources whose tables a file declares lead to empty databases with those tables.
  bool declare(Session& session) {
    for (const std::string& pair : arguments_.all("schema")) {
      const auto equals = pair.find('=');
      const std::string name = pair.substr(0, equals), file = pair.substr(equals + 1);
      auto text = read_script(file);
      const auto url = text ? declared(session, name, *text) : Result<std::string>(text.error());
      if (url) {
        session.settings.sources[name] = *url;
        continue;
      }
      session.texts.add(session.path, session.text);
      if (session.diagnostics.has_errors()) return false;
      Error error = url.error();
      error.message = fmt::format("the schema of `{}`: {}", name, error.message);
      add(session.diagnostics, text ? Code::database_error : Code::file_not_readable, {}, error);
      return false;
    }
    return true;
  }

  // Null with a diagnostic when there is none.
  connect::postgres::Scratch* server(Session& session, Span span) {
    if (!server_) server_ = scratch_server(session, arguments_, span, "a test");
    return server_.get();
  }
  bool server_for_tests(Session& session) {
    for (std::size_t i = 0; i < session.program.catalogues.size(); ++i)
      if (session.program.catalogues[i].engine == "postgres" && !session.program.tests.empty()) return server(session, session.program.sources[i].span) != nullptr;
    return true;
  }

  connect::postgres::Scratch* opened() { return server_.get(); }
  const std::string& folder() const { return rows_.path(); }

 private:
  // As the job declares it.
  bool on_postgres(const Session& session, const std::string& name) const {
    Sources texts;
    Diagnostics ignored;
    const ast::File file = syntax::parse(texts, texts.add(session.path, session.text), ignored);
    for (const ast::NodeId item : ast::children(file, file.root)) {
      if (file[item].kind != ast::NodeKind::source || file[item].text != name) continue;
      for (const ast::NodeId part : ast::children(file, item))
        if (file[part].kind == ast::NodeKind::call) return file[part].text.starts_with("postgres");
    }
    return false;
  }

  Result<std::string> declared(Session& session, const std::string& name, std::string text) {
    std::string url;
    if (on_postgres(session, name)) {
      connect::postgres::Scratch* place = server(session, {});
      if (!place) return Error{ErrorClass::fatal, "no server"};
      constexpr std::size_t behind_sources = 1'000;  // numbers of the places of sources
      auto made = place->empty(behind_sources + declared_++, nullptr);
      if (!made) return made.error();
      url = *made;
      // Commands to psql that pg_dump writes.
      for (const std::string_view command : {"\\restrict", "\\unrestrict"})
        for (auto at = text.find(command); at != std::string::npos; at = text.find(command, at))
          if (at == 0 || text[at - 1] == '\n') text.erase(at, std::min(text.find('\n', at), text.size()) - at);
          else ++at;
    } else {
      url = fmt::format("sqlite:{}/{}.db", schemas_.path(), declared_++);
      std::FILE* file = std::fopen(url.substr(url.find(':') + 1).c_str(), "wb");
      if (file) std::fclose(file);
    }
    auto connector = connect::open(url, {});
    if (!connector) return connector.error();
    if (auto done = (*connector)->execute(text); !done) return done.error();
    return url;
  }

  const Arguments& arguments_;
  Folder rows_{"test"}, schemas_{"test"};
  std::unique_ptr<connect::postgres::Scratch> server_{};
  std::size_t declared_ = 0;
};

}  // namespace

int test_job(const Arguments& arguments) {
  Places places(arguments);
  Session session;
  const bool json = arguments.has("json");
  nlohmann::ordered_json document{{"job", ""}, {"tests", nlohmann::ordered_json::array()}};
  const bool offline = arguments.has("offline");
  if (!load(session, arguments) || !places.ready(session) || !places.declare(session) || !(offline ? plan_offline(session) : make_plan(session, Access::read)) ||
      !places.server_for_tests(session))
    return refused(session);
  run::StopSignal stop;
  SignalWatch watch(stop, [] {});
  document["job"] = session.program.job;
  std::int64_t failed = 0;
  for (const program::Test& test : session.program.tests) {
    const std::vector<std::string> problems = problems_of(session, test, places.folder(), places.opened(), stop);
    if (stop.level.load() > 0) return stop.signal == SIGTERM ? 143 : 130;
    failed += !problems.empty();
    document["tests"].push_back({{"title", test.title}, {"passed", problems.empty()}, {"problems", problems}});
    if (json) continue;
    std::FILE* to = problems.empty() ? stdout : stderr;
    std::fflush(nullptr);
    report::say(to, "  {}  {}\n", problems.empty() ? "ok  " : "FAIL", test.title);
    for (const std::string& problem : problems) report::say(to, "        {}\n", report::hanging(problem));
  }
  const auto all = static_cast<std::int64_t>(session.program.tests.size());
  document["ok"] = failed == 0;
  if (json) report::say(stdout, "{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else if (all == 0) report::say(stdout, "{} has no `test`\n", session.program.job);
  else report::say(stdout, "{}: {}, {} failed\n", session.program.job, report::counted(all, "test"), failed);
  return failed == 0 ? exit_code::done : exit_code::failed;
}

}  // namespace bfl::cli
