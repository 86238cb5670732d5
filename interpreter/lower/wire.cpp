#include "interpreter/lower/sql.h"

namespace bfl::lower {

Dialect dialect_of(const std::string& engine) { return engine == "postgres" ? Dialect::postgres : Dialect::sqlite; }

Wire wire_of(const Column& column) { return {column.type, column.storage, column.scale, column.time_separator, column.time_suffix, column.padded}; }

Wire wire_of(const Type& type) {
  Wire wire{.type = type};
  switch (type.kind) {
    case Kind::boolean: wire.storage = Storage::boolean_integer; break;
    case Kind::decimal: wire.storage = Storage::decimal_text; break;
    case Kind::floating: wire.storage = Storage::real_or_nan; break;
    case Kind::date:
    case Kind::timestamp: wire.storage = Storage::iso_text; break;
    case Kind::uuid: wire.storage = Storage::uuid_text; break;
    default: break;
  }
  return wire;
}

std::string quote_identifier(std::string_view name) {
  std::string quoted;
  quoted.reserve(name.size() + 2);  // written for every column of every statement
  quoted += '"';
  for (char c : name) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

const char* sql_of(program::CompareOp op) {
  switch (op) {
    case program::CompareOp::less: return "<";
    case program::CompareOp::less_equal: return "<=";
    case program::CompareOp::greater: return ">";
    case program::CompareOp::greater_equal: return ">=";
    case program::CompareOp::equal: return "=";
    case program::CompareOp::not_equal: return "<>";
  }
  return "";
}

std::string quote_text(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text) {
    if (c == '\'') quoted += c;
    quoted += c;
  }
  return quoted + "'";
}

// What bfl keeps may have been computed for this connection only: it is found without a schema.
std::string qualified(const Table& table) {
  const std::string name = quote_identifier(table.relation.empty() ? table.name : table.relation);
  return table.schema.empty() ? name : table.schema + "." + name;
}

}  // namespace bfl::lower
