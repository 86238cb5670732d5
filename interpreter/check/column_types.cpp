#include "interpreter/check/column_types.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace bfl::check {

namespace {

enum class Affinity { integer, text, blob, real, numeric };

// SQLite's own rule, from the words of the declared type.
Affinity affinity_of(const std::string& declared) {
  std::string upper;
  for (char c : declared) upper += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const auto has = [&](const char* part) { return upper.find(part) != std::string::npos; };
  if (has("INT")) return Affinity::integer;
  if (has("CHAR") || has("CLOB") || has("TEXT")) return Affinity::text;
  if (has("BLOB") || upper.empty()) return Affinity::blob;
  if (has("REAL") || has("FLOA") || has("DOUB")) return Affinity::real;
  return Affinity::numeric;
}

int declared_scale(const std::string& declared) {
  const auto open = declared.find('('), comma = declared.find(',', open == std::string::npos ? declared.size() : open);
  if (open == std::string::npos || comma == std::string::npos) return -1;
  int scale = 0;
  bool any = false;
  for (std::size_t i = comma + 1; i < declared.size() && declared[i] != ')'; ++i) {
    if (declared[i] == ' ') continue;
    if (!std::isdigit(static_cast<unsigned char>(declared[i])) || scale > 100) return -1;
    scale = scale * 10 + (declared[i] - '0');
    any = true;
  }
  return any ? scale : -1;
}

}  // namespace

std::string declare_type(Column& column, const Type& type) {
  const Affinity affinity = affinity_of(column.declared);
  const bool numbers = affinity == Affinity::integer || affinity == Affinity::real || affinity == Affinity::numeric;
  const bool texts = affinity == Affinity::text || affinity == Affinity::blob || affinity == Affinity::numeric;
  Storage storage = Storage::native;
  switch (type.kind) {
    case Kind::integer:
      if (affinity == Affinity::text) return "its numbers are stored as text: declare `text` and read it with `to_int(…)`";
      break;
    case Kind::floating:
      if (affinity == Affinity::text) return "its numbers are stored as text: declare `text` and read it with `to_float(…)`";
      break;
    case Kind::text:
      if (affinity == Affinity::integer || affinity == Affinity::real) return "it stores numbers: declare `int`, `decimal` or `float` and write it with `to_text(…)`";
      break;
    case Kind::bytes: break;
    case Kind::boolean:
      if (affinity == Affinity::text || affinity == Affinity::real) return "a truth is stored as 0 or 1: declare `text` and read it with `to_bool(…)`";
      storage = Storage::boolean_integer;
      break;
    case Kind::decimal: storage = numbers || affinity == Affinity::blob ? Storage::decimal_numeric : Storage::decimal_text; break;
    case Kind::date:
    case Kind::timestamp:
      if (!texts) return "it stores numbers: declare `int` and read it with `from_epoch_seconds(…)` or `from_epoch_millis(…)`";
      storage = Storage::iso_text;
      break;
    case Kind::uuid:
      if (numbers && affinity != Affinity::numeric) return "it stores numbers";
      storage = column.storage == Storage::uuid_blob || (affinity == Affinity::blob && !column.declared.empty()) ? Storage::uuid_blob : Storage::uuid_text;
      break;
    case Kind::json:
      if (affinity == Affinity::integer || affinity == Affinity::real) return "it stores numbers";
      storage = Storage::json_text;
      break;
    case Kind::duration: return "no column holds durations: declare `int` and compute with it";
    case Kind::array:
      if (affinity != Affinity::text && affinity != Affinity::blob) return "an array is stored as a JSON text: it takes a column of type TEXT";
      if (type.element->kind == Kind::bytes || type.element->kind == Kind::duration) return "JSON has no such elements";
      storage = Storage::json_text;
      break;
    case Kind::null: return "null is no type of a column";
  }
  const bool nullable = column.type.nullable;  // what the catalogue says stands
  column.type = type.with_null(nullable);
  column.storage = storage;
  column.scale = type.kind == Kind::decimal ? declared_scale(column.declared) : -1;
  return {};
}

namespace {

struct PostgresType { std::string_view declared, base; Storage storage; };

}  // namespace

std::optional<Column> kept_in_postgres(Column column) {
  const auto of = [](Kind kind) -> PostgresType {
    switch (kind) {
      case Kind::integer:
      case Kind::duration: return {"bigint", "int8", Storage::native};
      case Kind::boolean: return {"boolean", "bool", Storage::boolean_integer};
      case Kind::floating: return {"double precision", "float8", Storage::native};
      case Kind::decimal: return {"numeric", "numeric", Storage::decimal_text};
      case Kind::text: return {"text", "text", Storage::native};
      case Kind::bytes: return {"bytea", "bytea", Storage::native};
      case Kind::date: return {"date", "date", Storage::native};
      case Kind::timestamp: return {"timestamp without time zone", "timestamp", Storage::native};
      case Kind::uuid: return {"uuid", "uuid", Storage::uuid_text};
      case Kind::json: return {"json", "json", Storage::json_text};
      case Kind::array: return {"json", "json", Storage::json_text};
      case Kind::null: break;
    }
    return {};
  };
  const PostgresType type = of(column.type.kind);
  if (type.declared.empty()) return std::nullopt;
  column.declared = type.declared;
  column.base = type.base;
  column.storage = type.storage;
  return column;
}

std::string declare_in_postgres(Column& column, const Type& type) {
  const bool nullable = column.type.nullable;  // what the catalogue says stands
  const auto take = [&](Storage storage, bool recast) {
    column.type = type.with_null(nullable);
    column.storage = storage;
    column.recast = recast;
    return std::string();
  };
  const bool texts = column.base == "text" || column.base == "varchar" || column.base == "bpchar", documents = column.base == "json" || column.base == "jsonb";
  const bool array = type.kind == Kind::array;
  const bool known = column.storage != Storage::unknown;
  if (known && type.kind == column.type.kind && (!array || type.element->kind == column.type.element->kind)) return take(column.storage, false);
  if ((texts && type.kind == Kind::json) || ((texts || documents) && array && column.type.kind != Kind::array)) return take(Storage::json_text, true);
  if (known && column.type.kind == Kind::integer && type.kind == Kind::boolean) return take(Storage::boolean_integer, true);
  if (type.kind == Kind::text && (!known || documents)) return take(Storage::native, true);
  if (!known) return "bfl does not know its type: declare `text`, and it is read and written as PostgreSQL shows it";
  if (column.type.kind == Kind::text) return fmt::format("it stores text: declare `text` and read it with `to_{}(…)`", kind_name(type.kind));
  return fmt::format("its type is {}: leave the `column` out, and convert what is read", to_string(column.type.with_null(false)));
}

std::string declare_field(Column& column, const Type& type) {
  if (type.kind == Kind::bytes) return "a CSV file holds text: declare `text` and read it with `unhex(…)` or `unbase64(…)`";
  if (type.kind == Kind::duration) return "declare `int` and compute with it";
  if (type.kind == Kind::array) return "declare `text` and read it with `split(…)`, or `json`";
  column.type = type;
  return {};
}

}  // namespace bfl::check
