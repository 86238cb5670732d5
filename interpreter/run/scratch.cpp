#include "interpreter/run/scratch.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>

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

std::string definition(const Table& table) {
  std::string text = fmt::format("CREATE TABLE main.{} (", lower::quote_identifier(table.name));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    const bool alias = static_cast<int>(i) == table.rowid_alias;
    text += fmt::format("{}{} {}{}", i ? ", " : "", lower::quote_identifier(column.name), alias ? "INTEGER PRIMARY KEY" : column.declared,
                        !alias && !column.type.nullable ? " NOT NULL" : "");
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

Result<void> insert(connect::Connector& connector, const Table& table, const std::vector<program::GivenRow>& rows) {
  std::vector<int> all;
  std::string parameters;
  for (int column = 0; column < static_cast<int>(table.columns.size()); ++column) {
    all.push_back(column);
    parameters += fmt::format("{}?{}", column ? ", " : "", column + 1);
  }
  auto statement = connector.prepare(
      fmt::format("INSERT INTO main.{} ({}) VALUES ({})", lower::quote_identifier(table.name), quoted_list(table, all), parameters));
  if (!statement) return statement.error();
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const std::vector<Value> values = whole(table, rows[r], static_cast<std::int64_t>(r) + 1);
    std::vector<RawValue> raw;
    std::vector<std::string> arenas(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      auto encoded = connector.encode(values[i], lower::wire_of(table.columns[i]), arenas[i]);
      if (!encoded) return encoded.error();
      raw.push_back(*encoded);
    }
    if (auto inserted = (*statement)->run_raw(raw); !inserted) return inserted.error();
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

std::string key_text(const Table& table, const std::vector<int>& key, const std::vector<Value>& row) {
  std::string text;
  for (const int column : key)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", table.columns[static_cast<std::size_t>(column)].name, to_literal(row[static_cast<std::size_t>(column)]));
  return text;
}

}  // namespace

Result<void> make_scratch(const std::string& path, const program::Program& program, int source, const std::vector<program::TableRows>& rows) {
  const Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(source)];
  const auto given = [&](int table) {
    std::vector<program::GivenRow> all;
    for (const program::TableRows& part : rows)
      if (part.table == program::TableRef{source, table}) all.insert(all.end(), part.rows.begin(), part.rows.end());
    return all;
  };
  if (catalogue.engine == "csv") return write_file(path, csv_text(catalogue.tables[0], program.sources[static_cast<std::size_t>(source)], given(0)));
  if (auto made = write_file(path, ""); !made) return made;  // an empty file is an empty database
  auto connector = connect::open("sqlite:" + path, {});
  if (!connector) return connector.error();
  if (auto begun = (*connector)->begin_write(); !begun) return begun;
  for (int i = 0; i < static_cast<int>(catalogue.tables.size()); ++i) {
    const Table& table = catalogue.tables[static_cast<std::size_t>(i)];
    if (table.virtual_table || !table.kept.empty()) continue;
    if (auto made = (*connector)->execute(definition(table)); !made) return made;
    if (auto filled = insert(**connector, table, given(i)); !filled) {
      Error error = filled.error();
      error.message = fmt::format("the rows given of `{}`: {}", table.name, error.message);
      return error;
    }
  }
  return (*connector)->commit();
}

Result<std::vector<std::vector<Value>>> rows_of(connect::Connector& connector, const Table& table) {
  std::vector<int> all;
  for (int column = 0; column < static_cast<int>(table.columns.size()); ++column) all.push_back(column);
  std::vector<std::vector<Value>> rows;
  Result<void> sound;
  auto read = connector.scan(table, all, [&](connect::RawRow raw) {
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
  });
  if (!read) return read.error();
  if (!sound) return sound.error();
  return rows;
}

std::vector<std::string> differences(const Table& table, const program::TableRows& expected, const std::vector<std::vector<Value>>& rows) {
  // By the first key that every expected row names, else in the order in which they lie.
  const auto named = [&](const program::GivenRow& row, int column) {
    return std::any_of(row.values.begin(), row.values.end(), [&](const auto& value) { return value.first == column; });
  };
  std::vector<int> key;
  for (const Key& candidate : table.keys) {
    const bool all = candidate.plain && std::all_of(expected.rows.begin(), expected.rows.end(), [&](const auto& row) {
      return std::all_of(candidate.columns.begin(), candidate.columns.end(), [&](int column) { return named(row, column); });
    });
    if (all && key.empty()) key = candidate.columns;
  }
  std::vector<std::string> found;
  std::vector<bool> seen(rows.size());
  for (std::size_t i = 0; i < expected.rows.size(); ++i) {
    std::vector<Value> wanted(table.columns.size());
    for (const auto& [column, value] : expected.rows[i].values) wanted[static_cast<std::size_t>(column)] = value;
    std::size_t at = key.empty() ? i : 0;
    while (!key.empty() && at < rows.size() &&
           !std::all_of(key.begin(), key.end(), [&](int column) { return equal(rows[at][static_cast<std::size_t>(column)], wanted[static_cast<std::size_t>(column)]); }))
      ++at;
    const std::string where = fmt::format("{} {}", table.name, key.empty() ? fmt::format("row {}", i + 1) : key_text(table, key, wanted));
    if (at >= rows.size()) {
      found.push_back(where + ": the row is missing");
      continue;
    }
    seen[at] = true;
    for (const auto& [column, value] : expected.rows[i].values) {
      const Value& is = rows[at][static_cast<std::size_t>(column)];
      if (!equal(is, value))
        found.push_back(fmt::format("{}: {} is {}, expected {}", where, table.columns[static_cast<std::size_t>(column)].name, to_literal(is), to_literal(value)));
    }
  }
  for (std::size_t at = 0; at < rows.size(); ++at)
    if (!seen[at]) found.push_back(fmt::format("{} {}: a row that is not expected", table.name, key.empty() ? fmt::format("row {}", at + 1) : key_text(table, key, rows[at])));
  return found;
}

}  // namespace bfl::run
