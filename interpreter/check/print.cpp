// Expressions and relations as a person would write them: for plans and messages.
#include <fmt/format.h>

#include <unordered_map>

#include "interpreter/check/program.h"

namespace bfl::program {

namespace {

// From the weakest binding to the strongest, as the language has them.
enum Binding : int { or_binding = 1, and_binding, not_binding, compare_binding, coalesce_binding, sum_binding, product_binding, sign_binding, tight };

constexpr std::string_view compare_signs[] = {"==", "!=", "<", "<=", ">", ">="};
constexpr std::string_view aggregate_names[] = {"count", "count_distinct", "sum", "min", "max", "average", "any", "every", "first", "last", "list", "clusters", "fold", "exists"};
constexpr std::string_view window_names[] = {"row_number", "rank", "dense_rank", "lag", "lead"};
constexpr std::string_view loop_names[] = {"error", "skip", "stop"};

bool is_plain_name(std::string_view name) {
  static constexpr std::string_view reserved[] = {"true", "false", "null", "and", "or", "not", "in", "case"};
  if (name.empty() || (name[0] >= '0' && name[0] <= '9')) return false;
  for (char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) return false;
  for (std::string_view word : reserved)
    if (name == word) return false;
  return true;
}

std::string quoted(std::string_view name) { return is_plain_name(name) ? std::string(name) : fmt::format("`{}`", name); }

class Printer {
 public:
  explicit Printer(const Program& program) : program_(program) {}

  std::string expr(const Expr& e, int outer = 0) {
    if (left_ == 0) return "…";
    --left_;
    int own = tight;
    std::string text = inner(e, own);
    return own < outer ? "(" + text + ")" : text;
  }

  // Rows that stand in the text are there to be read.
  static std::string written_rows(const Expr& numbers) {
    const auto& items = numbers.value.as<Array>().items;
    return fmt::format("[ {} row{} ]", items ? items->size() : 0, items && items->size() == 1 ? "" : "s");
  }

  std::string relation(const Relation& r) {
    std::string text = r.inputs.at(0).elements ? written_rows(*r.inputs[0].elements) : operand(r.inputs[0]);
    if (!r.inputs[0].alias.empty()) text += " as " + quoted(r.inputs[0].alias);
    std::size_t filter = 0;
    const auto filters = [&](std::size_t inputs) {
      for (; filter < r.filters.size() && r.filters[filter].after_inputs <= inputs; ++filter) {
        text += fmt::format(" {} {}", r.filters[filter].skip ? "skip where" : "where", expr(*r.filters[filter].condition));
        if (!r.filters[filter].reason.empty()) text += " " + to_literal(Value(r.filters[filter].reason));
      }
    };
    filters(1);
    for (std::size_t i = 1; i < r.inputs.size(); ++i) {
      const Input& input = r.inputs[i];
      if (input.elements) {
        const auto& names = program_.inputs.at(input.id).columns;
        text += fmt::format(" expand {} at {} in {}", quoted(names.at(0)), quoted(names.at(1)), expr(*input.elements));
        filters(i + 1);
        continue;
      }
      if (const Expr* values = clustered_by(input)) {
        text += fmt::format(" cluster {} by", quoted(program_.inputs.at(input.sub->inputs[0].id).columns.at(0)));
        for (std::size_t v = 1; v < values->args.size(); v += 2) text += fmt::format("{} {}", v > 1 ? "," : "", expr(*values->args[v]));
        filters(i + 1);
        continue;
      }
      if (r.follow) {
        text += fmt::format(" follow {} {} as {} on {}", r.follow->each ? "each" : r.follow->many ? "many" : "one", operand(input), quoted(input.alias), expr(*input.on));
        if (r.follow->on_loop != OnLoop::error) text += fmt::format(" on loop {}", loop_names[static_cast<std::size_t>(r.follow->on_loop)]);
        continue;
      }
      text += fmt::format(" join {} {}", input.kind == InputKind::one ? "one" : input.kind == InputKind::optional ? "optional" : "many", operand(input));
      if (!input.alias.empty()) text += " as " + quoted(input.alias);
      if (input.on) text += " on " + expr(*input.on);
      if (input.skip_missing) text += fmt::format(" else skip {}", to_literal(Value(input.skip_reason)));
      filters(i + 1);
    }
    if (r.grouped) {
      text += r.group_by.empty() ? " group" : " group by";
      for (std::size_t i = 0; i < r.group_by.size(); ++i) text += (i ? ", " : " ") + expr(*r.group_by[i]);
      text += " {";
      for (const Field& field : r.fields) text += fmt::format(" {} = {}", quoted(field.name), expr(*field.expr));
      text += " }";
    }
    text += order(r.order);
    if (r.limit) text += fmt::format(" limit {}", *r.limit);
    return text;
  }

