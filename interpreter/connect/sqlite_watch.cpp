#define SQLITE_ENABLE_PREUPDATE_HOOK  // must precede sqlite3.h: Debian's library is built with it
#include "interpreter/connect/sqlite_watch.h"

#include <fmt/format.h>

#include <cmath>
#include <utility>

#include "interpreter/connect/sqlite_connection.h"
#include "interpreter/connect/sqlite_values.h"
#include "interpreter/lower/sql.h"

namespace bfl::connect::sqlite {

namespace {

bool is_null_literal(sqlite3_stmt* statement, int column) {
  return sqlite3_stricmp(reinterpret_cast<const char*>(sqlite3_column_text(statement, column)), "null") == 0;
}

// SELECT the given columns of one row, by rowid or by key.
std::string reread_sql(sqlite3* db, const std::string& table, const std::vector<int>& columns, const std::vector<int>& key) {
  std::vector<std::string> names;
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(db, "SELECT name FROM pragma_table_xinfo(?1) WHERE hidden <> 1 ORDER BY cid", -1, &raw, nullptr) == SQLITE_OK) {
    StatementHandle statement(raw);
    sqlite3_bind_text(raw, 1, table.c_str(), -1, SQLITE_STATIC);
    while (sqlite3_step(raw) == SQLITE_ROW)
      names.push_back(lower::quote_identifier(reinterpret_cast<const char*>(sqlite3_column_text(raw, 0))));
  }
  std::string list, where;
  for (int column : columns) list += (list.empty() ? "" : ", ") + names.at(static_cast<std::size_t>(column));
  for (std::size_t i = 0; i < key.size(); ++i)
    where += fmt::format("{}{} = ?{}", i ? " AND " : "", names.at(static_cast<std::size_t>(key[i])), i + 1);
  return fmt::format("SELECT {} FROM main.{} WHERE {}", list, lower::quote_identifier(table), where.empty() ? "_rowid_ = ?1" : where);
}

// Whether a column of this affinity keeps the value as it is. A REAL column keeps a whole number as an integer, but gives it
// back as the same REAL; all but -0.0.
bool stored_as_it_is(const RawValue& value, lower::Affinity affinity) {
  using lower::Affinity;
  switch (value.kind) {
    case RawValue::Class::null: case RawValue::Class::blob: return true;
    case RawValue::Class::integer: return affinity == Affinity::integer || affinity == Affinity::numeric || affinity == Affinity::blob;
    case RawValue::Class::real:
      if (affinity == Affinity::real) return value.real != 0;
      return affinity == Affinity::blob || (affinity != Affinity::text && value.real != std::trunc(value.real));
    case RawValue::Class::text: return affinity == Affinity::text || affinity == Affinity::blob;
  }
  return false;
}

}  // namespace

Watcher::Watcher(sqlite3* db, ChangeObserver observer, std::string_view table, std::vector<int> assigned)
    : db_(db), observer_(std::move(observer)), table_(table), assigned_(std::move(assigned)) {
  sqlite3_preupdate_hook(db_, hook, this);
}

Watcher::~Watcher() { sqlite3_preupdate_hook(db_, nullptr, nullptr); }

void Watcher::hook(void* self, sqlite3*, int operation, const char* database, const char* table, sqlite3_int64 before, sqlite3_int64) {
  if (std::string_view(database) != "main") return;
  static_cast<Watcher*>(self)->change(operation, table, before);
}

Watcher::Shape& Watcher::shape_of(const char* table) {
  // SQLite's own name of the table stays where it is while the schema does, that is until the transaction ends.
  if (table != latest_name_) {
    latest_ = &shape_named(table);
    latest_name_ = table;
  }
  return *latest_;
}

