#include "interpreter/run/scratch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <map>

#include "interpreter/connect/postgres_scratch.h"
#include "interpreter/lower/keyed.h"

namespace bfl::run {
namespace {

using connect::RawValue;

bool in_a_key(const Table& table, int column) {
  return std::any_of(table.keys.begin(), table.keys.end(),
                     [&](const Key& key) { return std::find(key.columns.begin(), key.columns.end(), column) != key.columns.end(); });
}

// For what a row does not say.
Value filler(const Table& table, int column, std::int64_t number) {
  const Column& of = table.columns[static_cast<std::size_t>(column)];
  if (of.type.nullable || column == table.rowid_alias) return {};
  if (!in_a_key(table, column)) number = 0;
  switch (of.type.kind) {
    case Kind::integer: return number;
    case Kind::decimal: return Decimal(number);
    case Kind::floating: return static_cast<double>(number);
    case Kind::boolean: return false;
    case Kind::text: return number ? std::to_string(number) : std::string();
    case Kind::bytes: return Bytes{};
    case Kind::date: return Date{static_cast<std::int32_t>(number)};
    case Kind::timestamp: return Timestamp{number * 1'000'000};
    case Kind::duration: return Duration{number};
    case Kind::uuid: {
      Uuid uuid;
      uuid.data[15] = static_cast<std::uint8_t>(number);
      return uuid;
    }
    case Kind::json: return Json{"null"};
    default: return std::string();
  }
}

std::string quoted_list(const Table& table, const std::vector<int>& columns) {
  std::string list;
  for (const int column : columns)
    list += (list.empty() ? "" : ", ") + lower::quote_identifier(table.columns[static_cast<std::size_t>(column)].name);
  return list;
}

// What the columns of a table are when nobody says, as SQL.
Result<std::map<std::string, std::string>> defaults_of(connect::Connector& like, const Table& table) {
  auto statement = like.prepare("SELECT name, dflt_value FROM pragma_table_xinfo(?1) WHERE dflt_value IS NOT NULL AND hidden = 0");
  if (!statement) return statement.error();
  std::map<std::string, std::string> found;
  const RawValue name{.kind = RawValue::Class::text, .bytes = table.name};
  auto read = (*statement)->query_raw({&name, 1}, [&](connect::RawRow row) {
    found.emplace(row[0].bytes, row[1].bytes);
    return true;
  });
  if (!read) return read.error();
  return found;
}

std::string definition(const Table& table, const std::map<std::string, std::string>& defaults) {
  std::string text = fmt::format("CREATE TABLE main.{} (", lower::quote_identifier(table.name));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    const bool alias = static_cast<int>(i) == table.rowid_alias;
    text += fmt::format("{}{} {}{}", i ? ", " : "", lower::quote_identifier(column.name), alias ? "INTEGER PRIMARY KEY" : column.declared,
                        !alias && !column.type.nullable ? " NOT NULL" : "");
    if (const auto found = defaults.find(column.name); found != defaults.end() && !alias) text += fmt::format(" DEFAULT ({})", found->second);
  }
  for (const Key& key : table.keys)
    if (key.plain && !(key.primary && table.rowid_alias >= 0))
      text += fmt::format(", {} ({})", key.primary ? "PRIMARY KEY" : "UNIQUE", quoted_list(table, key.columns));
  return text + (table.without_rowid && !table.keys.empty() ? ") WITHOUT ROWID" : ")");
}

// Of a row, every column of the table.
std::vector<Value> whole(const Table& table, const program::GivenRow& row, std::int64_t number) {
  std::vector<Value> values;
  for (int column = 0; column < static_cast<int>(table.columns.size()); ++column) {
    const auto said = std::find_if(row.values.begin(), row.values.end(), [&](const auto& value) { return value.first == column; });
    values.push_back(said != row.values.end() ? said->second : filler(table, column, number));
  }
  return values;
}

Error of_rows(const Table& table, Error error) {
  error.message = fmt::format("the rows given of `{}`: {}", table.name, error.message);
  if (error.kind == ErrorClass::data) error.help.clear();  // that is about a step
  return error;
}

// The first of the labels that an enum has.
Result<std::string> first_label(connect::Connector& connector, const Column& column) {
  auto statement = connector.prepare(fmt::format("SELECT (enum_range(NULL::{}))[1]::text", column.declared));
  if (!statement) return statement.error();
  std::string label;
  auto read = (*statement)->query_raw({}, [&](connect::RawRow row) {
    label = row[0].bytes;
    return false;
  });
  if (!read) return read.error();
  return label;
}

// `made`: the catalogues as the scratch databases have them.
Result<void> insert(connect::Connector& connector, const program::Program& made, program::TableRef ref, const std::vector<program::GivenRow>& rows) {
  if (rows.empty()) return {};
  const Table& table = made.table(ref);
  program::Step step;
  step.kind = program::StepKind::insert;
  step.target = ref;
  for (int column = 0; column < static_cast<int>(table.columns.size()); ++column)
    if (!table.columns[static_cast<std::size_t>(column)].generated) step.assignments.push_back({.column = column, .value = nullptr});
  auto statement = connector.prepare(lower::hands(made, step, lower::dialect_of(connector.engine())).own.add, eval::Context{});
  if (!statement) return statement.error();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (const auto& [column, value] : rows[r].values)
      if (const Column& of = table.columns[static_cast<std::size_t>(column)]; of.generated)
        return of_rows(table, {ErrorClass::refused, fmt::format("`{}` is computed by the database", of.name), {}, "leave it out"});
    std::vector<Value> values = whole(table, rows[r], static_cast<std::int64_t>(r) + 1);
    std::vector<RawValue> raw;
    std::vector<std::string> arenas(values.size());
    for (const program::Assignment& assignment : step.assignments) {
      const int column = assignment.column;
      const auto i = static_cast<std::size_t>(column);
      Value& value = values[i];
      const bool said = std::any_of(rows[r].values.begin(), rows[r].values.end(), [&](const auto& given) { return given.first == column; });
      if (!said && !value.is_null() && table.columns[i].base == "enum") {
        auto label = first_label(connector, table.columns[i]);
        if (!label) return label.error();
        value = Value(std::move(*label));
      }
      auto encoded = connector.encode(value, lower::wire_of(table.columns[i]), arenas[i]);
      if (!encoded) return encoded.error();
      raw.push_back(*encoded);
    }
    if (auto inserted = (*statement)->run_raw(raw); !inserted) return of_rows(table, inserted.error());
  }
  return {};
}

