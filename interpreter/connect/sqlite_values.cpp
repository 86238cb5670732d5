#include "interpreter/connect/sqlite_values.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <cmath>
#include <cstring>

#include "interpreter/base/json.h"
#include "interpreter/connect/sqlite_arrays.h"

namespace bfl::connect {

bool operator==(const RawValue& a, const RawValue& b) {
  if (a.kind != b.kind) return false;
  switch (a.kind) {
    case RawValue::Class::null: return true;
    case RawValue::Class::integer: return a.integer == b.integer;
    case RawValue::Class::real: return std::memcmp(&a.real, &b.real, sizeof a.real) == 0;
    default: return a.bytes == b.bytes;
  }
}

namespace sqlite {
namespace {

using Class = RawValue::Class;

std::string shown(const RawValue& raw) {
  switch (raw.kind) {
    case Class::null: return "null";
    case Class::integer: return fmt::format("the integer {}", raw.integer);
    case Class::real: return fmt::format("the real number {}", raw.real);
    case Class::blob: return fmt::format("a blob of {} bytes", raw.bytes.size());
    case Class::text: break;
  }
  constexpr std::size_t most = 60;
  if (!valid_utf8(raw.bytes)) return fmt::format("a text of {} bytes that is not valid UTF-8", raw.bytes.size());
  if (raw.bytes.size() <= most) return fmt::format("the text `{}`", raw.bytes);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(raw.bytes[end]) & 0xC0) == 0x80) --end;
  return fmt::format("the text `{}…`", raw.bytes.substr(0, end));
}

bool misfit(const RawValue& raw, const lower::Wire& wire, std::string& problem, const char* expected = nullptr) {
  problem = fmt::format("{} is stored where {} is expected", shown(raw),
                        expected ? std::string(expected) : std::string(kind_name(wire.type.kind)));
  return false;
}

template <class T>
bool parsed(const std::optional<T>& value, const RawValue& raw, const lower::Wire& wire, Value& out, std::string& problem,
            const char* expected) {
  if (!value) return misfit(raw, wire, problem, expected);
  out.data = *value;
  return true;
}

bool decode_decimal(const RawValue& raw, const lower::Wire& wire, Value& out, std::string& problem) {
  if (raw.kind == Class::integer && wire.storage != Storage::decimal_text) {
    out.data = Decimal(raw.integer);
    return true;
  }
  if (raw.kind == Class::real && wire.storage != Storage::decimal_text)
    return parsed(Decimal::from_double(raw.real), raw, wire, out, problem, "a decimal");
  if (raw.kind == Class::text && wire.storage == Storage::decimal_text)
    return parsed(Decimal::parse(raw.bytes), raw, wire, out, problem, "a decimal as text");
  return misfit(raw, wire, problem, "a decimal");
}

RawValue integer(std::int64_t value) { return {.kind = Class::integer, .integer = value}; }
RawValue real(double value) { return {.kind = Class::real, .real = value}; }
RawValue text(std::string_view bytes) { return {.kind = Class::text, .bytes = bytes}; }
RawValue blob(std::string_view bytes) { return {.kind = Class::blob, .bytes = bytes}; }

// A document that is a number must survive the numeric affinity of a column declared JSON.
bool keeps_number(std::string_view document) {
  while (!document.empty() && std::string_view(" \t\n\r").find(document.back()) != std::string_view::npos) document.remove_suffix(1);
  while (!document.empty() && std::string_view(" \t\n\r").find(document.front()) != std::string_view::npos) document.remove_prefix(1);
  const auto number = Decimal::parse(document);
  if (!number || number->to_int64()) return true;
  const auto back = Decimal::from_double(number->to_double());
  return back && *back == *number;
}

bool encode_decimal(const Decimal& value, const lower::Wire& wire, std::string& arena, RawValue& out, std::string& problem) {
  if (wire.storage == Storage::decimal_text) {
    arena = value.to_string(wire.scale > 0 ? wire.scale : 0);
    out = text(arena);
    return true;
  }
  if (auto whole = value.to_int64()) {
    out = integer(*whole);
    return true;
  }
  const double nearest = value.to_double();
  const auto back = Decimal::from_double(nearest);
  if (!back || !(*back == value)) {
    problem = fmt::format("{} cannot be stored exactly: the column keeps decimals as binary numbers of some 15 digits; `round(x, 2)` leaves two behind the point", value.to_string());
    return false;
  }
  out = real(nearest);
  return true;
}

}  // namespace

