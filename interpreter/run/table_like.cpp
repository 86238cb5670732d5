#include "interpreter/run/table_like.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/sql.h"

namespace bfl::run {
namespace {

using connect::Connector;
using connect::RawRow;

// The place behind the name at the start of a text of SQLite's catalogue.
std::size_t behind_name(std::string_view text) {
  if (text.empty()) return 0;
  const char open = text[0], close = open == '[' ? ']' : open;
  if (std::string_view("\"'`[").find(open) == std::string_view::npos) {
    const auto end = text.find_first_of(" \t\r\n(/-");
    return std::min(end, text.size());
  }
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] != close) continue;
    if (close == ']' || i + 1 >= text.size() || text[i + 1] != close) return i + 1;
    ++i;
  }
  return text.size();
}

// The name itself: what is said of an index that refuses a row is said of it by name.
std::string unquoted(std::string_view name) {
  if (name.size() < 2 || std::string_view("\"'`[").find(name[0]) == std::string_view::npos) return std::string(name);
  const char close = name.back();
  std::string out;
  for (std::size_t i = 1; i + 1 < name.size(); ++i) {
    out += name[i];
    if (name[i] == close && name[i + 1] == close) ++i;
  }
  return out;
}

// Texts that a statement gives, one a row.
Result<std::vector<std::string>> texts(Connector& source, const std::string& sql) {
  std::vector<std::string> all;
  auto prepared = source.prepare(sql);
  if (!prepared) return prepared.error();
  auto read = (*prepared)->query_raw({}, [&](RawRow row) {
    all.emplace_back(row[0].bytes);
    return true;
  });
  if (!read) return read.error();
  return all;
}

// `CREATE TABLE name (…)` as SQLite keeps it, for the copy.
Result<void> make_as(Connector& source, const Table& table, const Table& as) {
  auto kept = texts(source, fmt::format("SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = {}", lower::quote_text(table.name)));
  if (!kept) return kept.error();
  constexpr std::string_view create = "CREATE TABLE ";
  if (kept->size() != 1 || !kept->front().starts_with(create)) return Error{ErrorClass::refused, fmt::format("`{}` is no table of rows", table.name)};
  const std::string_view rest = std::string_view(kept->front()).substr(create.size());
  return source.execute(fmt::format("CREATE TABLE {}{}", lower::qualified(as), rest.substr(behind_name(rest))));
}

// Defaults that count up would take numbers from the sequence of the table itself: they count in one of the copy's own.
Result<std::vector<std::string>> counting_columns(Connector& source, const std::string& table) {
  return texts(source, fmt::format("SELECT a.attname::text FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = {}::regclass AND a.attnum > 0"
                                   " AND NOT a.attisdropped AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\\(''[^'']*''::regclass\\)$')", lower::quote_text(table)));
}

// Others in which a number is a part.
Result<std::vector<std::string>> numbered_columns(Connector& source, const std::string& table) {
  return texts(source, fmt::format("SELECT a.attname::text FROM pg_attribute AS a JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = {}::regclass AND a.attnum > 0"
                                   " AND NOT a.attisdropped AND a.attgenerated = '' AND pg_get_expr(d.adbin, d.adrelid) LIKE '%nextval(%' AND pg_get_expr(d.adbin, d.adrelid) !~ '^nextval\\(''[^'']*''::regclass\\)$'",
                                   lower::quote_text(table)));
}

std::string sequence_of(const Table& as, const std::string& column) { return "pg_temp." + lower::quote_identifier(fmt::format("{}_{}", as.relation, column)); }

// Checks that were not proven of the rows that are there hold for those that change, and not for those that are copied.
constexpr std::string_view filling = "bfl.filling";

std::string on_postgres(const Table& table) { return lower::quote_identifier(table.schema) + "." + lower::quote_identifier(table.relation); }

