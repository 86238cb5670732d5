#include "interpreter/ledger/kept_origin.h"

#include "interpreter/base/json.h"

namespace bfl::ledger {
std::string describe(const std::vector<KeptOrigin>& origins) {
  if (origins.empty()) return {};
  JsonNode list{JsonKind::array};
  for (const KeptOrigin& origin : origins) {
    JsonNode columns{JsonKind::array}, tables{JsonKind::array};
    for (const auto& [here, there] : origin.columns) columns.items.push_back({JsonKind::array, false, {}, {json_text(here), json_text(there)}});
    for (const std::string& table : origin.tables) tables.items.push_back(json_text(table));
    list.items.push_back({JsonKind::object, false, {}, {std::move(columns), json_text(origin.relation), json_text(origin.rows_of), std::move(tables)}, {"columns", "relation", "rows_of", "tables"}});
  }
  return write_json(list);
}

std::vector<KeptOrigin> described_origins(std::string_view text) {
  const auto parsed = read_json(text);
  const auto* list = std::get_if<JsonNode>(&parsed);
  std::vector<KeptOrigin> origins;
  if (!list || list->kind != JsonKind::array) return origins;
  for (const JsonNode& item : list->items) {
    if (item.keys != std::vector<std::string>{"columns", "relation", "rows_of", "tables"}) return {};
    KeptOrigin& origin = origins.emplace_back();
    for (const JsonNode& pair : item.items[0].items) {
      if (pair.items.size() != 2) return {};
      origin.columns.emplace_back(pair.items[0].text, pair.items[1].text);
    }
    origin.relation = item.items[1].text;
    origin.rows_of = item.items[2].text;
    for (const JsonNode& table : item.items[3].items) origin.tables.push_back(table.text);
  }
  return origins;
}

}  // namespace bfl::ledger
