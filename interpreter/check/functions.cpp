// Calls: overloads by kinds, and the body of a function in place of the call.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

namespace {

constexpr int max_definitions = 64;  // that use each other in a row

bool is_cheap(const Expr& expr) {
  return expr.kind == ExprKind::column || expr.kind == ExprKind::literal || expr.kind == ExprKind::local || expr.kind == ExprKind::clock;
}

// Whether the value is null for certain when `argument` is: then nobody needs to ask. Looks at so many nodes and no more.
bool passes_null(const ExprPtr& expr, const ExprPtr& argument, int& left) {
  if (expr == argument) return true;
  if (--left < 0) return false;
  if (argument->kind == ExprKind::local && expr->kind == ExprKind::local && expr->slot == argument->slot) return true;
  switch (expr->kind) {
    case ExprKind::convert: return passes_null(expr->args[0], argument, left);
    case ExprKind::bind: return passes_null(expr->args[1], argument, left);
    case ExprKind::call:
      for (std::size_t i = 0; i < expr->args.size(); ++i)
        if (!expr->native->params[i].nullable && passes_null(expr->args[i], argument, left)) return true;
      return false;
    default: return false;
  }
}

std::string listed(const std::vector<Function>& candidates) {
  std::string text;
  for (std::size_t i = 0; i < candidates.size() && i < 4; ++i) text += fmt::format("{}`{}`", i ? ", " : "", shown(candidates[i]));
  if (candidates.size() > 4) text += ", …";
  return text;
}

}  // namespace

const std::vector<Function>* Checker::overloads(std::string_view name) const {
  if (file_ == &script_)
    if (const auto own = functions_.find(name); own != functions_.end()) return &own->second;
  return library_.overloads(name);
}

const Function* Checker::choose(const std::vector<Function>& candidates, const std::vector<ExprPtr>& args) const {
  const Function* best = nullptr;
  int least = 0;
  for (const Function& candidate : candidates) {
    if (candidate.parameters.size() != args.size()) continue;
    int sum = 0;
    bool fits = true;
    for (std::size_t i = 0; i < args.size() && fits; ++i) {
      const auto far = distance(args[i]->type, candidate.parameters[i].type);
      fits = far.has_value();
      sum += far.value_or(0);
    }
    if (!fits || (best && sum >= least)) continue;
    best = &candidate;
    least = sum;
  }
  return best;
}

void Checker::unknown_function(NodeId node) {
  if (!heard()) {
    error(Code::unknown_function, at(node).name_span, {});
    return;
  }
  const std::string_view name = at(node).text;
  static constexpr std::pair<std::string_view, std::string_view> habits[] = {
      {"coalesce", "write `a ?? b`"}, {"ifnull", "write `a ?? b`"}, {"nvl", "write `a ?? b`"}, {"isnull", "write `x == null`"},
      {"concat", "write `a + b`, or f\"{a}{b}\""}, {"substr", "the function is called `substring`"}, {"len", "the function is called `length`"},
      {"char_length", "the function is called `length`"}, {"instr", "the function is called `position`"}, {"ltrim", "the function is called `trim_start`"},
      {"rtrim", "the function is called `trim_end`"}, {"ucase", "the function is called `upper`"}, {"lcase", "the function is called `lower`"},
      {"cast", "write `to_int(…)`, `to_text(…)`, `to_decimal(…)`"}, {"iif", "write `case { C => a, else => b }`"}, {"if", "write `case { C => a, else => b }`"},
      {"random", "a job computes the same whenever it runs: a changing value comes in as a `param`"}, {"today", "write `date_of(now())`"},
      {"string_agg", "write `concat_with(list(x order by k), \", \")`"}, {"group_concat", "write `concat_with(list(x order by k), \", \")`"},
      {"array_agg", "write `list(x order by k)`"}, {"json_agg", "write `list(x order by k)`"}, {"jsonb_agg", "write `list(x order by k)`"},
      {"date_trunc", "the function is called `truncate_to`"}, {"to_char", "the functions are called `format_date` and `format_time`"}, {"extract", "write `year(t)`, `month(t)`, `hour(t)`, …"},
      {"datediff", "the function is called `days_between`"}, {"date_add", "write `t + 2h`, `add_days(d, 1)` or `add_months(d, 1)`"}, {"date_sub", "write `t - 2h`, `add_days(d, -1)` or `add_months(d, -1)`"},
      {"lpad", "the function is called `pad_start`"}, {"rpad", "the function is called `pad_end`"}, {"initcap", "the function is called `title`"}, {"ceiling", "the function is called `ceil`"}, {"pow", "the function is called `power`"},
      {"json_extract", "write `json_at(doc, \"/a/b\")`"}, {"jsonb_set", "write `json_put(doc, \"/a/b\", value)`"}, {"json_value", "write `json_get_text(doc, \"a\")`"},
      {"match", "the function is called `matches`"}, {"regexp_match", "the functions are called `find` and `find_group`"}, {"regexp_matches", "the function is called `find_all`"},
      {"unnest", "write the clause `expand x in a`"}, {"generate_series", "write the clause `expand n in numbers(1, 10)`, or `in dates(a, b)`, `in months(a, b)`"},
      {"encode", "write `hex(b)` or `base64(b)`"}, {"decode", "write `unhex(s)` or `unbase64(s)`"}, {"current_date", "write `date_of(now())`"}, {"gen_random_uuid", "a job computes the same whenever it runs: `uuid_v5(NAMESPACE, text(id))`"},
      {"regexp_replace", "the function is called `replace_all`"}, {"strftime", "the function is called `format_time`"}};
  for (const auto& [habit, help] : habits)
    if (name == habit) {
      error(Code::unknown_function, at(node).name_span, fmt::format("unknown function `{}`", name), std::string(help));
      return;
    }
  std::vector<std::string> known{"now"};
  if (heard(functions_.size()))
    for (const auto& [own, list] : functions_) known.emplace_back(own);
  for (const auto& [theirs, list] : library_.functions()) known.emplace_back(theirs);
  for (const char* aggregate : {"count", "exists", "sum", "min", "max", "avg", "average", "any", "every", "count_distinct", "first", "last", "list", "row_number", "rank", "dense_rank", "lag", "lead", "depth", "is_last"}) known.emplace_back(aggregate);
  std::sort(known.begin(), known.end());
  std::string help = did_you_mean(name, known);
  error(Code::unknown_function, at(node).name_span, fmt::format("unknown function `{}`", name), help.empty() ? "`bfl doc` lists the functions of the library" : std::move(help));
}

