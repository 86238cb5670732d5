// A job from its text to its outcome against a scratch database, as `bfl run` does it, with the seams open.
#pragma once
#include <doctest/doctest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "interpreter/check/check.h"
#include "interpreter/ledger/pack.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/run/executor.h"
#include "interpreter/syntax/parse.h"
#include "tests/unit/scratch_database.h"

namespace bfl::test {

struct Ran {
  int exit_code = -1;
  run::Outcome outcome;
  std::string said;                     // the diagnostics, drawn
  std::vector<run::Event> events;

  std::string kinds(const std::string& step) const {  // "step_started chunk_committed …"
    std::string all;
    for (const run::Event& event : events)
      if (event.step == step) all += (all.empty() ? "" : " ") + std::string(run::name_of(event.kind));
    return all;
  }
  bool says(const std::string& part) const { return said.find(part) != std::string::npos; }
};

class TurnedClock final : public run::Clock {  // by hand; seconds go by with each look, so that chunks take time
 public:
  Timestamp time{1'767'225'600'000'000};
  double tick = 0.001, elapsed = 0;
  Timestamp now() override { return time; }
  double seconds() override { return elapsed += tick; }
};

struct Job : ScratchDatabase {
  using Wrap = std::function<std::unique_ptr<connect::Connector>(std::unique_ptr<connect::Connector>)>;
  std::string state_path = path + ".state/state.db";
  TurnedClock clock;
  run::StopSignal stop;
  run::Options options{.run_id = "run-1", .who = "ada", .host = "here", .version = "test", .script_digest = "d1"};
  Wrap wrap;
  run::Listener also;

  explicit Job(const std::string& sql) : ScratchDatabase(sql) {}
  ~Job() { std::filesystem::remove_all(path + ".state"); }

  struct Planned {
    Sources texts;
    Diagnostics diagnostics;
    program::Program program;
    plan::Plan plan;
    std::unique_ptr<connect::Connector> connector;
    std::vector<connect::Connector*> targets;
  };
  std::unique_ptr<Planned> planned(const std::string& steps, bool hide_triggers = false) {
    auto all = std::make_unique<Planned>();
    const auto source = all->texts.add("job.bfl", "job j { why \"a test\" }\nsource db = sqlite(\"here.db\")\n" + steps);
    check::Settings settings;
    settings.sources["db"] = "sqlite:" + path;
    const ast::File file = syntax::parse(all->texts, source, all->diagnostics);
    auto library = check::load_library(all->texts);
    auto sources = check::sources_of(file, all->texts, settings, all->diagnostics);
    all->connector = open();
    if (wrap) all->connector = wrap(std::move(all->connector));
    all->targets = {all->connector.get()};
    auto catalogue = all->connector->catalogue();
    REQUIRE(catalogue);
    for (Table& table : catalogue->tables)
      if (hide_triggers) table.triggers.clear();
    all->program = check::check(file, all->texts, library, std::move(sources), {*catalogue}, settings, all->diagnostics);
    REQUIRE_MESSAGE(!all->diagnostics.has_errors(), render(all->diagnostics, all->texts));
    REQUIRE(ledger::set_up(*all->connector));
    auto identity = ledger::identity(*all->connector);
    REQUIRE(identity);
    all->plan = plan::make(all->program, {*identity}, all->diagnostics);
    return all;
  }

  Ran run_job(const std::string& steps) {
    auto all = planned(steps);
    auto state = store::open_state(state_path);
    REQUIRE(state);
    Ran ran;
    Diagnostics found;
    ran.outcome = run::execute(all->program, all->plan, all->targets, **state, clock, stop,
                               [&](const run::Event& event) {
                                 ran.events.push_back(event);
                                 if (also) also(event);
                               },
                               options, found);
    ran.exit_code = ran.outcome.exit_code;
    ran.said = render(found, all->texts);
    return ran;
  }

  // The answer to one question: rows joined by `;`, columns by a space.
  std::string ask(const std::string& sql) const {
    sqlite3* db = nullptr;
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    sqlite3_stmt* statement = nullptr;
    REQUIRE_MESSAGE(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK, sqlite3_errmsg(db));
    std::string all;
    while (sqlite3_step(statement) == SQLITE_ROW) {
      for (int i = 0; i < sqlite3_column_count(statement); ++i) {
        const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement, i));
        all += (i ? " " : all.empty() ? "" : ";") + std::string(text ? text : "null");
      }
    }
    sqlite3_finalize(statement);
    sqlite3_close(db);
    return all;
  }

  // Every chain whole, every pack proved by its entry: what is wrong, or nothing.
  std::string ledger_problem() const {
    auto target = open();
    std::map<std::pair<std::int64_t, std::int64_t>, std::pair<std::int64_t, std::string>> last;
    std::map<std::string, std::string> opening;  // by lane: hash of the entry that opened it
    std::string problem;
    auto read = ledger::entries(*target, "j", [&](const ledger::EntryView& entry) {
      if (as_bytes(sha256(entry.text)) != entry.hash) problem = "an entry does not give its hash";
      const std::string kind = ledger::field(entry.text, "kind"), previous = ledger::field(entry.text, "previous");
      if (kind == "open") opening[ledger::field(entry.text, "step_row") + "/0"] = hex(entry.hash);
      if (kind == "lane") opening[ledger::field(entry.text, "step_row") + "/" + ledger::field(entry.text, "lane")] = hex(entry.hash);
      auto& [seq, hash] = last.try_emplace({entry.step, entry.lane}, -1, "").first->second;
      if (entry.seq != seq + 1) problem = "a gap in a lane";
      const std::string expected = seq >= 0          ? hash
                                   : kind == "chunk" ? opening[std::to_string(entry.step) + "/" + std::to_string(entry.lane)]
                                                     : "";
      if (previous != expected) problem = "an entry of kind " + kind + " does not hang on the one before";
      seq = entry.seq;
      hash = hex(entry.hash);
      if (kind == "chunk") {
        std::int64_t records = 0;
        auto sound = ledger::read_pack(entry.pack, ledger::rows_root(entry.text).value_or(Digest{}),
                                       [&](const ledger::Record&) { return ++records > 0; });
        if (!sound) problem = sound.error().message;
        if (std::to_string(records) != ledger::field(entry.text, "records")) problem = "an entry counts other rows than its pack holds";
      }
      return problem.empty();
    });
    if (!read) return read.error().message;
    for (const auto& [lane, end] : last)
      if (ask("SELECT seq FROM bfl_lane WHERE step = " + std::to_string(lane.first) + " AND lane = " + std::to_string(lane.second)) !=
          std::to_string(end.first + 1))
        problem = "a lane counts other chunks than it has entries";
    return problem;
  }
};

// A table t(id, n, s) of `rows` rows.
inline std::string rows_of_t(int rows, const std::string& more = "") {
  return "CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER NOT NULL, s TEXT);"
         "INSERT INTO t WITH RECURSIVE c(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < " + std::to_string(rows) +
         ") SELECT i, i * 3, 'row ' || i FROM c;" + more;
}

}  // namespace bfl::test
