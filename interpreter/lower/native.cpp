// What SQLite computes exactly as bfl means it: comparisons of plain columns and constants, and the logic over them.
//
// "Exactly" supposes that a column holds what it declares. A stray text in an integer column is found where its value is
// used; here it merely compares as SQLite compares it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/writer.h"

namespace bfl::lower {

using program::AggregateKind;
using program::CompareOp;
using program::Expr;
using program::ExprKind;
using program::ExprPtr;

Affinity affinity(const std::string& declared) {
  std::string upper = declared;
  std::transform(upper.begin(), upper.end(), upper.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c); });
  const auto has = [&](std::string_view part) { return upper.find(part) != std::string::npos; };
  if (has("INT")) return Affinity::integer;
  if (has("CHAR") || has("CLOB") || has("TEXT")) return Affinity::text;
  if (upper.empty() || has("BLOB")) return Affinity::blob;
  if (has("REAL") || has("FLOA") || has("DOUB")) return Affinity::real;
  return Affinity::numeric;
}

namespace {

// Whether SQLite's comparison of the column's stored form is bfl's of its values.
bool compares_natively(const Column& column) {
  const Affinity a = affinity(column.declared);
  switch (column.type.kind) {
    case Kind::integer: return column.storage == Storage::native && (a == Affinity::integer || a == Affinity::numeric);
    case Kind::boolean: return column.storage == Storage::boolean_integer && (a == Affinity::integer || a == Affinity::numeric);
    case Kind::text: return column.storage == Storage::native && a == Affinity::text;
    case Kind::bytes: return column.storage == Storage::native && a == Affinity::blob;
    case Kind::floating: return column.storage == Storage::native && a == Affinity::real;
    case Kind::uuid: return column.storage == Storage::uuid_blob || (column.storage == Storage::uuid_text && a != Affinity::real);
    default: return false;
  }
}

bool wires_compare_natively(const Wire& wire) {
  switch (wire.type.kind) {
    case Kind::integer:
    case Kind::text:
    case Kind::bytes:
    case Kind::boolean:
    case Kind::uuid:
    case Kind::floating: return true;
    default: return false;
  }
}

// Everything that may equal a constant, in the form that is stored.
struct Range {
  std::optional<Value> from{}, to{};
  Wire wire{};
};

Range days_around(const Value& constant) {
  std::int64_t day = 0;
  if (constant.kind() == Kind::date) day = constant.as<Date>().days;
  else if (constant.kind() == Kind::timestamp)
    day = constant.as<Timestamp>().micros / micros_per_day - (constant.as<Timestamp>().micros % micros_per_day < 0 ? 1 : 0);
  else return {};
  Range range{.wire = wire_of(Type{Kind::text})};
  const auto text = [](std::int64_t days) { return Value(format_date(Date{static_cast<std::int32_t>(days)})); };
  if (day - 1 >= min_date_days) range.from = text(day - 1);
  if (day + 2 <= max_date_days) range.to = text(day + 2);  // a bare date sorts before its times of day
  return range;
}

Range numbers_around(const Value& constant) {
  double nearest = 0;
  if (constant.kind() == Kind::decimal) nearest = constant.as<Decimal>().to_double();
  else if (constant.kind() == Kind::integer) nearest = static_cast<double>(constant.as<std::int64_t>());
  else return {};
  if (!std::isfinite(nearest)) return {};
  return {Value(std::nextafter(nearest, -HUGE_VAL)), Value(std::nextafter(nearest, HUGE_VAL)), wire_of(Type{Kind::floating})};
}

// SQLite refuses trees deeper than 1,000, and builds chains of AND and OR as deep as they are long.
constexpr std::size_t longest_chain = 300;

std::size_t chain_length(const Expr& expr) {
  if (expr.kind != ExprKind::and_ && expr.kind != ExprKind::or_ && expr.kind != ExprKind::not_) return 1;
  std::size_t length = 0;
  for (const ExprPtr& argument : expr.args) length += chain_length(*argument);
  return length;
}

bool is_literal(const Expr& expr) {
  return expr.kind == ExprKind::literal ||
         (expr.kind == ExprKind::convert && expr.args[0]->kind == ExprKind::literal && expr.args[0]->value.is_null());
}
const Value& literal_value(const Expr& expr) { return expr.kind == ExprKind::literal ? expr.value : expr.args[0]->value; }

}  // namespace