// The bytes of a text are asked for as those of a blob: sqlite3_value_text would first copy the text to put a zero behind it,
// which is a tenth of the time of a change that keeps the image of each row. The encoding is UTF-8 always (sqlite_open.cpp),
// so that nothing has to be converted.
RawValue raw_of(sqlite3_value* value) {
  RawValue raw;
  const auto bytes = [value] {
    const auto* data = static_cast<const char*>(sqlite3_value_blob(value));
    return data ? std::string_view(data, static_cast<std::size_t>(sqlite3_value_bytes(value))) : std::string_view("");
  };
  switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
      raw.kind = Class::integer;
      raw.integer = sqlite3_value_int64(value);
      break;
    case SQLITE_FLOAT:
      raw.kind = Class::real;
      raw.real = sqlite3_value_double(value);
      break;
    case SQLITE_TEXT:
      raw.kind = Class::text;
      raw.bytes = bytes();
      break;
    case SQLITE_BLOB:
      raw.kind = Class::blob;
      raw.bytes = bytes();
      break;
    default: break;
  }
  return raw;
}

RawValue raw_of_column(sqlite3_stmt* statement, int column) {
  RawValue raw;
  const auto bytes = [statement, column] {
    const auto* data = static_cast<const char*>(sqlite3_column_blob(statement, column));
    return data ? std::string_view(data, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))) : std::string_view("");
  };
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      raw.kind = Class::integer;
      raw.integer = sqlite3_column_int64(statement, column);
      break;
    case SQLITE_FLOAT:
      raw.kind = Class::real;
      raw.real = sqlite3_column_double(statement, column);
      break;
    case SQLITE_TEXT:
      raw.kind = Class::text;
      raw.bytes = bytes();
      break;
    case SQLITE_BLOB:
      raw.kind = Class::blob;
      raw.bytes = bytes();
      break;
    default: break;
  }
  return raw;
}

bool decode_into(const RawValue& raw, const lower::Wire& wire, Value& out, std::string& problem) {
  if (raw.kind == Class::null) {
    out.data = std::monostate{};
    return true;
  }
  if (wire.storage == Storage::unknown) return misfit(raw, wire, problem, "a column of known type");
  switch (wire.type.kind) {
    case Kind::integer:
      if (raw.kind != Class::integer) return misfit(raw, wire, problem);
      out.data = raw.integer;
      return true;
    case Kind::boolean:
      if (raw.kind != Class::integer || (raw.integer != 0 && raw.integer != 1)) return misfit(raw, wire, problem, "a bool (0 or 1)");
      out.data = raw.integer == 1;
      return true;
    case Kind::decimal: return decode_decimal(raw, wire, out, problem);
    case Kind::floating:
      if (raw.kind == Class::real) out.data = raw.real;
      else if (raw.kind == Class::integer) out.data = static_cast<double>(raw.integer);
      else if (raw.kind == Class::text && raw.bytes == "nan" && wire.storage == Storage::real_or_nan) out.data = std::nan("");
      else return misfit(raw, wire, problem);
      return true;
    case Kind::text:
      if (raw.kind != Class::text || !valid_utf8(raw.bytes)) return misfit(raw, wire, problem, "text");
      if (auto* kept = std::get_if<std::string>(&out.data)) kept->assign(raw.bytes);
      else out.data = std::string(raw.bytes);
      return true;
    case Kind::bytes:
      if (raw.kind != Class::blob) return misfit(raw, wire, problem, "a blob");
      if (auto* kept = std::get_if<Bytes>(&out.data)) kept->data.assign(raw.bytes);
      else out.data = Bytes{std::string(raw.bytes)};
      return true;
    case Kind::date:
      if (wire.storage == Storage::native && raw.kind == Class::integer) {
        out.data = Date{static_cast<std::int32_t>(raw.integer)};
        return true;
      }
      if (raw.kind != Class::text) return misfit(raw, wire, problem, "a date as text");
      return parsed(parse_date(raw.bytes), raw, wire, out, problem, "a date (`YYYY-MM-DD`)");
    case Kind::timestamp:
      if (wire.storage == Storage::native && raw.kind == Class::integer) {
        out.data = Timestamp{raw.integer};
        return true;
      }
      if (raw.kind != Class::text) return misfit(raw, wire, problem, "a timestamp as text");
      return parsed(parse_timestamp(raw.bytes), raw, wire, out, problem, "a timestamp (`YYYY-MM-DD HH:MM:SS`)");
    case Kind::duration:
      if (raw.kind != Class::integer) return misfit(raw, wire, problem, "a duration in microseconds");
      out.data = Duration{raw.integer};
      return true;
    case Kind::uuid:
      if (wire.storage == Storage::uuid_blob) {
        if (raw.kind != Class::blob || raw.bytes.size() != 16) return misfit(raw, wire, problem, "a uuid of 16 bytes");
        Uuid uuid;
        std::memcpy(uuid.data.data(), raw.bytes.data(), 16);
        out.data = uuid;
        return true;
      }
      if (raw.kind != Class::text) return misfit(raw, wire, problem, "a uuid as text");
      return parsed(parse_uuid(raw.bytes), raw, wire, out, problem, "a uuid");
    case Kind::json:
      // A column declared JSON has numeric affinity: a document that is a number is stored as one.
      if (raw.kind == Class::integer) {
        out.data = Json{fmt::format("{}", raw.integer)};
        return true;
      }
      if (raw.kind == Class::real)
        if (const auto number = Decimal::from_double(raw.real)) {
          out.data = Json{number->to_string()};
          return true;
        }
      if (raw.kind != Class::text || !valid_utf8(raw.bytes)) return misfit(raw, wire, problem, "json as text");
      out.data = Json{std::string(raw.bytes)};
      return true;
    case Kind::array:
      if (raw.kind != Class::text || !valid_utf8(raw.bytes)) return misfit(raw, wire, problem, "an array as a JSON text");
      return decode_array(raw.bytes, wire, out, problem);
    case Kind::null: break;
  }
  return misfit(raw, wire, problem);
}

