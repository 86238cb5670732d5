#include "interpreter/check/row_keys.h"

#include <algorithm>

namespace bfl::check {

bool sorts_by_bytes(const Column& column) {
  constexpr std::string_view in_postgres[] = {"int2", "int4", "int8", "bool", "text", "varchar", "bpchar", "name", "bytea", "date", "timestamp", "timestamptz", "uuid"};
  if (!column.binary_collation || column.type.kind == Kind::floating || column.storage == Storage::decimal_numeric || column.storage == Storage::unknown) return false;
  return column.base.empty() || std::find(std::begin(in_postgres), std::end(in_postgres), column.base) != std::end(in_postgres);
}

std::vector<RowKey> row_keys(const program::Program& program, const program::Relation& relation) {
  std::vector<RowKey> keys;
  if (relation.follow) return {};
  if (relation.grouped) {
    for (const program::ExprPtr& value : relation.group_by) keys.push_back({.grouped = value.get()});
    return keys;
  }
  for (const program::Input& input : relation.inputs) {
    if (input.kind != program::InputKind::anchor && input.kind != program::InputKind::many) continue;
    if (!input.table) return {};
    const Key* key = program.table(*input.table).identity();
    if (!key) return {};
    for (const int column : key->columns) keys.push_back({.input = input.id, .column = column});
  }
  return keys;
}

bool rows_differ(const program::Program& program, const program::Relation& relation, const std::vector<program::ExprPtr>& values) {
  const std::vector<RowKey> keys = row_keys(program, relation);
  return !keys.empty() && std::all_of(keys.begin(), keys.end(), [&](const RowKey& key) {
    return std::any_of(values.begin(), values.end(), [&](const program::ExprPtr& value) { return value->type.kind == Kind::integer && key.is(*value); });
  });
}

}  // namespace bfl::check