Result<void> write_file(const std::string& path, const std::string& text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  const bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if ((file && std::fclose(file) != 0) || !written)
    return Error{ErrorClass::fatal, fmt::format("`{}` cannot be written: {}", path, std::strerror(errno)), {}, "make room where temporary files lie"};
  return {};
}

std::string csv_text(const Table& table, const program::Source& source, const std::vector<program::GivenRow>& rows) {
  std::string delimiter = ",", nulls;
  bool header = true;
  for (const auto& [name, value] : source.settings) {
    if (name == "delimiter") delimiter = value;
    if (name == "nulls") nulls = value;
    if (name == "header") header = value == "true";
  }
  const auto quoted = [](const std::string& field) {
    std::string text = "\"";
    for (const char c : field) text += c == '"' ? std::string("\"\"") : std::string(1, c);
    return text + '"';
  };
  std::string text;
  for (std::size_t i = 0; i < table.columns.size() && header; ++i) text += (i ? delimiter : "") + quoted(table.columns[i].name);
  if (header) text += '\n';
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::vector<Value> values = whole(table, rows[r], static_cast<std::int64_t>(r) + 1);
    for (std::size_t i = 0; i < values.size(); ++i) text += (i ? delimiter : "") + (values[i].is_null() ? nulls : quoted(to_display(values[i])));
    text += '\n';
  }
  return text;
}

}  // namespace

bool in_scratch(const Catalogue& catalogue, const Table& table) { return table.kept.empty() && (!table.virtual_table || catalogue.engine != "sqlite"); }