bool encode_into(const Value& value, const lower::Wire& wire, std::string& arena, RawValue& out, std::string& problem) {
  switch (value.kind()) {
    case Kind::null: out = {}; return true;
    case Kind::boolean: out = integer(value.as<bool>() ? 1 : 0); return true;
    case Kind::integer:
      if (wire.type.kind == Kind::decimal) return encode_decimal(Decimal(value.as<std::int64_t>()), wire, arena, out, problem);
      out = integer(value.as<std::int64_t>());
      return true;
    case Kind::decimal: return encode_decimal(value.as<Decimal>(), wire, arena, out, problem);
    case Kind::floating:
      if (std::isnan(value.as<double>())) {
        if (wire.storage == Storage::real_or_nan) {
          out = text("nan");
          return true;
        }
        problem = "nan cannot be stored: SQLite would make it null";  // it has no NaN
        return false;
      }
      out = real(value.as<double>());
      return true;
    case Kind::text: out = text(value.as<std::string>()); return true;
    case Kind::bytes: out = blob(value.as<Bytes>().data); return true;
    case Kind::date:
      if (wire.type.kind == Kind::timestamp)
        return encode_into(Timestamp{value.as<Date>().days * micros_per_day}, wire, arena, out, problem);
      if (wire.storage == Storage::native) {
        out = integer(value.as<Date>().days);
        return true;
      }
      arena = format_date(value.as<Date>());
      out = text(arena);
      return true;
    case Kind::timestamp:
      if (wire.storage == Storage::native) {
        out = integer(value.as<Timestamp>().micros);
        return true;
      }
      arena = format_timestamp(value.as<Timestamp>(), wire.time_separator, wire.time_suffix);
      out = text(arena);
      return true;
    case Kind::duration: out = integer(value.as<Duration>().micros); return true;
    case Kind::uuid: {
      const Uuid& uuid = value.as<Uuid>();
      if (wire.storage == Storage::uuid_blob) {
        arena.assign(reinterpret_cast<const char*>(uuid.data.data()), uuid.data.size());
        out = blob(arena);
      } else {
        arena = format_uuid(uuid);
        out = text(arena);
      }
      return true;
    }
    case Kind::json: {
      const std::string& document = value.as<Json>().text;
      if (wire.storage == Storage::json_canonical) {
        arena = canonical_json(document);
        out = text(arena);
        return true;
      }
      if (wire.storage == Storage::json_text && !keeps_number(document)) {
        problem = fmt::format("the json number {} cannot be stored exactly", document);
        return false;
      }
      out = text(document);
      return true;
    }
    case Kind::array:
      if (!encode_array(value.as<Array>(), wire, arena, problem)) return false;
      out = text(arena);
      return true;
  }
  problem = fmt::format("a value of type {} cannot be stored", kind_name(value.kind()));
  return false;
}

int bind(sqlite3_stmt* statement, int index, const RawValue& raw, bool copy) {
  auto* lifetime = copy ? SQLITE_TRANSIENT : SQLITE_STATIC;
  switch (raw.kind) {
    case Class::null: return sqlite3_bind_null(statement, index);
    case Class::integer: return sqlite3_bind_int64(statement, index, raw.integer);
    case Class::real: return sqlite3_bind_double(statement, index, raw.real);
    case Class::text:
      return sqlite3_bind_text64(statement, index, raw.bytes.data() ? raw.bytes.data() : "", raw.bytes.size(), lifetime, SQLITE_UTF8);
    case Class::blob: return sqlite3_bind_blob64(statement, index, raw.bytes.data() ? raw.bytes.data() : "", raw.bytes.size(), lifetime);
  }
  return SQLITE_MISUSE;
}

void set_result(sqlite3_context* context, const RawValue& raw) {
  switch (raw.kind) {
    case Class::null: sqlite3_result_null(context); break;
    case Class::integer: sqlite3_result_int64(context, raw.integer); break;
    case Class::real: sqlite3_result_double(context, raw.real); break;
    case Class::text:
      sqlite3_result_text64(context, raw.bytes.data() ? raw.bytes.data() : "", raw.bytes.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
      break;
    case Class::blob: sqlite3_result_blob64(context, raw.bytes.data() ? raw.bytes.data() : "", raw.bytes.size(), SQLITE_TRANSIENT); break;
  }
}

}  // namespace sqlite
}  // namespace bfl::connect
