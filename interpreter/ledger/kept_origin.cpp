#include "interpreter/ledger/kept_origin.h"

#include <algorithm>
#include <iterator>

#include "interpreter/base/json.h"

namespace bfl::ledger {
namespace {

constexpr std::string_view first_keys[] = {"columns", "relation", "rows_of"};
// An older bfl, which does not read the second one, is to find that it is told nothing.
constexpr const char *plain_tables = "tables", *tables_in_schemas = "tables_in_schemas";

bool is_plain(const KeptOrigin& origin) {
  return std::all_of(origin.tables.begin(), origin.tables.end(), [](const TableName& table) { return table.schema.empty(); });
}

// `orders`, or, where it is known where it lies, `["orders","public"]`.
JsonNode named_node(const TableName& table) {
  if (table.schema.empty()) return json_text(table.name);
  return {JsonKind::array, false, {}, {json_text(table.name), json_text(table.schema)}};
}

std::optional<TableName> name_in(const JsonNode& node) {
  if (node.kind == JsonKind::text) return TableName{node.text};
  if (node.kind != JsonKind::array || node.items.size() != 2) return std::nullopt;
  return TableName{node.items[0].text, node.items[1].text};
}

std::optional<std::vector<TableName>> names_in(const JsonNode& list) {
  std::vector<TableName> names;
  if (list.kind != JsonKind::array) return std::nullopt;
  for (const JsonNode& item : list.items) {
    auto name = name_in(item);
    if (!name) return std::nullopt;
    names.push_back(std::move(*name));
  }
  return names;
}

JsonNode list_of(const std::vector<TableName>& tables) {
  JsonNode list{JsonKind::array};
  for (const TableName& table : tables) list.items.push_back(named_node(table));
  return list;
}

}  // namespace

std::string describe(const std::vector<TableName>& tables) { return write_json(list_of(tables)); }

std::optional<std::vector<TableName>> described_names(std::string_view text) {
  const auto parsed = read_json(text);
  const auto* list = std::get_if<JsonNode>(&parsed);
  return list ? names_in(*list) : std::nullopt;
}

std::string describe(const std::vector<KeptOrigin>& origins) {
  if (origins.empty()) return {};
  JsonNode list{JsonKind::array};
  for (const KeptOrigin& origin : origins) {
    JsonNode columns{JsonKind::array};
    for (const auto& [here, there] : origin.columns) columns.items.push_back({JsonKind::array, false, {}, {json_text(here), json_text(there)}});
    list.items.push_back({JsonKind::object, false, {}, {std::move(columns), json_text(origin.relation), named_node(origin.rows_of), list_of(origin.tables)}, {"columns", "relation", "rows_of", is_plain(origin) ? plain_tables : tables_in_schemas}});
  }
  return write_json(list);
}

std::vector<KeptOrigin> described_origins(std::string_view text) {
  const auto parsed = read_json(text);
  const auto* list = std::get_if<JsonNode>(&parsed);
  std::vector<KeptOrigin> origins;
  if (!list || list->kind != JsonKind::array) return origins;
  for (const JsonNode& item : list->items) {
    if (item.keys.size() != 4 || !std::equal(std::begin(first_keys), std::end(first_keys), item.keys.begin()) || (item.keys[3] != plain_tables && item.keys[3] != tables_in_schemas)) return {};
    KeptOrigin& origin = origins.emplace_back();
    for (const JsonNode& pair : item.items[0].items) {
      if (pair.items.size() != 2) return {};
      origin.columns.emplace_back(pair.items[0].text, pair.items[1].text);
    }
    origin.relation = item.items[1].text;
    auto rows_of = name_in(item.items[2]);
    auto tables = names_in(item.items[3]);
    if (!rows_of || !tables) return {};
    origin.rows_of = std::move(*rows_of);
    origin.tables = std::move(*tables);
  }
  return origins;
}

}  // namespace bfl::ledger
