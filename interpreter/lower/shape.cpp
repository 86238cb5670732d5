#include "interpreter/lower/shape.h"

#include <fmt/format.h>

namespace bfl::lower {

using program::Expr;
using program::ExprKind;

namespace {

void append(const Expr& expr, std::string& out) {
  fmt::format_to(std::back_inserter(out), "({}:{}", static_cast<int>(expr.kind), to_string(expr.type));
  switch (expr.kind) {
    case ExprKind::literal: {
      const std::string value = to_canonical(expr.value);  // length first: it may hold anything
      fmt::format_to(std::back_inserter(out), " {}:{}", value.size(), value);
      break;
    }
    case ExprKind::column: fmt::format_to(std::back_inserter(out), " {}.{}", expr.input, expr.column); break;
    case ExprKind::call: fmt::format_to(std::back_inserter(out), " {}", expr.native->signature); break;
    case ExprKind::compare: fmt::format_to(std::back_inserter(out), " {}", static_cast<int>(expr.op)); break;
    case ExprKind::local:
    case ExprKind::bind: fmt::format_to(std::back_inserter(out), " {}", expr.slot); break;
    case ExprKind::subquery: fmt::format_to(std::back_inserter(out), " {} {}", fmt::ptr(expr.relation.get()), fmt::ptr(expr.aggregate.get())); break;
    case ExprKind::aggregate: fmt::format_to(std::back_inserter(out), " {}", fmt::ptr(expr.aggregate.get())); break;
    default: break;
  }
  for (const auto& argument : expr.args) append(*argument, out);
  out += ')';
}

}  // namespace

std::string shape(const Expr& expr) {
  std::string out;
  append(expr, out);
  return out;
}

}  // namespace bfl::lower
