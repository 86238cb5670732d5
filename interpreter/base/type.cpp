#include "interpreter/base/type.h"

#include <array>
#include <utility>

namespace bfl {

namespace {
constexpr std::array<std::string_view, 13> names = {"null", "bool",      "int",      "decimal", "float", "text", "bytes",
                                                    "date", "timestamp", "duration", "uuid",    "json",  "array"};
}  // namespace

bool same_kind(const Type& a, const Type& b) {
  if (a.kind != b.kind) return false;
  if (a.kind != Kind::array) return true;
  if (!a.element || !b.element) return !a.element && !b.element;
  return *a.element == *b.element;
}

Type array_of(Type element) { return {Kind::array, false, std::make_shared<const Type>(std::move(element))}; }

std::string_view kind_name(Kind kind) { return names.at(static_cast<std::size_t>(kind)); }

std::string to_string(const Type& type) {
  std::string out;
  if (type.kind == Kind::array) out = "[" + (type.element ? to_string(*type.element) : std::string("null")) + "]";
  else out = kind_name(type.kind);
  if (type.nullable && type.kind != Kind::null) out += '?';
  return out;
}

std::optional<Kind> kind_named(std::string_view name) {
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name && static_cast<Kind>(i) != Kind::null && static_cast<Kind>(i) != Kind::array) return static_cast<Kind>(i);
  return std::nullopt;
}

std::string signature(std::string_view name, const std::vector<Type>& params) {
  std::string out(name);
  out += '(';
  for (std::size_t i = 0; i < params.size(); ++i) {
    if (i != 0) out += ',';
    const Type& type = params[i];
    if (type.kind == Kind::array && type.element) out += to_string(array_of(type.element->with_null(false)));
    else out += to_string(type.with_null(false));
  }
  return out += ')';
}

}  // namespace bfl
