#include "interpreter/eval/json_value.h"

#include <cmath>
#include <utility>

#include "interpreter/base/json.h"

namespace bfl::eval {

bool append_json(std::string& out, const Value& value) {
  switch (value.kind()) {
    case Kind::null:
    case Kind::boolean:
    case Kind::integer:
    case Kind::decimal:
    case Kind::json: out += to_display(value); return true;
    case Kind::floating:
      if (!std::isfinite(value.as<double>())) return false;
      out += to_display(value);
      return true;
    case Kind::text:
    case Kind::date:
    case Kind::timestamp:
    case Kind::uuid: append_json_text(out, to_display(value)); return true;
    case Kind::array: break;
    case Kind::bytes:
    case Kind::duration: return false;
  }
  out += '[';
  bool first = true;
  if (const Array& array = value.as<Array>(); array.items)
    for (const Value& item : *array.items) {
      if (!std::exchange(first, false)) out += ", ";
      if (!append_json(out, item)) return false;
    }
  out += ']';
  return true;
}

}  // namespace bfl::eval