Watcher::Shape& Watcher::shape_named(std::string_view name) {
  for (Shape& known : shapes_)
    if (known.table == name) return known;

  Shape shape;
  shape.table = name;
  shape.own = name.starts_with("bfl_");
  sqlite3_stmt* raw = nullptr;
  // A statement inside the hook reads only, which the hook may do.
  constexpr const char* sql =
      "SELECT hidden, dflt_value, pk, (SELECT wr FROM pragma_table_list(?1) WHERE schema = 'main'), type FROM pragma_table_xinfo(?1) "
      "ORDER BY cid";
  if (sqlite3_prepare_v2(db_, sql, -1, &raw, nullptr) == SQLITE_OK) {
    StatementHandle statement(raw);
    sqlite3_bind_text(raw, 1, shape.table.c_str(), -1, SQLITE_STATIC);
    int stored = 0;
    std::vector<std::pair<int, int>> key;
    while (sqlite3_step(raw) == SQLITE_ROW) {
      const int hidden = sqlite3_column_int(raw, 0);
      const bool is_virtual = hidden == 1 || hidden == 2;  // 2: GENERATED … VIRTUAL; 3 is STORED
      if (hidden != 1) {
        shape.stored.push_back(is_virtual ? -1 : stored);
        const auto* type = reinterpret_cast<const char*>(sqlite3_column_text(raw, 4));
        shape.affinities.push_back(lower::affinity(type ? type : ""));
      }
      if (!is_virtual && sqlite3_column_type(raw, 1) != SQLITE_NULL && !is_null_literal(raw, 1))
        shape.defaulted.push_back(static_cast<int>(shape.stored.size()) - 1);
      if (!is_virtual) ++stored;
      if (sqlite3_column_int(raw, 2) > 0) key.emplace_back(sqlite3_column_int(raw, 2), static_cast<int>(shape.stored.size()) - 1);
      if (sqlite3_column_int(raw, 3) != 0) shape.has_rowid = false;
    }
    shape.columns = static_cast<int>(shape.stored.size());
    shape.key.resize(key.size());
    for (const auto& [place, column] : key) shape.key[static_cast<std::size_t>(place) - 1] = column;
  }
  return shapes_.emplace_back(std::move(shape));
}

RawValue Watcher::old_value(const Shape& shape, int column) {
  const int stored = shape.stored[static_cast<std::size_t>(column)];
  sqlite3_value* value = nullptr;
  if (stored < 0 || sqlite3_preupdate_old(db_, stored, &value) != SQLITE_OK || !value) return {};
  return raw_of(value);
}

RawValue Watcher::new_value(const Shape& shape, int column) {
  const int stored = shape.stored[static_cast<std::size_t>(column)];
  sqlite3_value* value = nullptr;
  if (stored < 0 || sqlite3_preupdate_new(db_, stored, &value) != SQLITE_OK || !value) return {};
  const RawValue raw = raw_of(value);
  if (shape.affinities[static_cast<std::size_t>(column)] != lower::Affinity::real) return raw;
  // What a REAL column gives back: of an added row the hook says what lies in the record, a whole number as an integer; of a changed one
  // -0.0, which is stored as such a number [SQLite 3.40].
  if (raw.kind == RawValue::Class::integer) return {.kind = RawValue::Class::real, .real = static_cast<double>(raw.integer)};
  if (raw.kind == RawValue::Class::real && raw.real == 0) return {.kind = RawValue::Class::real, .real = 0};
  return raw;
}

void Watcher::read_old(Shape& shape, sqlite3_int64 rowid) {
  before_.resize(static_cast<std::size_t>(shape.columns));
  for (int i = 0; i < shape.columns; ++i) before_[static_cast<std::size_t>(i)] = old_value(shape, i);
  for (int column : shape.defaulted)
    if (before_[static_cast<std::size_t>(column)].kind == RawValue::Class::null) return fill_defaults(shape, rowid);
}

