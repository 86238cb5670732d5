// `bfl rehearse`: the job on a copy of its data: run, run again, undone; and once more from the start, killed and run on.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/played.h"
#include "interpreter/cli/scratch_places.h"
#include "interpreter/cli/signals.h"
#include "interpreter/connect/sqlite_copy.h"
#include "interpreter/report/words.h"
#include "interpreter/run/scratch.h"
#include "interpreter/run/table_copy.h"

namespace bfl::cli {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;
using report::counted;
using report::grouped;

std::string path_of(const std::string& url) { return url.substr(url.find(':') + 1); }

double seconds_since(std::chrono::steady_clock::time_point then) { return std::chrono::duration<double>(std::chrono::steady_clock::now() - then).count(); }

// What a source became.
struct Copy {
  std::string source, what;  // "the whole database, 1.2 MiB"
  double seconds = 0;
};

// The tables that the steps of a job read or write.
std::set<program::TableRef> used_tables(const program::Program& program) {
  std::set<program::TableRef> used;
  for (const program::Step& step : program.steps) {
    for (const auto* uses : {&step.reads, &step.writes})
      for (const program::ColumnUse& use : *uses) used.insert(use.table);
    if (program::changes_rows(step.kind)) used.insert(step.target);
    used.insert(step.cascades.begin(), step.cascades.end());
  }
  for (const program::Query& query : program.queries)
    for (const program::ColumnUse& use : query.reads) used.insert(use.table);
  std::erase_if(used, [&](program::TableRef ref) { return !program.table(ref).kept.empty() || program.query(ref); });
  return used;
}

std::set<program::TableRef> changed_tables(const program::Program& program) {
  std::set<program::TableRef> changed;
  for (const program::Step& step : program.steps)
    if (program::changes_rows(step.kind)) {
      changed.insert(step.target);
      changed.insert(step.cascades.begin(), step.cascades.end());
    }
  return changed;
}

// Its rows go with those that they refer to, which a part of the rows has as well.
bool goes_with(const program::Program& program, std::size_t source, const Table& child) {
  return std::any_of(program.steps.begin(), program.steps.end(), [&](const program::Step& step) {
    return std::any_of(step.cascades.begin(), step.cascades.end(), [&](program::TableRef ref) { return ref.source == static_cast<int>(source) && program.table(ref).name == child.name; });
  });
}

class Rehearsing {
 public:
  Rehearsing(Session& job, const Arguments& arguments, const std::string& folder, run::StopSignal& stop)
      : job_(job), arguments_(arguments), folder_(folder), stop_(stop), most_(arguments.has("rows") ? std::atoll(arguments.value("rows").c_str()) : -1),
        stage_{job, std::vector<std::string>(job.program.sources.size()), folder, run::system_clock()->now(), stop, "rehearsal"} {}

  // False with diagnostics: there is no rehearsal.
  bool rehearse() {
    if (!copy(true)) return false;
    const Figures before = figures();
    first_ = play(stage_);
    if (stopped() || (first_.exit_code != exit_code::done && first_.exit_code != exit_code::conflicts)) {
      problem(fmt::format("the run ended with exit code {}\n{}", first_.exit_code, first_.said));
      return !job_.diagnostics.has_errors();
    }
    const Figures after = figures();
    second_ = play(stage_);
    if (second_.exit_code != first_.exit_code) problem(fmt::format("the second run ended with exit code {}\n{}", second_.exit_code, second_.said));
    compare(after, figures(), "the second run changed");
    if (stopped()) return true;
    undone_ = put_back(stage_);
    if (undone_.possible) {
      if (undone_.exit_code != exit_code::done) problem(fmt::format("the undo ended with exit code {}\n{}", undone_.exit_code, undone_.said));
      for (const std::string& conflict : undone_.conflicts) problem(conflict);
      compare(before, figures(), "undone, the job leaves something else in");
    }
    if (stopped()) return true;
    killed(after);
    return !job_.diagnostics.has_errors();
  }

  bool good() const { return problems_.empty(); }
  int exit_code() const { return stop_.level.load() > 0 ? (stop_.signal == SIGTERM ? 143 : 130) : !good() ? exit_code::failed : first_.exit_code; }

