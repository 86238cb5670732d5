#include "interpreter/ledger/image_table.h"

#include <algorithm>
#include <charconv>

#include "interpreter/base/json.h"

namespace bfl::ledger {
namespace {

const JsonNode* member(const JsonNode& object, std::string_view name) {
  for (std::size_t i = 0; i < object.keys.size(); ++i)
    if (object.keys[i] == name) return &object.items[i];
  return nullptr;
}

}  // namespace

bool ImageTable::key_moves() const {
  return std::any_of(key.begin(), key.end(), [&](int column) { return std::find(sets.begin(), sets.end(), column) != sets.end(); });
}

std::optional<std::vector<int>> ImageTable::key_as_now(const Table& table) const {
  const ::bfl::Key* identity = table.identity();
  if (!identity) return key;
  std::vector<int> now;
  for (const int column : identity->columns) {
    const auto same = std::find_if(key.begin(), key.end(), [&](int of) { return columns[static_cast<std::size_t>(of)] == table.columns[static_cast<std::size_t>(column)].name; });
    if (same == key.end()) return std::nullopt;
    now.push_back(*same);
  }
  return now.size() == key.size() ? std::optional(now) : std::nullopt;
}

std::string describe(const std::vector<ImageTable>& tables) {
  JsonNode list{JsonKind::array};
  for (const ImageTable& table : tables) {
    JsonNode columns{JsonKind::array}, key{JsonKind::array}, sets{JsonKind::array};
    for (const std::string& column : table.columns) columns.items.push_back(json_text(column));
    for (const int column : table.key) key.items.push_back({JsonKind::number, false, std::to_string(column)});
    for (const int column : table.sets) sets.items.push_back({JsonKind::number, false, std::to_string(column)});
    JsonNode& item = list.items.emplace_back(JsonNode{JsonKind::object, false, {}, {std::move(columns), std::move(key), json_text(table.name)}, {"columns", "key", "name"}});
    if (!table.schema.empty()) {
      item.items.push_back(json_text(table.schema));
      item.keys.push_back("schema");
    }
    item.items.push_back(std::move(sets));
    item.keys.push_back("sets");
  }
  return write_json(list);
}

std::vector<ImageTable> described_tables(std::string_view text) {
  const auto parsed = read_json(text);
  const auto* list = std::get_if<JsonNode>(&parsed);
  std::vector<ImageTable> tables;
  if (!list || list->kind != JsonKind::array) return tables;
  for (const JsonNode& item : list->items) {
    const JsonNode *name = member(item, "name"), *columns = member(item, "columns"), *key = member(item, "key"), *sets = member(item, "sets");
    if (!name || !columns || !key || !sets) return {};
    ImageTable& table = tables.emplace_back();
    table.name = name->text;
    if (const JsonNode* schema = member(item, "schema")) table.schema = schema->text;
    for (const JsonNode& column : columns->items) table.columns.push_back(column.text);
    for (const auto& [node, to] : {std::pair(key, &table.key), std::pair(sets, &table.sets)})
      for (const JsonNode& column : node->items) {
        int index = -1;
        std::from_chars(column.text.data(), column.text.data() + column.text.size(), index);
        if (index < 0 || static_cast<std::size_t>(index) >= table.columns.size()) return {};
        to->push_back(index);
      }
  }
  return tables;
}

}  // namespace bfl::ledger
