// Functions over a window. They are fields of the block whose rows they see; what is computed from them is in a block around it.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::AggregateKind;
using program::OrderKey;
using program::Window;
using program::WindowFunction;

namespace {

constexpr std::int64_t max_distance = 1'000'000;

std::optional<WindowFunction> ranking(std::string_view name) {
  if (name == "row_number") return WindowFunction::row_number;
  if (name == "rank") return WindowFunction::rank;
  if (name == "dense_rank") return WindowFunction::dense_rank;
  if (name == "lag") return WindowFunction::lag;
  if (name == "lead") return WindowFunction::lead;
  return std::nullopt;
}

}  // namespace

bool is_window_function(std::string_view name) { return ranking(name).has_value(); }

// Calls over a window in an expression or clause; those in relations within it are theirs.
void Checker::over_calls(NodeId node, std::vector<NodeId>& found) const {
  if (node == ast::no_node) return;
  for (NodeId child : ast::children(*file_, node)) {
    if (at(child).kind == NodeKind::over) found.push_back(node);
    else if (at(child).kind != NodeKind::relation && at(child).kind != NodeKind::pick) over_calls(child, found);
  }
}

bool Checker::names_derived(NodeId node, const Block& block) const {
  if (node == ast::no_node) return false;
  if (at(node).kind == NodeKind::name && block.derived.contains(at(node).text)) return true;
  for (NodeId child : ast::children(*file_, node))
    if (names_derived(child, block)) return true;
  return false;
}

// Makes the block one around the rows that the windows in `node` see, if there are any.
void Checker::prepare_windows(BlockPtr& block, NodeId node) {
  if (block->broken || node == ast::no_node) return;
  std::vector<NodeId> calls;
  if (at(node).kind == NodeKind::call && ast::child(*file_, node, NodeKind::over) != ast::no_node) calls.push_back(node);
  over_calls(node, calls);
  if (calls.empty()) return;
  const program::Relation& relation = *block->relation;
  bool ready = block->over_rows && relation.inputs.size() == 1 && relation.filters.empty() && !relation.grouped && !relation.limit;
  // What was derived around those rows is not theirs.
  for (NodeId call : calls) {
    ready = ready && !names_derived(call, *block);
    const NodeId named = at(ast::child(*file_, call, NodeKind::over)).first_child;
    if (named != ast::no_node && at(named).kind == NodeKind::name)
      if (const auto window = block->windows.find(at(named).text); window != block->windows.end()) ready = ready && !names_derived(window->second, *block);
  }
  if (ready) return;
  wrap(block);
  block->over_rows = true;
}

void Checker::window(BlockPtr& block, NodeId clause, Scope* outer) {
  open(block);
  if (block->broken) return;
  const std::string_view name = at(clause).text;
  if (!block->windows.emplace(name, clause).second) {
    error(Code::duplicate_name, at(clause).name_span, fmt::format("the window `{}` is defined already", name), "give each window a name of its own");
    return;
  }
  Scope inside{.block = block.get(), .outer = outer};
  const Within scope(scope_, &inside);
  Window unused;  // its mistakes are reported here, used or not
  if (!read_window(clause, unused) && quiet_ > 0) block->broken = true;
}

// `partition by …`, `order by …` and `running`, below a clause or a call.
bool Checker::read_window(NodeId node, Window& window) {
  bool good = true;
  for (NodeId part : ast::children(*file_, node)) {
    if (at(part).kind != NodeKind::clause) continue;
    if (at(part).word == "order") {
      window.order = order_keys(part);
      good &= !window.order.empty();
    } else if (at(part).word == "running") {
      window.running = true;
    } else {
      for (NodeId key : ast::children(*file_, part)) {
        ExprPtr value = expression(key);
        good &= value != nullptr;
        if (value) window.partition.push_back(std::move(value));
      }
    }
  }
  return good;
}

// fold(START, NEXT): what the value becomes at each row, in which `so_far` is what it was at the row before.
bool Checker::read_fold(NodeId node, NodeId over, Block& rows, program::Aggregate& fold, Type& type) {
  std::vector<NodeId> arguments;
  for (NodeId argument : ast::children(*file_, node))
    if (argument != over) arguments.push_back(argument);
  if (arguments.size() != 2) {
    error(Code::wrong_arguments, at(node).span, fmt::format("`fold` takes a value to begin with and what it becomes at each row, got {}", arguments.size()), "write `fold(0, so_far + amount) over (partition by … order by …)`");
    return false;
  }
  if (bare(rows, "so_far", at(node).span).found) {
    error(Code::ambiguous_name, at(node).span, "`so_far` is a column of the rows already", "give that another name: `keep { …, total = so_far }` before the `fold`");
    return false;
  }
  ExprPtr start = expression(arguments[0]);
  if (!start) return false;
  fold.kind = AggregateKind::fold;
  fold.so_far = fresh_input({}, std::nullopt, nullptr);
  program.inputs[fold.so_far].columns = {"so_far"};
  type = start->type.with_null(may_be_null(start, rows));
  for (int attempt = 0; attempt < 3; ++attempt) {  // the first may be of a narrower type than what it becomes
    rows.derived["so_far"] = make({.kind = ExprKind::column, .type = type, .span = at(node).span, .input = fold.so_far, .column = 0});
    fold.operand = expression(arguments[1]);
    rows.derived.erase("so_far");
    if (!fold.operand) return false;
    const Type next = fold.operand->type.with_null(type.nullable || may_be_null(fold.operand, rows));
    if (distance(next, type) && next.nullable == type.nullable) break;
    if (!distance(type.with_null(), next.with_null())) {
      error(Code::type_mismatch, at(arguments[1]).span, fmt::format("`fold` begins with {} and goes on with {}", with_article(type.with_null(false)), with_article(next.with_null(false))), "both have to be of one type: convert one of them");
      return false;
    }
    type = distance(next.with_null(), type.with_null()) ? type.with_null(next.nullable) : next;
  }
  bool asks = false;
  for_each(*fold.operand, [&](const Expr& expr) { asks |= expr.kind == ExprKind::subquery; });
  if (asks) {
    error(Code::not_supported, at(arguments[1]).span, "a relation within what a `fold` becomes", "derive what it gives before: `derive { x = first(… from … order by …) }`");
    return false;
  }
  fold.start = convert(std::move(start), type);
  fold.operand = convert(std::move(fold.operand), type);
  return fold.start && fold.operand;
}