  std::string text() const {
    std::string out = fmt::format("rehearsal of {}\n", job_.program.job);
    std::string_view label = "copy";
    const auto row = [&](std::string_view of, const std::string& what) { out += fmt::format("    {:<10}{}\n", of, what); };
    for (const Copy& copy : copies_) row(std::exchange(label, ""), fmt::format("{}: {}, in {}", copy.source, copy.what, report::duration(copy.seconds)));
    std::int64_t changed = 0;
    label = "run";
    for (const program::Step& step : job_.program.steps) {
      const auto found = first_.changed.find(step.name);
      if (found == first_.changed.end() || program::only_asserts(step.kind)) continue;
      const auto chunks = first_.chunks.find(step.name);
      row(std::exchange(label, ""), fmt::format("{} {}: {} {}{}", report::verb(step.kind), step.name, counted(found->second, "row"), report::done_word(step.kind),
                                                chunks == first_.chunks.end() ? "" : ", in " + counted(chunks->second, "chunk")));
      if (program::changes_rows(step.kind)) changed += found->second;
    }
    row(std::exchange(label, ""), fmt::format("{} changed in {}{}{}", counted(changed, "row"), report::duration(first_.seconds),
                                              first_.conflicts > 0 ? fmt::format(", {} in conflict", grouped(first_.conflicts)) : "",
                                              first_.quarantined > 0 ? fmt::format(", {} in quarantine", grouped(first_.quarantined)) : ""));
    if (good()) {
      row("again", "the second run changed nothing");
      row("undo", undone_.possible ? "every row is as it was" : "what the job does cannot be put back");
      row("kill", killed_after_ > 0 ? fmt::format("{}; the next run came to the same end", in_transaction_ ? "in the one transaction" : fmt::format("behind chunk {} of {}", killed_after_, chunks_)) : "there was nothing to cut short");
    }
    for (const std::string& problem : problems_) out += fmt::format("  FAIL  {}\n", report::hanging(problem));
    return out + fmt::format("\n{}: {}\n", job_.program.job, good() ? "rehearsed; nothing of it was done to its databases" : "does not pass its rehearsal; nothing was done to its databases");
  }

  Json document() const {
    Json all{{"job", job_.program.job}, {"ok", good()}, {"copies", Json::array()}, {"run", Json::object()}, {"problems", problems_}};
    for (const Copy& copy : copies_) all["copies"].push_back({{"source", copy.source}, {"what", copy.what}, {"seconds", copy.seconds}});
    all["run"] = {{"exit_code", first_.exit_code}, {"seconds", first_.seconds}, {"conflicts", first_.conflicts}, {"quarantined", first_.quarantined}, {"steps", Json::array()}};
    for (const program::Step& step : job_.program.steps)
      if (const auto found = first_.changed.find(step.name); found != first_.changed.end()) {
        const auto chunks = first_.chunks.find(step.name);
        all["run"]["steps"].push_back({{"step", step.name}, {"changed", found->second}, {"chunks", chunks == first_.chunks.end() ? 0 : chunks->second}});
      }
    all["second_run"] = {{"exit_code", second_.exit_code}};
    all["undo"] = {{"possible", undone_.possible}, {"exit_code", undone_.exit_code}};
    all["kill"] = in_transaction_ ? Json{{"in_transaction", true}} : Json{{"after_chunk", killed_after_}, {"of", chunks_}};
    return all;
  }

 private:
  using Figures = std::map<program::TableRef, run::TableFigures>;

  bool stopped() const { return stop_.level.load() > 0; }
  void problem(std::string text) {
    while (text.ends_with('\n')) text.pop_back();
    problems_.push_back(std::move(text));
  }
  bool failed(std::size_t source, const Error& error) {
    add(job_.diagnostics, Code::database_error, job_.program.sources[source].span, error);
    return false;
  }