ExprPtr Checker::call(NodeId node) {
  const std::string_view name = at(node).text;
  if (const NodeId over = ast::child(*file_, node, NodeKind::over); over != ast::no_node) return window_call(node, over);
  if (file_ != &script_ || !functions_.contains(name))
    if (const auto aggregate = aggregate_named(name)) return aggregate_call(node, *aggregate);
  if ((name == "depth" || name == "is_last") && file_ == &script_ && !functions_.contains(name)) return place_call(node);
  if (is_window_function(name) && file_ == &script_ && !functions_.contains(name)) {
    error(Code::aggregate_misplaced, at(node).span, fmt::format("`{}` of which rows?", name), fmt::format("say it: `{} over (partition by … order by …)`", slice(at(node).span)));
    return nullptr;
  }
  if (name == "now") {
    if (at(node).first_child != ast::no_node) {
      error(Code::wrong_arguments, at(node).span, "`now` takes no arguments");
      return nullptr;
    }
    return make({.kind = ExprKind::clock, .type = {Kind::timestamp}, .span = at(node).span});
  }
  const std::vector<Function>* all = overloads(name);
  if (!all && name != "error") {
    for (NodeId argument : ast::children(*file_, node))
      if (at(argument).kind != NodeKind::relation && at(argument).kind != NodeKind::pick && at(argument).kind != NodeKind::named_arg) expression(argument);
    unknown_function(node);
    return nullptr;
  }
  if (name == "error" && !all) {
    ExprPtr message = expression(at(node).first_child);
    if (at(node).first_child == ast::no_node || (message && distance(message->type, {Kind::text}) != 0) || ast::child_count(*file_, node) != 1) {
      error(Code::wrong_arguments, at(node).span, "`error` takes one text", "write `error(\"what is wrong with the row\")`");
      return nullptr;
    }
    return call_native("error", {{Kind::text}}, {Kind::null}, {std::move(message)}, at(node).span);
  }
  if (all->empty()) {  // the mistake is in its declaration and was reported there
    for (NodeId argument : ast::children(*file_, node)) expression(argument);
    return nullptr;
  }
  return call_function(node, *all);
}