ExprPtr Checker::window_call(NodeId node, NodeId over) {
  const std::string_view name = at(node).text;
  const auto ranked = ranking(name);
  const auto kind = ranked ? std::nullopt : aggregate_named(name);
  if (!ranked && (!kind || *kind == AggregateKind::exists)) {
    error(Code::unknown_function, at(node).name_span, fmt::format("`{}` is no function over a window", name),
          did_you_mean(name, {"row_number", "rank", "dense_rank", "lag", "lead", "count", "count_distinct", "sum", "min", "max", "avg", "any", "every", "first", "last", "list", "fold"}));
    return nullptr;
  }
  if (scope_ && scope_->block->broken) return nullptr;
  if (!scope_ || scope_->group || environment_ || !scope_->block->over_rows) {
    error(Code::aggregate_misplaced, at(over).span, "there are no rows here for a window to be over",
          scope_ && scope_->group ? "derive the value before the `group by`" : "write it in a `derive`, `where` or `keep` of a relation, or in a `set`");
    return nullptr;
  }
  Block& around = *scope_->block;
  Block& rows = *around.subs[0];
  Scope inside{.block = &rows, .outer = scope_->outer};
  const Within scope(scope_, &inside);

  NodeId definition = over;
  if (const NodeId named = at(over).first_child; named != ast::no_node && at(named).kind == NodeKind::name) {
    const auto known = around.windows.find(at(named).text);
    if (known == around.windows.end()) {
      std::vector<std::string> windows;
      for (const auto& [window, clause] : around.windows) windows.emplace_back(window);
      std::string help = did_you_mean(at(named).text, windows);
      error(Code::unknown_name, at(named).span, fmt::format("unknown window `{}`", at(named).text),
            help.empty() ? fmt::format("define it before: `window {} (partition by … order by …)`", at(named).text) : std::move(help));
      return nullptr;
    }
    definition = known->second;
  }
  auto window = std::make_shared<Window>();
  if (!read_window(definition, *window)) return nullptr;
  window->function = ranked.value_or(WindowFunction::aggregate);
  const auto needs_order = [&] {
    if (!window->order.empty()) return true;
    error(Code::order_dependent, at(over).span, fmt::format("`{}` over a window without an order", name), "say it: `(partition by … order by …)`");
    return false;
  };
  if (window->running && !needs_order()) return nullptr;

  Expr made{.kind = ExprKind::window, .type = {Kind::integer}, .span = at(node).span};
  if (kind == AggregateKind::fold) {
    auto fold = std::make_shared<program::Aggregate>();
    if (!needs_order() || !read_fold(node, over, rows, *fold, made.type)) return nullptr;
    window->running = true;
    add_row_key(rows, window->order);
    made.aggregate = std::move(fold);
  } else if (kind) {
    auto aggregate = read_aggregate(node, *kind, window->order);
    if (!aggregate) return nullptr;
    // Among the rows there is always the row itself.
    if (!finish_aggregate(node, *kind, aggregate->operand, aggregate->filter != nullptr, rows, made.type)) return nullptr;
    if (*kind == AggregateKind::list) made.type = list_type(*aggregate, rows);
    made.aggregate = std::move(aggregate);
    if (window->running) add_row_key(rows, window->order);
    else window->order.clear();
  } else {
    if (!needs_order()) return nullptr;
    std::vector<NodeId> arguments;
    for (NodeId argument : ast::children(*file_, node))
      if (argument != over) arguments.push_back(argument);
    const bool looks = window->function == WindowFunction::lag || window->function == WindowFunction::lead;
    if (looks ? arguments.empty() || arguments.size() > 2 : !arguments.empty()) {
      error(Code::wrong_arguments, at(node).span, looks ? fmt::format("`{}` takes a value and perhaps how many rows away", name) : fmt::format("`{}` takes no arguments", name),
            looks ? fmt::format("write `{0}(COLUMN)` or `{0}(COLUMN, 2)`", name) : fmt::format("write `{}() over …`", name));
      return nullptr;
    }
    if (looks) {
      ExprPtr operand = expression(arguments[0]);
      if (arguments.size() == 2) {
        const auto distance = whole_number(arguments[1], "the distance", 1, max_distance);
        if (!distance) return nullptr;
        window->distance = *distance;
      }
      if (!operand) return nullptr;
      made.type = operand->type.with_null();
      made.args = {std::move(operand)};
    }
    if (window->function != WindowFunction::rank && window->function != WindowFunction::dense_rank) add_row_key(rows, window->order);
  }
  if (rows.broken) return nullptr;
  made.window = std::move(window);
  ExprPtr computed = make(std::move(made));
  if (!computed) return nullptr;
  const int field = expose(rows, " " + slice(at(node).span), computed, at(node).span);
  return make({.kind = ExprKind::column, .type = computed->type, .span = at(node).span, .input = around.relation->inputs[0].id, .column = field});
}

}  // namespace bfl::check