Result<void> make_like(Connector& source, const Table& table, const Table& as, bool adds) {
  const std::string from = on_postgres(table), to = on_postgres(as);
  auto counting = counting_columns(source, from), numbered = numbered_columns(source, from);
  if (!counting) return counting.error();
  if (!numbered) return numbered.error();
  if (adds && !numbered->empty()) return Error{ErrorClass::refused, fmt::format("the default of `{}` takes numbers from a sequence", numbered->front())};
  std::string all = fmt::format("CREATE TABLE {} (LIKE {} INCLUDING DEFAULTS INCLUDING GENERATED INCLUDING INDEXES INCLUDING CONSTRAINTS)", to, from);
  for (const std::string& column : *counting) {
    const std::string sequence = sequence_of(as, column);
    all += fmt::format("; CREATE SEQUENCE {}; ALTER TABLE {} ALTER COLUMN {} SET DEFAULT nextval({}::regclass)", sequence, to, lower::quote_identifier(column), lower::quote_text(sequence));
  }
  for (const std::string& column : *numbered) all += fmt::format("; ALTER TABLE {} ALTER COLUMN {} DROP DEFAULT", to, lower::quote_identifier(column));
  if (auto made = source.execute(all); !made) return made;
  auto checks = texts(source, fmt::format("SELECT format('ALTER TABLE %s DROP CONSTRAINT %I, ADD CONSTRAINT %I CHECK (coalesce(current_setting(%L, true), %L) = %L OR (%s))', {1}, conname, conname, {0}, '', 'on', pg_get_expr(conbin, conrelid))"
                                          " FROM pg_constraint WHERE conrelid = {2}::regclass AND contype = 'c' AND NOT convalidated AND (to_jsonb(pg_constraint) ->> 'conenforced') IS DISTINCT FROM 'false'", lower::quote_text(filling), lower::quote_text(to), lower::quote_text(from)));
  // What an index refuses is told by its own name.
  auto names = texts(source, fmt::format("WITH of AS (SELECT i.indrelid, c.relname, i.indnatts, i.indisunique, row_number() OVER (PARTITION BY i.indrelid ORDER BY i.indexrelid) AS n FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid WHERE i.indislive)"
                                         " SELECT format('ALTER INDEX pg_temp.%I RENAME TO %I', mine.relname, theirs.relname) FROM of AS mine JOIN of AS theirs ON theirs.n = mine.n AND theirs.indnatts = mine.indnatts AND theirs.indisunique = mine.indisunique"
                                         " WHERE mine.indrelid = {}::regclass AND theirs.indrelid = {}::regclass AND mine.relname <> theirs.relname AND to_regclass('pg_temp.' || quote_ident(theirs.relname)) IS NULL", lower::quote_text(to), lower::quote_text(from)));
  for (const auto* statements : {&checks, &names}) {
    if (!*statements) return statements->error();
    for (const std::string& statement : **statements)
      if (auto done = source.execute(statement); !done) return done;
  }
  return {};
}

// SQLite: a number that AUTOINCREMENT has given is never given again, whatever became of its row.
Result<void> number_like(Connector& source, const Table& table, const Table& as) {
  auto counted = texts(source, "SELECT name FROM main.sqlite_master WHERE name = 'sqlite_sequence'");
  if (!counted || counted->empty()) return counted ? Result<void>{} : Result<void>{counted.error()};
  auto last = texts(source, fmt::format("SELECT CAST(seq AS TEXT) FROM main.sqlite_sequence WHERE name = {}", lower::quote_text(table.name)));
  if (!last || last->empty()) return last ? Result<void>{} : Result<void>{last.error()};
  const std::string name = lower::quote_text(as.relation);
  return source.execute(fmt::format("DELETE FROM temp.sqlite_sequence WHERE name = {0}; INSERT INTO temp.sqlite_sequence (name, seq) VALUES ({0}, {1})", name, last->front()));
}

// SQLite: of keys and of what is looked up by. Those that the text of the table makes are there already.
Result<void> index_like(Connector& source, const Table& table, const Table& as) {
  auto kept = texts(source, fmt::format("SELECT sql FROM main.sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name = {}", lower::quote_text(table.name)));
  if (!kept) return kept.error();
  auto taken = texts(source, "SELECT name FROM temp.sqlite_master WHERE type = 'index'");
  if (!taken) return taken.error();
  int number = 0;
  for (const std::string& text : *kept) {
    std::string_view rest = text;
    const bool unique = rest.starts_with("CREATE UNIQUE INDEX ");
    rest.remove_prefix(std::string_view(unique ? "CREATE UNIQUE INDEX " : "CREATE INDEX ").size());
    const std::string own = unquoted(rest.substr(0, behind_name(rest)));
    rest.remove_prefix(behind_name(rest));
    const auto behind_blanks = [&] { rest.remove_prefix(std::min(rest.find_first_not_of(" \t\r\n"), rest.size())); };
    behind_blanks();
    if (rest.size() < 3) continue;
    rest.remove_prefix(2);  // ON
    behind_blanks();
    rest.remove_prefix(behind_name(rest));
    auto made = source.execute(fmt::format("CREATE {}INDEX temp.{} ON {} {}", unique ? "UNIQUE " : "", lower::quote_identifier(std::find(taken->begin(), taken->end(), own) == taken->end() ? own : fmt::format("{}_{}", as.relation, ++number)), lower::quote_identifier(as.relation), rest));
    if (!made) return made;
  }
  return {};
}

}  // namespace

