#include "interpreter/run/restraints.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <set>

#include "interpreter/lower/sql.h"
#include "interpreter/run/table_like.h"

namespace bfl::run {
namespace {

using connect::Connector;
using program::StepKind;

std::string lowered(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

bool in_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || (c & 0x80) != 0; }

// Whether the SQL speaks of the column: in quotes or without them.
bool mentions(std::string_view sql, const std::string& column) {
  const std::string text = lowered(sql), name = lowered(column);
  for (auto at = text.find(name); at != std::string::npos; at = text.find(name, at + 1))
    if ((at == 0 || !in_word(text[at - 1])) && (at + name.size() == text.size() || !in_word(text[at + name.size()]))) return true;
  return false;
}

// The place behind a comment, or what stands in quotes, at this one; the place itself where there is neither.
std::size_t behind_quoted(std::string_view sql, std::size_t at) {
  const char open = sql[at];
  if (sql.substr(at, 2) == "--") return std::min(sql.find('\n', at), sql.size());
  if (sql.substr(at, 2) == "/*") return std::min(sql.find("*/", at + 2), sql.size() - 2) + 2;
  if (std::string_view("'\"`[").find(open) == std::string_view::npos) return at;
  return std::min(sql.find(open == '[' ? ']' : open, at + 1), sql.size() - 1) + 1;
}

// The conditions of a table's CHECKs, from its text as SQLite keeps it.
std::vector<std::string> checks_in(std::string_view sql) {
  std::vector<std::string> all;
  for (std::size_t at = 0; at < sql.size();) {
    if (const std::size_t behind = behind_quoted(sql, at); behind != at) {
      at = behind;
      continue;
    }
    std::size_t end = at;
    while (end < sql.size() && in_word(sql[end])) ++end;
    const bool check = lowered(sql.substr(at, end - at)) == "check";
    at = std::max(end, at + 1);
    if (!check) continue;
    int depth = 0;
    const std::size_t begin = at;
    do {
      const std::size_t behind = at < sql.size() ? behind_quoted(sql, at) : at;
      if (behind == at && at < sql.size()) depth += sql[at] == '(' ? 1 : sql[at] == ')' ? -1 : 0;
      at = std::max(behind, at + 1);
    } while (at < sql.size() && (depth > 0 || sql[at - 1] != ')'));
    all.emplace_back(sql.substr(begin, std::min(at, sql.size()) - begin));
  }
  return all;
}

Result<std::vector<std::vector<std::string>>> rows_of(Connector& source, const std::string& sql) {
  std::vector<std::vector<std::string>> all;
  auto prepared = source.prepare(sql);
  if (!prepared) return prepared.error();
  auto read = (*prepared)->query_raw({}, [&](connect::RawRow row) {
    std::vector<std::string>& one = all.emplace_back();
    for (const connect::RawValue& value : row) one.emplace_back(value.bytes);
    return true;
  });
  if (!read) return read.error();
  return all;
}

// A unique key or index, or one that excludes.
struct Index {
  bool plain = true;            // of columns alone, for all rows
  bool late = false;            // asked at the end of a transaction
  std::set<std::string> columns{};  // that it has to do with
};

// What of the table asks.
struct Asking {
  std::map<std::string, std::set<std::string>> checked{};  // columns, by what the row itself holds
  std::map<std::string, Index> indexes{};
  std::set<std::string> numbered{};  // columns whose default counts up
};

Result<Asking> asking_on_sqlite(Connector& source, const Table& table) {
  Asking asking;
  auto text = rows_of(source, fmt::format("SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = {}", lower::quote_text(table.name)));
  if (!text) return text.error();
  const auto named_in = [&](std::string_view sql, std::set<std::string>& columns) {
    for (const Column& column : table.columns)
      if (mentions(sql, column.name)) columns.insert(column.name);
  };
  if (!text->empty())
    for (const std::string& check : checks_in(text->front().front())) named_in(check, asking.checked[check]);
  for (const Column& column : table.columns)
    if (column.generated)
      for (const Column& any : table.columns) asking.checked["computed"].insert(any.name);
  // A collation of its own may hold values for equal that the key of a step does not.
  auto indexes = rows_of(source, fmt::format("SELECT il.name, CASE WHEN il.partial OR ii.name IS NULL OR ii.coll <> 'BINARY' THEN 'y' ELSE '' END, coalesce(ii.name, ''), coalesce(m.sql, ''), CASE WHEN il.\"unique\" THEN 'y' ELSE '' END"
                                             " FROM pragma_index_list({}) AS il JOIN pragma_index_xinfo(il.name) AS ii LEFT JOIN main.sqlite_master AS m ON m.type = 'index' AND m.name = il.name WHERE ii.key AND (il.\"unique\" OR il.partial OR ii.name IS NULL)",
                                             lower::quote_text(table.name)));
  if (!indexes) return indexes.error();
  for (const auto& row : *indexes) {
    if (row[4].empty()) {
      named_in(row[3], asking.checked[row[0]]);
      continue;
    }
    Index& index = asking.indexes[row[0]];
    if (!row[2].empty()) index.columns.insert(row[2]);
    if (!row[1].empty()) index.plain = false, named_in(row[3], index.columns);
  }
  if (table.rowid_alias >= 0) {
    const std::string& name = table.columns[static_cast<std::size_t>(table.rowid_alias)].name;
    asking.indexes["primary key"].columns.insert(name);
    asking.numbered.insert(name);
  }
  return asking;
}

// Of `k`, a constraint: there are such as nobody asks, from version 18 on.
constexpr std::string_view enforced = "(to_jsonb(k) ->> 'conenforced') IS DISTINCT FROM 'false'";

// The type of a column may have a length, or a check of its own. A check that was not proven of the rows there is asked of each that changes.
Result<Asking> asking_on_postgres(Connector& source, const Table& table) {
  Asking asking;
  const std::string of = lower::quote_text(name_of(table, source)) + "::regclass";
  auto rows = rows_of(source, fmt::format(
      "SELECT 'own', 'check ' || k.conname, a.attname::text FROM pg_constraint AS k JOIN pg_attribute AS a ON a.attrelid = k.conrelid AND a.attnum > 0 AND (a.attnum = ANY (k.conkey) OR 0 = ANY (k.conkey) OR NOT k.convalidated)"
      " WHERE k.contype = 'c' AND k.conrelid = {0} AND {1}"
      " UNION ALL SELECT 'numbered', '', a.attname::text FROM pg_attribute AS a LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum WHERE a.attrelid = {0} AND a.attnum > 0 AND NOT a.attisdropped"
      " AND (a.attidentity <> '' OR pg_get_expr(d.adbin, d.adrelid) ~ '^nextval\\(''[^'']*''::regclass\\)$')"
      " UNION ALL SELECT 'own', 'computed ' || g.attname, a.attname::text FROM pg_attribute AS g JOIN pg_attrdef AS f ON f.adrelid = g.attrelid AND f.adnum = g.attnum JOIN pg_attribute AS a ON a.attrelid = g.attrelid AND a.attnum > 0 AND a.attnum <> g.attnum"
      " AND EXISTS (SELECT FROM pg_depend AS d WHERE (d.classid = 'pg_attrdef'::regclass AND d.objid = f.oid OR d.classid = 'pg_class'::regclass AND d.objid = g.attrelid AND d.objsubid = g.attnum)"
      " AND d.refclassid = 'pg_class'::regclass AND d.refobjid = g.attrelid AND d.refobjsubid = a.attnum) WHERE g.attrelid = {0} AND g.attgenerated <> ''"
      " UNION ALL SELECT 'own', 'type ' || a.attname, a.attname::text FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid WHERE a.attrelid = {0} AND a.attnum > 0 AND NOT a.attisdropped"
      " AND (t.typtype = 'd' OR a.atttypmod <> -1 AND t.typname IN ('varchar', 'bpchar', 'numeric', 'bit', 'varbit'))"
      " UNION ALL SELECT CASE WHEN NOT i.indisunique AND NOT i.indisexclusion THEN 'own' WHEN NOT i.indimmediate THEN 'late' WHEN i.indisexclusion OR i.indpred IS NOT NULL OR i.indexprs IS NOT NULL OR i.indnkeyatts <> i.indnatts THEN 'other' ELSE 'plain' END, c.relname::text, a.attname::text"
      " FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indexrelid JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum > 0 AND (a.attnum = ANY (i.indkey) OR EXISTS (SELECT FROM pg_depend AS d"
      " WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))"
      " WHERE i.indrelid = {0} AND i.indislive AND (i.indisunique OR i.indisexclusion OR i.indexprs IS NOT NULL OR i.indpred IS NOT NULL)", of, enforced));
  if (!rows) return rows.error();
  for (const auto& row : *rows) {
    if (row[0] == "own") asking.checked[row[1]].insert(row[2]);
    if (row[0] == "numbered") asking.numbered.insert(row[2]);
    if (row[0] == "own" || row[0] == "numbered") continue;
    Index& index = asking.indexes[row[1]];
    index.plain = row[0] == "plain";
    index.late = row[0] == "late";
    index.columns.insert(row[2]);
  }
  return asking;
}

std::string listed(const std::vector<std::string>& names) {
  std::string all;
  for (const std::string& name : names) all += (all.empty() ? "" : ", ") + name;
  return all;
}

struct Known {
  std::string name{};
  bool readable = true;  // both of its tables
  bool late = false;     // asked at the end of a transaction
  bool full = false;     // a part of it may not be null alone
};

std::string place_of(std::string_view schema, std::string_view relation, std::string_view columns) { return fmt::format("{}.{}({})", schema, relation, columns); }

// What PostgreSQL knows of foreign keys, by table and columns. Those that it does not ask are not there.
Result<std::map<std::string, Known>> known_references(Connector& source, const Table& table) {
  std::map<std::string, Known> names;
  const std::string of = lower::quote_text(name_of(table, source)) + "::regclass";
  auto rows = rows_of(source, fmt::format("SELECT k.conname::text, c.relnamespace::regnamespace::text, c.relname::text, (SELECT string_agg(a.attname, ', ' ORDER BY p.i) FROM generate_subscripts(k.conkey, 1) AS p(i) JOIN pg_attribute AS a"
                                          " ON a.attrelid = k.conrelid AND a.attnum = k.conkey[p.i]), CASE WHEN k.condeferred THEN 'y' ELSE '' END, CASE WHEN k.confmatchtype = 'f' THEN 'y' ELSE '' END, CASE WHEN has_table_privilege(k.conrelid, 'SELECT') AND has_table_privilege(k.confrelid, 'SELECT') THEN 'y' ELSE '' END FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid WHERE k.contype = 'f' AND (k.conrelid = {0} OR k.confrelid = {0}) AND {1}", of, enforced));
  if (!rows) return rows.error();
  for (const auto& row : *rows) names[place_of(row[1], row[2], row[3])] = {row[0], !row[6].empty(), !row[4].empty(), !row[5].empty()};
  return names;
}

// SQLite: its pragmas do not tell which, the text of the table does.
Result<std::map<std::string, Known>> late_references(Connector& source, const std::vector<ForeignKey>& keys) {
  auto tables = rows_of(source, "SELECT name, sql FROM main.sqlite_master WHERE type = 'table' AND sql LIKE '%initially%deferred%'");
  if (!tables) return tables.error();
  std::map<std::string, Known> late;
  for (const ForeignKey& key : keys)
    for (const auto& row : *tables)
      if (row[0] == key.table) late[fmt::format("`{}.{}`", key.table, listed(key.columns))].late = true;
  return late;
}

bool stops(const std::string& action) { return action.empty() || action == "NO ACTION" || action == "RESTRICT"; }

class Looking {
 public:
  Looking(const program::Program& program, const program::Step& step) : program_(program), step_(step), table_(program.table(step.target)) {
    for (const program::Assignment& set : step.assignments) assigned_.insert(table_.columns[static_cast<std::size_t>(set.column)].name);
    for (const Column& column : table_.columns)
      if (column.generated && !assigned_.empty()) assigned_.insert(column.name);
  }

