#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "interpreter/lower/postgres_writer.h"
#include "interpreter/lower/rewrite.h"

namespace bfl::lower::postgres {

using program::CompareOp;
using program::Expr;
using program::ExprKind;
using program::ExprPtr;

namespace {

constexpr std::size_t longest_text = 256 << 10;  // of one statement: arguments that are used twice are written twice

// The most digits behind the point that a value can have; nothing where that is not known.
std::optional<int> scale_of(const Expr& expr, const std::function<const Column*(const Expr&)>& column_of) {
  switch (expr.kind) {
    case ExprKind::literal:
      if (expr.value.kind() == Kind::decimal) return expr.value.as<Decimal>().scale();
      return expr.value.kind() == Kind::integer || expr.value.is_null() ? std::optional<int>(0) : std::nullopt;
    case ExprKind::column: {
      const Column* column = column_of(expr);
      if (!column) return std::nullopt;
      if (column->type.kind == Kind::integer) return 0;
      return column->type.kind == Kind::decimal && column->scale >= 0 ? std::optional<int>(column->scale) : std::nullopt;
    }
    case ExprKind::convert:
      if (expr.args[0]->type.kind == Kind::integer) return 0;
      return scale_of(*expr.args[0], column_of);
    case ExprKind::coalesce: case ExprKind::call: {
      const bool call = expr.kind == ExprKind::call;
      const std::string_view name = call ? std::string_view(expr.native->signature) : "";
      if (call && (name == "round(decimal,int)" || name == "trunc(decimal,int)") && expr.args[1]->kind == ExprKind::literal &&
          expr.args[1]->value.kind() == Kind::integer)
        return static_cast<int>(std::clamp<std::int64_t>(expr.args[1]->value.as<std::int64_t>(), 0, 1000));
      if (call && (name == "round(decimal)" || name == "floor(decimal)" || name == "ceil(decimal)" || name == "trunc(decimal)")) return 0;
      if (call && name != "+(decimal,decimal)" && name != "-(decimal,decimal)" && name != "*(decimal,decimal)" && name != "negate(decimal)" &&
          name != "abs(decimal)" && name != "greatest(decimal,decimal)" && name != "least(decimal,decimal)")
        return std::nullopt;
      int most = 0;
      for (const ExprPtr& argument : expr.args) {
        const auto scale = scale_of(*argument, column_of);
        if (!scale) return std::nullopt;
        most = name == "*(decimal,decimal)" ? most + *scale : std::max(most, *scale);
      }
      return most;
    }
    case ExprKind::case_: {
      int most = 0;
      for (std::size_t i = 0; i < expr.args.size(); ++i) {
        if (i % 2 == 0 && i + 1 < expr.args.size()) continue;
        const auto scale = scale_of(*expr.args[i], column_of);
        if (!scale) return std::nullopt;
        most = std::max(most, *scale);
      }
      return most;
    }
    default: return std::nullopt;
  }
}

}  // namespace

// A control character stands in no identifier and no text that is written into a statement.
std::string later(std::size_t number) { return fmt::format("\x01{}\x01", number); }

Wire wire_of_value(const Type& type) {
  Wire wire{.type = type};
  switch (type.kind) {
    case Kind::boolean: wire.storage = Storage::boolean_integer; break;
    case Kind::decimal: wire.storage = Storage::decimal_text; break;
    case Kind::uuid: wire.storage = Storage::uuid_text; break;
    case Kind::json: wire.storage = Storage::json_text; break;
    default: break;
  }
  return wire;
}

std::string_view Writer::type_name(Kind kind) {
  switch (kind) {
    case Kind::boolean: return "boolean";
    case Kind::integer: case Kind::duration: return "bigint";
    case Kind::decimal: return "numeric";
    case Kind::floating: return "double precision";
    case Kind::bytes: return "bytea";
    case Kind::date: return "date";
    case Kind::timestamp: return "timestamp";
    case Kind::uuid: return "uuid";
    case Kind::json: return "jsonb";
    default: return "text";
  }
}

void Writer::refuse(std::string_view what) {
  if (refused_.empty()) refused_ = what;
}

std::string Writer::bind(Value value, const Wire& wire) {
  statement_.binds.push_back(std::move(value));
  statement_.bind_wires.push_back(wire);
  return fmt::format("${}", statement_.binds.size());
}

void Writer::see_table(program::InputId id, const Table& table, const std::string& alias) {
  View view{.alias = alias, .table = &table, .columns = {}};
  for (const Column& column : table.columns) view.columns.push_back(fmt::format("{}.{}", alias, quote_identifier(column.name)));
  views_[id] = std::move(view);
}

void Writer::see_columns(program::InputId id, std::vector<std::string> columns) {
  views_[id] = View{.alias = {}, .table = nullptr, .columns = std::move(columns)};
}

const Column* Writer::stored_column(const Expr& expr) const {
  if (expr.kind != ExprKind::column) return nullptr;
  const auto view = views_.find(expr.input);
  if (view == views_.end() || !view->second.table) return nullptr;
  return &view->second.table->columns[static_cast<std::size_t>(expr.column)];
}

void Writer::must_say(const Column& column) {
  if (column.recast || column.type.kind == Kind::array) refuse(fmt::format("`{}` as a value of type {}", column.declared, to_string(column.type.with_null(false))));
}

std::string Writer::stored(const Expr& column) {
  if (const Column* of = stored_column(column)) must_say(*of);
  const auto view = views_.find(column.input);
  return view == views_.end() ? "NULL" : view->second.columns.at(static_cast<std::size_t>(column.column));
}

std::string Writer::column_value(const Expr& expr) {
  const std::string text = stored(expr);
  const Column* column = stored_column(expr);
  if (!column) return text;
  if (column->storage == Storage::unknown) {
    refuse(fmt::format("the type `{}` of the column `{}`", column->declared, column->name));
    return "NULL";
  }
  if (column->base == "timestamptz") return fmt::format("({} AT TIME ZONE 'UTC')", text);
  if (column->base == "int2" || column->base == "int4") return text + "::bigint";
  if (column->base == "float4") return text + "::double precision";
  if (column->base == "json") return text + "::jsonb";
  if (column->base == "varchar" || column->base == "bpchar" || column->base == "enum" || column->base == "name") return text + "::text";
  // A domain over it would otherwise be what functions are looked up by.
  if (column->declared != column->base && column->type.kind == Kind::text && column->base == "text") return text + "::text";
  return text;
}

bool Writer::can_fail(const Expr& expr) const {
  switch (expr.kind) {
    case ExprKind::call: {
      const NativeSql* native = native_sql(expr.native->signature);
      if (!native || native->can_fail) return true;
      break;
    }
    case ExprKind::subquery: return true;
    case ExprKind::case_:
      if (expr.args.size() % 2 == 0) return true;
      break;
    case ExprKind::convert:
      if (expr.type.kind == Kind::floating && expr.args[0]->type.kind == Kind::decimal) return true;
      break;
    default: break;
  }
  return std::any_of(expr.args.begin(), expr.args.end(), [this](const ExprPtr& argument) { return can_fail(*argument); });
}

// One side of a comparison. A column stands as it is stored, so that an index serves; a constant beside it is put into the
// column's form.
Writer::Side Writer::side(const ExprPtr& expr, const Column* other) {
  if (expr->kind == ExprKind::literal || (expr->kind == ExprKind::convert && expr->args[0]->kind == ExprKind::literal && expr->args[0]->value.is_null())) {
    const Value& given = expr->kind == ExprKind::literal ? expr->value : expr->args[0]->value;
    if (given.is_null()) return {.text = fmt::format("NULL::{}", type_name(expr->type.kind)), .null = true};
    Side made{.text = value(expr), .nullable = false};
    if (other && other->base == "timestamptz") made.text = fmt::format("({} AT TIME ZONE 'UTC')", made.text);
    return made;
  }
  if (const Column* column = stored_column(*expr)) {
    Side made{.text = stored(*expr), .nullable = expr->type.nullable || column->type.nullable, .collation = column->collation, .column = true};
    if (column->storage == Storage::unknown || column->base == "json" || column->base == "enum" || column->base == "bpchar" ||
        column->base == "float4" || column->base == "timestamptz")
      made.text = column->base == "timestamptz" && other == column ? stored(*expr) : column_value(*expr);
    return made;
  }
  return {.text = value(expr), .nullable = expr->type.nullable};
}

std::string Writer::equality(const ExprPtr& a, const ExprPtr& b, bool negated) {
  const auto literal_side = [](const ExprPtr& at) { return at->kind == ExprKind::literal && !at->value.is_null(); };
  const Column *left_column = stored_column(*a), *right_column = stored_column(*b);
  const auto zoned = [](const Column* column) { return column && column->base == "timestamptz"; };
  // Both sides of a comparison in one form: as stored where the other is a constant or stored alike.
  const Column* form = nullptr;
  if (zoned(left_column) && (literal_side(b) || zoned(right_column))) form = left_column;
  else if (zoned(right_column) && literal_side(a)) form = right_column;
  Side left = side(a, form), right = side(b, form);
  if (form && zoned(left_column) && zoned(right_column)) {
    left.text = stored(*a);
    right.text = stored(*b);
  }
  if (left.null && right.null) return negated ? "false" : "true";
  if (left.null || right.null) return fmt::format("{} IS {}NULL", left.null ? right.text : left.text, negated ? "NOT " : "");
  if (a->type.kind == Kind::text && left.collation != right.collation && left.column && right.column) right.text += " COLLATE \"C\"";
  if (negated) {
    if (!left.nullable && !right.nullable) return fmt::format("{} <> {}", left.text, right.text);
    return fmt::format("{} IS DISTINCT FROM {}", left.text, right.text);
  }
  // Null beside what is never null is no match, and null is no match to a condition.
  if (!left.nullable || !right.nullable) return fmt::format("{} = {}", left.text, right.text);
  return fmt::format("{} IS NOT DISTINCT FROM {}", left.text, right.text);
}

std::string Writer::compared(const Expr& expr) {
  if (expr.args[0]->type.kind == Kind::array || expr.args[1]->type.kind == Kind::array) {
    refuse("a comparison of lists");
    return "NULL";
  }
  if (expr.op == CompareOp::equal || expr.op == CompareOp::not_equal) return equality(expr.args[0], expr.args[1], expr.op == CompareOp::not_equal);
  const Column *left_column = stored_column(*expr.args[0]), *right_column = stored_column(*expr.args[1]);
  const auto zoned = [](const Column* column) { return column && column->base == "timestamptz"; };
  const Column* form = zoned(left_column) && expr.args[1]->kind == ExprKind::literal   ? left_column
                       : zoned(right_column) && expr.args[0]->kind == ExprKind::literal ? right_column
                                                                                         : nullptr;
  Side left = side(expr.args[0], form), right = side(expr.args[1], form);
  if (left.null || right.null) return "false";
  if (expr.args[0]->type.kind == Kind::text) {
    // A column that sorts by bytes already keeps its index.
    const bool indexed = (left_column && left_column->binary_collation && left_column->base != "enum") ||
                         (right_column && right_column->binary_collation && right_column->base != "enum");
    if (!(indexed && (expr.args[0]->kind == ExprKind::literal || expr.args[1]->kind == ExprKind::literal))) left.text += " COLLATE \"C\"";
  }
  return fmt::format("{} {} {}", left.text, sql_of(expr.op), right.text);
}

std::string Writer::condition(const ExprPtr& expr) {
  switch (expr->kind) {
    case ExprKind::literal: return !expr->value.is_null() && expr->value.as<bool>() ? "true" : "false";
    case ExprKind::compare: return compared(*expr);
    case ExprKind::and_: {
      std::string text;
      const bool lazy = std::any_of(expr->args.begin() + 1, expr->args.end(), [this](const ExprPtr& part) { return can_fail(*part); });
      if (lazy) {
        text = "CASE";
        for (std::size_t i = 0; i + 1 < expr->args.size(); ++i) text += fmt::format(" WHEN ({}) IS NOT TRUE THEN false", condition(expr->args[i]));
        return text + fmt::format(" ELSE {} END", condition(expr->args.back()));
      }
      for (const ExprPtr& part : expr->args) text += (text.empty() ? "(" : " AND ") + condition(part);
      return text + ")";
    }
    case ExprKind::or_: {
      std::string text;
      const bool lazy = std::any_of(expr->args.begin() + 1, expr->args.end(), [this](const ExprPtr& part) { return can_fail(*part); });
      if (lazy) {
        text = "CASE";
        for (std::size_t i = 0; i + 1 < expr->args.size(); ++i) text += fmt::format(" WHEN {} THEN true", condition(expr->args[i]));
        return text + fmt::format(" ELSE {} END", condition(expr->args.back()));
      }
      for (const ExprPtr& part : expr->args) text += (text.empty() ? "(" : " OR ") + condition(part);
      return text + ")";
    }
    case ExprKind::not_: return fmt::format("(({}) IS NOT TRUE)", condition(expr->args[0]));
    case ExprKind::in_list: {
      const ExprPtr& subject = expr->args[0];
      if (expr->args.size() < 2) return "false";
      const bool plain = std::all_of(expr->args.begin() + 1, expr->args.end(),
                                     [](const ExprPtr& at) { return at->kind == ExprKind::literal && !at->value.is_null(); });
      std::string text;
      if (plain && subject->kind != ExprKind::literal) {
        const Column* column = stored_column(*subject);
        for (std::size_t i = 1; i < expr->args.size(); ++i) text += (i > 1 ? ", " : "") + side(expr->args[i], column).text;
        return fmt::format("{} IN ({})", side(subject, column && column->base == "timestamptz" ? column : nullptr).text, text);
      }
      for (std::size_t i = 1; i < expr->args.size(); ++i) text += (i > 1 ? " OR " : "(") + equality(subject, expr->args[i], false);
      return text + ")";
    }
    case ExprKind::subquery:
    default: return value(expr);
  }
}

std::string Writer::call(const Expr& expr) {
  const std::string& signature = expr.native->signature;
  if (signature == "/(int,int)") return division(value(expr.args[0]) + "::numeric", value(expr.args[1]) + "::numeric");
  if (signature == "/(decimal,decimal)") return division(value(expr.args[0]), value(expr.args[1]));
  if (signature == "error(text)") return raised(value(expr.args[0]), type_name(expr.type.kind));
  const NativeSql* native = native_sql(signature);
  if (!native) {
    refuse(fmt::format("`{}`", expr.native->name));
    return "NULL";
  }
  std::string text;
  const std::string_view form = native->text;
  for (std::size_t i = 0; i < form.size(); ++i) {
    const bool argument = (form[i] == '%' || form[i] == '#') && i + 1 < form.size() && form[i + 1] >= '1' && form[i + 1] <= '9';
    if (!argument) {
      text += form[i];
      continue;
    }
    const ExprPtr& given = expr.args.at(static_cast<std::size_t>(form[i + 1] - '1'));
    if (form[i] == '%') {
      // A null that is written out would be folded into the whole at once, and what fails beside it would not be evaluated.
      const bool folds = expr.args.size() > 1 && given->kind == ExprKind::literal && given->value.is_null();
      text += folds ? fmt::format("(SELECT {})", value(given)) : value(given);
    } else {
      // PostgreSQL takes an int4 here and means something of its own by negative numbers.
      const bool small = given->kind == ExprKind::literal && given->value.kind() == Kind::integer && given->value.as<std::int64_t>() >= 0 &&
                         given->value.as<std::int64_t>() <= 1000;
      if (!small) refuse(fmt::format("`{}` with a number that is not written out, or negative", expr.native->name));
      else text += std::to_string(given->value.as<std::int64_t>());
    }
    ++i;
    if (text.size() > longest_text) {
      refuse("an expression of this length");
      return "NULL";
    }
  }
  return text;
}

std::string Writer::value(const ExprPtr& expr) {
  if (!refused_.empty()) return "NULL";
  if (const auto key = group_keys_.find(expr.get()); key != group_keys_.end()) return key->second;
  switch (expr->kind) {
    case ExprKind::literal: {
      if (expr->value.is_null()) return fmt::format("NULL::{}", type_name(expr->type.kind));
      if (expr->value.kind() == Kind::array) {
        refuse("a list");
        return "NULL";
      }
      const bool zero = (expr->value.kind() == Kind::text && expr->value.as<std::string>().find('\0') != std::string::npos) ||
                        (expr->value.kind() == Kind::json && expr->value.as<Json>().text.find("\\u0000") != std::string::npos);
      if (zero) {
        refuse("the character U+0000");
        return "NULL";
      }
      const std::string name = bind(expr->value, wire_of_value(Type{expr->value.kind()}));
      return expr->value.kind() == Kind::json ? name + "::jsonb" : fmt::format("{}::{}", name, type_name(expr->value.kind()));
    }
    case ExprKind::clock: {
      statement_.clocks.push_back(statement_.binds.size());
      return bind(Value(Timestamp{}), wire_of_value(Type{Kind::timestamp}));
    }
    case ExprKind::column: return column_value(*expr);
    case ExprKind::call: return call(*expr);
    case ExprKind::compare: case ExprKind::and_: case ExprKind::or_: case ExprKind::in_list:
      return fmt::format("(({}) IS TRUE)", condition(expr));
    case ExprKind::not_: return condition(expr);
    case ExprKind::coalesce: {
      std::string text;
      for (const ExprPtr& part : expr->args) text += (text.empty() ? "COALESCE(" : ", ") + value(converted(part, expr->type));
      return text + ")";
    }
    case ExprKind::case_: {
      std::string text = "CASE";
      std::size_t i = 0;
      for (; i + 1 < expr->args.size(); i += 2)
        text += fmt::format(" WHEN {} THEN {}", condition(expr->args[i]), value(converted(expr->args[i + 1], expr->type)));
      if (i < expr->args.size()) return text + fmt::format(" ELSE {} END", value(converted(expr->args[i], expr->type)));
      return text + fmt::format(" ELSE {} END", raised("'no case matches, and there is no `else`'", type_name(expr->type.kind)));
    }
    case ExprKind::convert: {
      const ExprPtr& from = expr->args[0];
      if (from->kind == ExprKind::literal && from->value.is_null()) return fmt::format("NULL::{}", type_name(expr->type.kind));
      if (from->type.kind == expr->type.kind || from->type.kind == Kind::null) return value(from);
      return fmt::format("({})::{}", value(from), type_name(expr->type.kind));
    }
    case ExprKind::bind: {
      const auto before = locals_;
      locals_[expr->slot] = value(expr->args[0]);
      std::string text = value(expr->args[1]);
      locals_ = before;
      return text;
    }
    case ExprKind::local: return locals_.contains(expr->slot) ? locals_[expr->slot] : "NULL";
    case ExprKind::subquery: return subquery(*expr);
    case ExprKind::aggregate: return aggregate(*expr->aggregate, expr->aggregate->operand, expr->type);
    case ExprKind::array: refuse("a list"); return "NULL";
    case ExprKind::object: refuse("a json object"); return "NULL";
    case ExprKind::window: refuse("a function over a window"); return "NULL";
  }
  return "NULL";
}

std::string Writer::as_stored(const ExprPtr& given, const Column& column) {
  must_say(column);
  const ExprPtr expr = converted(given, column.type);
  if (column.base == "float4" || column.storage == Storage::unknown) {
    refuse(fmt::format("writing the type `{}` of the column `{}`", column.declared, column.name));
    return "NULL";
  }
  std::string text = value(expr);
  if (column.type.kind == Kind::decimal) {
    const auto scale = scale_of(*expr, [this](const Expr& at) { return stored_column(at); });
    if (column.scale < 0) text = fmt::format("trim_scale({})", text);
    else if (!scale || *scale > column.scale)
      text = fmt::format("(SELECT CASE WHEN v = round(v, {0}) OR v IS NULL THEN v ELSE {1} END FROM (SELECT {2} AS v OFFSET 0) AS x)", column.scale,
                         raised("trim_scale(v)::text || " + quote_text(fmt::format(" has more than {} digits behind the point, and `{}` would round it", column.scale, column.name)), "numeric"),
                         text);
  }
  if (column.base == "timestamptz") return fmt::format("({} AT TIME ZONE 'UTC')", text);
  // What would be cut to fit is refused by the server on assignment; an explicit cast would cut it.
  if (column.base == "enum" || column.base == "other") return fmt::format("({})::{}", text, column.declared);
  if (column.base == "json" || column.base == "bpchar") return fmt::format("({})::{}", text, column.base);
  return text;
}

std::string Writer::sortable(const ExprPtr& expr) {
  if (expr->type.kind == Kind::json || expr->type.kind == Kind::array) refuse("sorting or grouping by json or lists");
  const std::string text = value(expr);
  return expr->type.kind == Kind::text ? text + " COLLATE \"C\"" : text;
}

void Writer::split(const ExprPtr& expr, Conjuncts& into) {
  if (expr->kind == ExprKind::and_) {
    for (const ExprPtr& argument : expr->args) split(argument, into);
    return;
  }
  if (expr->kind == ExprKind::literal && !expr->value.is_null() && expr->value.as<bool>()) return;
  const bool exists = expr->kind == ExprKind::subquery && expr->aggregate && expr->aggregate->kind == program::AggregateKind::exists;
  // A bare EXISTS becomes a join of its own; behind a CASE it is asked row by row.
  if (!can_fail(*expr) || (exists && into.late.empty())) into.plain.push_back(condition(expr));
  else into.late.push_back({.expr = nullptr, .text = condition(expr)});
}

// What cannot fail may be tested in any order; the others come behind all of it, in the order of the text.
std::string Writer::join(const Conjuncts& conjuncts) {
  std::string plain;
  for (const std::string& part : conjuncts.plain) plain += (plain.empty() ? "" : " AND ") + part;
  if (conjuncts.late.empty()) return plain;
  std::string chain = "CASE";
  if (!plain.empty()) chain += fmt::format(" WHEN ({}) IS NOT TRUE THEN false", plain);
  for (std::size_t i = 0; i + 1 < conjuncts.late.size(); ++i) chain += fmt::format(" WHEN ({}) IS NOT TRUE THEN false", conjuncts.late[i].text);
  chain = chain == "CASE" ? conjuncts.late.back().text : fmt::format("{} ELSE {} END", chain, conjuncts.late.back().text);
  return plain.empty() ? chain : plain + " AND " + chain;
}

std::string Writer::numbered(std::string text) const {
  for (auto at = text.find('\x01'); at != std::string::npos; at = text.find('\x01', at)) {
    const auto end = text.find('\x01', at + 1);
    text.replace(at, end - at + 1, fmt::format("${}", binds_ + static_cast<std::size_t>(std::stoul(text.substr(at + 1, end - at - 1)))));
  }
  return text;
}

Result<Statement> Writer::finish(std::string text, std::vector<Wire> columns, std::vector<Wire> parameters) {
  if (refused_.empty() && text.size() > longest_text) refuse("a statement of this length");
  if (!refused_.empty())
    return Error{ErrorClass::refused, fmt::format("PostgreSQL has no exact words for {}", refused_), {},
                 "say it with functions that both have, or run this step on a copy in SQLite"};
  binds_ = statement_.binds.size();  // which number a later parameter has is known only now
  statement_.text = numbered(std::move(text));
  statement_.columns = std::move(columns);
  statement_.parameters = std::move(parameters);
  return std::move(statement_);
}

}  // namespace bfl::lower::postgres
