#include "interpreter/run/trial.h"

#include <fmt/format.h>

#include <utility>

#include "interpreter/run/planned_changes.h"
#include "interpreter/run/table_like.h"

namespace bfl::run {
namespace {

using connect::Connector;

// The program with a copy of the step's table in its place.
program::Program over(const program::Program& given, program::TableRef ref, const Table& as) {
  program::Program made = tables_of(given);
  made.catalogues[static_cast<std::size_t>(ref.source)].tables[static_cast<std::size_t>(ref.table)] = as;
  return made;
}

// The sealed route looks at each row again before it is changed, and keeps its image.
Result<void> look_and_keep(const program::Program& program, const program::Step& step, Connector& source, const eval::Context& evaluation, Spool& rows) {
  const lower::Hands hands = lower::hands(program, step, lower::dialect_of(source.engine()));
  std::unique_ptr<connect::Prepared> read;
  if (!hands.own.read.text.empty()) {
    auto prepared = source.prepare(hands.own.read, evaluation);
    if (!prepared) return prepared.error();
    read = std::move(*prepared);
  }
  const std::size_t keys = program::adds_rows(step.kind) ? step.key.size() : step.walk.size();
  Spool kept;
  PlannedRows images(kept);
  std::vector<ledger::Record> batch;
  Result<void> sound;
  const auto look = [&] {
    std::vector<connect::Prepared::Parameters> sets;
    for (const ledger::Record& record : batch) {
      connect::Prepared::Parameters& set = sets.emplace_back();
      for (std::size_t i = 0; i < keys; ++i) set.push_back(record.before[i].view());
      const std::vector<connect::RawValue> before = ledger::views(record.before);
      if (sound) sound = images.add(before);
    }
    if (sound && read && keys > 0) sound = read->query_each(sets, [](std::size_t, connect::RawRow) {});
    batch.clear();
    return bool(sound);
  };
  auto all = each_planned([&](bool from_start) { return rows.next(from_start); }, [&](const ledger::Record& record) {
    batch.push_back(record);
    return batch.size() < source.rows_together() || look();
  });
  if (!all) return all;
  if (sound && !batch.empty()) look();
  return sound ? images.end() : sound;
}

Result<double> timed(const Intention& intention, bool direct, Connector& source, Spool& rows) {
  const Table& table = intention.table();
  const Table as = table_like(table, source, 0);
  const program::Program program = over(intention.program, intention.step.target, as);
  Result<void> done = make_table_like(source, table, as, program::adds_rows(intention.step.kind));
  // Functions of its defaults, checks and computed columns may write nothing else.
  if (done && is_postgres(source)) done = source.execute("SET TRANSACTION READ ONLY");
  if (done) done = fill_with_rows(program, intention.step, source, rows);
  if (done) done = finish_table_like(source, table, as);
  if (!done) return done.error();
  auto clock = system_clock();
  const double began = clock->seconds();
  if (!direct) done = look_and_keep(program, intention.step, source, intention.evaluation, rows);
  if (!done) return done.error();
  const auto nobody = [](std::size_t, connect::RawRow) { return Result<void>{}; };
  // What else a statement reads may be a copy of another connection.
  done = direct && intention.step.row_local ? change_at_once(program, intention.step, source, intention.evaluation)
                                            : PlannedChanges(program, intention.step, source, intention.evaluation, [&](program::TableRef ref) { return ref == intention.step.target; }, nobody).apply(rows);
  if (!done) return done.error();
  return clock->seconds() - began;
}

}  // namespace

Result<double> collect_some(const Intention& intention, const Workbench& bench, Spool& rows) {
  auto clock = system_clock();
  const double began = clock->seconds();
  const program::Step step = with_values(intention.step);
  auto intents = lower::intents(bench.program(), step, bench.dialect(), true);
  if (!intents) return intents.error();
  intents->cascades.clear();
  // Of the rows that would change, and not of those that the relation takes: the relation may have a limit of its own.
  intents->own.select.text = fmt::format("SELECT * FROM ({}) AS first_ones LIMIT {}", intents->own.select.text, Trial::most_rows);
  const lower::Dialect dialect = lower::dialect_of(intention.program.catalogues[static_cast<std::size_t>(intention.step.target.source)]);
  auto collected = collect(intention, *intents, lower::hands(intention.program, intention.step, dialect), false, bench.engine(), rows, nullptr);
  if (!collected) return collected.error();
  return clock->seconds() - began;
}

std::optional<Trial> try_some(const Intention& intention, bool direct, Spool& rows) {
  if (rows.rows() == 0 || (program::writes_anchor(intention.step.kind) && intention.step.walk.empty())) return std::nullopt;
  const bool postgres = intention.target.engine() == "postgres";
  std::unique_ptr<Connector> other;
  if (postgres) {
    auto another = intention.target.another();
    if (!another || !*another) return std::nullopt;
    other = std::move(*another);
  }
  Connector& source = postgres ? *other : intention.target;
  const bool own = !source.in_transaction();
  const WithoutReferences without(source);
  const Result<void> begun = !own ? Result<void>{} : postgres ? source.begin_write(connect::WriteKind::rows) : source.begin_read();
  std::optional<Trial> tried;
  if (begun && source.execute("SAVEPOINT bfl_trial")) {
    if (const auto seconds = timed(intention, direct, source, rows)) tried = Trial{rows.rows(), *seconds};
    (void)source.execute("ROLLBACK TO SAVEPOINT bfl_trial; RELEASE SAVEPOINT bfl_trial");
  }
  if (own) source.rollback();
  return tried;
}

}  // namespace bfl::run
