#include "interpreter/project/kept_catalogue.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace bfl::project {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view storages[] = {"native",    "boolean_integer", "decimal_numeric", "decimal_text", "iso_text", "uuid_text",
                                         "uuid_blob", "json_text",       "json_canonical",  "real_or_nan",  "unknown"};  // in step with Storage

Type type_of(std::string_view text) {
  Type type;
  if (text.ends_with('?')) {
    type.nullable = true;
    text.remove_suffix(1);
  }
  if (text.starts_with('[') && text.ends_with(']')) {
    type = array_of(type_of(text.substr(1, text.size() - 2))).with_null(type.nullable);
  } else if (const auto kind = kind_named(text)) {
    type.kind = *kind;
  } else if (text != "null") {
    throw std::invalid_argument(fmt::format("`{}` is no type", text));
  }
  return type;
}

// A type that is not known is the kind null, whose text loses that it may be null.
std::string text_of(const Type& type) { return type.kind == Kind::null && type.nullable ? "null?" : to_string(type); }

// Two digits: what is said of the size of a table.
std::int64_t rounded(std::int64_t rows) {
  std::int64_t unit = 1;
  while (rows / unit >= 100) unit *= 10;
  return (rows + unit / 2) / unit * unit;
}

// `CREATE TRIGGER … UPDATE OF a, b ON`: what follows is what the trigger does.
std::string reaction(const std::string& sql) {
  for (std::size_t at = 0; at + 4 <= sql.size(); ++at) {
    const auto blank = [&](std::size_t i) { return std::isspace(static_cast<unsigned char>(sql[i])) != 0; };
    if (blank(at) && std::toupper(static_cast<unsigned char>(sql[at + 1])) == 'O' && std::toupper(static_cast<unsigned char>(sql[at + 2])) == 'N' && blank(at + 3)) return sql.substr(0, at + 3);
  }
  return {};
}

template <class T>
void put(Json& into, const char* name, const T& value, const T& usual) {
  if (!(value == usual)) into[name] = value;
}
template <class T>
void take(const Json& from, const char* name, T& value) {
  if (const auto found = from.find(name); found != from.end()) value = found->get<T>();
}

Json column_json(const Column& column, bool stored) {
  const Column usual;
  Json made{{"name", column.name}, {"type", text_of(column.type)}};
  put(made, "declared", column.declared, usual.declared);
  put(made, "base", column.base, usual.base);
  put(made, "collation", column.collation, usual.collation);
  if (stored) {
    if (column.storage != usual.storage) made["storage"] = storages[static_cast<std::size_t>(column.storage)];
    put(made, "time_separator", std::string(1, column.time_separator), std::string(1, usual.time_separator));
    put(made, "time_suffix", column.time_suffix, usual.time_suffix);
  }
  put(made, "scale", column.scale, usual.scale);
  put(made, "padded", column.padded, usual.padded);
  put(made, "generated", column.generated, usual.generated);
  put(made, "identity", column.identity, usual.identity);
  put(made, "binary_collation", column.binary_collation, usual.binary_collation);
  put(made, "has_default", column.has_default, usual.has_default);
  return made;
}

Column column_of(const Json& from) {
  Column column;
  column.name = from.at("name").get<std::string>();
  column.type = type_of(from.at("type").get<std::string>());
  take(from, "declared", column.declared);
  take(from, "base", column.base);
  take(from, "collation", column.collation);
  if (const auto storage = from.value("storage", std::string(storages[0])); true) {
    const auto found = std::find(std::begin(storages), std::end(storages), storage);
    if (found == std::end(storages)) throw std::invalid_argument(fmt::format("`{}` is no form of storage", storage));
    column.storage = static_cast<Storage>(found - std::begin(storages));
  }
  if (const auto separator = from.value("time_separator", std::string()); !separator.empty()) column.time_separator = separator[0];
  take(from, "time_suffix", column.time_suffix);
  take(from, "scale", column.scale);
  take(from, "padded", column.padded);
  take(from, "generated", column.generated);
  take(from, "identity", column.identity);
  take(from, "binary_collation", column.binary_collation);
  take(from, "has_default", column.has_default);
  return column;
}

Json names_of(const Table& table, const std::vector<int>& columns) {
  Json list = Json::array();
  for (const int column : columns) list.push_back(column < 0 ? std::string() : table.columns.at(static_cast<std::size_t>(column)).name);
  return list;
}
std::vector<int> columns_of(const Table& table, const Json& names) {
  std::vector<int> columns;
  for (const Json& name : names) {
    const auto written = name.get<std::string>();
    columns.push_back(written.empty() ? -1 : table.column_index(written));
    if (!written.empty() && columns.back() < 0) throw std::invalid_argument(fmt::format("`{}` has no column `{}`", table.name, written));
  }
  return columns;
}