 private:
  std::string operand(const Input& input) {
    if (input.table) return table(*input.table);
    if (!input.sub) return "?";
    const Relation& sub = *input.sub;
    if (input.united.empty() && sub.inputs.size() == 1 && sub.filters.empty() && !sub.grouped && sub.order.empty() && sub.inputs[0].alias.empty())
      return operand(sub.inputs[0]);
    std::string text = "(" + relation(*input.sub);
    for (const auto& more : input.united) text += " union " + relation(*more);
    return text + ")";
  }

  // The values by which rows come together, as check/cluster.cpp joins the numbers of their clusters.
  static const Expr* clustered_by(const Input& input) {
    if (!input.sub || input.sub->inputs.empty() || !input.sub->inputs[0].elements) return nullptr;
    const Expr& array = *input.sub->inputs[0].elements;
    if (array.kind != ExprKind::subquery || array.aggregate->kind != AggregateKind::clusters) return nullptr;
    return array.relation->inputs[0].sub->fields[1].expr.get();
  }

  std::string table(TableRef ref) const {
    if (!program_.table(ref).kept.empty()) return program_.table(ref).kept;
    return fmt::format("{}.{}", program_.sources.at(static_cast<std::size_t>(ref.source)).name, quoted(program_.table(ref).name));
  }

  std::string column(const Expr& e) {
    if (e.input >= program_.inputs.size()) return fmt::format("#{}.{}", e.input, e.column);
    const InputName& input = program_.inputs[e.input];
    std::string name = fmt::format("#{}", e.column);
    if (input.table) name = quoted(program_.table(*input.table).columns[static_cast<std::size_t>(e.column)].name);
    else if (static_cast<std::size_t>(e.column) < input.columns.size()) return input.columns[static_cast<std::size_t>(e.column)];
    else if (const auto sub = input.sub.lock(); sub && static_cast<std::size_t>(e.column) < sub->fields.size())
    {
      const Field& field = sub->fields[static_cast<std::size_t>(e.column)];
      name = field.expr->kind == ExprKind::window ? window(*field.expr) : field.name;
    }
    else if (!input.table && !sub_of(input)) name = e.column == 0 ? "wanted" : "n";  // of `unique … else`
    return input.alias.empty() ? name : fmt::format("{}.{}", quoted(input.alias), name);
  }

  static bool sub_of(const InputName& input) { return !input.sub.expired(); }

  std::string order(const std::vector<OrderKey>& keys) {
    std::string text;
    for (const OrderKey& key : keys) text += (text.empty() ? " order by " : ", ") + expr(*key.expr) + (key.descending ? " desc" : "");
    return text;
  }

  std::string listed(const std::vector<ExprPtr>& args, std::size_t from = 0) {
    std::string text;
    for (std::size_t i = from; i < args.size() && left_ > 0; ++i) text += (i > from ? ", " : "") + expr(*args[i]);
    return text;
  }

  std::string chain(const std::vector<ExprPtr>& args, std::string_view sign, int own) {
    std::string text;
    for (const auto& argument : args)
      if (left_ > 0) text += (text.empty() ? "" : std::string(sign)) + expr(*argument, own + 1);
    return text;
  }

