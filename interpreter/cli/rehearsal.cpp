#include "interpreter/cli/rehearsal.h"

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <map>

#include "interpreter/cli/commands.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"
#include "interpreter/run/row_differences.h"
#include "interpreter/run/scratch.h"
#include "interpreter/run/undo.h"

namespace bfl::cli {
namespace {

class TestClock final : public run::Clock {
 public:
  explicit TestClock(std::optional<Timestamp> now) : now_(now), system_(run::system_clock()) {}
  Timestamp now() override { return now_ ? *now_ : system_->now(); }
  double seconds() override { return system_->seconds(); }

 private:
  std::optional<Timestamp> now_;
  std::unique_ptr<run::Clock> system_;
};

// One run of the job in the scratch databases of a folder.
struct Played {
  int exit_code = 0;
  std::map<std::string, std::int64_t> changed;  // rows, by step
  std::string said;                             // what went wrong, drawn
};
enum class Manner : std::uint8_t { plain, row_by_row, killed };

class Rehearsal {
 public:
  Rehearsal(const Session& job, const program::Test& test, const std::string& folder, connect::postgres::Scratch* server, run::StopSignal& stop)
      : job_(job), test_(test), folder_(folder), server_(server), stop_(stop), urls_(job.program.sources.size()) {}

  // Everything that is not as the test says.
  std::vector<std::string> problems() {
    if (!set_up()) return std::move(problems_);
    const auto before = everything();
    const Played first = play(Manner::plain);
    if (ended_badly(first, "the run")) return std::move(problems_);
    for (const program::ExpectedChange& expected : test_.changed) compare_changed(expected, first);
    const auto after = everything();
    for (const program::TableRows& expected : test_.expected)
      if (const auto found = after.find(expected.table); found != after.end())
        for (std::string& difference : run::differences(job_.program.table(expected.table), expected, found->second)) problems_.push_back(std::move(difference));
    const Played second = play(Manner::plain);
    if (ended_badly(second, "the second run")) return std::move(problems_);
    compare(after, everything(), "the second run changed");
    undone(before);
    if (!set_up()) return std::move(problems_);
    killed();
    const Played resumed = play(Manner::row_by_row);
    if (ended_badly(resumed, "the run that went on after a kill")) return std::move(problems_);
    compare(after, everything(), "after a kill and a second start there is something else in");
    return std::move(problems_);
  }

 private:
  using Rows = std::map<program::TableRef, run::ReadRows>;

  bool failed(const Error& error) {
    problems_.push_back(error.message);
    if (!error.help.empty()) problems_.back() += "\nhelp: " + error.help;
    return false;
  }

  // The source itself; null where the job was checked against kept catalogues.
  connect::Connector* like(std::size_t source) const { return source < job_.connectors.size() ? job_.connectors[source].get() : nullptr; }

  // A file of the folder, or a database of the server.
  Result<std::string> empty_place(std::size_t source) {
    const std::string& engine = job_.program.catalogues[source].engine;
    if (engine != "postgres") return fmt::format("{}:{}/{}.{}", engine, folder_, source, engine == "csv" ? "csv" : "db");
    auto url = server_->empty(source, like(source), &job_.program.catalogues[source]);
    if (!url) return url.error();
    if (auto made = server_->make_tables(*url, like(source), job_.program.catalogues[source]); !made) return made.error();
    return url;
  }

  bool set_up() {
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(folder_, ignored)) std::filesystem::remove_all(file.path(), ignored);
    for (std::size_t i = 0; i < urls_.size(); ++i) {
      auto place = empty_place(i);
      if (!place) return failed(place.error());
      urls_[i] = std::move(*place);
      if (auto made = run::make_scratch(urls_[i], job_.program, static_cast<int>(i), like(i), test_.given); !made) return failed(made.error());
    }
    return true;
  }

  // The job on the scratch databases.
  void begin(Session& session) const {
    session.path = job_.path;
    session.text = job_.text;
    session.settings = job_.settings;
    for (std::size_t i = 0; i < urls_.size(); ++i) session.settings.sources[job_.program.sources[i].name] = urls_[i];
  }
  static run::Options options() {
    run::Options options;
    options.run_id = "test";
    options.who = options.host = "test";
    options.version = BFL_VERSION;
    return options;
  }

  Played play(Manner manner) {
    Played played;
    Session session;
    begin(session);
    auto state = store::open_state(folder_ + "/state.db");
    if (!state) return {exit_code::world, {}, state.error().message + "\n"};
    if (!make_plan(session, Access::write)) return {exit_code_of(session.diagnostics), {}, render(session.diagnostics, session.texts)};
    if (manner != Manner::plain)
      for (program::Step& step : session.program.steps) step.chunk_rows = 1;
    TestClock clock(test_.clock);
    Diagnostics found;
    const run::Listener listener = [&](const run::Event& event) {
      if (event.kind == run::EventKind::step_finished) played.changed[event.step] += event.rows_changed;
      if (event.kind == run::EventKind::chunk_committed && manner == Manner::killed) _exit(0);
    };
    played.exit_code = run::execute(session.program, session.plan, session.targets(), **state, clock, stop_, listener, options(), found).exit_code;
    played.said = render(found, session.texts);
    return played;
  }