// An index on another column must not take the walk's place: each chunk would read everything that it finds. The equality
// on a column whose index is in rowid order is welcome.
bool Writer::misleads(const Expr& column, bool equality) const {
  if (!walking) return false;
  const auto view = views_.find(column.input);
  if (view == views_.end() || !view->second.table || walking->relation->inputs[0].id != column.input) return false;
  const Table& table = *view->second.table;
  if (!walking->walk.empty() && walking->walk[0] == column.column) return false;
  const bool leads = std::any_of(table.indexes.begin(), table.indexes.end(),
                                 [&](const auto& index) { return !index.empty() && index[0] == column.column; });
  const bool rowid_walk = walking->walk.size() == 1 && walking->walk[0] == table.rowid_alias;
  return leads && !(equality && rowid_walk);
}

std::optional<Operand> Writer::operand(const ExprPtr& expr, const Wire* other) {
  if (is_literal(*expr)) {
    const Value& value = literal_value(*expr);
    if (value.is_null()) return Operand{.text = "NULL", .wire = other ? *other : wire_of(expr->type)};
    const Wire wire = other ? *other : wire_of(expr->type);
    if (!wires_compare_natively(wire) || value.kind() != wire.type.kind) return {};
    if (value.kind() == Kind::floating && std::isnan(value.as<double>())) return {};
    return Operand{.text = bind(value, wire), .wire = wire};
  }
  if (expr->kind == ExprKind::column) {
    const auto view = views_.find(expr->input);
    if (view == views_.end()) return {};
    const Sql& sql = view->second.columns.at(static_cast<std::size_t>(expr->column));
    if (!view->second.table) {
      if (!wires_compare_natively(sql.wire)) return {};
      Wire wire = sql.wire;
      wire.type.nullable |= expr->type.nullable;
      return Operand{.text = sql.text, .wire = wire};
    }
    const Column& column = view->second.table->columns[static_cast<std::size_t>(expr->column)];
    if (!compares_natively(column)) return {};
    Wire wire = sql.wire;
    wire.type.nullable |= expr->type.nullable;  // the outer side of a join
    return Operand{.text = sql.text, .wire = wire, .binary = column.binary_collation};
  }
  if (expr->kind == ExprKind::subquery && expr->aggregate && expr->aggregate->kind == AggregateKind::count) {
    Sql sql = subquery(*expr);
    return Operand{.text = sql.text, .wire = sql.wire, .fails = true};
  }
  return {};
}

std::optional<Predicate> Writer::native_compare(const Expr& expr) {
  // The column first: a constant is bound in the column's form.
  const bool left_literal = is_literal(*expr.args[0]), right_literal = is_literal(*expr.args[1]);
  std::optional<Operand> left, right;
  if (left_literal && right_literal) return {};
  if (left_literal) {
    if ((right = operand(expr.args[1], nullptr))) left = operand(expr.args[0], &right->wire);
  } else if ((left = operand(expr.args[0], nullptr))) {
    right = operand(expr.args[1], right_literal ? &left->wire : nullptr);
  }
  if (!left || !right || left->wire.type.kind != right->wire.type.kind || left->wire.storage != right->wire.storage) {
    // REAL columns and computed floats have different wires but compare alike.
    const bool floats = left && right && left->wire.type.kind == Kind::floating && right->wire.type.kind == Kind::floating;
    if (!floats) return {};
  }
  const bool left_null = left->text == "NULL", right_null = right->text == "NULL";
  if ((left_null || right_null) && expr.op != CompareOp::equal && expr.op != CompareOp::not_equal) return Predicate{.text = "0"};

  for (int side = 0; side < 2; ++side) {
    const Expr& at = *expr.args[static_cast<std::size_t>(side)];
    Operand& mine = side == 0 ? *left : *right;
    if (at.kind == ExprKind::column && misleads(at, expr.op == CompareOp::equal)) mine.text = "+" + mine.text;
  }
  if (!left->binary || !right->binary) left->text += " COLLATE BINARY";
  const bool left_nullable = left_null || (left->wire.type.nullable && !left_literal),
             right_nullable = right_null || (right->wire.type.nullable && !right_literal);
  const char* op = sql_of(expr.op);
  // `=` with one side that is never null is false or null for null, which is no match either way.
  if (expr.op == CompareOp::equal && ((left_nullable && right_nullable) || left_null || right_null)) op = "IS";
  if (expr.op == CompareOp::not_equal && (left_nullable || right_nullable)) op = "IS NOT";
  return Predicate{.text = fmt::format("{} {} {}", left->text, op, right->text), .fails = left->fails || right->fails};
}

