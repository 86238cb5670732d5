#include "interpreter/lower/left_out.h"

#include <algorithm>

#include "interpreter/lower/rewrite.h"

namespace bfl::lower {

using program::ExprPtr;
using program::Field;
using program::Filter;
using program::Input;
using program::InputKind;
using program::Program;
using program::Relation;
using program::RelationPtr;

namespace {

constexpr std::size_t most_columns = 4;  // of rows without a key

// Fields by which people know the rows of a relation's first input; that input may have to show more than it did.
std::vector<Field> known_by(const Program& program, Input& anchor) {
  std::vector<Field> fields;
  if (anchor.table) {
    const Table& table = program.table(*anchor.table);
    const Key* key = table.identity();
    std::vector<int> columns;
    if (key) columns = key->columns;
    for (std::size_t c = 0; !key && c < table.columns.size() && columns.size() < most_columns; ++c)
      if (table.columns[c].storage != Storage::unknown) columns.push_back(static_cast<int>(c));
    for (const int column : columns) {
      const Column& of = table.columns[static_cast<std::size_t>(column)];
      fields.push_back({.name = of.name, .expr = column_of(anchor.id, column, of.type)});
    }
    return fields;
  }
  if (!anchor.sub) return fields;
  Relation inner = *anchor.sub;
  const std::size_t shown = inner.fields.size();
  if (!inner.grouped && !inner.follow && anchor.united.empty()) {
    for (Field& field : known_by(program, inner.inputs[0])) {
      fields.push_back({.name = field.name, .expr = column_of(anchor.id, static_cast<int>(inner.fields.size()), field.expr->type)});
      inner.fields.push_back(std::move(field));
    }
    if (inner.fields.size() > shown) anchor.sub = std::make_shared<const Relation>(std::move(inner));
    return fields;
  }
  for (std::size_t f = 0; f < std::min(shown, most_columns); ++f)
    fields.push_back({.name = inner.fields[f].name, .expr = column_of(anchor.id, static_cast<int>(f), inner.fields[f].expr->type)});
  return fields;
}

ExprPtr subquery(RelationPtr rows, program::AggregateKind kind, Kind type) {
  program::Expr expr;
  expr.kind = program::ExprKind::subquery;
  expr.type = Type{type};
  expr.span = rows->span;
  expr.relation = std::move(rows);
  expr.aggregate = std::make_shared<const program::Aggregate>(program::Aggregate{.kind = kind});
  return std::make_shared<const program::Expr>(std::move(expr));
}

class Finder {
 public:
  explicit Finder(const Program& program) : program_(program) {}
  std::vector<LeftOut> found;

  void look(const Relation& relation) {
    if (relation.inputs.empty()) return;
    const Input& first = relation.inputs[0];
    if (first.sub) look(*first.sub);
    for (const RelationPtr& more : first.united) look(*more);
    if (relation.follow) return;
    std::size_t filter = 0;
    for (std::size_t i = 0; i < relation.inputs.size(); ++i) {
      if (i > 0 && relation.inputs[i].skip_missing) add(relation, i, filter, missing(relation.inputs[i]), relation.inputs[i].skip_reason);
      for (; filter < relation.filters.size() && (relation.filters[filter].after_inputs <= i + 1 || i + 1 == relation.inputs.size()); ++filter)
        if (relation.filters[filter].skip) add(relation, i + 1, filter, relation.filters[filter].condition, relation.filters[filter].reason);
    }
  }

 private:
  // No row of the input fits.
  static ExprPtr missing(const Input& input) {
    Relation rows;
    rows.inputs.push_back(input);
    Input& anchor = rows.inputs[0];
    anchor.kind = InputKind::anchor;
    anchor.on = anchor.when = nullptr;
    anchor.skip_missing = false;
    if (input.on) rows.filters.push_back({.condition = input.on});
    rows.span = input.span;
    ExprPtr none = negation(subquery(std::make_shared<const Relation>(std::move(rows)), program::AggregateKind::exists, Kind::boolean));
    return input.when ? all_of({input.when, none}) : none;
  }

  // What the first inputs and filters have let through, and then is left out by `condition`.
  void add(const Relation& relation, std::size_t inputs, std::size_t filters, ExprPtr condition, const std::string& reason) {
    Relation rows;
    rows.inputs.assign(relation.inputs.begin(), relation.inputs.begin() + static_cast<std::ptrdiff_t>(inputs));
    rows.filters.assign(relation.filters.begin(), relation.filters.begin() + static_cast<std::ptrdiff_t>(filters));
    rows.filters.push_back({.condition = std::move(condition), .after_inputs = inputs});
    rows.fields = known_by(program_, rows.inputs[0]);
    for (const Field& field : rows.fields)
      if (field.expr->type.kind != Kind::json && field.expr->type.kind != Kind::array) rows.order.push_back({.expr = field.expr});
    rows.span = relation.span;
    found.push_back({reason.empty() ? "skipped" : reason, std::make_shared<const Relation>(std::move(rows))});
  }

  const Program& program_;
};

}  // namespace

ExprPtr count_of(RelationPtr rows) { return subquery(std::move(rows), program::AggregateKind::count, Kind::integer); }

std::vector<LeftOut> left_out(const Program& program, const program::Step& step) {
  Finder finder(program);
  if (step.relation) finder.look(*step.relation);
  return std::move(finder.found);
}

}  // namespace bfl::lower
