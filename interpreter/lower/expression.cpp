// Expressions: natively where that is exact, else fused; lazily where the language promises it.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/digest.h"
#include "interpreter/eval/evaluate.h"
#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/shape.h"
#include "interpreter/lower/writer.h"

namespace bfl::lower {

using program::Expr;
using program::ExprKind;
using program::ExprPtr;

namespace {

bool same_wire(const Wire& a, const Wire& b) {
  if (a.type.kind != b.type.kind || a.storage != b.storage) return false;
  if (a.storage == Storage::iso_text && a.type.kind == Kind::timestamp)
    return a.time_separator == b.time_separator && a.time_suffix == b.time_suffix;
  return true;
}

// A column's stored form is only as good as its other values: these forms have one text per value, so that copying them
// unread stores what computing them would have stored.
bool copies_exactly(const Wire& from, const Wire& to) {
  // A REAL column holds no NaN, so that its values are computed floats already.
  if (from.type.kind == Kind::floating && to.type.kind == Kind::floating)
    return from.storage == to.storage || to.storage == Storage::real_or_nan;
  if (!same_wire(from, to)) return false;
  switch (from.type.kind) {
    case Kind::integer:
    case Kind::text:
    case Kind::bytes:
    case Kind::boolean: return true;
    default: return false;
  }
}

// One after the other, and only as far as needed. Flat, however many: SQLite's parser takes some 100 levels.
std::string lazily(const std::vector<std::string>& conditions) {
  if (conditions.size() == 1) return conditions[0];
  if (conditions.size() == 2) return fmt::format("CASE WHEN {} THEN {} ELSE 0 END", conditions[0], conditions[1]);
  std::string text = "CASE";
  for (std::size_t i = 0; i + 1 < conditions.size(); ++i) text += fmt::format(" WHEN ({}) IS NOT TRUE THEN 0", conditions[i]);
  return text + fmt::format(" ELSE {} END", conditions.back());
}

bool lazy(ExprKind kind) {
  return kind == ExprKind::and_ || kind == ExprKind::or_ || kind == ExprKind::coalesce || kind == ExprKind::case_;
}

bool can_fail(const Expr& expr) {
  if (expr.kind == ExprKind::call && expr.native->can_fail) return true;
  if (expr.kind == ExprKind::subquery || (expr.kind == ExprKind::case_ && expr.args.size() % 2 == 0)) return true;
  return std::any_of(expr.args.begin(), expr.args.end(), [](const ExprPtr& argument) { return can_fail(*argument); });
}

void describe(const Wire& wire, std::string& out) {
  fmt::format_to(std::back_inserter(out), "|{}/{}/{}/{}/{}", to_string(wire.type), static_cast<int>(wire.storage), wire.scale,
                 wire.time_separator, wire.time_suffix);
}

}  // namespace

std::string Writer::bind(Value value, const Wire& wire) {
  statement_.binds.push_back(std::move(value));
  statement_.bind_wires.push_back(wire);
  return fmt::format("?{}", statement_.binds.size());
}

void Writer::forget_binds(std::size_t kept) {
  statement_.binds.resize(kept);
  statement_.bind_wires.resize(kept);
}

void Writer::see_table(program::InputId id, const Table& table, const std::string& alias) {
  View view{.alias = alias, .table = &table, .columns = {}};
  view.columns.reserve(table.columns.size());
  for (const Column& column : table.columns) view.columns.push_back({alias + '.' + quote_identifier(column.name), wire_of(column)});
  views_[id] = std::move(view);
}

void Writer::see_hole(program::InputId id, std::vector<Sql> columns) {
  views_[id] = View{.alias = {}, .table = nullptr, .columns = std::move(columns)};
}

std::string Writer::label(const Expr& slot) const {
  const auto view = views_.find(slot.input);
  if (slot.kind != ExprKind::column || view == views_.end() || !view->second.table) return {};
  return fmt::format("{}.{}", view->second.table->name, view->second.table->columns[static_cast<std::size_t>(slot.column)].name);
}

std::string Writer::call(Fused function, std::vector<Sql> arguments, std::string_view form, const std::vector<ExprPtr>& read) {
  name_row(function, arguments, read);
  std::string meaning(form), text;
  for (const Sql& argument : arguments) {
    describe(argument.wire, meaning);
    function.arguments.push_back(argument.wire);
    if (!text.empty()) text += ", ";
    text += argument.text;
  }
  describe(function.result, meaning);
  for (const std::string& name : function.labels) meaning += fmt::format("|{}:{}", name.size(), name);
  for (const std::string& name : function.keys) meaning += fmt::format("|at {}:{}", name.size(), name);
  function.name = "bfl_f" + short_hex(sha256(meaning));
  const auto known =
      std::find_if(statement_.functions.begin(), statement_.functions.end(), [&](const Fused& at) { return at.name == function.name; });
  std::string called = fmt::format("{}({})", function.name, text);
  if (known == statement_.functions.end()) statement_.functions.push_back(std::move(function));
  return called;
}

// Under `and`, `or`, `case` and `??` a subquery must not be evaluated before it is needed, and SQL evaluates arguments
// first: such a part becomes SQL of its own, and the function around it gets its value.
ExprPtr Writer::with_holes(const ExprPtr& expr) {
  if (!has_subquery(*expr)) return expr;
  return rewrite(expr, [&](const ExprPtr& at) -> ExprPtr {
    if (at->kind == ExprKind::subquery) return at;  // a slot of the function; what is inside is SQL's
    if (at == expr || !lazy(at->kind) || !has_subquery(*at)) return nullptr;
    const program::InputId hole = fresh();
    const Wire wire = wire_of(at->type);
    see_hole(hole, {Sql{value_as(at, wire), wire}});
    return column_of(hole, 0, at->type);
  });
}

std::string Writer::fused(const ExprPtr& given, const Wire& result) {
  const ExprPtr expr = with_holes(given);
  Fused function;
  function.expr = expr;
  function.result = result;
  std::vector<Sql> arguments;
  std::vector<ExprPtr> read;
  const auto compiled = eval::compile(expr, {});
  for (const eval::Slot& slot : compiled->slots()) {
    arguments.push_back(value(slot.expr));
    function.labels.push_back(label(*slot.expr));
    read.push_back(slot.expr);
  }
  return call(std::move(function), std::move(arguments), function_shape(*expr), read);
}

// Lazy forms that hold subqueries, as SQL's own lazy form.
std::optional<Sql> Writer::structural(const ExprPtr& expr) {
  if (!(lazy(expr->kind) || expr->kind == ExprKind::not_) || !has_subquery(*expr)) return {};
  const Wire wire = wire_of(expr->type);
  std::string text;
  switch (expr->kind) {
    case ExprKind::not_: text = fmt::format("CASE WHEN {} THEN 0 ELSE 1 END", condition(expr->args[0])); break;
    case ExprKind::or_:
      text = "CASE";
      for (const ExprPtr& argument : expr->args) text += fmt::format(" WHEN {} THEN 1", condition(argument));
      text += " ELSE 0 END";
      break;
    case ExprKind::and_: {
      std::vector<std::string> parts;
      for (const ExprPtr& argument : expr->args) parts.push_back(condition(argument));
      text = fmt::format("({} IS TRUE)", lazily(parts));
      break;
    }
    case ExprKind::coalesce:
      text = "coalesce(";
      for (std::size_t i = 0; i < expr->args.size(); ++i) text += (i ? ", " : "") + value_as(converted(expr->args[i], expr->type), wire);
      text += ")";
      break;
    default: {
      text = "CASE";
      std::size_t i = 0;
      for (; i + 1 < expr->args.size(); i += 2)
        text += fmt::format(" WHEN {} THEN {}", condition(expr->args[i]), value_as(converted(expr->args[i + 1], expr->type), wire));
      if (i < expr->args.size()) text += fmt::format(" ELSE {} END", value_as(converted(expr->args[i], expr->type), wire));
      else {  // no match: the failure of the very same form with nothing in it that could match
        Expr failing = *expr;
        failing.args = {literal(false, {Kind::boolean}), literal(Value(), expr->type.with_null())};
        text += fmt::format(" ELSE {} END", fused(std::make_shared<const Expr>(std::move(failing)), wire));
      }
    }
  }
  return Sql{std::move(text), wire};
}

Sql Writer::value(const ExprPtr& given) {
  const ExprPtr expr = without_binds_around_subqueries(given);
  switch (expr->kind) {
    case ExprKind::column: {
      Sql sql = views_.at(expr->input).columns.at(static_cast<std::size_t>(expr->column));
      sql.wire.type.nullable |= expr->type.nullable;
      return sql;
    }
    case ExprKind::literal: {
      const Wire wire = wire_of(expr->type);
      if (expr->value.is_null()) return {"NULL", wire};
      return {bind(expr->value, wire), wire};
    }
    case ExprKind::subquery: return subquery(*expr);
    case ExprKind::aggregate: return aggregate(*expr->aggregate, expr->aggregate->operand, expr->type);
    case ExprKind::window: return window(*expr);
    default: break;
  }
  if (expr->type.kind == Kind::boolean && expr->kind != ExprKind::column) {
    const std::size_t written = binds();
    if (const auto predicate = native(expr); predicate && !predicate->fails)
      return {fmt::format("(({}) IS TRUE)", predicate->text), wire_of(Type{Kind::boolean})};
    forget_binds(written);
  }
  if (auto sql = structural(expr)) return std::move(*sql);
  const Wire wire = wire_of(expr->type);
  return {fused(expr, wire), wire};
}

std::string Writer::value_as(const ExprPtr& given, const Wire& wire) {
  const ExprPtr expr = without_binds_around_subqueries(given);
  if (expr->kind == ExprKind::literal && expr->value.is_null()) return "NULL";
  if (expr->kind == ExprKind::literal && expr->value.kind() == wire.type.kind)
    return bind(expr->value, wire);
  if (expr->kind == ExprKind::column || expr->kind == ExprKind::subquery || expr->kind == ExprKind::aggregate ||
      expr->kind == ExprKind::window) {
    Sql sql = value(expr);
    if (copies_exactly(sql.wire, wire)) return sql.text;
    // Its value under another form: through a function of one slot.
    const program::InputId hole = fresh();
    see_hole(hole, {std::move(sql)});
    Fused function;
    function.expr = column_of(hole, 0, expr->type);
    function.result = wire;
    function.labels.push_back(label(*expr));
    return call(std::move(function), {views_.at(hole).columns[0]}, function_shape(*column_of(hole, 0, expr->type)), {expr});
  }
  if (auto sql = structural(expr)) {
    const program::InputId hole = fresh();
    if (copies_exactly(sql->wire, wire)) return sql->text;
    see_hole(hole, {std::move(*sql)});
    return value_as(column_of(hole, 0, expr->type), wire);
  }
  if (wire.type.kind == Kind::boolean && wire.storage == Storage::boolean_integer) return value(expr).text;
  return fused(expr, wire);
}

std::string Writer::sortable(const ExprPtr& expr) {
  switch (expr->type.kind) {
    case Kind::decimal: return value_as(expr, wire_of(expr->type)) + " COLLATE bfl_decimal";
    case Kind::date:
    case Kind::timestamp: return value_as(expr, Wire{.type = expr->type, .storage = Storage::native});
    case Kind::text: return value(expr).text + " COLLATE BINARY";
    case Kind::uuid:
    case Kind::floating: return value_as(expr, wire_of(expr->type));
    case Kind::array:
    case Kind::json: return value_as(expr, Wire{.type = expr->type, .storage = Storage::json_canonical});
    default: return value(expr).text;
  }
}

void Writer::split(const ExprPtr& given, Conjuncts& into) {
  const ExprPtr expr = without_binds_around_subqueries(given);
  if (expr->kind == ExprKind::and_) {
    for (const ExprPtr& argument : expr->args) split(argument, into);
    return;
  }
  if (expr->kind == ExprKind::literal && !expr->value.is_null() && expr->value.as<bool>()) return;
  const bool behind = into.strict && into.fails;
  into.fails = into.fails || can_fail(*expr);
  constexpr std::size_t most_plain = 300;  // SQLite chains them into one tree, at most 1,000 deep
  const bool separate = (!behind && into.plain.size() < most_plain) || has_subquery(*expr);
  if (separate && !into.strict && split_arithmetic(expr, into)) return;
  if (separate)
    if (auto predicate = native(expr)) {
      if (!predicate->fails && !behind) into.plain.push_back(std::move(predicate->text));
      else into.late.push_back({.expr = nullptr, .text = std::move(predicate->text)});
      return;
    }
  hint(expr, into);
  if (auto sql = structural(expr)) into.late.push_back({.expr = nullptr, .text = std::move(sql->text)});
  else into.late.push_back({.expr = expr});
}

std::string Writer::join(const Conjuncts& conjuncts) {
  std::string plain, text;
  for (const std::string& part : conjuncts.plain) plain += (plain.empty() ? "" : " AND ") + part;
  for (const std::string& part : conjuncts.hints) text += (text.empty() ? "" : " AND ") + part;
  if (!plain.empty()) text += (text.empty() ? "" : " AND ") + plain;
  if (conjuncts.late.empty()) return text;

  std::vector<std::string> late;
  std::vector<ExprPtr> together;
  const auto flush = [&] {
    if (!together.empty()) late.push_back(fused(all_of(std::move(together)), wire_of(Type{Kind::boolean})));
    together.clear();
  };
  for (const Conjuncts::Late& part : conjuncts.late) {
    // A subquery among the arguments would be evaluated for rows that its neighbour excludes.
    if (part.expr && (together.empty() || !has_subquery(*part.expr))) {
      together.push_back(part.expr);
    } else if (part.expr) {
      flush();
      together.push_back(part.expr);
    } else {
      flush();
      late.push_back(part.text);
    }
  }
  flush();
  // SQLite may test conjuncts in any order; CASE alone is lazy for certain.
  const bool alone = conjuncts.late.size() == 1 && conjuncts.late[0].guarded && conjuncts.plain.size() == 1;
  if (!plain.empty() && !alone) late.insert(late.begin(), plain);
  const std::string chain = lazily(late);
  return text + (text.empty() ? "" : " AND ") + chain;
}

std::string Writer::condition(const ExprPtr& expr) {
  Conjuncts conjuncts{.strict = true};
  split(expr, conjuncts);
  conjuncts.hints.clear();
  const std::string text = join(conjuncts);
  if (text.empty()) return "1";
  return conjuncts.plain.size() + conjuncts.late.size() > 1 ? "(" + text + ")" : text;
}

std::string Writer::join_condition(const ExprPtr& on) {
  Conjuncts conjuncts;
  split(on, conjuncts);
  const std::string text = join(conjuncts);
  return text.empty() ? "1" : text;
}

namespace {

bool is_word(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

// `t7.c1` and no part of `t7.c12`.
bool reads(std::string_view text, std::string_view column) {
  for (std::size_t at = text.find(column); at != std::string_view::npos; at = text.find(column, at + 1)) {
    const std::size_t end = at + column.size();
    const bool begins = at == 0 || (text[at - 1] != if_read && !is_word(text[at - 1])), ends = end == text.size() || !is_word(text[end]);
    if (begins && ends) return true;
  }
  return false;
}

}  // namespace

// Fields that nobody reads keep their place, and their binds.
std::string only_what_is_read(std::string text) {
  if (text.find(if_read) == std::string::npos) return text;
  std::string out;
  std::vector<bool> unread;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == if_read) {
      const std::size_t then = text.find(then_computed, at);
      unread.push_back(!reads(text, std::string_view(text).substr(at + 1, then - at - 1)));
      if (unread.back()) out += "CASE WHEN 0 THEN ";
      at = then;
    } else if (text[at] == end_of_read) {
      if (unread.back()) out += " END";
      unread.pop_back();
    } else {
      out += text[at];
    }
  }
  return out;
}

Statement Writer::finish(std::string text, std::vector<Wire> columns) {
  statement_.text = only_what_is_read(std::move(text));
  statement_.columns = std::move(columns);
  return std::move(statement_);
}

}  // namespace bfl::lower