  void hold(const Asking& asking) {
    if (step_.kind == StepKind::remove) return;
    for (const auto& [name, columns] : asking.checked) {
      if (!adds() && !meets(columns)) continue;
      made.own = true;
      if (!adds()) made.asks.insert(columns.begin(), columns.end());
    }
    for (const auto& [name, index] : asking.indexes) {
      if (!concerns(index, asking.numbered)) continue;
      if (index.late) {
        made.untried.push_back(fmt::format("`{}` is asked at the end of a transaction", name));
        continue;
      }
      made.others = true;
      made.asks.insert(index.columns.begin(), index.columns.end());
      made.asks.insert("");
    }
  }

  void refer(const ForeignKey& key, const std::map<std::string, Known>& names, bool postgres) {
    const bool itself = key.table == key.parent;
    const Table *child = table_of(key.table), *parent = table_of(key.parent);
    const std::string shown = fmt::format("`{}.{}`", key.table, listed(key.columns));
    const auto found = names.find(child && postgres ? place_of(child->schema, relation_of(*child), listed(key.columns)) : shown);
    if (postgres && child && found == names.end()) return;
    const Known known = found == names.end() ? Known{} : found->second;
    const bool visible = child && parent && key.columns.size() == key.parent_columns.size() && has(*child, key.columns) && has(*parent, key.parent_columns);
    const auto add = [&](bool refers) {
      if (known.late) return made.untried.push_back(shown + " is asked at the end of a transaction");
      if (known.full && refers && key.columns.size() > 1) return made.untried.push_back(shown + " may be null as a whole, and not in a part");
      if (!known.readable) return made.untried.push_back(fmt::format("{}: `{}` may not be read", shown, refers ? key.parent : key.table));
      made.references.push_back({key, refers, known.name});
      made.asks.insert((refers ? key.columns : key.parent_columns).begin(), (refers ? key.columns : key.parent_columns).end());
    };
    if (key.table == table_.name && step_.kind != StepKind::remove && (any(key.columns) || comes_by_default(key.columns))) {
      if (!visible) made.untried.push_back(fmt::format("{}: `{}` cannot be seen", shown, key.parent));
      else if (adds() && !std::all_of(key.columns.begin(), key.columns.end(), [&](const auto& column) { return assigned_.contains(column); })) made.untried.push_back(shown + ": a part of it comes from a default");
      else if (itself && (any(key.parent_columns) || (adds() && postgres))) made.untried.push_back(shown + " refers to rows of the same table, which come and go with the step");
      else add(true);
    }
    if (key.parent != table_.name || !child) return;
    if (!visible) {
      if (step_.kind == StepKind::remove) made.untried.push_back(fmt::format("{}: what it refers to cannot be seen", shown));
      return;
    }
    if (step_.kind == StepKind::remove) {
      const bool along = std::any_of(step_.cascades.begin(), step_.cascades.end(), [&](program::TableRef ref) { return program_.table(ref).name == key.table; });
      if (along) return;  // whatever the database would do about others: the step does not begin where some are left behind
      if (itself) made.untried.push_back(shown + " refers to rows of the same table, which come and go with the step");
      else add(false);
    } else if (step_.kind != StepKind::insert && stops(key.on_update) && any(key.parent_columns)) {
      if (itself) made.untried.push_back(shown + " refers to rows of the same table, whose keys change with the step");
      else add(false);
    }
  }

