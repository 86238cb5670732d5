#include "interpreter/ledger/typed_key.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "interpreter/base/digest.h"
#include "interpreter/check/types.h"
#include "interpreter/ledger/own_sql.h"

namespace bfl::ledger {
namespace {

using connect::RawValue;

void add(std::vector<Stored>& forms, const RawValue& form) {
  if (std::none_of(forms.begin(), forms.end(), [&](const Stored& known) { return same(known.view(), form); })) forms.push_back(Stored::of(form));
}

// Other ways in which a value is written that mean the same: found by the index of keys, which knows bytes.
void add_spellings(std::vector<Stored>& forms, const Value& value, Storage storage) {
  if (storage == Storage::uuid_text) {
    std::string upper = format_uuid(value.as<Uuid>());
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) { return c >= 'a' && c <= 'f' ? static_cast<char>(c - 'a' + 'A') : static_cast<char>(c); });
    add(forms, text(upper));
  }
  if (value.kind() == Kind::floating && value.as<double>() == 0)
    for (const double zero : {0.0, -0.0}) add(forms, {.kind = RawValue::Class::real, .real = zero});
  if (storage == Storage::decimal_text && value.kind() == Kind::decimal) {
    const Decimal number = value.as<Decimal>();
    for (int zeros = 1; zeros <= 6; ++zeros) add(forms, text(number.to_string(number.scale() + zeros)));
  }
  if (storage != Storage::iso_text || value.kind() != Kind::timestamp) return;
  for (const char separator : {' ', 'T'})
    for (const std::string_view suffix : {"", "Z", "+00:00"}) {
      const std::string plain = format_timestamp(value.as<Timestamp>(), separator, "");
      add(forms, text(plain + std::string(suffix)));
      if (plain.find('.') == std::string::npos)
        for (const std::string_view fraction : {".000", ".000000"}) add(forms, text(plain + std::string(fraction) + std::string(suffix)));
      if (plain.ends_with("00:00:00")) add(forms, text(plain.substr(0, 10)));
    }
}

std::optional<std::string> bytes_in_hex(std::string_view digits) {
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    unsigned byte = 0;
    const auto [end, problem] = std::from_chars(digits.data() + i, digits.data() + i + 2, byte, 16);
    if (problem != std::errc() || end != digits.data() + i + 2) return std::nullopt;
    bytes += static_cast<char>(byte);
  }
  return digits.size() % 2 == 0 ? std::optional(bytes) : std::nullopt;
}

std::string text_of(const Value& value) {
  switch (value.kind()) {
    case Kind::integer: return std::to_string(value.as<std::int64_t>());
    case Kind::decimal: return value.as<Decimal>().to_string();
    case Kind::boolean: return value.as<bool>() ? "true" : "false";
    case Kind::text: return value.as<std::string>();
    case Kind::uuid: return format_uuid(value.as<Uuid>());
    case Kind::date: return format_date(value.as<Date>());
    case Kind::timestamp: return format_timestamp(value.as<Timestamp>());
    default: return {};
  }
}

std::optional<Stored> canonical(connect::Connector& target, const lower::Wire& wire, const RawValue& stored) {
  auto value = target.decode(stored, wire);
  std::string arena;
  auto raw = value ? target.encode(*value, wire, arena) : Result<RawValue>{value.error()};
  return raw ? std::optional(Stored::of(*raw)) : std::nullopt;
}

}  // namespace

Result<TypedValue> typed_value(connect::Connector& target, const Table& table, int column, std::string_view typed, const std::string& help) {
  const Column& of = table.columns[static_cast<std::size_t>(column)];
  TypedValue made;
  made.wire = lower::wire_of(of);
  const Type type = of.type.with_null(false);
  if (type.kind == Kind::null) {  // a type that nobody knows
    made.forms.push_back(Stored::of(text(typed)));
    return made;
  }
  if (type.kind == Kind::bytes) {
    if (const auto bytes = bytes_in_hex(typed.starts_with("\\x") ? typed.substr(2) : typed)) made.forms.push_back(Stored::of(blob(*bytes)));
    add(made.forms, text(typed));
    return made;
  }
  const check::Parsed parsed = check::parse_value(typed, type);
  std::string arena;
  auto raw = parsed.error.empty() ? target.encode(parsed.value, made.wire, arena) : Result<RawValue>{Error{ErrorClass::data, {}}};
  if (!raw)
    return Error{ErrorClass::data, fmt::format("`{}` is no key of `{}`, expected {} for `{}`", of.sensitive ? "***" : typed, table.name, check::with_article(type), of.name), {}, help};
  if (of.base == "float4") raw->real = static_cast<float>(raw->real);
  add(made.forms, *raw);
  if (raw->kind == RawValue::Class::text) add(made.forms, text(typed));
  made.text = text_of(parsed.value);
  made.spelled = of.storage == Storage::uuid_text || of.storage == Storage::iso_text;
  add_spellings(made.forms, parsed.value, of.storage);
  return made;
}

bool TypedValue::is(connect::Connector& target, const RawValue& stored) const {
  if (std::any_of(forms.begin(), forms.end(), [&](const Stored& form) { return same(form.view(), stored); })) return true;
  const auto written = spelled ? canonical(target, wire, stored) : std::nullopt;
  return written && same(written->view(), forms.front().view());
}

bool is_canonical(connect::Connector& target, const Column& column, const RawValue& stored) {
  const auto written = canonical(target, lower::wire_of(column), stored);
  return written && same(written->view(), stored);
}

bool TypedKey::is(connect::Connector& target, const std::vector<RawValue>& key) const {
  if (key.size() != columns.size() || key.empty()) return false;
  for (std::size_t i = 0; i < key.size(); ++i)
    if (!columns[i].is(target, key[i])) return false;
  return true;
}

std::vector<Key> TypedKey::spellings() const {
  std::vector<Key> all(columns.empty() ? 0 : 1);
  for (const TypedValue& column : columns) {
    std::vector<Key> longer;
    for (const Key& begun : all)
      for (const Stored& form : column.forms) {
        longer.push_back(begun);
        longer.back().push_back(form);
      }
    all = std::move(longer);
  }
  return all;
}

}  // namespace bfl::ledger