Result<void> make_scratch(const std::string& url, const program::Program& program, int source, connect::Connector* like, const std::vector<program::TableRows>& rows) {
  const Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(source)];
  const auto given = [&](int table) {
    std::vector<program::GivenRow> all;
    for (const program::TableRows& part : rows)
      if (part.table == program::TableRef{source, table}) all.insert(all.end(), part.rows.begin(), part.rows.end());
    return all;
  };
  const std::string path = url.substr(url.find(':') + 1);
  if (catalogue.engine == "csv") return write_file(path, csv_text(catalogue.tables[0], program.sources[static_cast<std::size_t>(source)], given(0)));
  const bool sqlite = catalogue.engine == "sqlite";
  if (sqlite)
    if (auto made = write_file(path, ""); !made) return made;  // an empty file is an empty database
  auto connector = connect::open(url, {});
  if (!connector) return connector.error();
  program::Program made;
  made.sources = program.sources;
  made.catalogues = program.catalogues;
  std::vector<Table>& tables = made.catalogues[static_cast<std::size_t>(source)].tables;
  if (auto begun = (*connector)->begin_write(); !begun) return begun;
  for (const Table& table : tables) {
    if (!sqlite || !in_scratch(catalogue, table)) continue;
    auto defaults = like ? defaults_of(*like, table) : Result<std::map<std::string, std::string>>(std::map<std::string, std::string>());
    if (!defaults) return defaults.error();
    if (auto defined = (*connector)->execute(definition(table, *defaults)); !defined) return defined;
  }
  auto there = (*connector)->catalogue();
  if (!there) return there.error();
  for (int i = 0; i < static_cast<int>(tables.size()); ++i) {
    Table& table = tables[static_cast<std::size_t>(i)];
    if (!in_scratch(catalogue, table)) continue;
    const auto found = std::find_if(there->tables.begin(), there->tables.end(), [&](const Table& other) { return other.name == table.name; });
    if (found == there->tables.end()) return Error{ErrorClass::fatal, fmt::format("the scratch database has no `{}`", table.name)};
    for (Column& column : table.columns) {
      const int at = found->column_index(column.name);
      if (at < 0) return Error{ErrorClass::fatal, fmt::format("the scratch database has no `{}.{}`", table.name, column.name)};
      column.declared = found->columns[static_cast<std::size_t>(at)].declared;
      column.generated = found->columns[static_cast<std::size_t>(at)].generated;
    }
    if (auto filled = insert(**connector, made, {source, i}, given(i)); !filled) return filled;
  }
  if (!sqlite)
    if (auto numbered = connect::postgres::number_on(**connector); !numbered) return numbered;
  return (*connector)->commit();
}

Result<std::vector<std::vector<Value>>> rows_of(connect::Connector& connector, const program::Program& program, program::TableRef ref) {
  const Table& table = program.table(ref);
  std::vector<std::vector<Value>> rows;
  Result<void> sound;
  const auto take = [&](connect::RawRow raw) {
    std::vector<Value> row;
    for (std::size_t i = 0; i < raw.size() && sound; ++i) {
      if (table.columns[i].storage == Storage::unknown) {
        row.emplace_back();
        continue;
      }
      auto value = connector.decode(raw[i], lower::wire_of(table.columns[i]));
      if (value) row.push_back(std::move(*value));
      else sound = value.error();
    }
    rows.push_back(std::move(row));
    return bool(sound);
  };
  Result<void> read;
  if (connector.has_sql()) {
    auto statement = connector.prepare(lower::whole_table(program, ref, lower::dialect_of(connector.engine())), eval::Context{});
    read = statement ? (*statement)->query_raw({}, take) : Result<void>(statement.error());
  } else {
    std::vector<int> all;
    for (int column = 0; column < static_cast<int>(table.columns.size()); ++column) all.push_back(column);
    read = connector.scan(table, all, take);
  }
  if (!read) return read.error();
  if (!sound) return sound.error();
  return rows;
}

}  // namespace bfl::run