Table table_like(const Table& table, const Connector& source, std::size_t number) {
  Table as = table;
  as.schema = is_postgres(source) ? "pg_temp" : "temp";
  as.relation = fmt::format("bfl_copy_{}_", number);
  as.triggers.clear();
  for (Column& column : as.columns) column.identity = false;
  return as;
}

Result<void> make_table_like(Connector& source, const Table& table, const Table& as, bool adds) {
  if (auto alone = nobody_watches(source); !alone) return alone;
  auto made = is_postgres(source) ? make_like(source, table, as, adds) : make_as(source, table, as);
  if (made || made.error().kind != ErrorClass::fatal) return made;
  return Error{ErrorClass::refused, "its definition cannot be repeated", made.error().detail};
}

Result<void> nobody_watches(Connector& source) {
  if (!is_postgres(source)) return {};
  auto watching = texts(source, "SELECT evtname::text FROM pg_event_trigger WHERE evtenabled <> 'D' ORDER BY evtname");
  if (!watching) return watching.error();
  return watching->empty() ? Result<void>{} : Error{ErrorClass::refused, fmt::format("the event trigger `{}` would run where a temporary table is made", watching->front())};
}

Result<std::int64_t> bytes_of(Connector& source, const Table& table) {
  std::int64_t bytes = 0;
  auto prepared = source.prepare(fmt::format("SELECT coalesce(pg_table_size({}::regclass), 0)", lower::quote_text(on_postgres(table))));
  if (!prepared) return prepared.error();
  auto read = (*prepared)->query_raw({}, [&](RawRow row) {
    bytes = row[0].integer;
    return false;
  });
  if (!read) return read.error();
  return bytes;
}

bool is_postgres(const Connector& source) { return source.engine() == "postgres"; }

program::Program tables_of(const program::Program& program) {
  program::Program made;
  made.job = program.job;
  made.sources = program.sources;
  made.catalogues = program.catalogues;
  made.inputs = program.inputs;
  made.queries = program.queries;
  return made;
}

WithoutReferences::WithoutReferences(Connector& source) : source_(is_postgres(source) || source.in_transaction() ? nullptr : &source) {
  if (source_ && !source_->execute("PRAGMA foreign_keys=OFF")) source_ = nullptr;
}

WithoutReferences::~WithoutReferences() {
  if (source_) (void)source_->execute("PRAGMA foreign_keys=ON");
}

Result<void> while_filling(Connector& source, const std::function<Result<void>()>& fill) {
  const bool postgres = is_postgres(source);
  if (auto on = source.execute(postgres ? fmt::format("SET LOCAL {} = 'on'", filling) : "PRAGMA ignore_check_constraints=ON"); !on) return on;
  auto filled = fill();
  if (!filled && postgres) return filled;  // nothing more is heard in that transaction
  auto off = source.execute(postgres ? fmt::format("SET LOCAL {} = 'off'", filling) : "PRAGMA ignore_check_constraints=OFF");
  return filled ? off : filled;
}

Result<void> finish_table_like(Connector& source, const Table& table, const Table& as) {
  if (!is_postgres(source)) {
    auto numbered = number_like(source, table, as);
    return numbered ? index_like(source, table, as) : numbered;
  }
  const std::string to = on_postgres(as);
  auto counting = counting_columns(source, to);
  if (!counting) return counting.error();
  for (const std::string& column : *counting)
    if (auto set = source.execute(fmt::format("SELECT setval({}::regclass, greatest((SELECT max({}) FROM {}), 0) + 1, false)", lower::quote_text(sequence_of(as, column)), lower::quote_identifier(column), to)); !set)
      return set;
  return source.execute("ANALYZE " + to);
}

std::string name_of(const Table& table, const Connector& source) { return is_postgres(source) ? on_postgres(table) : lower::qualified(table); }

}  // namespace bfl::run