  // Fresh copies of every source in place of what was there; `told`: for the first time.
  bool copy(bool told) {
    std::error_code ignored;
    for (const auto& file : fs::directory_iterator(folder_, ignored))
      if (file.path().filename().string().starts_with("state.db")) fs::remove(file.path(), ignored);
    for (std::size_t i = 0; i < stage_.urls.size(); ++i) {
      if (stopped()) return false;
      const auto begun = std::chrono::steady_clock::now();
      const std::string& engine = job_.program.catalogues[i].engine;
      auto what = engine == "sqlite" ? copy_file(i) : engine == "postgres" ? copy_tables(i) : itself(i);
      if (!what) return failed(i, what.error());
      if (told) copies_.push_back({job_.program.sources[i].name, std::move(*what), seconds_since(begun)});
    }
    return !job_.diagnostics.has_errors();
  }

  // Files are only read.
  Result<std::string> itself(std::size_t source) {
    stage_.urls[source] = job_.program.sources[source].url;
    return std::string("the file itself, which is only read");
  }

  Result<std::string> copy_file(std::size_t source) {
    const std::string from = path_of(job_.program.sources[source].url), to = fmt::format("{}/{}.db", folder_, source);
    std::error_code ignored;
    const auto size = fs::file_size(from, ignored), room = fs::space(folder_, ignored).available;
    if (size > room)
      return Error{ErrorClass::fatal, fmt::format("the copy of `{}` needs {} bytes, and {} has {}", from, size, folder_, room), {}, "say where there is room: the environment variable TMPDIR"};
    for (const char* part : {"", "-wal", "-shm", "-journal"}) fs::remove(to + part, ignored);
    if (auto copied = connect::sqlite::copy_database(from, to); !copied) return copied.error();
    stage_.urls[source] = "sqlite:" + to;
    return fmt::format("the whole database, {} KiB", grouped(static_cast<std::int64_t>(fs::file_size(to, ignored) / 1024)));
  }

  Result<std::string> copy_tables(std::size_t source) {
    const program::Program& program = job_.program;
    if (!server_) server_ = scratch_server(job_, arguments_, program.sources[source].span, "a rehearsal");
    if (!server_) return std::string();
    connect::Connector& from = *job_.connectors[source];
    auto url = server_->empty(source, &from, &program.catalogues[source]);
    if (!url) return url.error();
    if (auto made = server_->make_tables(*url, &from, program.catalogues[source]); !made) return made.error();
    auto to = connect::open(*url, {});
    if (!to) return to.error();
    auto there = (*to)->catalogue();
    if (!there) return there.error();
    const std::set<program::TableRef> changed = changed_tables(program);
    std::int64_t rows = 0, cut = 0;
    std::map<std::string, bool> whole;  // of the tables that are copied: all of their rows
    if (auto begun = from.begin_read(); !begun) return begun.error();
    auto filled = (*to)->begin_write();
    for (const program::TableRef ref : used_tables(program)) {
      if (ref.source != static_cast<int>(source) || !filled) continue;
      const bool part = most_ >= 0 && changed.contains(ref) && program.table(ref).identity();
      auto added = run::copy_rows(from, program, ref, **to, *there, part ? most_ : -1);
      if (!added) {
        filled = added.error();
        break;
      }
      rows += *added;
      cut += part && *added == most_;
      whole[program.table(ref).name] = !part || *added < most_;
    }
    connect::postgres::Copied copied;
    copied.table = [&](const Table& table) { return whole.contains(table.name); };
    copied.reference = [&](const Table& child, const Table& parent) { return copied.table(parent) && (whole[parent.name] || goes_with(program, source, child)); };
    const auto left_out = filled ? connect::postgres::constrain(from, program.catalogues[source], **to, copied) : Result<std::vector<std::string>>(filled.error());
    if (!left_out) filled = left_out.error();
    from.rollback();
    if (filled) filled = connect::postgres::number_on(**to);
    if (filled) filled = (*to)->commit();
    if (!filled) return filled.error();
    stage_.urls[source] = *url;
    return fmt::format("{} in {}, without triggers{}{}", counted(rows, "row"), counted(static_cast<std::int64_t>(whole.size()), "table"),
                       left_out->empty() ? "" : fmt::format(" and {}, which cannot be had there", fmt::join(*left_out, ", ")),
                       cut > 0 ? fmt::format("; of {} the first {} by key", counted(cut, "table"), counted(most_, "row")) : "");
  }