ExprPtr Checker::call_function(NodeId node, const std::vector<Function>& candidates) {
  std::vector<ExprPtr> args;
  std::vector<NodeId> nodes;
  bool good = true;
  for (NodeId argument : ast::children(*file_, node)) {
    nodes.push_back(argument);
    if (at(argument).kind == NodeKind::named_arg) {
      error(Code::wrong_arguments, at(argument).span, "arguments of a function have no names", "write them in the order of the parameters");
      args.push_back(nullptr);
    } else {
      args.push_back(expression(argument));
    }
    good &= args.back() != nullptr;
  }
  const std::string_view name = at(node).text;
  const auto takes = [&](const Function& function) { return function.parameters.size() == args.size(); };
  if (std::none_of(candidates.begin(), candidates.end(), takes)) {
    std::vector<std::size_t> counts;
    for (const Function& function : candidates) counts.push_back(function.parameters.size());
    std::sort(counts.begin(), counts.end());
    counts.erase(std::unique(counts.begin(), counts.end()), counts.end());
    std::string expected;
    for (std::size_t i = 0; i < counts.size(); ++i) expected += fmt::format("{}{}", i == 0 ? "" : i + 1 == counts.size() ? " or " : ", ", counts[i]);
    error(Code::wrong_arguments, at(node).span, fmt::format("`{}` takes {} argument{}, got {}", name, expected, expected == "1" ? "" : "s", args.size()), listed(candidates));
    return nullptr;
  }
  if (!good) {
    for (const Function& candidate : candidates) called_[&candidate] |= candidate.parameters.size() == args.size();
    if (const auto only = std::find_if(candidates.begin(), candidates.end(), takes); only != candidates.end()) note_function(*only, at(node).name_span);
    return nullptr;
  }
  const Function* function = choose(candidates, args);
  if (!function) {
    std::string types;
    for (const ExprPtr& argument : args) types += fmt::format("{}{}", types.empty() ? "" : ", ", to_string(argument->type.with_null(false)));
    Diagnostic& wrong = error(Code::wrong_arguments, at(node).span, fmt::format("`{}` does not take ({})", name, types), listed(candidates));
    if (candidates.size() == 1 && !args.empty())  // point at the first that does not fit
      for (std::size_t i = 0; i < args.size(); ++i)
        if (!distance(args[i]->type, candidates[0].parameters[i].type)) {
          wrong.span = at(nodes[i]).span;
          wrong.label = fmt::format("{}, expected {}", to_string(args[i]->type.with_null(false)), to_string(candidates[0].parameters[i].type));
          break;
        }
    return nullptr;
  }
  note_function(*function, at(node).name_span);
  check_pattern(*function, args, nodes);
  check_zone(*function, args, nodes);
  return inline_function(*function, std::move(args), at(node).span);
}

void Checker::check_pattern(const Function& function, const std::vector<ExprPtr>& args, const std::vector<NodeId>& nodes) {
  if (function.module != "text" || !settings_.pattern_error) return;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (function.parameters[i].name != "pattern" || args[i]->kind != ExprKind::literal || args[i]->secret || args[i]->value.is_null()) continue;
    if (const auto wrong = settings_.pattern_error(args[i]->value.as<std::string>()))
      error(Code::bad_pattern, at(nodes[i]).span, fmt::format("the pattern is not valid: {}", *wrong), "patterns are RE2: no back-references, no look-around; write them raw, r\"…\"");
  }
}

void Checker::check_zone(const Function& function, const std::vector<ExprPtr>& args, const std::vector<NodeId>& nodes) {
  if (function.module != "time" || !settings_.zone_names) return;
  for (std::size_t i = 0; i < args.size(); ++i) {
    if (function.parameters[i].name != "zone" || args[i]->kind != ExprKind::literal || args[i]->value.is_null()) continue;
    const std::string& zone = args[i]->value.as<std::string>();
    const std::vector<std::string>& known = settings_.zone_names();
    if (std::binary_search(known.begin(), known.end(), zone)) continue;
    const std::string meant = did_you_mean(zone, known);
    error(Code::unknown_zone, at(nodes[i]).span, fmt::format("there is no time zone `{}`", zone),
          known.empty() ? "this machine has no time zone data: install tzdata" : meant.empty() ? "zones have names like `Europe/London`, `America/New_York`, `UTC`" : meant);
  }
}