  // Undone, the job leaves every row as it found it. What cannot be put back at all (a table without a key) is no fault of the job.
  void undone(const Rows& before) {
    Session session;
    begin(session);
    auto state = store::open_state(folder_ + "/state.db");
    if (!state || !check(session, Access::write)) return problems_.push_back("the undo cannot begin");
    auto tasks = run::undo_tasks(session.program, session.targets(), {});
    if (!tasks) return;
    session.program.steps.clear();
    session.plan = {};
    for (const run::UndoTask& task : *tasks) {
      session.plan.order.push_back(session.plan.steps.size());
      session.plan.steps.push_back({session.program.steps.size(), plan::WorkKind::sealed_write, {}});
      session.program.steps.push_back(task.step);
    }
    TestClock clock(test_.clock);
    Diagnostics found;
    const run::Outcome outcome = run::undo(session.program, session.plan, *tasks, session.targets(), **state, clock, stop_, [](const run::Event&) {}, options(), found);
    if (outcome.exit_code != exit_code::done) problems_.push_back(fmt::format("the undo ended with exit code {}\n{}", outcome.exit_code, render(found, session.texts)));
    for (const run::UndoTask& task : *tasks)
      for (const std::string& conflict : task.listed) problems_.push_back(fmt::format("the undo of `{}`: {}", task.undone.step, conflict));
    if (outcome.exit_code == exit_code::done) compare(before, everything(), "undone, the job leaves something else in");
  }

  // A process of its own, gone without a word behind its first chunk.
  void killed() {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
      sigset_t none;
      sigemptyset(&none);
      sigprocmask(SIG_SETMASK, &none, nullptr);  // nobody takes signals here: they end it
      (void)play(Manner::killed);
      _exit(0);
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) problems_.push_back("no process can be made");
  }

  bool ended_badly(const Played& played, std::string_view what) {
    if (played.exit_code == exit_code::done) return false;
    problems_.push_back(fmt::format("{} ended with exit code {}\n{}", what, played.exit_code, played.said));
    return true;
  }

  void compare_changed(const program::ExpectedChange& expected, const Played& played) {
    const std::string& step = job_.program.steps[expected.step].name;
    const auto found = played.changed.find(step);
    const std::int64_t rows = found == played.changed.end() ? 0 : found->second;
    constexpr std::string_view signs[] = {"", "", "fewer than ", "at most ", "more than ", "at least "};
    const bool holds = expected.op == program::CompareOp::equal           ? rows == expected.rows
                       : expected.op == program::CompareOp::less          ? rows < expected.rows
                       : expected.op == program::CompareOp::less_equal    ? rows <= expected.rows
                       : expected.op == program::CompareOp::greater       ? rows > expected.rows
                                                                          : rows >= expected.rows;
    if (!holds) problems_.push_back(fmt::format("`{}` changed {}, expected {}{}", step, report::counted(rows, "row"), signs[static_cast<std::size_t>(expected.op)], expected.rows));
  }

  // The rows of every table.
  Rows everything() {
    Rows rows;
    for (std::size_t i = 0; i < urls_.size(); ++i) {
      connect::OpenOptions options;
      options.read_only = true;
      options.settings = job_.program.sources[i].settings;
      auto connector = connect::open(urls_[i], options);
      const Catalogue& catalogue = job_.program.catalogues[i];
      for (std::size_t t = 0; t < catalogue.tables.size() && connector; ++t) {
        if (!run::in_scratch(catalogue, catalogue.tables[t])) continue;
        const program::TableRef ref{static_cast<int>(i), static_cast<int>(t)};
        auto read = run::rows_of(**connector, job_.program, ref);
        if (read) rows[ref] = std::move(*read);
        else failed(read.error());
      }
      if (!connector) failed(connector.error());
    }
    return rows;
  }

  // Rows may lie elsewhere than before.
  void compare(const Rows& before, const Rows& now, std::string_view what) {
    for (const auto& [ref, rows] : before) {
      const auto found = now.find(ref);
      const Table& table = job_.program.table(ref);
      const std::vector<std::string> changes = run::changes(table, rows, found == now.end() ? run::ReadRows{} : found->second);
      if (changes.empty()) continue;
      std::string told = fmt::format("{} `{}`", what, table.name);
      for (const std::string& change : changes) told += "\n  " + change;
      problems_.push_back(std::move(told));
    }
  }

  const Session& job_;
  const program::Test& test_;
  const std::string& folder_;
  connect::postgres::Scratch* server_;  // null: no source is on one
  run::StopSignal& stop_;
  std::vector<std::string> urls_;  // of the scratch databases, in step with the sources
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> problems_of(const Session& job, const program::Test& test, const std::string& folder, connect::postgres::Scratch* server, run::StopSignal& stop) {
  return Rehearsal(job, test, folder, server, stop).problems();
}

}  // namespace bfl::cli
