#include "interpreter/cli/rehearsal.h"

#include <fmt/format.h>

#include <filesystem>
#include <map>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/played.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"
#include "interpreter/run/row_differences.h"
#include "interpreter/run/scratch.h"

namespace bfl::cli {
namespace {

class Rehearsal {
 public:
  Rehearsal(const Session& job, const program::Test& test, const std::string& folder, connect::postgres::Scratch* server, run::StopSignal& stop)
      : job_(job), test_(test), folder_(folder), server_(server), stage_{job, std::vector<std::string>(job.program.sources.size()), folder, test.clock, stop, "test"} {}

  // Everything that is not as the test says.
  std::vector<std::string> problems() {
    if (!set_up()) return std::move(problems_);
    const auto before = everything();
    const Played first = play(stage_);
    if (ended_badly(first, "the run")) return std::move(problems_);
    for (const program::ExpectedChange& expected : test_.changed) compare_changed(expected, first);
    const auto after = everything();
    for (const program::TableRows& expected : test_.expected)
      if (const auto found = after.find(expected.table); found != after.end())
        for (std::string& difference : run::differences(job_.program.table(expected.table), expected, found->second)) problems_.push_back(std::move(difference));
    const Played second = play(stage_);
    if (ended_badly(second, "the second run")) return std::move(problems_);
    compare(after, everything(), "the second run changed");
    undone(before);
    if (!set_up()) return std::move(problems_);
    const Manner row_by_row{.chunk_rows = [](const program::Step&) { return std::optional<std::int64_t>(1); }};
    if (!play_and_die(stage_, {row_by_row.chunk_rows, 1})) problems_.push_back("no process can be made");
    const Played resumed = play(stage_, row_by_row);
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
    for (std::size_t i = 0; i < stage_.urls.size(); ++i) {
      auto place = empty_place(i);
      if (!place) return failed(place.error());
      stage_.urls[i] = std::move(*place);
      if (auto made = run::make_scratch(stage_.urls[i], job_.program, static_cast<int>(i), like(i), test_.given); !made) return failed(made.error());
    }
    return true;
  }

  // Undone, the job leaves every row as it found it.
  void undone(const Rows& before) {
    const PutBack done = put_back(stage_);
    if (!done.possible) return;
    if (done.exit_code != exit_code::done) problems_.push_back(fmt::format("the undo ended with exit code {}\n{}", done.exit_code, done.said));
    problems_.insert(problems_.end(), done.conflicts.begin(), done.conflicts.end());
    if (done.exit_code == exit_code::done) compare(before, everything(), "undone, the job leaves something else in");
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
    for (std::size_t i = 0; i < stage_.urls.size(); ++i) {
      connect::OpenOptions options;
      options.read_only = true;
      options.settings = job_.program.sources[i].settings;
      auto connector = connect::open(stage_.urls[i], options);
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
  Stage stage_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> problems_of(const Session& job, const program::Test& test, const std::string& folder, connect::postgres::Scratch* server, run::StopSignal& stop) {
  return Rehearsal(job, test, folder, server, stop).problems();
}

}  // namespace bfl::cli
