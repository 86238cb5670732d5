#include "interpreter/connect/postgres_values.h"

#include <endian.h>
#include <fmt/format.h>

#include <cmath>
#include <algorithm>
#include <cstring>
#include <limits>

#include "interpreter/connect/postgres_arrays.h"
#include "interpreter/connect/sqlite_arrays.h"

namespace bfl::connect::postgres {
namespace {

using Class = RawValue::Class;

// Types by their fixed numbers.
constexpr Oid oid_bool = 16, oid_bytea = 17, oid_char = 18, oid_name = 19, oid_int8 = 20, oid_int2 = 21, oid_int4 = 23, oid_text = 25,
              oid_oid = 26, oid_json = 114, oid_float4 = 700, oid_float8 = 701, oid_unknown = 705, oid_bpchar = 1042, oid_varchar = 1043,
              oid_date = 1082, oid_timestamp = 1114, oid_timestamptz = 1184, oid_numeric = 1700, oid_uuid = 2950, oid_jsonb = 3802;

// PostgreSQL counts from 2000-01-01.
constexpr std::int64_t epoch_days = 10'957, epoch_micros = epoch_days * micros_per_day;

// PostgreSQL's last centuries lie past 64 bits when counted from 1970: they wrap around and back, so that images keep them.
constexpr std::int64_t shifted(std::int64_t micros, std::int64_t by) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(micros) + static_cast<std::uint64_t>(by));
}
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max(), ever_since = std::numeric_limits<std::int64_t>::min();

std::int16_t int16_at(const char* data) {
  std::uint16_t bits;
  std::memcpy(&bits, data, sizeof bits);
  return static_cast<std::int16_t>(be16toh(bits));
}
std::int32_t int32_at(const char* data) {
  std::uint32_t bits;
  std::memcpy(&bits, data, sizeof bits);
  return static_cast<std::int32_t>(be32toh(bits));
}
std::int64_t int64_at(const char* data) {
  std::uint64_t bits;
  std::memcpy(&bits, data, sizeof bits);
  return static_cast<std::int64_t>(be64toh(bits));
}
void put_int32(std::string& out, std::int32_t value) {
  const std::uint32_t bits = htobe32(static_cast<std::uint32_t>(value));
  out.assign(reinterpret_cast<const char*>(&bits), sizeof bits);
}
void put_int64(std::string& out, std::int64_t value) {
  const std::uint64_t bits = htobe64(static_cast<std::uint64_t>(value));
  out.assign(reinterpret_cast<const char*>(&bits), sizeof bits);
}

void put_digits(char*& to, int group, bool all) {
  const char digits[] = {static_cast<char>('0' + group / 1000), static_cast<char>('0' + group / 100 % 10),
                         static_cast<char>('0' + group / 10 % 10), static_cast<char>('0' + group % 10)};
  int first = 0;
  while (!all && first < 3 && digits[first] == '0') ++first;
  for (int i = first; i < 4; ++i) *to++ = digits[i];
}

// Groups of four digits, the weight of the first, a sign, and how many digits are shown behind the point.
bool numeric_text(const char* data, std::size_t size, char*& to) {
  if (size < 8) return false;
  const int groups = int16_at(data), weight = int16_at(data + 2), scale = int16_at(data + 6);
  const auto sign = static_cast<std::uint16_t>(int16_at(data + 4));
  const auto word = [&](std::string_view text) {
    std::copy(text.begin(), text.end(), to);
    to += text.size();
    return true;
  };
  if (sign == 0xC000) return word("NaN");
  if (sign == 0xD000) return word("Infinity");
  if (sign == 0xF000) return word("-Infinity");
  if (groups < 0 || size < 8 + 2 * static_cast<std::size_t>(groups)) return false;
  const auto group = [&](int index) { return index >= 0 && index < groups ? int{int16_at(data + 8 + 2 * index)} : 0; };
  if (sign == 0x4000) *to++ = '-';
  if (weight < 0) *to++ = '0';
  for (int i = 0; i <= weight; ++i) put_digits(to, group(i), i > 0);
  if (scale > 0) {
    *to++ = '.';
    char* const end = to + scale;
    for (int i = weight + 1; to < end; ++i) put_digits(to, group(i), true);
    to = end;
  }
  return true;
}

std::size_t numeric_room(const char* data, std::size_t size) {
  if (size < 8) return 16;
  const int weight = int16_at(data + 2), scale = int16_at(data + 6);
  return static_cast<std::size_t>(std::max(weight, 0) + 2) * 4 + static_cast<std::size_t>(std::max(scale, 0)) + 16;
}

