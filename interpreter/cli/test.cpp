// `bfl test`: each `test` block of a job, played in scratch databases.
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/kept.h"
#include "interpreter/cli/session.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"
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

// A folder of temporary files, gone with it.
class Folder {
 public:
  Folder() {
    std::error_code ignored;
    path_ = (std::filesystem::temp_directory_path(ignored) / "bfl-test-XXXXXX").string();
    made_ = mkdtemp(path_.data()) != nullptr;
  }
  ~Folder() {
    std::error_code ignored;
    if (made_) std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  bool made() const { return made_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
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
  Rehearsal(const Session& job, const program::Test& test) : job_(job), test_(test) {}

  // Everything that is not as the test says.
  std::vector<std::string> problems() {
    if (!folder_.made()) return {"no temporary folder can be made"};
    if (!set_up()) return std::move(problems_);
    const auto before = everything();
    const Played first = play(Manner::plain);
    if (ended_badly(first, "the run")) return std::move(problems_);
    for (const program::ExpectedChange& expected : test_.changed) compare_changed(expected, first);
    const auto after = everything();
    for (const program::TableRows& expected : test_.expected)
      for (std::string& difference : run::differences(job_.program.table(expected.table), expected, after.at(expected.table))) problems_.push_back(std::move(difference));
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
  using Rows = std::map<program::TableRef, std::vector<std::vector<Value>>>;

  std::string path_of(std::size_t source) const {
    return fmt::format("{}/{}.{}", folder_.path(), source, job_.program.catalogues[source].engine == "csv" ? "csv" : "db");
  }

  bool set_up() {
    std::error_code ignored;
    for (const auto& file : std::filesystem::directory_iterator(folder_.path(), ignored)) std::filesystem::remove_all(file.path(), ignored);
    for (std::size_t i = 0; i < job_.program.sources.size(); ++i)
      if (auto made = run::make_scratch(path_of(i), job_.program, static_cast<int>(i), test_.given); !made) {
        problems_.push_back(made.error().message);
        return false;
      }
    return true;
  }

  // The job on the scratch databases.
  void begin(Session& session) const {
    session.path = job_.path;
    session.text = job_.text;
    session.settings = job_.settings;
    for (std::size_t i = 0; i < job_.program.sources.size(); ++i)
      session.settings.sources[job_.program.sources[i].name] = job_.program.catalogues[i].engine + ":" + path_of(i);
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
    auto state = store::open_state(folder_.path() + "/state.db");
    if (!state) return {exit_code::world, {}, state.error().message + "\n"};
    if (!make_plan(session, Access::write)) return {exit_code_of(session.diagnostics), {}, render(session.diagnostics, session.texts)};
    if (manner != Manner::plain)
      for (program::Step& step : session.program.steps) step.chunk_rows = 1;
    TestClock clock(test_.clock);
    run::StopSignal stop;
    Diagnostics found;
    const run::Listener listener = [&](const run::Event& event) {
      if (event.kind == run::EventKind::step_finished) played.changed[event.step] += event.rows_changed;
      if (event.kind == run::EventKind::chunk_committed && manner == Manner::killed) _exit(0);
    };
    played.exit_code = run::execute(session.program, session.plan, session.targets(), **state, clock, stop, listener, options(), found).exit_code;
    played.said = render(found, session.texts);
    return played;
  }

  // Undone, the job leaves every row as it found it. What cannot be put back at all (a table without a key) is no fault of the job.
  void undone(const Rows& before) {
    Session session;
    begin(session);
    auto state = store::open_state(folder_.path() + "/state.db");
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
    run::StopSignal stop;
    Diagnostics found;
    const run::Outcome outcome = run::undo(session.program, session.plan, *tasks, session.targets(), **state, clock, stop, [](const run::Event&) {}, options(), found);
    if (outcome.exit_code != exit_code::done) problems_.push_back(fmt::format("the undo ended with exit code {}\n{}", outcome.exit_code, render(found, session.texts)));
    for (const run::UndoTask& task : *tasks)
      for (const std::string& conflict : task.listed) problems_.push_back(fmt::format("the undo of `{}`: {}", task.undone.step, conflict));
    if (outcome.exit_code == exit_code::done) compare(sorted(before), sorted(everything()), "undone, the job leaves something else in");
  }

  // Rows that come back may lie elsewhere.
  static Rows sorted(Rows rows) {
    const auto text = [](const std::vector<Value>& row) {
      std::string all;
      for (const Value& value : row) all += to_canonical(value) + "\n";
      return all;
    };
    for (auto& [ref, list] : rows) std::sort(list.begin(), list.end(), [&](const auto& a, const auto& b) { return text(a) < text(b); });
    return rows;
  }

  // A process of its own, gone without a word behind its first chunk.
  void killed() {
    std::fflush(nullptr);
    const pid_t child = fork();
    if (child == 0) {
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
    for (std::size_t i = 0; i < job_.program.sources.size(); ++i) {
      connect::OpenOptions options;
      options.read_only = true;
      options.settings = job_.program.sources[i].settings;
      auto connector = connect::open(job_.program.catalogues[i].engine + ":" + path_of(i), options);
      const auto& tables = job_.program.catalogues[i].tables;
      for (std::size_t t = 0; t < tables.size() && connector; ++t) {
        if (tables[t].virtual_table || !tables[t].kept.empty()) continue;
        auto read = run::rows_of(**connector, tables[t]);
        if (read) rows[{static_cast<int>(i), static_cast<int>(t)}] = std::move(*read);
        else problems_.push_back(read.error().message);
      }
      if (!connector) problems_.push_back(connector.error().message);
    }
    return rows;
  }

  void compare(const Rows& before, const Rows& now, std::string_view what) {
    for (const auto& [ref, rows] : before) {
      const auto found = now.find(ref);
      bool same = found != now.end() && found->second.size() == rows.size();
      for (std::size_t r = 0; same && r < rows.size(); ++r)
        for (std::size_t c = 0; same && c < rows[r].size(); ++c) same = equal(rows[r][c], found->second[r][c]);
      if (!same) problems_.push_back(fmt::format("{} `{}`", what, job_.program.table(ref).name));
    }
  }

  const Session& job_;
  const program::Test& test_;
  Folder folder_;
  std::vector<std::string> problems_;
};

}  // namespace

int test_job(const Arguments& arguments) {
  Session session;
  const bool json = arguments.has("json");
  nlohmann::ordered_json document{{"job", ""}, {"tests", nlohmann::ordered_json::array()}};
  if (!load(session, arguments) || !(arguments.has("offline") ? plan_offline(session) : make_plan(session, Access::read))) {
    session.diagnostics.sort_by_position();
    show(session.diagnostics, session.texts);
    return exit_code_of(session.diagnostics);
  }
  document["job"] = session.program.job;
  std::int64_t failed = 0;
  for (const program::Test& test : session.program.tests) {
    const std::vector<std::string> problems = Rehearsal(session, test).problems();
    failed += !problems.empty();
    document["tests"].push_back({{"title", test.title}, {"passed", problems.empty()}, {"problems", problems}});
    if (json) continue;
    std::FILE* to = problems.empty() ? stdout : stderr;
    std::fflush(nullptr);
    report::say(to, "  {}  {}\n", problems.empty() ? "ok  " : "FAIL", test.title);
    for (const std::string& problem : problems) report::say(to, "        {}\n", problem);
  }
  const auto all = static_cast<std::int64_t>(session.program.tests.size());
  document["ok"] = failed == 0;
  if (json) report::say(stdout, "{}\n", document.dump(2, ' ', false, nlohmann::json::error_handler_t::replace));
  else if (all == 0) report::say(stdout, "{} has no `test`\n", session.program.job);
  else report::say(stdout, "{}: {}, {} failed\n", session.program.job, report::counted(all, "test"), failed);
  return failed == 0 ? exit_code::done : exit_code::failed;
}

}  // namespace bfl::cli
