// `sql` steps: one statement of the script's own, in one transaction with the step's entry in the ledger.
//
// What it means is not known; what it does is seen. SQLite shows every row that changes, whoever changes it. On PostgreSQL the
// tables that the step writes are locked and copied first and compared with their copy behind the statement; that no other table
// was touched is asked of the transaction's own statistics. Rows of tables and columns that are not declared, or a `done when` that
// does not hold behind the statement, and the transaction is rolled back.
#include <fmt/format.h>

#include <map>
#include <string>

#include "interpreter/base/fault_points.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

using ledger::Key;

Key end_of_lane() { return {ledger::Stored::of(ledger::number(1))}; }

class RawWrite {
 public:
  explicit RawWrite(Writing& writing)
      : writing_(writing), evaluation_(writing.context.evaluation(writing.source)), sql_(lower::raw_step(writing.context.program, writing.step, writing.context.dialect(writing.source))) {}

  const std::string& statement() const { return sql_.change.text; }

  Result<bool> is_done() const {
    if (!writing_.step.done_when) return false;
    return holds(writing_.context.program, writing_.step, writing_.step.done_when, writing_.context.targets, evaluation_);
  }

  Result<std::int64_t> change() {
    for (const auto& table : sql_.tables)
      for (const std::string* text : {&table.lock, &table.copy})
        if (auto made = writing_.target.execute(*text); !made) return made.error();
    auto before = changes_elsewhere();
    if (!before) return before.error();
    auto prepared = writing_.target.prepare(sql_.change, evaluation_);
    if (!prepared) return prepared.error();
    if (auto ran = (*prepared)->run(); !ran) return ran.error();
    if (writing_.step.done_when) {
      auto done = is_done();
      if (!done) return done.error();
      unfinished = !*done;
      if (unfinished) return Error{ErrorClass::data, fmt::format("the statement has run, and `{}` does not hold", writing_.step.done_text), {}, "mend the statement, or say by what its work is seen"};
    }
    if (auto declared = nothing_elsewhere(*before); !declared) return declared.error();
    for (const auto& table : sql_.tables) {
      for (const lower::Statement* images : {&table.gone, &table.changed, &table.added}) {
        auto shown = writing_.target.prepare(*images, evaluation_);
        if (!shown) return shown.error();
        if (auto told = (*shown)->run_raw({}); !told) return told.error();
      }
      if (auto forgotten = writing_.target.execute(table.forget); !forgotten) return forgotten.error();
    }
    return std::int64_t{0};
  }

  bool unfinished = false;  // `done when` does not hold behind the statement

 private:
  // Rows that this session has changed in tables that the step does not write, as far as the server has not passed the figures on:
  // earlier transactions may be among them.
  using Elsewhere = std::map<std::string, std::int64_t>;
  Result<Elsewhere> changes_elsewhere() {
    Elsewhere rows;
    if (sql_.elsewhere.empty()) return rows;
    bool counted = false;
    auto counts = writing_.target.prepare("SELECT 1 WHERE current_setting('track_counts') = 'on'");
    if (!counts) return counts.error();
    if (auto read = (*counts)->query_raw({}, [&](connect::RawRow) { return counted = true; }); !read) return read.error();
    if (!counted) return Error{ErrorClass::refused, "the server does not count changes (`track_counts` is off), so that nothing tells which tables the statement has changed", {}, "set `track_counts = on`"};
    auto others = writing_.target.prepare(sql_.elsewhere);
    if (!others) return others.error();
    auto read = (*others)->query_raw({}, [&](connect::RawRow row) {
      rows[std::string(row[0].bytes)] = row[1].integer;
      return true;
    });
    if (!read) return read.error();
    return rows;
  }

  Result<void> nothing_elsewhere(const Elsewhere& before) {
    auto now = changes_elsewhere();
    if (!now) return now.error();
    std::string list;
    for (const auto& [table, rows] : *now) {
      const auto known = before.find(table);
      const std::int64_t more = rows - (known == before.end() ? 0 : known->second);
      if (more > 0) list += fmt::format("{}`{}` ({} row{})", list.empty() ? "" : ", ", table, more, more == 1 ? "" : "s");
    }
    if (list.empty()) return {};
    writing_.undeclared = true;
    return Error{ErrorClass::refused, fmt::format("the change would change more than the step says: {}", list), {}, "say it with `writes`; where a trigger does it, take it off for the run"};
  }

  Writing& writing_;
  const eval::Context evaluation_;
  const lower::RawStep sql_;
};

}  // namespace

StepEnd raw_write(Writing& writing, const char* route, const Decision& decision, const ledger::Generation* open) {
  Context& context = writing.context;
  const program::Step& step = writing.step;
  RawWrite raw(writing);
  std::optional<ledger::Lane> lane;
  if (open) {
    auto found = writing.writer.newest_lane(writing.id);
    if (!found) return writing.fail(found.error());
    lane = std::move(*found);
    if (lane->cursor) return finish(writing);  // committed, and only the closing is missing
  }
  auto done = raw.is_done();
  if (!done) return writing.fail(done.error());
  if (*done) return open ? finish(writing) : finish_empty(writing, route, decision.generation);
  if (!open) {
    auto opened = writing.writer.open({step.name, route, raw.statement(), &writing.step_plan.key, decision.generation, end_of_lane(), 0, {}, ledger::describe(writing.tables), to_text(writing.measured), {}, {}, 0, {}, writing.reads()});
    if (!opened) return writing.fail(opened.error());
    writing.id = *opened;
    auto found = writing.writer.newest_lane(writing.id);
    if (!found) return writing.fail(found.error());
    lane = std::move(*found);
  }
  if (auto end = context.pause(step, writing.source)) return *end;
  const NextChunk next = [&](const ledger::Lane&) -> Result<Chunk> {
    Chunk chunk{.hi = end_of_lane(), .query = &raw.statement(), .rows = 1, .told = false};
    chunk.change = [&raw](ledger::ChunkFacts&) { return raw.change(); };
    return chunk;
  };
  if (auto committed = commit_chunks(writing, *lane, next); !committed) return raw.unfinished ? writing.fail(Code::verify_failed, committed.error()) : writing.fail(committed.error());
  return finish(writing);
}

}  // namespace bfl::run