std::string shown(const RawValue& raw, const lower::Wire& wire) {
  const bool dated = wire.type.kind == Kind::date || wire.type.kind == Kind::timestamp;
  switch (raw.kind) {
    case Class::null: return "null";
    case Class::integer:
      if (dated && raw.integer == forever) return "`infinity`";
      if (dated && raw.integer == ever_since) return "`-infinity`";
      if (dated) return "a day outside of the years 1 to 9999";
      return fmt::format("the integer {}", raw.integer);
    case Class::real: return fmt::format("the number {}", raw.real);
    case Class::blob: return fmt::format("{} bytes", raw.bytes.size());
    case Class::text: break;
  }
  constexpr std::size_t most = 60;
  if (raw.bytes.size() <= most) return fmt::format("`{}`", raw.bytes);
  std::size_t end = most;
  while (end > 0 && (static_cast<unsigned char>(raw.bytes[end]) & 0xC0) == 0x80) --end;
  return fmt::format("`{}…`", raw.bytes.substr(0, end));
}

RawValue integer(std::int64_t value) { return {.kind = Class::integer, .integer = value}; }
RawValue text(std::string_view bytes) { return {.kind = Class::text, .bytes = bytes}; }

// The blanks behind a char(n) are no part of its value, but of how it is stored.
std::string_view without_padding(std::string_view text) { return text.substr(0, text.find_last_not_of(' ') + 1); }

std::string_view with_padding(std::string_view text, int characters, std::string& arena) {
  arena = without_padding(text);
  const auto begins = [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; };
  const auto count = std::count_if(arena.begin(), arena.end(), begins);
  if (count < characters) arena.append(static_cast<std::size_t>(characters - count), ' ');
  return arena;
}

}  // namespace

std::size_t made_text(Oid type, const char* data, std::size_t size) {
  return type == oid_uuid ? 36 : type == oid_numeric ? numeric_room(data, size) : 0;
}

bool raw_of(Oid type, const char* data, std::size_t size, RawValue& out, char*& arena) {
  switch (type) {
    case oid_bool: out = integer(data[0] != 0); return true;
    case oid_int2: out = integer(int16_at(data)); return true;
    case oid_int4: out = integer(int32_at(data)); return true;
    case oid_oid: out = integer(static_cast<std::uint32_t>(int32_at(data))); return true;
    case oid_int8: out = integer(int64_at(data)); return true;
    case oid_date: {
      const std::int32_t days = int32_at(data);
      out = integer(days == std::numeric_limits<std::int32_t>::max()   ? forever
                    : days == std::numeric_limits<std::int32_t>::min() ? ever_since
                                                                       : days + epoch_days);
      return true;
    }
    case oid_timestamp: case oid_timestamptz: {
      const std::int64_t micros = int64_at(data);
      out = integer(micros == forever || micros == ever_since ? micros : shifted(micros, epoch_micros));
      return true;
    }
    case oid_float4: {
      const std::int32_t bits = int32_at(data);
      float value;
      std::memcpy(&value, &bits, sizeof value);
      out = {.kind = Class::real, .real = value};
      return true;
    }
    case oid_float8: {
      const std::int64_t bits = int64_at(data);
      out.kind = Class::real;
      std::memcpy(&out.real, &bits, sizeof out.real);
      return true;
    }
    case oid_bytea: out = {.kind = Class::blob, .bytes = {data, size}}; return true;
    case oid_text: case oid_varchar: case oid_bpchar: case oid_name: case oid_char: case oid_json: case oid_unknown:
      out = text({data, size});
      return true;
    case oid_jsonb: out = text({data + 1, size - 1}); return true;  // behind a version number
    case oid_numeric: {
      char* const from = arena;
      if (!numeric_text(data, size, arena)) return false;
      out = text({from, static_cast<std::size_t>(arena - from)});
      return true;
    }
    case oid_uuid: {
      if (size != 16) return false;
      char* const from = arena;
      constexpr char hex_digits[] = "0123456789abcdef";
      for (int i = 0; i < 16; ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *arena++ = '-';
        const auto byte = static_cast<unsigned char>(data[i]);
        *arena++ = hex_digits[byte >> 4];
        *arena++ = hex_digits[byte & 15];
      }
      out = text({from, 36});
      return true;
    }
    default: return false;
  }
}