std::optional<Predicate> Writer::native_in_list(const Expr& expr) {
  const auto subject = operand(expr.args[0], nullptr);
  if (!subject || is_literal(*expr.args[0]) || expr.args.size() < 2) return {};
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    if (expr.args[i]->kind != ExprKind::literal || expr.args[i]->value.is_null() || expr.args[i]->value.kind() != subject->wire.type.kind)
      return {};
    if (subject->wire.type.kind == Kind::floating && std::isnan(expr.args[i]->value.as<double>())) return {};
  }
  std::string list;
  // Long lists of integers would run out of parameters; their digits are as safe.
  const bool inline_integers = subject->wire.type.kind == Kind::integer && expr.args.size() > 100;
  for (std::size_t i = 1; i < expr.args.size(); ++i) {
    if (i > 1) list += ", ";
    list += inline_integers ? fmt::format("{}", expr.args[i]->value.as<std::int64_t>()) : bind(expr.args[i]->value, subject->wire);
  }
  const bool away = expr.args[0]->kind == ExprKind::column && misleads(*expr.args[0], true);
  return Predicate{.text = fmt::format("{}{}{} IN ({})", away ? "+" : "", subject->text, subject->binary ? "" : " COLLATE BINARY", list),
                   .fails = subject->fails};
}

std::optional<Predicate> Writer::native_connective(const Expr& expr) {
  if (chain_length(expr) > longest_chain) return {};
  std::string text;
  for (const ExprPtr& argument : expr.args) {
    auto part = native(argument);
    if (!part || part->fails) return {};  // what may fail must be lazy: SQL's AND and OR are not
    if (!text.empty()) text += expr.kind == ExprKind::and_ ? " AND " : " OR ";
    text += part->text;
  }
  return Predicate{.text = "(" + text + ")"};
}

std::optional<Predicate> Writer::native(const ExprPtr& expr) {
  const std::size_t written = binds();
  auto predicate = native_form(expr);
  if (!predicate) forget_binds(written);
  return predicate;
}

std::optional<Predicate> Writer::native_form(const ExprPtr& expr) {
  switch (expr->kind) {
    case ExprKind::literal: return Predicate{.text = !expr->value.is_null() && expr->value.as<bool>() ? "1" : "0"};
    case ExprKind::column: {
      const auto at = operand(expr, nullptr);
      if (!at) return {};
      return Predicate{.text = fmt::format("{} = 1", at->text)};
    }
    case ExprKind::compare: return native_compare(*expr);
    case ExprKind::in_list: return native_in_list(*expr);
    case ExprKind::and_:
    case ExprKind::or_: return native_connective(*expr);
    case ExprKind::not_: {
      auto inner = native(expr->args[0]);
      if (!inner || inner->fails) return {};
      return Predicate{.text = fmt::format("({}) IS NOT TRUE", inner->text)};
    }
    case ExprKind::subquery:
      if (!expr->aggregate || expr->aggregate->kind != AggregateKind::exists) return {};
      return Predicate{.text = subquery(*expr).text, .fails = true};
    default: return {};
  }
}

