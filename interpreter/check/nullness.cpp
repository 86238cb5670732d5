// Whether null can come out of an expression: from its type, and from what conditions have said on the way to it.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::CompareOp;
using program::InputKind;

namespace {

constexpr std::size_t most_known = 100;
constexpr int most_steps = 50'000;  // beyond it anything may be null

bool same(const Expr& a, const Expr& b) {
  if (&a == &b) return true;
  if (a.kind != b.kind || a.args.size() != b.args.size() || a.relation || b.relation || a.aggregate || b.aggregate || a.window || b.window) return false;
  if (a.input != b.input || a.column != b.column || a.native != b.native || a.op != b.op || a.slot != b.slot || !same_kind(a.type, b.type)) return false;
  if (a.kind == ExprKind::literal && !equal(a.value, b.value)) return false;
  for (std::size_t i = 0; i < a.args.size(); ++i)
    if (!same(*a.args[i], *b.args[i])) return false;
  return true;
}

bool is_null(const Expr& expr) {
  return (expr.kind == ExprKind::literal && expr.value.is_null()) || (expr.kind == ExprKind::convert && is_null(*expr.args[0]));
}
bool is_false(const Expr& expr) {
  const bool* truth = expr.kind == ExprKind::literal ? std::get_if<bool>(&expr.value.data) : nullptr;
  return truth && !*truth;
}

class Nullness {
 public:
  Nullness(const program::Program& program, const Block& block, std::vector<ExprPtr>& known) : program_(program), block_(block), known_(known) {}

  bool may(const ExprPtr& expr) {
    if (!expr->type.nullable) return false;
    if (++steps_ > most_steps) return true;
    if (is_known(*expr)) return false;
    switch (expr->kind) {
      case ExprKind::column: return !row_is_there(*expr);
      case ExprKind::bind: {
        const bool filled = !may(expr->args[0]);
        bound_.push_back({expr->slot, expr->args[0], filled, known_.size()});
        const bool nullable = may(expr->args[1]);
        bound_.pop_back();
        return nullable;
      }
      case ExprKind::local: {
        const Bound* value = bound(expr->slot);
        if (!value || value->filled) return !value;
        return known_.size() == value->known || may(ExprPtr(value->value));  // asked again where more is known
      }
      case ExprKind::convert: return may(expr->args[0]);
      case ExprKind::coalesce: return std::all_of(expr->args.begin(), expr->args.end(), [&](const ExprPtr& part) { return may(part); });
      case ExprKind::call:
        if (expr->native->result.nullable) return true;
        for (std::size_t i = 0; i < expr->args.size(); ++i)
          if (!expr->native->params[i].nullable && may(expr->args[i])) return true;
        return false;
      case ExprKind::case_: return may_be_null_in_an_arm(*expr);
      default: return true;
    }
  }

  // What a condition says when it is true, or when it is not: each is known not to be null from there on.
  void learn(const ExprPtr& condition, bool holds) {
    switch (condition->kind) {
      case ExprKind::and_:
      case ExprKind::or_:
        if ((condition->kind == ExprKind::and_) == holds)
          for (const ExprPtr& part : condition->args) learn(part, holds);
        return;
      case ExprKind::not_: return learn(condition->args[0], !holds);
      case ExprKind::compare: return learn_from_comparison(*condition, holds);
      case ExprKind::in_list:
        if (holds && std::none_of(condition->args.begin() + 1, condition->args.end(), [&](const ExprPtr& part) { return may(part); })) not_null(condition->args[0]);
        return;
      case ExprKind::bind: {
        bound_.push_back({condition->slot, condition->args[0], !may(condition->args[0]), known_.size()});
        learn(condition->args[1], holds);
        bound_.pop_back();
        return;
      }
      case ExprKind::case_:
        // True, it comes from an arm that can be: those before it, which cannot, were not taken.
        for (std::size_t i = 0; holds && i + 1 < condition->args.size() && (is_null(*condition->args[i + 1]) || is_false(*condition->args[i + 1])); i += 2) learn(condition->args[i], false);
        return;
      case ExprKind::coalesce:
        if (holds && condition->args.size() == 2 && is_false(*condition->args[1])) learn(condition->args[0], true);
        return;
      default:
        if (holds) not_null(condition);  // what is null is not true
    }
  }

 private:
  struct Bound {
    std::uint32_t slot;
    ExprPtr value;
    bool filled;         // its value is never null
    std::size_t known;   // how much was known when that was found out
  };

