#include "interpreter/run/stand_in.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/writer.h"
#include "interpreter/run/planned_changes.h"
#include "interpreter/run/table_like.h"

namespace bfl::run {
namespace {

using connect::Connector;
using connect::RawRow;

bool is_postgres(const Connector& source) { return source.engine() == "postgres"; }

}  // namespace

StandIns::StandIns(const program::Program& program, const std::set<program::TableRef>& tables, const std::vector<Connector*>& sources) : given_(program), places_(sources.size()) {
  for (std::size_t i = 0; i < sources.size(); ++i) places_[i].source = sources[i];
  for (const program::TableRef ref : tables) {
    Copy& copy = copies_.emplace_back(Copy{ref, program.table(ref)});
    copy.as = table_like(copy.as, *sources[static_cast<std::size_t>(ref.source)], copies_.size());
  }
  for (const Copy& copy : copies_) {
    Place& place = places_[static_cast<std::size_t>(copy.table.source)];
    if (place.begun || !place.why_not.empty()) continue;
    if (auto begun = begin(copy.table.source); !begun) give_up(copy.table.source, begun.error().message);
  }
}

StandIns::~StandIns() {
  for (Place& place : places_) {
    if (!place.begun) continue;
    place.source->rollback();
    if (!is_postgres(*place.source)) (void)place.source->execute("PRAGMA foreign_keys=ON");
  }
}

void StandIns::give_up(int source, std::string why) {
  places_[static_cast<std::size_t>(source)].why_not = std::move(why);
  if (seen_) seen_->catalogues[static_cast<std::size_t>(source)] = given_.catalogues[static_cast<std::size_t>(source)];
}

Error StandIns::told(Error error) const {
  for (const Copy& copy : copies_) {
    const Connector& source = *places_[static_cast<std::size_t>(copy.table.source)].source;
    const Table& table = given_.table(copy.table);
    const std::pair<std::string, std::string> names[] = {{name_of(copy.as, source), name_of(table, source)}, {copy.as.relation, table.relation.empty() ? table.name : table.relation}};
    for (const auto& [from, to] : names)
      for (std::string* text : {&error.message, &error.detail})
        for (auto at = text->find(from); at != std::string::npos; at = text->find(from, at + to.size())) text->replace(at, from.size(), to);
  }
  return error;
}

Result<void> StandIns::begin(int source) {
  Place& place = places_[static_cast<std::size_t>(source)];
  Connector& connector = *place.source;
  std::int64_t rows = 0;
  for (const Copy& copy : copies_)
    if (copy.table.source == source) rows += std::max<std::int64_t>(0, given_.table(copy.table).estimated_rows.value_or(0));
  if (rows > most_rows) return Error{ErrorClass::refused, fmt::format("about {} rows would have to be copied, and {} are the most", rows, most_rows)};
  const bool postgres = is_postgres(connector);
  if (!postgres)  // what a row of a copy refers to is no copy
    if (auto off = connector.execute("PRAGMA foreign_keys=OFF"); !off) return off;
  auto begun = postgres ? connector.begin_write(connect::WriteKind::rows) : connector.begin_read();
  if (!begun) return begun;
  place.begun = true;
  if (!postgres) return {};
  Result<void> made = connector.execute("SET LOCAL max_parallel_workers_per_gather = DEFAULT");
  for (Copy& copy : copies_)
    if (made && copy.table.source == source) made = make(copy, connector);
  if (made) made = connector.execute("SET TRANSACTION READ ONLY");
  if (made) return made;
  connector.rollback();
  place.begun = false;
  return made;
}

Result<void> StandIns::make(Copy& copy, Connector& source) {
  auto made = make_table_like(source, given_.table(copy.table), copy.as);
  copy.made = bool(made);
  return made;
}

Result<void> StandIns::fill(Copy& copy, Place& place) {
  Connector& source = *place.source;
  const Table& table = given_.table(copy.table);
  const bool postgres = is_postgres(source);
  std::string columns;
  if (!postgres && !table.without_rowid && table.rowid_alias < 0) columns = lower::rowid_name(table);  // rows without a key keep their places
  for (const Column& column : table.columns)
    if (!column.generated) columns += (columns.empty() ? "" : ", ") + lower::quote_identifier(column.name);
  auto insert = source.prepare(fmt::format("INSERT INTO {0} ({1}) SELECT {1} FROM {2} LIMIT {3}", name_of(copy.as, source), columns, name_of(table, source), place.room + 1));
  if (!insert) return insert.error();
  auto copied = (*insert)->run_raw({});
  if (!copied) return copied.error();
  place.room -= *copied;
  if (place.room < 0) return Error{ErrorClass::refused, fmt::format("more than {} rows would have to be copied", most_rows)};
  return finish_table_like(source, table, copy.as);
}

bool StandIns::copy(const program::Step& step) {
  Place& place = places_[static_cast<std::size_t>(step.target.source)];
  if (!place.begun || !place.why_not.empty()) return false;
  for (Copy& copy : copies_) {
    const bool writes = copy.table == step.target || std::find(step.cascades.begin(), step.cascades.end(), copy.table) != step.cascades.end();
    if (!writes || copy.filled) continue;
    Result<void> done = within(*place.source, [&]() -> Result<void> {
      if (!copy.made)
        if (auto made = make(copy, *place.source); !made) return made;
      return fill(copy, place);
    });
    if (!done) {
      give_up(step.target.source, fmt::format("`{}` cannot be copied: {}", given_.table(copy.table).name, done.error().message));
      return false;
    }
    copy.filled = true;
    if (!seen_) {
      seen_ = std::make_unique<program::Program>();
      seen_->job = given_.job;
      seen_->sources = given_.sources;
      seen_->catalogues = given_.catalogues;
      seen_->inputs = given_.inputs;
      seen_->queries = given_.queries;
    }
    seen_->catalogues[static_cast<std::size_t>(copy.table.source)].tables[static_cast<std::size_t>(copy.table.table)] = copy.as;
  }
  return true;
}

// What fails leaves the copies as they were.
Result<void> StandIns::within(Connector& source, const std::function<Result<void>()>& work) {
  if (auto saved = source.execute("SAVEPOINT bfl_copy"); !saved) return saved;
  Result<void> done = work();
  if (!done)
    if (auto back = source.execute("ROLLBACK TO SAVEPOINT bfl_copy"); !back) return back;
  auto released = source.execute("RELEASE SAVEPOINT bfl_copy");
  return done ? released : done;
}

Result<void> StandIns::apply(const program::Step& step, Spool& rows, const eval::Context& evaluation, const EachKept& kept) {
  Connector& source = *places_[static_cast<std::size_t>(step.target.source)].source;
  const auto stands = [&](program::TableRef ref) { return std::any_of(copies_.begin(), copies_.end(), [&](const Copy& copy) { return copy.table == ref && copy.filled; }); };
  return within(source, [&] { return PlannedChanges(program(), step, source, evaluation, stands, kept).apply(rows); });
}

bool StandIns::takes_at_once(const program::Step& step) const {
  const auto sql = lower::direct_update(given_, step, lower::dialect_of(given_.catalogues[static_cast<std::size_t>(step.target.source)]));
  return sql && (!is_postgres(*places_[static_cast<std::size_t>(step.target.source)].source) || !sql->change_first.images.empty());
}

Result<void> StandIns::apply_at_once(const program::Step& step, const eval::Context& evaluation) {
  Connector& source = *places_[static_cast<std::size_t>(step.target.source)].source;
  return within(source, [&] { return change_at_once(program(), step, source, evaluation); });
}

}  // namespace bfl::run
