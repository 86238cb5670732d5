#include "interpreter/run/stand_in.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "interpreter/lower/writer.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/table_like.h"

namespace bfl::run {
namespace {

using connect::Connector;
using connect::RawRow;

}  // namespace

StandIns::StandIns(const program::Program& program, const std::set<program::TableRef>& tables, const std::set<program::TableRef>& tried, const std::vector<Connector*>& sources, Bounds bounds) : given_(program), bounds_(bounds), places_(sources.size()) {
  for (std::size_t i = 0; i < sources.size(); ++i) places_[i].source = sources[i], places_[i].room = bounds.rows;
  std::set<program::TableRef> all = tables;
  all.insert(tried.begin(), tried.end());
  for (const program::TableRef ref : all) {
    Copy& copy = copies_.emplace_back(Copy{.table = ref, .as = program.table(ref), .looked_at = tables.contains(ref)});
    copy.as = table_like(copy.as, *sources[static_cast<std::size_t>(ref.source)], copies_.size());
  }
}

StandIns::~StandIns() {
  for (std::size_t i = 0; i < places_.size(); ++i) end(static_cast<int>(i));
}

void StandIns::end(int source) {
  Place& place = places_[static_cast<std::size_t>(source)];
  restore(source);
  if (!place.begun) return;
  place.begun = false;
  const bool postgres = is_postgres(*place.source);
  for (Copy& copy : copies_) {
    if (copy.table.source != source) continue;
    if (!postgres && copy.filled) {
      // SQLite would keep each page in memory until it is gone, in case it had to come back.
      (void)place.source->execute("PRAGMA temp.journal_mode=OFF");
      const auto dropped = place.source->execute(fmt::format("DROP TABLE IF EXISTS {}", name_of(copy.as, *place.source)));
      const auto kept = place.source->execute("PRAGMA temp.journal_mode=DELETE");
      if (!dropped || !kept) {
        place.why_not = fmt::format("a copy cannot be taken away: {}", (dropped ? kept : dropped).error().message);
        if (!dropped) continue;
      }
    }
    copy.made = copy.filled = false;
  }
  if (postgres) place.source->rollback();
}

void StandIns::restore(int source) {
  if (seen_) seen_->catalogues[static_cast<std::size_t>(source)] = given_.catalogues[static_cast<std::size_t>(source)];
}

void StandIns::give_up(int source, std::string why) {
  places_[static_cast<std::size_t>(source)].why_not = std::move(why);
  restore(source);
}

std::optional<int> StandIns::lost() {
  for (std::size_t i = 0; i < places_.size(); ++i) {
    Place& place = places_[i];
    if (!place.begun || !is_postgres(*place.source) || place.source->in_transaction()) continue;
    place.begun = false;
    for (Copy& copy : copies_)
      if (copy.table.source == static_cast<int>(i)) copy.made = copy.filled = false;
    give_up(static_cast<int>(i), "the server has ended the transaction in which it was tried");
    return static_cast<int>(i);
  }
  return std::nullopt;
}

bool StandIns::may_copy(int source) {
  Place& place = places_[static_cast<std::size_t>(source)];
  if (!std::exchange(place.asked, true) && place.why_not.empty())
    if (auto fit = fits(source); !fit) give_up(source, told(fit.error()).message);
  return place.why_not.empty();
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

// What is known before anything is copied.
Result<void> StandIns::fits(int source) {
  Connector& connector = *places_[static_cast<std::size_t>(source)].source;
  std::int64_t rows = 0, bytes = 0;
  for (const Copy& copy : copies_) {
    if (copy.table.source != source || !copy.looked_at) continue;
    rows += std::max<std::int64_t>(0, given_.table(copy.table).estimated_rows.value_or(0));
    if (!is_postgres(connector)) continue;
    auto size = bytes_of(connector, given_.table(copy.table));
    if (!size) return size.error();
    bytes += *size;
  }
  if (rows > bounds_.rows) return Error{ErrorClass::refused, fmt::format("about {} rows would have to be copied, and {} are the most", rows, bounds_.rows)};
  if (bytes > bounds_.bytes) return Error{ErrorClass::refused, fmt::format("about {} MiB would have to be copied, and {} are the most", bytes >> 20, bounds_.bytes >> 20)};
  return nobody_watches(connector);
}

Result<void> StandIns::begin(const program::Step& step) {
  const int source = step.target.source;
  Place& place = places_[static_cast<std::size_t>(source)];
  Connector& connector = *place.source;
  if (!is_postgres(connector)) {
    place.begun = true;
    return {};
  }
  auto begun = connector.begin_write(connect::WriteKind::rows);
  if (!begun) return begun;
  Result<void> made = connector.execute("SET LOCAL max_parallel_workers_per_gather = DEFAULT");
  if (made) made = make_all(source, step);
  if (made) made = connector.execute("SET TRANSACTION READ ONLY");
  place.begun = bool(made);
  if (!made) connector.rollback();
  return made;
}

// Where others will look at copies, all that the job may need: nothing can be made later. What only steps are tried on may fail.
Result<void> StandIns::make_all(int source, const program::Step& step) {
  const auto of_source = [&](const Copy& copy) { return copy.table.source == source; };
  const Place& place = places_[static_cast<std::size_t>(source)];
  const bool lasts = place.why_not.empty() && std::any_of(copies_.begin(), copies_.end(), [&](const Copy& copy) { return of_source(copy) && copy.looked_at; });
  Connector& connector = *place.source;
  for (Copy& copy : copies_) {
    if (!of_source(copy) || (!lasts && copy.table != step.target)) continue;
    if (copy.looked_at) {
      if (auto made = make(copy, connector); !made) return made;
      continue;
    }
    copy.why_not.clear();
    if (auto made = within(connector, [&] { return make(copy, connector); }); !made) copy.why_not = told(made.error()).message;
    if (!connector.in_transaction()) return Error{ErrorClass::refused, "the server has ended the transaction in which it was tried"};
  }
  return {};
}

bool StandIns::rows_added(program::TableRef table) const {
  return std::any_of(given_.steps.begin(), given_.steps.end(), [&](const program::Step& step) { return step.target == table && program::adds_rows(step.kind); });
}

Result<void> StandIns::make(Copy& copy, Connector& source) {
  auto made = make_table_like(source, given_.table(copy.table), copy.as, rows_added(copy.table));
  copy.made = bool(made);
  return made ? made : Error{made.error().kind, fmt::format("`{}` cannot be copied: {}", given_.table(copy.table).name, made.error().message), made.error().detail};
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
  std::int64_t copied = 0;
  auto filled = bounded(source, [&] {
    return while_filling(source, [&]() -> Result<void> {
      auto rows = (*insert)->run_raw({});
      copied = rows ? *rows : 0;
      return rows ? Result<void>{} : Result<void>{rows.error()};
    });
  });
  if (!filled) return filled;
  place.room -= copied;
  if (place.room < 0) return Error{ErrorClass::refused, fmt::format("more than {} rows would have to be copied", bounds_.rows)};
  return finish_table_like(source, table, copy.as);
}

Result<void> StandIns::bounded(Connector& source, const std::function<Result<void>()>& fill) const {
  if (is_postgres(source)) return fill();
  if (auto limited = source.execute(fmt::format("PRAGMA temp.max_page_count = {}", bounds_.bytes / 4096)); !limited) return limited;
  auto filled = fill();
  if (auto free = source.execute("PRAGMA temp.max_page_count = 4294967294"); !free) return free;
  if (!filled && filled.error().message.find("full") != std::string::npos) return Error{ErrorClass::refused, fmt::format("more than {} MiB would have to be copied, or the disk is full", bounds_.bytes >> 20)};
  return filled;
}

bool StandIns::copy(const program::Step& step) {
  Place& place = places_[static_cast<std::size_t>(step.target.source)];
  if (!may_copy(step.target.source)) return false;
  if (auto begun = place.begun ? Result<void>{} : begin(step); !begun) {
    give_up(step.target.source, told(begun.error()).message);
    return false;
  }
  for (Copy& copy : copies_) {
    const bool writes = copy.table == step.target || std::find(step.cascades.begin(), step.cascades.end(), copy.table) != step.cascades.end();
    if (!writes || copy.filled) continue;
    Result<void> done = within(*place.source, [&]() -> Result<void> {
      if (!copy.made)
        if (auto made = make(copy, *place.source); !made) return made;
      return fill(copy, place);
    });
    if (!done) {
      copy.made = copy.made && is_postgres(*place.source);
      const std::string why = told(discreet(given_, step, done.error())).message, head = fmt::format("`{}` cannot be copied", given_.table(copy.table).name);
      give_up(step.target.source, why.starts_with(head) ? why : head + ": " + why);
      return false;
    }
    copy.filled = true;
    if (!seen_) seen_ = std::make_unique<program::Program>(tables_of(given_));
    seen_->catalogues[static_cast<std::size_t>(copy.table.source)].tables[static_cast<std::size_t>(copy.table.table)] = copy.as;
  }
  return true;
}

// What fails leaves the copies as they were.
Result<void> StandIns::within(Connector& source, const std::function<Result<void>()>& work) {
  const WithoutReferences without(source);
  if (auto saved = source.execute("SAVEPOINT bfl_copy"); !saved) return saved;
  Result<void> done = work();
  if (!done)
    if (auto back = source.execute("ROLLBACK TO SAVEPOINT bfl_copy"); !back) return back;
  auto released = source.execute("RELEASE SAVEPOINT bfl_copy");
  return done ? released : done;
}

// SQLite keeps in memory how the pages of temporary tables were before a transaction, however many they are.
PlannedChanges::Between StandIns::breather(Connector& source) {
  if (is_postgres(source)) return {};
  return [&source] { return source.execute("RELEASE SAVEPOINT bfl_copy; SAVEPOINT bfl_copy"); };
}

Result<void> StandIns::apply(const program::Step& step, Spool& rows, const eval::Context& evaluation, const EachKept& kept, const PassedOver* passes) {
  Connector& source = *places_[static_cast<std::size_t>(step.target.source)].source;
  const auto stands = [&](program::TableRef ref) { return std::any_of(copies_.begin(), copies_.end(), [&](const Copy& copy) { return copy.table == ref && copy.filled; }); };
  return within(source, [&] {
    PlannedChanges changes(program(), step, source, evaluation, stands, kept, passes);
    changes.pause(breather(source));
    return changes.apply(rows);
  });
}

Result<void> StandIns::try_out(const program::Step& step, Spool& rows, const eval::Context& evaluation, bool whole, const PassedOver& passes) {
  Place& place = places_[static_cast<std::size_t>(step.target.source)];
  Connector& source = *place.source;
  Copy& copy = *std::find_if(copies_.begin(), copies_.end(), [&](const Copy& one) { return one.table == step.target; });
  if (auto begun = place.begun ? Result<void>{} : begin(step); !begun) return begun;
  if (!copy.why_not.empty()) return Error{ErrorClass::refused, copy.why_not};
  if (copy.filled && !place.why_not.empty()) return Error{ErrorClass::refused, place.why_not};  // it may be changed in part
  const bool made = copy.made;
  const std::int64_t room = place.room;
  const WithoutReferences without(source);
  if (auto saved = source.execute("SAVEPOINT bfl_try"); !saved) return saved;
  Result<void> done = try_on(copy, step, rows, evaluation, whole, passes);
  copy.made = made;
  place.room = room;
  auto back = source.execute("ROLLBACK TO SAVEPOINT bfl_try; RELEASE SAVEPOINT bfl_try");
  return done ? back : done;
}

Result<void> StandIns::try_on(Copy& copy, const program::Step& step, Spool& rows, const eval::Context& evaluation, bool whole, const PassedOver& passes) {
  Place& place = places_[static_cast<std::size_t>(step.target.source)];
  Connector& source = *place.source;
  program::Program changed = tables_of(program());
  changed.catalogues[static_cast<std::size_t>(copy.table.source)].tables[static_cast<std::size_t>(copy.table.table)] = copy.as;
  if (!copy.made)
    if (auto made = make(copy, source); !made) return made;
  if (!copy.filled) {
    const std::int64_t all = given_.table(copy.table).estimated_rows.value_or(0);
    if (whole && all > place.room) return Error{ErrorClass::refused, fmt::format("about {} rows would have to be copied, and {} are the most", all, bounds_.rows)};
    auto bytes = is_postgres(source) ? bytes_of(source, given_.table(copy.table)) : Result<std::int64_t>(0);
    if (bytes && !whole && all > 0) *bytes = static_cast<std::int64_t>(static_cast<double>(*bytes) * std::min(1.0, static_cast<double>(rows.rows()) / static_cast<double>(all)));
    if (!bytes || *bytes > bounds_.bytes)
      return bytes ? Error{ErrorClass::refused, fmt::format("about {} MiB would have to be copied, and {} are the most", *bytes >> 20, bounds_.bytes >> 20)} : bytes.error();
    auto filled = whole ? fill(copy, place) : bounded(source, [&] { return fill_with_rows(changed, step, source, rows); });
    if (filled && !whole) filled = finish_table_like(source, given_.table(copy.table), copy.as);
    if (!filled) return filled;
  }
  return PlannedChanges(changed, step, source, evaluation, [&](program::TableRef ref) { return ref == step.target; }, nullptr, &passes).apply(rows);
}

bool StandIns::takes_at_once(const program::Step& step) const {
  const auto sql = lower::direct_update(given_, step, lower::dialect_of(given_.catalogues[static_cast<std::size_t>(step.target.source)]));
  return sql && (!is_postgres(*places_[static_cast<std::size_t>(step.target.source)].source) || !sql->change_first.images.empty());
}

Result<void> StandIns::apply_at_once(const program::Step& step, const eval::Context& evaluation) {
  Connector& source = *places_[static_cast<std::size_t>(step.target.source)].source;
  return within(source, [&] { return change_at_once(program(), step, source, evaluation, breather(source)); });
}

}  // namespace bfl::run
