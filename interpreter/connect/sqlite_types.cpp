#include "interpreter/connect/sqlite_types.h"

#include <algorithm>
#include <charconv>
#include <string>

namespace bfl::connect::sqlite {
namespace {

struct Rule {
  std::string_view part;  // of the declared type, upper case
  Kind kind;
  Storage storage;
};

// The first that is part of the declaration decides. Names that contain a later one come before it (DATETIME, DATE).
constexpr Rule rules[] = {
    {"BOOL", Kind::boolean, Storage::boolean_integer},
    {"TIMESTAMP", Kind::timestamp, Storage::iso_text},
    {"DATETIME", Kind::timestamp, Storage::iso_text},
    {"DATE", Kind::date, Storage::iso_text},
    {"UUID", Kind::uuid, Storage::uuid_text},
    {"GUID", Kind::uuid, Storage::uuid_text},
    {"JSON", Kind::json, Storage::json_text},
    {"INT", Kind::integer, Storage::native},
    {"CHAR", Kind::text, Storage::native},
    {"CLOB", Kind::text, Storage::native},
    {"TEXT", Kind::text, Storage::native},
    {"BLOB", Kind::bytes, Storage::native},
    {"BYTEA", Kind::bytes, Storage::native},
    {"REAL", Kind::floating, Storage::native},
    {"FLOA", Kind::floating, Storage::native},
    {"DOUB", Kind::floating, Storage::native},
    {"NUMERIC", Kind::decimal, Storage::decimal_numeric},
    {"DECIMAL", Kind::decimal, Storage::decimal_numeric},
    {"NUMBER", Kind::decimal, Storage::decimal_numeric},
    {"MONEY", Kind::decimal, Storage::decimal_numeric},
};

// NUMERIC(10,2): 2; NUMERIC(10): 0; NUMERIC: -1.
int declared_scale(std::string_view declared) {
  const auto open = declared.find('(');
  if (open == std::string_view::npos) return -1;
  const auto comma = declared.find(',', open), close = declared.find(')', open);
  if (close == std::string_view::npos) return -1;
  if (comma == std::string_view::npos || comma > close) return 0;
  auto digits = declared.substr(comma + 1, close - comma - 1);
  while (!digits.empty() && digits.front() == ' ') digits.remove_prefix(1);
  int scale = -1;
  std::from_chars(digits.data(), digits.data() + digits.size(), scale);
  return scale >= 0 && scale <= Decimal::max_digits ? scale : -1;
}

void make_unknown(Column& column) {
  column.type.kind = Kind::null;
  column.storage = Storage::unknown;
}

}  // namespace

void type_by_declaration(Column& column) {
  std::string upper = column.declared;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); });
  for (const Rule& rule : rules) {
    if (upper.find(rule.part) == std::string::npos) continue;
    column.type.kind = rule.kind;
    column.storage = rule.storage;
    if (rule.kind == Kind::decimal) column.scale = declared_scale(upper);
    return;
  }
  make_unknown(column);
}

bool needs_sample(const Column& column) { return column.storage == Storage::iso_text || column.storage == Storage::uuid_text; }

void type_by_sample(Column& column, const RawValue& sample) {
  const bool text = sample.kind == RawValue::Class::text;
  if (column.storage == Storage::uuid_text) {
    if (sample.kind == RawValue::Class::blob && sample.bytes.size() == 16) column.storage = Storage::uuid_blob;
    else if (!text || !parse_uuid(sample.bytes)) make_unknown(column);
    return;
  }
  if (column.type.kind == Kind::date && text && parse_date(sample.bytes)) return;
  if (!text || !parse_timestamp(sample.bytes)) return make_unknown(column);
  column.type.kind = Kind::timestamp;  // a DATE column that holds times of day
  column.time_separator = sample.bytes.size() > 10 ? sample.bytes[10] : ' ';
  // The suffix starts behind the time of day, which starts behind the separator.
  const auto zone = sample.bytes.find_first_of("Z+-", 11);
  column.time_suffix = zone == std::string_view::npos ? "" : std::string(sample.bytes.substr(zone));
  // An offset other than UTC belongs to one value, not to the column: writing it back would say another instant.
  if (column.time_suffix != "" && column.time_suffix != "Z" && column.time_suffix != "+00:00" && column.time_suffix != "+00" &&
      column.time_suffix != "+0000")
    column.time_suffix = "+00:00";
}

}  // namespace bfl::connect::sqlite