// What stands beside the columns of a table, by the name of its list.
std::vector<std::pair<std::string, std::vector<Json>>> lists_of(const Table& table, const Catalogue& catalogue) {
  std::vector<std::pair<std::string, std::vector<Json>>> lists{{"keys", {}}, {"indexes", {}}, {"triggers", {}}, {"foreign_keys", {}}};
  for (const Key& key : table.keys) {
    const Key usual;
    Json made{{"name", key.name}, {"columns", names_of(table, key.columns)}};
    put(made, "primary", key.primary, usual.primary);
    put(made, "not_null", key.not_null, usual.not_null);
    put(made, "plain", key.plain, usual.plain);
    lists[0].second.push_back(std::move(made));
  }
  for (const auto& index : table.indexes) lists[1].second.push_back(names_of(table, index));
  for (const Trigger& trigger : table.triggers) lists[2].second.push_back({{"name", trigger.name}, {"event", trigger.event}, {"reaction", reaction(trigger.sql)}});
  for (const ForeignKey& key : catalogue.foreign_keys)
    if (key.table == table.name)
      lists[3].second.push_back({{"columns", key.columns}, {"parent", key.parent}, {"parent_columns", key.parent_columns}, {"on_update", key.on_update}, {"on_delete", key.on_delete}});
  return lists;
}

Json head_of(const Table& table) {
  const Table usual;
  Json made{{"name", table.name}};
  put(made, "schema", table.schema, usual.schema);
  put(made, "relation", table.relation, usual.relation);
  put(made, "view", table.view, usual.view);
  put(made, "virtual_table", table.virtual_table, usual.virtual_table);
  put(made, "without_rowid", table.without_rowid, usual.without_rowid);
  put(made, "strict", table.strict, usual.strict);
  put(made, "inherited", table.inherited, usual.inherited);
  put(made, "partitioned", table.partitioned, usual.partitioned);
  if (table.rowid_alias >= 0) made["rowid_alias"] = table.columns.at(static_cast<std::size_t>(table.rowid_alias)).name;
  return made;
}

Table table_of(const Json& from, Catalogue& catalogue) {
  Table table;
  table.name = from.at("name").get<std::string>();
  take(from, "schema", table.schema);
  take(from, "relation", table.relation);
  take(from, "view", table.view);
  take(from, "virtual_table", table.virtual_table);
  take(from, "without_rowid", table.without_rowid);
  take(from, "strict", table.strict);
  take(from, "inherited", table.inherited);
  take(from, "partitioned", table.partitioned);
  if (const auto rows = from.find("rows"); rows != from.end()) table.estimated_rows = rows->get<std::int64_t>();
  for (const Json& column : from.at("columns")) table.columns.push_back(column_of(column));
  if (const auto alias = from.find("rowid_alias"); alias != from.end()) table.rowid_alias = columns_of(table, Json::array({*alias}))[0];
  const auto each = [&](const char* list, const auto& with) {
    if (const auto found = from.find(list); found != from.end())
      for (const Json& one : *found) with(one);
  };
  each("keys", [&](const Json& one) {
    Key key{.name = one.at("name").get<std::string>(), .columns = columns_of(table, one.at("columns"))};
    take(one, "primary", key.primary);
    take(one, "not_null", key.not_null);
    take(one, "plain", key.plain);
    table.keys.push_back(std::move(key));
  });
  each("indexes", [&](const Json& one) { table.indexes.push_back(columns_of(table, one)); });
  each("triggers", [&](const Json& one) { table.triggers.push_back({one.at("name").get<std::string>(), one.at("event").get<std::string>(), one.at("reaction").get<std::string>() + " ON "}); });
  each("foreign_keys", [&](const Json& one) {
    catalogue.foreign_keys.push_back({table.name, one.at("columns").get<std::vector<std::string>>(), one.at("parent").get<std::string>(),
                                      one.at("parent_columns").get<std::vector<std::string>>(), one.at("on_update").get<std::string>(), one.at("on_delete").get<std::string>()});
  });
  return table;
}

// Without the braces around it, on one line: `"name": "id", "type": "int"`.
std::string on_one_line(const Json& json) {
  const std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string out;  // a blank behind colons and commas, outside of texts
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') out += text[i++];
    else if (text[i] == '"') quoted = !quoted;
    out += text[i];
    if (!quoted && (text[i] == ',' || text[i] == ':')) out += ' ';
  }
  return out;
}

