// `E in (F from R)` arrives as "is there a row of R whose F equals E". Where no index of R can answer that row by row, it
// is said as SQL's IN over the whole of R: SQLite then builds the set once and looks each E up in it.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/writer.h"

namespace bfl::lower {

using program::CompareOp;
using program::Expr;
using program::ExprKind;
using program::ExprPtr;
using program::Relation;

namespace {

struct Pair {
  std::size_t filter;
  ExprPtr inner, outer;
};

bool mentions_any(const ExprPtr& expr, const std::vector<program::InputId>& inputs) {
  return std::any_of(inputs.begin(), inputs.end(), [&](program::InputId input) { return mentions_input(*expr, input); });
}

}  // namespace

std::optional<Sql> Writer::membership(const Relation& relation) {
  if (relation.grouped || relation.limit) return {};
  std::vector<program::InputId> own, enclosing;
  for (const program::Input& input : relation.inputs) own.push_back(input.id);
  for (const auto& [input, view] : views_)
    if (std::find(own.begin(), own.end(), input) == own.end()) enclosing.push_back(input);

  // What looks outside must be equalities between a value of R and one of the row outside; at least one of the two not null
  // each: IN knows no null that equals null.
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < relation.filters.size(); ++i) {
    const program::Filter& filter = relation.filters[i];
    if (!mentions_any(filter.condition, enclosing)) continue;
    const Expr& condition = *filter.condition;
    if (filter.skip || condition.kind != ExprKind::compare || condition.op != CompareOp::equal) return {};
    const std::size_t inner = mentions_any(condition.args[0], own) ? 0 : 1;
    const ExprPtr &mine = condition.args[inner], &other = condition.args[1 - inner];
    if (mentions_any(mine, enclosing) || mentions_any(other, own) || mine->type.kind == Kind::json || mine->type.kind != other->type.kind)
      return {};
    if (has_subquery(*mine) || has_subquery(*other)) return {};
    pairs.push_back({i, mine, other});
  }
  if (pairs.empty()) return {};
  for (const program::Input& input : relation.inputs)
    if (input.on && mentions_any(input.on, enclosing)) return {};
  const bool nullable =
      std::any_of(pairs.begin(), pairs.end(), [](const Pair& pair) { return pair.inner->type.nullable && pair.outer->type.nullable; });

  // An index on the inner column answers each question by itself, without reading the whole of R.
  for (const Pair& pair : pairs) {
    if (pair.inner->kind != ExprKind::column) continue;
    const auto input =
        std::find_if(relation.inputs.begin(), relation.inputs.end(), [&](const program::Input& at) { return at.id == pair.inner->input; });
    if (input == relation.inputs.end() || !input->table) continue;
    const auto& indexes = table(*input->table).indexes;
    if (std::any_of(indexes.begin(), indexes.end(), [&](const auto& index) { return !index.empty() && index[0] == pair.inner->column; }))
      return {};
  }

  Relation whole = relation;
  for (auto pair = pairs.rbegin(); pair != pairs.rend(); ++pair)
    whole.filters.erase(whole.filters.begin() + static_cast<std::ptrdiff_t>(pair->filter));
  const std::string from = body(whole);
  std::string inner, outer;
  // Of several values, one that may be null on both sides is looked for together with whether it is.
  const auto add = [&](std::string& list, const ExprPtr& value, bool with_null) {
    std::string text = value_as(value, wire_of(value->type));
    if (with_null) text = fmt::format("({0}) IS NULL, ifnull({0}, 0)", text);
    list += (list.empty() ? "" : ", ") + text + (value->type.kind == Kind::text ? " COLLATE BINARY" : "");
  };
  for (const Pair& pair : pairs) {
    const bool with_null = pairs.size() > 1 && pair.inner->type.nullable && pair.outer->type.nullable;
    add(inner, pair.inner, with_null);
    add(outer, pair.outer, with_null);
  }
  std::string text = fmt::format("{} IN (SELECT {}{})", pairs.size() > 1 ? "(" + outer + ")" : outer, inner, from);
  if (nullable && pairs.size() == 1) {
    Relation nulls = relation;
    nulls.filters[pairs[0].filter].condition = compare(CompareOp::equal, pairs[0].inner, literal(Value(), pairs[0].inner->type));
    text = fmt::format("CASE WHEN {} IS NULL THEN EXISTS (SELECT 1{}) ELSE {} END", outer, body(nulls), text);
  }
  return Sql{fmt::format("(({}) IS TRUE)", text), wire_of(Type{Kind::boolean})};
}

}  // namespace bfl::lower
