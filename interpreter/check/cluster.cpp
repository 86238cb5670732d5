// `cluster g by E, E`: rows that share a value of one of the expressions belong together, directly or through others.
//
// Nothing new for the stages behind: the rows are numbered by a window, an aggregate over all of them gives the number of each row's
// cluster as an array, and that is joined by the rows' numbers.
#include <limits>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::AggregateKind;
using program::InputKind;
using program::OrderKey;
using program::Relation;

void Checker::cluster(BlockPtr& block, NodeId clause, Scope* outer) {
  open(block);
  prepare_windows(block, clause);
  if (block->broken) return;
  const Span span = at(clause).span;
  const std::string_view name = at(clause).text;
  if (bare(*block, name, at(clause).name_span).found) {
    error(Code::duplicate_name, at(clause).name_span, fmt::format("`{}` is a column already", name), "give the cluster a name of its own");
    return;
  }
  wrap(block);
  if (block->broken) return;
  Block& rows = *block->subs[0];

  std::vector<ExprPtr> values;
  bool good = true;
  {
    Scope inside{.block = &rows, .outer = outer};
    const Within scope(scope_, &inside);
    for (NodeId written : ast::children(*file_, clause)) {
      ExprPtr value = expression(written);
      const Kind kind = !value ? Kind::null : value->type.kind == Kind::array ? value->type.element->kind : value->type.kind;
      if (kind == Kind::bytes || kind == Kind::duration) {
        error(Code::type_mismatch, at(written).span, fmt::format("`cluster` compares values as texts, and {} has no form as one", with_article(value->type.with_null(false))), "write it as a text: `hex(…)`, `to_text(…)`");
        value = nullptr;
      }
      good &= value != nullptr;
      values.push_back(constant_of(std::to_string(values.size()), {Kind::text}, at(written).span));
      values.push_back(std::move(value));
    }
  }
  std::vector<OrderKey> order;
  add_row_key(rows, order);
  if (!good || rows.broken) {
    block->broken = true;
    return;
  }
  auto numbered = std::make_shared<program::Window>();
  numbered->function = program::WindowFunction::row_number;
  numbered->order = std::move(order);
  const ExprPtr number = make({.kind = ExprKind::window, .type = {Kind::integer}, .span = span, .window = std::move(numbered)});
  const ExprPtr shared = make({.kind = ExprKind::object, .type = {Kind::json}, .span = span, .args = std::move(values)});
  if (!number || !shared) {
    block->broken = true;
    return;
  }
  const int place = expose(rows, fmt::format(" number in {}", name), number, span);
  const auto column = [&](program::InputId input, int index, Kind kind) { return make({.kind = ExprKind::column, .type = {kind}, .span = span, .input = input, .column = index}); };

  // Of the same rows only what the clusters follow from.
  auto given = std::make_shared<Relation>(*rows.relation);
  given->fields = {{.name = "number", .expr = number, .span = span}, {.name = "shared", .expr = shared, .span = span}};
  given->anchored = false;
  auto all = std::make_shared<Relation>();
  const program::InputId from = fresh_input({}, std::nullopt, given);
  all->inputs.push_back({.id = from, .kind = InputKind::anchor, .alias = {}, .sub = given, .span = span});
  program::Aggregate clusters{.kind = AggregateKind::clusters};
  clusters.operand = column(from, 1, Kind::json);
  clusters.order = {{.expr = column(from, 0, Kind::integer)}};
  all->fields = {{.name = "value", .expr = clusters.operand, .span = span}};
  const ExprPtr array = make({.kind = ExprKind::subquery, .type = array_of({Kind::integer}), .span = span, .relation = all, .aggregate = std::make_shared<const program::Aggregate>(std::move(clusters))});

  auto labels = std::make_shared<Block>();
  const program::InputId elements = fresh_input({}, std::nullopt, nullptr);
  program.inputs[elements].columns = {std::string(name), "position"};
  labels->only_derived = true;
  labels->height = block->height;
  labels->relation->inputs.push_back({.id = elements, .kind = InputKind::anchor, .alias = {}, .elements = array, .span = span});
  labels->relation->fields = {{.name = std::string(name), .expr = column(elements, 0, Kind::integer), .span = span}, {.name = "position", .expr = column(elements, 1, Kind::integer), .span = span}};
  // All of them: it keeps an engine from looking through the array once for each row.
  labels->relation->order = {{.expr = column(elements, 1, Kind::integer)}};
  labels->relation->limit = std::numeric_limits<std::int64_t>::max();
  labels->relation->span = span;

  const program::InputId joined = fresh_input({}, std::nullopt, labels->relation);
  ExprPtr on = make({.kind = ExprKind::compare, .type = {Kind::boolean}, .span = span, .op = program::CompareOp::equal,
                     .args = {column(joined, 1, Kind::integer), column(block->relation->inputs[0].id, place, Kind::integer)}});
  block->relation->inputs.push_back({.id = joined, .kind = InputKind::optional, .alias = {}, .sub = labels->relation, .on = std::move(on), .at_most_one = true, .span = span});
  block->subs.push_back(std::move(labels));
  block->derived[name] = column(joined, 0, Kind::integer);
  wrap(block);  // what follows joins the rows as they are now, not the numbers
}

}  // namespace bfl::check