std::string list_text(const std::string& name, const std::vector<Json>& elements) {
  std::string text = fmt::format(",\n      \"{}\": [", name);
  for (std::size_t i = 0; i < elements.size(); ++i) text += fmt::format("{}\n        {}", i ? "," : "", on_one_line(elements[i]));
  return text + "\n      ]";
}

std::map<std::string, std::string> lines_of(const Table& table, const Catalogue& catalogue) {
  std::map<std::string, std::string> lines{{"", on_one_line(head_of(table))}};
  for (const auto& [name, elements] : lists_of(table, catalogue))
    for (const Json& element : elements) lines[fmt::format("{} {}", name, on_one_line(element))] = "";
  return lines;
}

}  // namespace

std::string write_catalogue(const Catalogue& catalogue) {
  std::vector<const Table*> tables;
  for (const Table& table : catalogue.tables)
    if (table.kept.empty() && table.query < 0) tables.push_back(&table);
  std::sort(tables.begin(), tables.end(), [](const Table* a, const Table* b) { return std::tie(a->schema, a->name) < std::tie(b->schema, b->name); });
  std::string text = fmt::format("{{\n  \"kept\": 1,\n  \"engine\": \"{}\",{}\n  \"tables\": [", catalogue.engine, catalogue.read_only ? "\n  \"read_only\": true," : "");
  for (std::size_t i = 0; i < tables.size(); ++i) {
    const std::string head = on_one_line(head_of(*tables[i]));
    text += fmt::format("{}\n    {{\n      {}", i ? "," : "", head.substr(1, head.size() - 2));
    if (tables[i]->estimated_rows) text += fmt::format(",\n      \"rows\": {}", rounded(*tables[i]->estimated_rows));
    std::vector<Json> columns;
    for (const Column& column : tables[i]->columns) columns.push_back(column_json(column, true));
    text += list_text("columns", columns);
    for (const auto& [name, elements] : lists_of(*tables[i], catalogue))
      if (!elements.empty()) text += list_text(name, elements);
    text += "\n    }";
  }
  return text + "\n  ]\n}\n";
}

Result<Catalogue> read_catalogue(std::string_view text) {
  try {
    const Json whole = Json::parse(text);
    Catalogue catalogue;
    if (whole.at("kept") != 1) return Error{ErrorClass::data, "it was written by a newer bfl", {}, {}};
    catalogue.engine = whole.at("engine").get<std::string>();
    take(whole, "read_only", catalogue.read_only);
    for (const Json& table : whole.at("tables")) catalogue.tables.push_back(table_of(table, catalogue));
    return catalogue;
  } catch (const std::exception& wrong) {  // of the JSON library, or a name that stands nowhere
    return Error{ErrorClass::data, "it is no catalogue", wrong.what(), {}};
  }
}

std::vector<std::string> differences(const Catalogue& kept, const Catalogue& now) {
  std::vector<std::string> found;
  if (kept.engine != now.engine) return {fmt::format("it is a database of {}, kept as one of {}", now.engine, kept.engine)};
  std::map<std::string, std::pair<const Table*, const Table*>> tables;
  for (const Table& table : kept.tables) tables[table.schema + "." + table.name].first = &table;
  for (const Table& table : now.tables)
    if (table.kept.empty() && table.query < 0) tables[table.schema + "." + table.name].second = &table;
  for (const auto& [place, pair] : tables) {
    const auto [before, after] = pair;
    if (!before || !after) {
      found.push_back(fmt::format("the table `{}` is {}", (before ? before : after)->name, before ? "gone" : "new"));
      continue;
    }
    const std::size_t known = found.size();
    const auto said = [](const Column& column) { return fmt::format("{}{}{}", text_of(column.type), column.declared.empty() ? "" : ", ", column.declared); };
    for (const Column& column : before->columns) {
      const int at = after->column_index(column.name);
      if (at < 0) {
        found.push_back(fmt::format("`{}.{}` is gone", before->name, column.name));
        continue;
      }
      const Column& other = after->columns[static_cast<std::size_t>(at)];
      if (column_json(column, false) != column_json(other, false))
        found.push_back(said(column) == said(other) ? fmt::format("`{}.{}` is otherwise than before", before->name, column.name) : fmt::format("`{}.{}` is {}, kept as {}", before->name, column.name, said(other), said(column)));
    }
    for (const Column& column : after->columns)
      if (before->column_index(column.name) < 0) found.push_back(fmt::format("`{}.{}` is new", after->name, column.name));
    if (found.size() == known && lines_of(*before, kept) != lines_of(*after, now)) found.push_back(fmt::format("keys, indexes or triggers of `{}` are others", after->name));
  }
  return found;
}

}  // namespace bfl::project
