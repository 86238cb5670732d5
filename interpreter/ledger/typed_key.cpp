#include "interpreter/ledger/typed_key.h"

#include <fmt/format.h>

#include "interpreter/check/types.h"
#include "interpreter/lower/sql.h"

namespace bfl::ledger {

Result<Stored> typed_key(connect::Connector& target, const Table& table, int column, std::string_view typed, const std::string& help) {
  const Column& of = table.columns[static_cast<std::size_t>(column)];
  const Type type = of.type.with_null(false);
  const check::Parsed parsed = check::parse_value(typed, type);
  std::string arena;
  auto raw = parsed.error.empty() ? target.encode(parsed.value, lower::wire_of(of), arena) : Result<connect::RawValue>{Error{ErrorClass::data, {}}};
  if (!raw) return Error{ErrorClass::data, fmt::format("`{}` is no key of `{}`, expected {} for `{}`", typed, table.name, check::with_article(type), of.name), {}, help};
  return Stored::of(*raw);
}

}  // namespace bfl::ledger