  const Bound* bound(std::uint32_t slot) const {
    const auto found = std::find_if(bound_.rbegin(), bound_.rend(), [&](const Bound& at) { return at.slot == slot; });
    return found == bound_.rend() ? nullptr : &*found;
  }
  bool is_known(const Expr& expr) const {
    return std::any_of(known_.begin(), known_.end(), [&](const ExprPtr& known) { return same(*known, expr); });
  }

  // A column of a `join optional` whose row is known to be there is as null as its table lets it be.
  bool row_is_there(const Expr& column) const {
    for (const program::Input& input : block_.relation->inputs) {
      if (input.id != column.input || input.kind != InputKind::optional) continue;
      const bool there = std::any_of(known_.begin(), known_.end(), [&](const ExprPtr& known) { return known->kind == ExprKind::column && known->input == column.input; });
      const auto index = static_cast<std::size_t>(column.column);
      if (input.table) return there && !program_.table(*input.table).columns[index].type.nullable;
      return there && input.sub && !input.sub->fields[index].expr->type.nullable;
    }
    return false;
  }

  bool may_be_null_in_an_arm(const Expr& expr) {
    const std::size_t before = known_.size();
    bool nullable = false;
    for (std::size_t i = 0; i < expr.args.size() && !nullable; i += 2) {
      if (i + 1 == expr.args.size()) {
        nullable = may(expr.args[i]);
        break;
      }
      // An arm for null is never taken by what is not null.
      const Expr& asked = *expr.args[i];
      const bool never = asked.kind == ExprKind::compare && asked.op == CompareOp::equal && is_null(*asked.args[1]) && !may(asked.args[0]);
      const std::size_t here = known_.size();
      learn(expr.args[i], true);
      nullable = !never && may(expr.args[i + 1]);
      known_.resize(here);
      learn(expr.args[i], false);
    }
    known_.resize(before);
    return nullable;
  }

  void learn_from_comparison(const Expr& condition, bool holds) {
    for (std::size_t side = 0; side < 2; ++side) {
      const ExprPtr &one = condition.args[side], &other = condition.args[1 - side];
      bool known = holds;  // an ordering is false where one side is null
      if (condition.op == CompareOp::equal) known = holds ? !may(other) : is_null(*other);
      if (condition.op == CompareOp::not_equal) known = holds ? is_null(*other) : !may(other);
      if (known) not_null(one);
      // `(note ?? "") != ""`: it has not fallen back.
      const bool differs = condition.op == CompareOp::not_equal ? holds : condition.op == CompareOp::equal && !holds;
      if (one->kind != ExprKind::coalesce || one->args.size() != 2 || one->args[1]->kind != ExprKind::literal || other->kind != ExprKind::literal) continue;
      if (differs ? equal(one->args[1]->value, other->value) : condition.op == CompareOp::equal && holds && !equal(one->args[1]->value, other->value)) not_null(one->args[0]);
    }
  }

  // What gives null for null was given none.
  void not_null(const ExprPtr& expr) {
    if (!expr->type.nullable || known_.size() >= most_known || ++steps_ > most_steps) return;
    known_.push_back(expr);
    switch (expr->kind) {
      case ExprKind::convert: return not_null(expr->args[0]);
      case ExprKind::call:
        for (std::size_t i = 0; i < expr->args.size(); ++i)
          if (!expr->native->params[i].nullable) not_null(expr->args[i]);
        return;
      case ExprKind::local:
        if (const Bound* value = bound(expr->slot)) not_null(ExprPtr(value->value));
        return;
      case ExprKind::bind:
        bound_.push_back({expr->slot, expr->args[0], false, known_.size()});
        not_null(expr->args[1]);
        bound_.pop_back();
        return;
      case ExprKind::case_:
        for (std::size_t i = 0; i + 1 < expr->args.size() && is_null(*expr->args[i + 1]); i += 2) learn(expr->args[i], false);
        return;
      default: return;
    }
  }

  const program::Program& program_;
  const Block& block_;
  std::vector<ExprPtr>& known_;
  std::vector<Bound> bound_{};
  int steps_ = 0;
};

}  // namespace

bool Checker::may_be_null(const ExprPtr& expr, const Block& block) const {
  std::vector<ExprPtr> known = block.not_null;
  return Nullness(program, block, known).may(expr);
}

void Checker::note_not_null(Block& block, const ExprPtr& condition, bool holds) { Nullness(program, block, block.not_null).learn(condition, holds); }

}  // namespace bfl::check
