// Secret parameters: where their values come from, and that they do not become data.
#include <algorithm>
#include <cstdlib>
#include <set>

#include "interpreter/base/secrets.h"
#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"
#include "interpreter/syntax/parse.h"

namespace bfl::check {

namespace {

// What it gives tells nothing of what it was given.
bool one_way(const program::Native& native) {
  constexpr std::string_view names[] = {"sha256", "sha512", "sha1", "md5"};
  return std::find(std::begin(names), std::end(names), native.name) != std::end(names);
}

// Its errors, if there are any, say nothing of what it was given.
bool discreet(const program::Native& native) { return !native.can_fail || one_way(native) || native.signature == "+(text,text)"; }

// Whether the value of an expression tells more of a secret than a digest or a yes or no.
class Telling {
 public:
  void learn(const Expr& bind) {
    if (tells(*bind.args[0])) slots_.insert(bind.slot);
  }
  bool tells(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::literal: return expr.secret;
      case ExprKind::local: return slots_.contains(expr.slot);
      case ExprKind::bind:
        learn(expr);
        return tells(*expr.args[1]);
      default: break;
    }
    if (expr.type.kind == Kind::boolean || (expr.kind == ExprKind::call && one_way(*expr.native))) return false;
    if (expr.relation && std::any_of(expr.relation->fields.begin(), expr.relation->fields.end(), [&](const auto& field) { return tells(*field.expr); })) return true;
    if (expr.aggregate && expr.aggregate->operand && tells(*expr.aggregate->operand)) return true;
    return std::any_of(expr.args.begin(), expr.args.end(), [&](const ExprPtr& part) { return tells(*part); });
  }

 private:
  std::set<std::uint32_t> slots_;
};

}  // namespace

// From the environment, by `env("NAME")` in the script or `env:NAME` behind `--set`.
ExprPtr Checker::secret_value(std::string_view name, const Type& type, NodeId written, Span span) {
  if (type.kind != Kind::text || type.nullable) {
    error(Code::type_mismatch, span, fmt::format("the secret `{}` is {}", name, with_article(type)), "a secret is a `text`");
    return nullptr;
  }
  const std::string example = fmt::format("write `param {}: secret text = env(\"NAME\")`", name);
  std::string variable;
  if (const auto given = settings_.parameters.find(std::string(name)); given != settings_.parameters.end()) {
    if (!given->second.starts_with("env:") || given->second.size() == 4) {
      error(Code::invalid_literal, span, fmt::format("--set {}: a secret is not written on the command line, which others can see", name),
            fmt::format("name a variable that holds it: `--set {}=env:NAME`", name));
      return nullptr;
    }
    variable = given->second.substr(4);
  } else if (written == ast::no_node) {
    error(Code::missing_parameter, span, fmt::format("the parameter `{}` has no value", name), fmt::format("name the environment variable that holds it: `--set {}=env:NAME`", name));
    return nullptr;
  } else {
    const NodeId argument = at(written).first_child;
    if (at(written).kind != NodeKind::call || at(written).text != "env" || argument == ast::no_node || at(argument).kind != NodeKind::string) {
      error(Code::secret_in_source, at(written).span, fmt::format("the value of the secret `{}` stands in the script", name), example);
      return nullptr;
    }
    const auto content = syntax::string_content(*file_, argument, diagnostics_);
    if (!content) return nullptr;
    variable = *content;
  }
  const char* value = std::getenv(variable.c_str());
  const std::string help = fmt::format("it holds the secret `{}`: set it where the job runs", name);
  if (!value || !*value) {
    error(Code::environment_missing, span, fmt::format("the environment variable `{}` is {}", variable, value ? "empty" : "not set"), help);
    return nullptr;
  }
  if (!valid_utf8(value)) {
    error(Code::invalid_literal, span, fmt::format("the environment variable `{}` is no UTF-8", variable), help);
    return nullptr;
  }
  if (std::string_view(value).size() < shortest_secret) {
    error(Code::invalid_literal, span, fmt::format("the secret `{}` has fewer than {} bytes", name, shortest_secret), "one so short is soon guessed, and cannot be told from other text to be hidden: take a longer one");
    return nullptr;
  }
  remember_secret(value);
  Expr literal{.type = type, .span = span, .value = Value(std::string(value))};
  literal.secret = true;
  return make(std::move(literal));
}

// Rows, images and what is kept of them go into the database and its ledger, and what is wrong with a value is said.
void Checker::forbid_secret_data(const program::Step& step) {
  if (std::none_of(program.parameters.begin(), program.parameters.end(), [](const auto& parameter) { return parameter.secret; })) return;
  const std::size_t errors = diagnostics_.errors();
  Telling telling;
  const auto data = [&](const Expr& expr, Span span) {
    if (diagnostics_.errors() != errors || !telling.tells(expr)) return;
    error(Code::secret_kept, span.end > span.begin ? span : step.name_span, "a secret would become data, which is stored, kept in the ledger and shown",
          "let only a digest of it go in, `sha256(…)`, or compare with it in a condition");
  };
  const auto see = Seeing{[&](const Expr& expr) {
                            if (expr.kind == ExprKind::bind) telling.learn(expr);
                            if (expr.kind != ExprKind::call || discreet(*expr.native) || diagnostics_.errors() != errors) return;
                            if (std::none_of(expr.args.begin(), expr.args.end(), [&](const ExprPtr& part) { return telling.tells(*part); })) return;
                            error(Code::secret_kept, expr.span, fmt::format("`{}` may fail, and its error would tell of the secret that it is given", expr.native->name),
                                  "a secret may be compared, joined with other text, and go into `sha256(…)`");
                          },
                          [&](const program::Relation& relation) {
                            for (const auto& field : relation.fields) data(*field.expr, field.span);
                            for (const ExprPtr& key : relation.group_by) data(*key, relation.span);
                          }};
  for (const auto& assertion : step.assertions) for_each(*assertion.condition, see);
  if (step.rollout)
    for (const auto& stage : step.rollout->stages)
      for (const auto& assertion : stage.assertions) for_each(*assertion.condition, see);
  if (step.when) for_each(*step.when, see);
  if (step.done_when) for_each(*step.done_when, see);
  if (step.relation) for_each(*step.relation, see);
  for (const auto& assignment : step.assignments) {
    for_each(*assignment.value, see);
    data(*assignment.value, assignment.span);
  }
  for (const ExprPtr& expr : step.once_per) data(*expr, step.name_span);
  for (const auto& effect : step.effects)
    for (const auto& field : effect.from) data(*field.expr, field.span);
  if (step.free_name) data(*step.free_name->candidate, step.free_name->span);
}

}  // namespace bfl::check