// A row written before ALTER TABLE … ADD COLUMN … DEFAULT lacks the column, and the hook then says null where every query
// says the default [SQLite 3.40]. The row itself is still untouched in the table: ask it.
void Watcher::fill_defaults(Shape& shape, sqlite3_int64 rowid) {
  if (!shape.reread) {
    const std::string sql = reread_sql(db_, shape.table, shape.defaulted, shape.has_rowid ? std::vector<int>{} : shape.key);
    sqlite3_stmt* raw = nullptr;
    if (sqlite3_prepare_v3(db_, sql.c_str(), -1, SQLITE_PREPARE_PERSISTENT, &raw, nullptr) != SQLITE_OK) return;
    shape.reread.reset(raw);
  }
  sqlite3_stmt* statement = shape.reread.get();
  if (shape.has_rowid) sqlite3_bind_int64(statement, 1, rowid);
  else
    for (std::size_t i = 0; i < shape.key.size(); ++i)
      bind(statement, static_cast<int>(i) + 1, before_[static_cast<std::size_t>(shape.key[i])], true);
  if (sqlite3_step(statement) == SQLITE_ROW) {
    kept_.resize(shape.defaulted.size());
    for (std::size_t i = 0; i < shape.defaulted.size(); ++i) {
      RawValue& value = before_[static_cast<std::size_t>(shape.defaulted[i])];
      if (value.kind != RawValue::Class::null) continue;
      value = raw_of_column(statement, static_cast<int>(i));
      kept_[i].assign(value.bytes);  // the statement is reset before the observer reads
      value.bytes = kept_[i];
    }
  }
  sqlite3_reset(statement);
}

void Watcher::compare(int column) {
  const auto at = static_cast<std::size_t>(column);
  if (!(after_[at] == before_[at])) changed_.push_back(column);
}

// Everything here is only a quicker way to what the hook would find: in doubt it returns and leaves the row to the hook.
void Watcher::keep(int column, const RawValue& value, std::span<sqlite3_value*> row) {
  if (!own_) own_ = &shape_named(table_);
  const Shape& shape = *own_;
  const auto at = static_cast<std::size_t>(column);
  if (shape.own || at >= shape.affinities.size()) return;
  after_.resize(static_cast<std::size_t>(shape.columns));
  after_[at] = value;
  if (!stored_as_it_is(after_[at], shape.affinities[at])) return;
  ++told_;
  if (row.empty()) {
    told_bytes_.resize(after_.size());
    told_bytes_[at].assign(after_[at].bytes);
    after_[at].bytes = told_bytes_[at];
    return;
  }
  const bool whole = told_ == assigned_.size() && row.size() == shape.stored.size();
  told_ = 0;
  if (!whole || confirm_) return;
  before_.resize(row.size());
  for (std::size_t i = 0; i < row.size(); ++i) before_[i] = raw_of(row[i]);
  changed_.clear();
  for (int assigned : assigned_) compare(assigned);
  RowChange change;
  change.kind = ChangeKind::update;
  change.table = shape.table;
  change.before = before_;
  change.after = after_;
  change.changed = changed_;
  confirm_ = true;
  observer_(change);
}

void Watcher::change(int operation, const char* table, sqlite3_int64 rowid) {
  Shape& shape = shape_of(table);
  if (shape.own) return;
  RowChange change;
  change.table = shape.table;
  change.depth = sqlite3_preupdate_depth(db_);
  if (change.depth == 0) {
    told_ = 0;
    if (std::exchange(confirm_, false) && operation == SQLITE_UPDATE && shape.table == table_) return;
  }
  changed_.clear();

  if (operation != SQLITE_INSERT) {
    change.kind = operation == SQLITE_DELETE ? ChangeKind::remove : ChangeKind::update;
    read_old(shape, rowid);
    change.before = before_;
  }
  if (operation != SQLITE_DELETE) after_.resize(static_cast<std::size_t>(shape.columns));
  if (operation == SQLITE_INSERT) {
    change.kind = ChangeKind::insert;
    for (int i = 0; i < shape.columns; ++i) after_[static_cast<std::size_t>(i)] = new_value(shape, i);
    change.after = after_;
  } else if (operation == SQLITE_UPDATE) {
    const auto look = [&](int column) {
      after_[static_cast<std::size_t>(column)] = new_value(shape, column);
      compare(column);
    };
    if (change.depth == 0 && shape.table == table_) {
      for (int column : assigned_) look(column);
      // STORED generated columns follow their inputs without being assigned.
    } else {
      for (int i = 0; i < shape.columns; ++i) look(i);
    }
    change.after = after_;
  }
  change.changed = changed_;
  observer_(change);
}

}  // namespace bfl::connect::sqlite
