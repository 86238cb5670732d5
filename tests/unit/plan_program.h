// A small program made by hand for the tests of plan/, run/decide.cpp and report/: one shop, two tables, steps as asked for.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>

#include "interpreter/check/program.h"

namespace bfl::program::test {

inline constexpr TableRef orders{0, 0}, lines{0, 1};
enum OrderColumn { id, subtotal, tax, total };

inline Program shop() {
  Program program;
  program.job = "fix_order_totals";
  program.owner = "payments-data@example.com";
  program.ticket = "PAY-1423";
  program.why = "Tax was left out of the totals of orders written from 1 to 9 March 2025.";
  program.sources.push_back({"shop", "sqlite:shop.db", "sqlite:shop.db", {}});
  const Type integer{Kind::integer, false, {}}, money{Kind::decimal, true, {}};
  Table table;
  table.name = "orders";
  table.columns = {{"id", integer, "INTEGER"}, {"subtotal", money, "NUMERIC(10,2)"}, {"tax", money, "NUMERIC(10,2)"}, {"total", money, "NUMERIC(10,2)"}};
  table.keys.push_back({"primary key", {0}, true, true, true});
  Table other;
  other.name = "lines";
  other.columns = {{"id", integer, "INTEGER"}, {"price", money, "NUMERIC(10,2)"}};
  program.catalogues.push_back({"sqlite", {table, other}, {}, 1});
  program.inputs.resize(4);  // every relation below reads through input 1
  for (auto& input : program.inputs) input.table = orders;
  return program;
}

inline ExprPtr column(InputId input, int index) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::column;
  expr->type = {Kind::decimal, true, {}};
  expr->input = input;
  expr->column = index;
  return expr;
}

inline ExprPtr literal(std::int64_t value) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::literal;
  expr->type = {Kind::integer, false, {}};
  expr->value = value;
  return expr;
}

inline ExprPtr compare(CompareOp op, ExprPtr left, ExprPtr right) {
  auto expr = std::make_shared<Expr>();
  expr->kind = ExprKind::compare;
  expr->type = {Kind::boolean, false, {}};
  expr->op = op;
  expr->args = {std::move(left), std::move(right)};
  return expr;
}

inline RelationPtr rows_of(TableRef table, InputId input, ExprPtr where = nullptr) {
  auto relation = std::make_shared<Relation>();
  Input anchor;
  anchor.id = input;
  anchor.table = table;
  relation->inputs.push_back(anchor);
  if (where) relation->filters.push_back({std::move(where), 1, false, {}});
  relation->anchored = true;
  return relation;
}

inline std::set<ColumnUse> uses(TableRef table, std::initializer_list<int> columns) {
  std::set<ColumnUse> all;
  for (const int column : columns) all.insert({table, column});
  return all;
}

// An update that copies `from` into `into`.
inline Step update(std::string name, int into, int from, TableRef table = orders) {
  Step step;
  step.name = std::move(name);
  step.kind = StepKind::update;
  step.target = table;
  step.relation = rows_of(table, 1);
  step.assignments.push_back({into, column(1, from), {}});
  step.reads = uses(table, {-1, from});
  step.writes = uses(table, {into});
  step.idempotence = Idempotence::convergent;
  step.route = Route::direct;
  step.route_reason = "the values do not depend on what the step writes";
  step.walk = {0};
  step.row_local = true;
  return step;
}

// A check or verify that reads the columns.
inline Step assertion(StepKind kind, std::string name, std::initializer_list<int> columns, TableRef table = orders) {
  Step step;
  step.name = std::move(name);
  step.kind = kind;
  step.assertions.push_back({compare(CompareOp::equal, literal(0), literal(0)), "more rows than the incident explains", "count(wrong) == 0", {}});
  step.reads = uses(table, columns);
  return step;
}

}  // namespace bfl::program::test