  std::string inner(const Expr& e, int& own) {
    switch (e.kind) {
      case ExprKind::literal: return e.secret ? "***" : to_literal(e.value);
      case ExprKind::column: return column(e);
      case ExprKind::call: return call(e, own);
      case ExprKind::compare:
        own = compare_binding;
        return fmt::format("{} {} {}", expr(*e.args[0], own + 1), compare_signs[static_cast<std::size_t>(e.op)], expr(*e.args[1], own + 1));
      case ExprKind::and_: own = and_binding; return chain(e.args, " and ", own);
      case ExprKind::or_: own = or_binding; return chain(e.args, " or ", own);
      case ExprKind::coalesce: own = coalesce_binding; return chain(e.args, " ?? ", own);
      case ExprKind::not_: own = not_binding; return "not " + expr(*e.args[0], own);
      case ExprKind::case_: {
        std::string text = "case {";
        std::size_t i = 0;
        for (; i + 1 < e.args.size() && left_ > 0; i += 2) text += fmt::format("{} {} => {}", i ? "," : "", expr(*e.args[i]), expr(*e.args[i + 1]));
        if (i < e.args.size()) text += fmt::format("{} else => {}", i ? "," : "", expr(*e.args[i]));
        return text + " }";
      }
      case ExprKind::in_list: own = compare_binding; return fmt::format("{} in [{}]", expr(*e.args[0], own + 1), listed(e.args, 1));
      case ExprKind::convert: {
        own = tight;
        return expr(*e.args[0], tight);
      }
      case ExprKind::array: return "[" + listed(e.args) + "]";
      case ExprKind::object: {
        std::string text = "{";
        for (std::size_t i = 0; i + 1 < e.args.size() && left_ > 0; i += 2) text += fmt::format("{} {}: {}", i ? "," : "", expr(*e.args[i]), expr(*e.args[i + 1]));
        return text + " }";
      }
      case ExprKind::subquery: return aggregate(*e.aggregate, relation(*e.relation));
      case ExprKind::aggregate: return aggregate(*e.aggregate, {});
      case ExprKind::window: return window(e);
      case ExprKind::clock: return "now()";
      case ExprKind::local: {
        const auto bound = bound_.find(e.slot);
        if (bound == bound_.end()) return fmt::format("${}", e.slot);
        return expr(*bound->second, tight);
      }
      case ExprKind::bind: {
        bound_[e.slot] = e.args[0].get();
        return inner(*e.args[1], own);
      }
    }
    return "?";
  }

  std::string call(const Expr& e, int& own) {
    const std::string& name = e.native->name;
    if (e.args.size() == 2 && (name == "+" || name == "-" || name == "*" || name == "/")) {
      own = name == "+" || name == "-" ? sum_binding : product_binding;
      return fmt::format("{} {} {}", expr(*e.args[0], own), name, expr(*e.args[1], own + 1));
    }
    if (name == "negate") {
      own = sign_binding;
      return "-" + expr(*e.args[0], own);
    }
    return fmt::format("{}({})", name, listed(e.args));
  }

  std::string window(const Expr& e) {
    const Window& w = *e.window;
    std::string text;
    if (e.aggregate) text = aggregate(*e.aggregate, {});
    else {
      text = fmt::format("{}({}", window_names[static_cast<std::size_t>(w.function)], listed(e.args));
      if (!e.args.empty() && w.distance != 1) text += fmt::format(", {}", w.distance);
      text += ")";
    }
    std::string over = w.partition.empty() ? std::string() : "partition by " + listed(w.partition);
    const std::string by = order(w.order);
    over += over.empty() && !by.empty() ? by.substr(1) : by;
    return fmt::format("{} over ({}{})", text, over, w.running ? " running" : "");
  }

  std::string aggregate(const Aggregate& a, const std::string& from) {
    std::string text;
    if (a.start) text = expr(*a.start) + ", ";
    if (a.operand) text += expr(*a.operand);
    if (!from.empty()) text += text.empty() ? from : " from " + from;
    if (a.filter) text += fmt::format("{}where {}", text.empty() ? "" : " ", expr(*a.filter));
    return fmt::format("{}({}{})", aggregate_names[static_cast<std::size_t>(a.kind)], text, order(a.order));
  }

  const Program& program_;
  std::unordered_map<std::uint32_t, const Expr*> bound_;
  // Nodes that are still written: the value of a `bind` stands at each of its uses, and a person reads no more than this anyway.
  std::size_t left_ = 5'000;
};

}  // namespace

std::string to_string(const Expr& expr, const Program& program) { return Printer(program).expr(expr); }
std::string to_string(const Relation& relation, const Program& program) { return Printer(program).relation(relation); }

std::string to_string(const std::optional<Rollout>& rollout) {
  if (!rollout) return {};
  std::string text;
  for (const RolloutStage& stage : rollout->stages) text += (text.empty() ? "" : "; ") + stage.text;
  return (rollout->by_hash ? "by hash: " : "") + text;
}

std::string to_string(const std::optional<Promotion>& promotion) { return promotion ? promotion->from + " -> " + promotion->to : std::string(); }

std::string to_string(const std::optional<Approval>& approval) {
  return approval ? std::to_string(approval->signatures) + (approval->not_author ? ", not the author's" : "") : std::string();
}

}  // namespace bfl::program