// The body read once with its parameters as they are declared: mistakes are reported there, not at each use.
bool Checker::check_definition(const Function& function) {
  if (!function.module.empty()) return true;
  DefinitionState& state = definitions_[&function];
  if (state == DefinitionState::good || state == DefinitionState::broken) return state == DefinitionState::good;
  const Span span = script_[function.node].name_span;
  if (state == DefinitionState::open) {
    diagnostics_.error(Code::recursive_definition, span, fmt::format("the function `{}` uses itself", function.name), "the language has no recursion: every job ends");
    state = DefinitionState::broken;
    return false;
  }
  if (definitions_open_ >= max_definitions) {
    too_large(span);
    return false;
  }
  state = DefinitionState::open;
  Environment environment{.function = &function, .arguments = {}};
  for (const auto& parameter : function.parameters)
    environment.arguments.push_back(std::make_shared<const Expr>(Expr{.kind = ExprKind::local, .type = parameter.type, .span = span, .slot = ++next_slot_}));
  const Within in_file(file_, &script_);
  const Within no_scope(scope_, static_cast<Scope*>(nullptr));
  const Within in_environment(environment_, static_cast<const Environment*>(&environment));
  const Within loud(quiet_, 0);
  const Within one_more(definitions_open_, definitions_open_ + 1);
  const Within fresh_count(expanded_, std::size_t{0});
  ExprPtr body = expression(function.body);
  const Span body_span = script_[function.body].span;
  bool good = body != nullptr;
  if (body && !distance(body->type, function.result)) {
    error(Code::type_mismatch, body_span, fmt::format("`{}` gives {}, declared is {}", function.name, with_article(body->type), to_string(function.result)), "change the declared type or convert the value");
    good = false;
  } else if (body && body->type.nullable && !function.result.nullable) {
    error(Code::type_mismatch, body_span, fmt::format("`{}` may give null, declared is {}", function.name, to_string(function.result)),
          fmt::format("declare `{}?`, or fall back: `… ?? …`", to_string(function.result)));
    good = false;
  }
  if (body) {
    spend(body->weight);
    for_each(*body, [&](const Expr& part) { if (part.kind == ExprKind::subquery) querying_.insert(&function); });
  }
  DefinitionState& now = definitions_[&function];
  if (now == DefinitionState::broken) return false;  // it met itself
  now = good ? DefinitionState::good : DefinitionState::broken;
  return good;
}

ExprPtr Checker::inline_function(const Function& function, std::vector<ExprPtr> args, Span span) {
  called_[&function] = true;
  for (std::size_t i = 0; i < args.size(); ++i) args[i] = convert(std::move(args[i]), function.parameters[i].type);
  for (const ExprPtr& argument : args)
    if (!argument) return nullptr;
  if (function.native) return call_native(function.name, parameter_types(function), function.result, std::move(args), span);
  if (!check_definition(function)) return nullptr;
  if (definitions_open_ >= max_definitions) return too_large(span);

  Environment environment{.function = &function, .arguments = args};
  std::vector<std::pair<std::uint32_t, ExprPtr>> bound;
  for (std::size_t i = 0; i < args.size(); ++i) {
    const bool asks_for_null = args[i]->type.nullable && !function.parameters[i].type.nullable;
    if (is_cheap(*args[i]) || (function.parameters[i].uses <= 1 && !asks_for_null)) continue;
    bound.emplace_back(++next_slot_, args[i]);
    // Around a subquery the argument itself takes the place of its local later on, at each use.
    const std::uint32_t weight = querying_.contains(&function) ? args[i]->weight : 1;
    environment.arguments[i] = make({.kind = ExprKind::local, .type = args[i]->type, .span = span, .slot = bound.back().first, .weight = weight});
    if (!environment.arguments[i]) return nullptr;
  }
  ExprPtr body;
  {
    const Within in_file(file_, function.file);
    const Within no_scope(scope_, static_cast<Scope*>(nullptr));
    const Within in_environment(environment_, static_cast<const Environment*>(&environment));
    const Within silent(quiet_, quiet_ + 1);
    const Within one_more(definitions_open_, definitions_open_ + 1);
    body = convert(expression(function.body), function.result);
    // Null in, null out, for parameters that take none: asked only where the body would not give it by itself.
    std::vector<ExprPtr> nulls;
    for (std::size_t i = 0; body && i < args.size(); ++i) {
      const ExprPtr& argument = environment.arguments[i];
      int left = 200;
      if (!argument->type.nullable || function.parameters[i].type.nullable || passes_null(body, argument, left)) continue;
      nulls.push_back(compare(program::CompareOp::equal, argument, make({.kind = ExprKind::literal, .type = {Kind::null, true}, .span = span}), span, span, span));
    }
    if (body && !nulls.empty()) {
      const Type type = function.result.with_null();
      ExprPtr any = nulls.size() == 1 ? nulls[0] : make({.kind = ExprKind::or_, .type = {Kind::boolean}, .span = span, .args = nulls});
      body = make({.kind = ExprKind::case_, .type = type, .span = span, .args = {any, make({.kind = ExprKind::literal, .type = type, .span = span}), body}});
    }
  }
  for (std::size_t i = bound.size(); body && i-- > 0;) {
    const Type type = body->type;
    body = make({.kind = ExprKind::bind, .type = type, .span = span, .slot = bound[i].first, .args = {bound[i].second, body}});
  }
  return body;
}

}  // namespace bfl::check