void put(Parameter& to, const RawValue& raw, const lower::Wire* wire) {
  to.null = raw.kind == Class::null;
  to.binary = false;
  to.bytes.clear();
  const Kind kind = wire ? wire->type.kind : Kind::null;
  switch (kind) {
    case Kind::date:
      to.type = oid_date;
      to.binary = true;
      if (!to.null)
        put_int32(to.bytes, raw.integer == forever      ? std::numeric_limits<std::int32_t>::max()
                            : raw.integer == ever_since ? std::numeric_limits<std::int32_t>::min()
                                                        : static_cast<std::int32_t>(raw.integer - epoch_days));
      return;
    case Kind::timestamp:
      to.type = oid_timestamp;
      to.binary = true;
      if (!to.null) put_int64(to.bytes, raw.integer == forever || raw.integer == ever_since ? raw.integer : shifted(raw.integer, -epoch_micros));
      return;
    case Kind::boolean: to.type = oid_bool; break;
    case Kind::integer: case Kind::duration: to.type = oid_int8; break;
    case Kind::decimal: to.type = oid_numeric; break;
    case Kind::floating: to.type = oid_float8; break;
    case Kind::bytes: to.type = oid_bytea; break;
    case Kind::uuid: to.type = oid_uuid; break;
    case Kind::text: case Kind::json: case Kind::array: to.type = oid_text; break;
    case Kind::null:
      to.type = raw.kind == Class::integer ? oid_int8 : raw.kind == Class::real ? oid_float8 : raw.kind == Class::blob ? oid_bytea
              : raw.kind == Class::text                                         ? oid_text
                                                                                : 0;
  }
  switch (raw.kind) {
    case Class::null: break;
    case Class::integer: to.bytes = kind == Kind::boolean ? (raw.integer ? "t" : "f") : std::to_string(raw.integer); break;
    case Class::real: {
      std::int64_t bits;
      std::memcpy(&bits, &raw.real, sizeof bits);
      to.binary = true;
      put_int64(to.bytes, bits);
      break;
    }
    case Class::blob: to.binary = true; [[fallthrough]];
    case Class::text: to.bytes.assign(raw.bytes); break;
  }
}

// Dimensions, whether there are nulls, the type, length and first index; then each value behind its length.
Parameter array_of(const Library& library, const PGresult* rows, int column) {
  const int count = library.PQntuples(rows);
  Parameter made{.type = 0, .null = false, .binary = true, .bytes = {}};
  const auto number = [&](std::int32_t value) {
    const std::uint32_t bits = htobe32(static_cast<std::uint32_t>(value));
    made.bytes.append(reinterpret_cast<const char*>(&bits), sizeof bits);
  };
  for (const std::int32_t part : {1, 0, static_cast<std::int32_t>(library.PQftype(rows, column)), count, 1}) number(part);
  for (int i = 0; i < count; ++i) {
    const int length = library.PQgetlength(rows, i, column);
    number(length);
    made.bytes.append(library.PQgetvalue(rows, i, column), static_cast<std::size_t>(length));
  }
  return made;
}

bool array_of(std::span<const Prepared::Parameters> sets, std::size_t place, Kind kind, Parameter& to) {
  Oid element = oid_text;
  Class expected = Class::text;
  switch (kind) {
    case Kind::integer: case Kind::duration: element = oid_int8, expected = Class::integer; break;
    case Kind::boolean: element = oid_bool, expected = Class::integer; break;
    case Kind::date: element = oid_date, expected = Class::integer; break;
    case Kind::timestamp: element = oid_timestamp, expected = Class::integer; break;
    case Kind::floating: element = oid_float8, expected = Class::real; break;
    case Kind::bytes: element = oid_bytea, expected = Class::blob; break;
    case Kind::null: return false;
    default: break;
  }
  to = {.type = 0, .null = false, .binary = true, .bytes = {}};
  std::string number;
  const auto add = [&](std::int32_t value) {
    put_int32(number, value);
    to.bytes += number;
  };
  for (const std::int32_t part : {1, 1, static_cast<std::int32_t>(element), static_cast<std::int32_t>(sets.size()), 1}) add(part);
  const lower::Wire wire{.type = {kind}};
  Parameter one;
  for (const Prepared::Parameters& set : sets) {
    const RawValue& raw = set[place];
    if (raw.kind == Class::null) {
      add(-1);
      continue;
    }
    if (raw.kind != expected) return false;
    if (element == oid_int8) put_int64(one.bytes, raw.integer);
    else if (element == oid_bool) one.bytes.assign(1, raw.integer ? '\1' : '\0');
    else put(one, raw, &wire);
    add(static_cast<std::int32_t>(one.bytes.size()));
    to.bytes += one.bytes;
  }
  return true;
}