// `a != b + c` over integers. SQLite's sum turns into a REAL when it overflows, and no integer equals such a REAL but the
// smallest one: so the cheap test lets every row pass that bfl selects or fails on, and the rare rest is decided exactly.
bool Writer::split_arithmetic(const ExprPtr& expr, Conjuncts& into) {
  if (expr->kind != ExprKind::compare || expr->op != CompareOp::not_equal) return false;
  for (std::size_t side = 0; side < 2; ++side) {
    const Expr& sum = *expr->args[side];
    if (sum.kind != ExprKind::call || (sum.native->signature != "+(int,int)" && sum.native->signature != "-(int,int)")) continue;
    const std::size_t written = binds();
    const auto other = operand(expr->args[1 - side], nullptr), a = operand(sum.args[0], nullptr), b = operand(sum.args[1], nullptr);
    const auto usable = [](const std::optional<Operand>& at) {
      return at && at->wire.type.kind == Kind::integer && !at->fails && at->text != "NULL";
    };
    if (!usable(other) || !usable(a) || !usable(b)) {
      forget_binds(written);
      continue;
    }
    const auto nullable = [](const Operand& at) { return at.wire.type.nullable; };
    const std::string total = fmt::format("{} {} {}", a->text, sum.native->name, b->text);
    const char* differs = nullable(*other) || nullable(*a) || nullable(*b) ? "IS NOT" : "<>";
    into.plain.push_back(fmt::format("({0} {1} {2} OR {0} = -9223372036854775808)", other->text, differs, total));
    into.late.push_back({.expr = nullptr,
                         .text = fmt::format("CASE WHEN {} BETWEEN -9223372036854775807 AND 9223372036854775807 THEN 1 ELSE {} END", total,
                                             fused(expr, wire_of(Type{Kind::boolean}))),
                         .guarded = true});
    return true;
  }
  return false;
}

// What is decided by the fused condition alone would read the whole table: a plain range that holds all its rows lets an
// index in. Dates kept as text get a day more on either side, as the text may carry any zone; decimals kept as binary numbers
// get the neighbouring numbers.
void Writer::hint(const ExprPtr& expr, Conjuncts& into) {
  if (expr->kind != ExprKind::compare || expr->op == CompareOp::not_equal || walking) return;
  for (std::size_t side = 0; side < 2; ++side) {
    const Expr& column = *expr->args[side];
    const Expr& other = *expr->args[1 - side];
    const Expr& constant = other.kind == ExprKind::convert ? *other.args[0] : other;
    if (column.kind != ExprKind::column || constant.kind != ExprKind::literal || constant.value.is_null()) continue;
    const auto view = views_.find(column.input);
    if (view == views_.end() || !view->second.table) continue;
    const Column& stored = view->second.table->columns[static_cast<std::size_t>(column.column)];
    const auto& indexes = view->second.table->indexes;
    const bool indexed =
        std::any_of(indexes.begin(), indexes.end(), [&](const auto& index) { return !index.empty() && index[0] == column.column; });
    if (!indexed || !stored.binary_collation || affinity(stored.declared) == Affinity::blob) continue;
    const auto range = stored.storage == Storage::iso_text          ? days_around(constant.value)
                       : stored.storage == Storage::decimal_numeric ? numbers_around(constant.value)
                                                                    : Range{};
    // `constant OP column` bounds the column from the other side.
    const bool below = expr->op == CompareOp::less || expr->op == CompareOp::less_equal,
               above = expr->op == CompareOp::greater || expr->op == CompareOp::greater_equal;
    const bool lower = side == 0 ? !below : !above, upper = side == 0 ? !above : !below;
    const std::string& text = view->second.columns[static_cast<std::size_t>(column.column)].text;
    if (lower && range.from) into.hints.push_back(fmt::format("{} >= {}", text, bind(*range.from, range.wire)));
    if (upper && range.to) into.hints.push_back(fmt::format("{} <= {}", text, bind(*range.to, range.wire)));
    return;
  }
}

}  // namespace bfl::lower