  Figures figures() {
    Figures all;
    for (std::size_t i = 0; i < stage_.urls.size(); ++i) {
      const Catalogue& catalogue = job_.program.catalogues[i];
      if (catalogue.read_only) continue;
      connect::OpenOptions options;
      options.read_only = true;
      options.settings = job_.program.sources[i].settings;
      auto connector = connect::open(stage_.urls[i], options);
      for (std::size_t t = 0; t < catalogue.tables.size() && connector; ++t) {
        if (!run::in_scratch(catalogue, catalogue.tables[t]) || catalogue.tables[t].view) continue;
        const program::TableRef ref{static_cast<int>(i), static_cast<int>(t)};
        auto figure = run::figures_of(**connector, job_.program, ref);
        if (figure) all[ref] = *figure;
        else problem(figure.error().message);
      }
      if (!connector) problem(connector.error().message);
    }
    return all;
  }

  void compare(const Figures& wanted, const Figures& found, std::string_view what) {
    for (const auto& [ref, figure] : wanted) {
      const auto now = found.find(ref);
      if (now != found.end() && now->second == figure) continue;
      const std::int64_t rows = now == found.end() ? 0 : now->second.rows;
      problem(fmt::format("{} `{}`{}", what, job_.program.shown(ref), rows == figure.rows ? "" : fmt::format(": {} rows, and {} before", grouped(rows), grouped(figure.rows))));
    }
  }

  // In chunks that are small enough to be cut short in the midst of one.
  void killed(const Figures& after) {
    if (first_.all_chunks == 0) return;
    const Manner small{.chunk_rows = [&](const program::Step& step) -> std::optional<std::int64_t> {
      const auto chunks = first_.chunks.find(step.name);
      if (step.chunk_rows || step.atomic || chunks == first_.chunks.end() || chunks->second > 3) return std::nullopt;
      return std::max<std::int64_t>(1, first_.walked.at(step.name) / 4);
    }};
    if (!copy(false)) return;
    Manner dies = small;
    dies.dies_after = killed_after_ = std::max<std::int64_t>(1, first_.all_chunks / 2);
    const auto died = play_and_die(stage_, dies);
    if (!died) return problem("no process can be made");
    in_transaction_ = job_.program.atomic && *died;
    const Played resumed = play(stage_, small);
    chunks_ = killed_after_ + resumed.all_chunks;
    if (resumed.exit_code != first_.exit_code) problem(fmt::format("the run that went on behind a kill ended with exit code {}\n{}", resumed.exit_code, resumed.said));
    compare(after, figures(), "behind a kill and a second start there is something else in");
  }

  Session& job_;
  const Arguments& arguments_;
  const std::string& folder_;
  run::StopSignal& stop_;
  const std::int64_t most_;  // rows of each changed table on a server; negative: all
  Stage stage_;
  std::unique_ptr<connect::postgres::Scratch> server_{};
  std::vector<Copy> copies_{};
  Played first_{}, second_{};
  PutBack undone_{};
  std::int64_t killed_after_ = 0, chunks_ = 0;
  bool in_transaction_ = false;  // it was killed there
  std::vector<std::string> problems_{};
};

}  // namespace

int rehearse_job(const Arguments& arguments) {
  Session session;
  if (!load(session, arguments) || !make_plan(session, Access::read)) return refused(session);
  if (arguments.has("rows") && std::none_of(session.program.catalogues.begin(), session.program.catalogues.end(), [](const Catalogue& each) { return each.engine == "postgres"; }))
    return failed({ErrorClass::data, "`--rows` is of PostgreSQL, and the job has no such source", {}, "leave it out: a SQLite database is copied as a whole, which takes less time than to choose rows"});
  run::StopSignal stop;
  SignalWatch watch(stop, [] {});  // before there is anything to be taken away
  const Folder folder("rehearsal");
  if (!folder.made()) return no_folder(session), refused(session);
  Rehearsing rehearsal(session, arguments, folder.path(), stop);
  const bool done = rehearsal.rehearse();
  if (stop.level.load() > 0) return rehearsal.exit_code();
  if (!done) return refused(session);
  report::put(stdout, arguments.has("json") ? rehearsal.document().dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : rehearsal.text());
  return rehearsal.exit_code();
}

}  // namespace bfl::cli
