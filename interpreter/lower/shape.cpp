#include "interpreter/lower/shape.h"

#include <fmt/format.h>

#include <map>
#include <tuple>

namespace bfl::lower {

using program::Expr;
using program::ExprKind;

namespace {

struct Drawing {
  bool numbered = false;
  std::string text{};
  std::map<std::tuple<const void*, const void*, std::uint32_t, int>, std::size_t> slots{};

  void slot(const void* a, const void* b, std::uint32_t input, int column) {
    if (numbered)
      fmt::format_to(std::back_inserter(text), " #{}", slots.emplace(std::tuple(a, b, input, column), slots.size()).first->second);
    else fmt::format_to(std::back_inserter(text), " {} {} {}.{}", a, b, input, column);
  }

  void add(const Expr& expr) {
    fmt::format_to(std::back_inserter(text), "({}:{}", static_cast<int>(expr.kind), to_string(expr.type));
    switch (expr.kind) {
      case ExprKind::literal: {
        const std::string value = to_canonical(expr.value);  // length first: it may hold anything
        fmt::format_to(std::back_inserter(text), " {}:{}", value.size(), value);
        break;
      }
      case ExprKind::column: slot(nullptr, nullptr, expr.input, expr.column); break;
      case ExprKind::subquery: slot(expr.relation.get(), expr.aggregate.get(), 0, 0); break;
      case ExprKind::aggregate: slot(nullptr, expr.aggregate.get(), 0, 0); break;
      case ExprKind::window: slot(expr.window.get(), expr.aggregate.get(), 0, 0); break;
      case ExprKind::call: fmt::format_to(std::back_inserter(text), " {}", expr.native->signature); break;
      case ExprKind::compare: fmt::format_to(std::back_inserter(text), " {}", static_cast<int>(expr.op)); break;
      case ExprKind::local:
      case ExprKind::bind: fmt::format_to(std::back_inserter(text), " {}", expr.slot); break;
      default: break;
    }
    for (const auto& argument : expr.args) add(*argument);
    text += ')';
  }
};

}  // namespace

std::string shape(const Expr& expr) {
  Drawing drawing;
  drawing.add(expr);
  return std::move(drawing.text);
}

std::string function_shape(const Expr& expr) {
  Drawing drawing{.numbered = true};
  drawing.add(expr);
  return std::move(drawing.text);
}

}  // namespace bfl::lower