  void settle() {
    if (!made.any()) return;
    if (!table_.inherited) return;
    made = Restraints{};
    made.untried.push_back(fmt::format("rows of `{}` lie in other tables", table_.name));
  }

  Restraints made{};

 private:
  bool adds() const { return program::adds_rows(step_.kind); }
  bool meets(const std::set<std::string>& columns) const { return std::any_of(columns.begin(), columns.end(), [&](const auto& column) { return assigned_.contains(column); }); }
  bool any(const std::vector<std::string>& columns) const { return std::any_of(columns.begin(), columns.end(), [&](const auto& column) { return assigned_.contains(column); }); }
  // Of a row that is added, without a value from the step.
  bool comes_by_default(const std::vector<std::string>& columns) const {
    return adds() && std::all_of(columns.begin(), columns.end(), [&](const std::string& name) {
      const int column = table_.column_index(name);
      return column >= 0 && table_.columns[static_cast<std::size_t>(column)].has_default;
    });
  }
  static bool has(const Table& table, const std::vector<std::string>& columns) {
    return std::all_of(columns.begin(), columns.end(), [&](const std::string& name) { return table.column_index(name) >= 0; });
  }
  static const std::string& relation_of(const Table& table) { return table.relation.empty() ? table.name : table.relation; }
  const Table* table_of(const std::string& name) const {
    for (const Table& table : program_.catalogues[static_cast<std::size_t>(step_.target.source)].tables)
      if (table.name == name && table.kept.empty()) return &table;
    return nullptr;
  }
  bool concerns(const Index& index, const std::set<std::string>& counting) const {
    if (!adds()) return meets(index.columns);
    // A row whose key is there already is not added.
    const bool keyed = index.plain && !step_.key.empty() && std::all_of(step_.key.begin(), step_.key.end(), [&](int column) { return index.columns.contains(table_.columns[static_cast<std::size_t>(column)].name); });
    const bool numbered = std::all_of(index.columns.begin(), index.columns.end(), [&](const std::string& name) { return !assigned_.contains(name) && counting.contains(name); });
    return !keyed && !numbered;
  }

  const program::Program& program_;
  const program::Step& step_;
  const Table& table_;
  std::set<std::string> assigned_{};
};

}  // namespace

Result<Restraints> restraints_of(Connector& source, const program::Program& program, const program::Step& step) {
  const Table& table = program.table(step.target);
  const bool postgres = is_postgres(source);
  Looking looking(program, step);
  auto asking = postgres ? asking_on_postgres(source, table) : asking_on_sqlite(source, table);
  if (!asking) return asking.error();
  looking.hold(*asking);
  const auto& keys = program.catalogues[static_cast<std::size_t>(step.target.source)].foreign_keys;
  const auto of_table = [&](const ForeignKey& key) { return key.table == table.name || key.parent == table.name; };
  if (std::any_of(keys.begin(), keys.end(), of_table)) {
    auto names = postgres ? known_references(source, table) : late_references(source, keys);
    if (!names) return names.error();
    for (const ForeignKey& key : keys)
      if (of_table(key)) looking.refer(key, *names, postgres);
  }
  looking.settle();
  return std::move(looking.made);
}

}  // namespace bfl::run
