#include "interpreter/cli/row_named.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/ledger/key_parts.h"
#include "interpreter/ledger/typed_key.h"

namespace bfl::cli {

Result<ledger::TypedKey> key_typed(connect::Connector& target, const Table& table, const std::vector<int>& columns, std::string_view typed) {
  const std::string help = "keys of several columns are written with commas: `7,12`; a value that has a comma goes in double quotes: `\"Doe, John\",7`";
  std::vector<std::string> parts{std::string(typed)};
  if (columns.size() > 1) {
    auto split = ledger::key_parts(typed);
    if (!split) return Error{ErrorClass::data, fmt::format("this is no key of `{}`: a double quote is not closed, or no comma follows it", table.name), {}, help};
    parts = std::move(*split);
  }
  if (parts.size() != columns.size())
    return Error{ErrorClass::data, fmt::format("the key of `{}` has {} columns, and {} given", table.name, columns.size(), parts.size() == 1 ? "one value is" : fmt::format("{} values are", parts.size())), {}, help};
  ledger::TypedKey key;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    auto value = ledger::typed_value(target, table, columns[i], parts[i], help);
    if (!value) return value.error();
    key.columns.push_back(std::move(*value));
  }
  return key;
}

bool hides_keys(const Table& table) {
  const Key* identity = table.identity();
  return identity && std::any_of(identity->columns.begin(), identity->columns.end(), [&](int column) { return table.columns[static_cast<std::size_t>(column)].sensitive; });
}

Result<NamedRow> row_named(Session& session, const Arguments& arguments, Access access) {
  const std::string& place = arguments.operands[1];
  const auto dot = place.find('.');
  if (arguments.operands.size() < 3 || dot == std::string::npos || dot == 0)
    return Error{ErrorClass::data, fmt::format("`{}` names no row, expected SOURCE.TABLE and a key", place), {}, fmt::format("for example: bfl audit {} shop.orders 42", arguments.operands[0])};
  const std::string source = place.substr(0, dot), name = place.substr(dot + 1);
  if (!open_source(session, arguments, source, arguments.operands.size() > 3 ? arguments.operands[3] : "", access)) return Error{ErrorClass::data, {}};
  connect::Connector& target = *session.connectors[0];
  if (session.program.catalogues.empty()) {  // of an address nothing was read so far
    auto catalogue = target.catalogue();
    if (!catalogue) return catalogue.error();
    session.program.catalogues.push_back(std::move(*catalogue));
  }
  const std::vector<Table>& tables = session.program.catalogues[0].tables;
  const auto table = std::find_if(tables.begin(), tables.end(), [&](const Table& t) { return t.name == name; });
  if (table == tables.end()) return Error{ErrorClass::data, fmt::format("`{}` has no table `{}`", source, name), {}, "of a table that was renamed: its name of now, and `--was` with the one before"};
  const Key* identity = table->identity();
  if (!identity)
    return Error{ErrorClass::data, fmt::format("rows of `{}` have no key by which they could be named", name), {}, "`bfl log` shows what was done to the table"};
  auto key = key_typed(target, *table, identity->columns, arguments.operands[2]);
  if (!key) return key.error();
  auto named = ledger::named_table(target, *table, arguments.value("was"));
  if (!named) return named.error();
  // That one's images are its own.
  const ledger::TableName was = ledger::name_in_ledger(named->called());
  for (const Table& other : tables)
    if (!named->was.empty() && &other != &*table && ledger::NamedTable{other}.is(was) != ledger::Same::no)
      return Error{ErrorClass::data, fmt::format("`--was {}` is the name of another table of `{}`", named->was, source), {}, "`--was` is a name that is not a table's any more"};
  return NamedRow{std::move(*named), std::move(*key)};
}

}  // namespace bfl::cli