bool decode_into(const RawValue& raw, const lower::Wire& wire, Value& out, std::string& problem) {
  const auto misfit = [&](std::string_view expected) {
    problem = fmt::format("{} is stored where {} is expected", shown(raw, wire), expected);
    return false;
  };
  if (raw.kind == Class::null) {
    out = Value();
    return true;
  }
  if (wire.storage == Storage::unknown) return misfit("a type that bfl knows");
  switch (wire.type.kind) {
    case Kind::boolean:
      if (raw.kind != Class::integer) break;
      out.data = raw.integer != 0;
      return true;
    case Kind::integer:
      if (raw.kind != Class::integer) break;
      out.data = raw.integer;
      return true;
    case Kind::duration:
      if (raw.kind != Class::integer) break;
      out.data = Duration{raw.integer};
      return true;
    case Kind::decimal: {
      if (raw.kind != Class::text) break;
      const auto value = Decimal::parse(raw.bytes);
      if (!value) return misfit("a decimal");
      out.data = *value;
      return true;
    }
    case Kind::floating:
      if (raw.kind != Class::real) break;
      out.data = raw.real;
      return true;
    case Kind::text:
      if (raw.kind != Class::text) break;
      if (const std::string_view bytes = wire.padded < 0 ? raw.bytes : without_padding(raw.bytes); auto* kept = std::get_if<std::string>(&out.data)) kept->assign(bytes);
      else out.data = std::string(bytes);
      return true;
    case Kind::bytes:
      if (raw.kind != Class::blob) break;
      out.data = Bytes{std::string(raw.bytes)};
      return true;
    case Kind::date:
      if (raw.kind != Class::integer) break;
      if (raw.integer < min_date_days || raw.integer > max_date_days) return misfit("a date");
      out.data = Date{static_cast<std::int32_t>(raw.integer)};
      return true;
    case Kind::timestamp:
      if (raw.kind != Class::integer) break;
      if (raw.integer < min_timestamp_micros || raw.integer > max_timestamp_micros) return misfit("a timestamp");
      out.data = Timestamp{raw.integer};
      return true;
    case Kind::uuid: {
      const auto uuid = raw.kind == Class::text ? parse_uuid(raw.bytes) : std::nullopt;
      if (!uuid) break;
      out.data = *uuid;
      return true;
    }
    case Kind::json:
      if (raw.kind != Class::text) break;
      out.data = Json{std::string(raw.bytes)};
      return true;
    case Kind::array:
      if (raw.kind != Class::text || !wire.type.element) break;
      if (wire.storage == Storage::json_text) return sqlite::decode_array(raw.bytes, wire, out, problem);
      return decode_array(raw.bytes, *wire.type.element, out, problem);
    case Kind::null: break;
  }
  return misfit(kind_name(wire.type.kind));
}

bool encode_into(const Value& value, const lower::Wire& wire, std::string& arena, RawValue& out, std::string& problem) {
  switch (value.kind()) {
    case Kind::null: out = {}; return true;
    case Kind::boolean: out = integer(value.as<bool>() ? 1 : 0); return true;
    case Kind::integer:
      if (wire.type.kind == Kind::decimal) {
        arena = Decimal(value.as<std::int64_t>()).to_string(std::max(wire.scale, 0));
        out = text(arena);
      } else {
        out = integer(value.as<std::int64_t>());
      }
      return true;
    case Kind::decimal: {
      // numeric(p,s) would round without a word.
      const Decimal& number = value.as<Decimal>();
      if (wire.scale >= 0 && number.scale() > wire.scale) {
        problem = fmt::format("{} has more than {} digits behind the point, and the column would round it", number.to_string(), wire.scale);
        return false;
      }
      arena = number.to_string(std::max(wire.scale, 0));
      out = text(arena);
      return true;
    }
    case Kind::floating: out = {.kind = Class::real, .real = value.as<double>()}; return true;
    case Kind::text:
      if (value.as<std::string>().find('\0') != std::string::npos) {
        problem = "a text with the character U+0000 cannot be stored: PostgreSQL has none";
        return false;
      }
      out = text(wire.padded < 0 ? value.as<std::string>() : with_padding(value.as<std::string>(), wire.padded, arena));
      return true;
    case Kind::bytes: out = {.kind = Class::blob, .bytes = value.as<Bytes>().data}; return true;
    case Kind::date:
      out = wire.type.kind == Kind::timestamp ? integer(value.as<Date>().days * micros_per_day) : integer(value.as<Date>().days);
      return true;
    case Kind::timestamp: out = integer(value.as<Timestamp>().micros); return true;
    case Kind::duration: out = integer(value.as<Duration>().micros); return true;
    case Kind::uuid:
      arena = format_uuid(value.as<Uuid>());
      out = text(arena);
      return true;
    case Kind::json: out = text(value.as<Json>().text); return true;
    case Kind::array:
      if (wire.storage == Storage::json_text) {
        if (!sqlite::encode_array(value.as<Array>(), wire, arena, problem)) return false;
      } else {
        arena = encode_array(value.as<Array>());
      }
      out = text(arena);
      return true;
  }
  problem = fmt::format("a value of type {} cannot be stored", kind_name(value.kind()));
  return false;
}

}  // namespace bfl::connect::postgres
