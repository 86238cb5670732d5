// rollout { 1% then verify small then wait for approval  10% then wait 10m  100% }: how much of a step's rows is changed before somebody
// or something looks at it. In no memo key, but for `by hash`.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/listed.h"

namespace bfl::check {

namespace {

constexpr int longest_wait = 30;  // days
constexpr const char* rollout_help = "write the stages one a line: `rollout { 1% then verify STEP then wait for approval … 100% }`";

}  // namespace

std::optional<program::Rollout> Checker::rollout(NodeId clause) {
  program::Rollout made{.by_hash = at(clause).text == "hash", .span = at(clause).span};
  bool sound = true;
  for (NodeId written : ast::children(*file_, clause)) {
    program::RolloutStage stage{.text = slice(at(written).span)};
    for (NodeId part : ast::children(*file_, written)) {
      if (at(part).kind == NodeKind::clause) {
        sound = rollout_guard(stage, part) && sound;
        continue;
      }
      std::string digits(at(part).text);
      std::erase(digits, '_');
      const bool share = at(part).kind == NodeKind::percent;
      if (share) digits.pop_back();
      const auto percent = share ? Decimal::parse(digits) : std::nullopt;
      const Decimal before = made.stages.empty() ? Decimal(0) : made.stages.back().percent;
      if (percent && percent->compare(100) <= 0 && percent->compare(before) > 0) {
        stage.percent = *percent;
        continue;
      }
      if (share) error(Code::value_out_of_range, at(part).span, fmt::format("a stage of {}, expected more than {}%, up to 100%", at(part).text, before.to_string()), "stages are shares of all rows of the step, each larger than the one before");
      else error(Code::unknown_clause, at(part).span, "a stage is a share of the rows in per cent", rollout_help);
      sound = false;
    }
    made.stages.push_back(std::move(stage));
  }
  if (!sound) return std::nullopt;
  if (made.stages.empty() || made.stages.back().percent.compare(100) != 0) {
    error(Code::unknown_clause, at(clause).span, "a rollout ends with `100%`", rollout_help);
    return std::nullopt;
  }
  if (const auto& last = made.stages.back(); last.wait > 0 || last.approval) {
    error(Code::unknown_clause, at(clause).span, "nothing comes behind `100%` that could wait", "leave the `wait` out; `then verify` may stay");
    return std::nullopt;
  }
  return made;
}

// then verify a, b; then assert E "message"; then wait 10m; then wait for approval
bool Checker::rollout_guard(program::RolloutStage& stage, NodeId guard) {
  const std::string_view word = at(guard).word;
  const NodeId written = at(guard).first_child;
  if (word == "verify") {
    stage.verify_all = stage.verify_all || written == ast::no_node;
    for (NodeId name : ast::children(*file_, guard)) stage.verify.emplace_back(at(name).text, at(name).span);
    return true;
  }
  if (word == "assert") {
    if (written == ast::no_node) return false;
    program::Assertion assertion{.message = {}, .text = slice(at(written).span), .span = at(written).span};
    const Within no_scope(scope_, static_cast<Scope*>(nullptr));
    const std::size_t live = live_.size();
    assertion.condition = condition(written, "an assertion");
    live_.resize(live);  // it is about what the step has done so far
    assertion.message = literal_text(at(written).next_sibling).value_or("");
    if (!assertion.condition) return false;
    stage.assertions.push_back(std::move(assertion));
    return true;
  }
  if (written != ast::no_node && at(written).kind == NodeKind::clause) return stage.approval = true;
  const auto wait = duration(written, "a wait", longest_wait);
  if (!wait) return false;
  stage.wait = *wait;
  return true;
}

// A stage is some of the rows; where rows go with each other there is no such part.
void Checker::rollout_fits(program::Step& step) {
  if (!step.rollout) return;
  const auto sets = [&](int column) { return std::any_of(step.assignments.begin(), step.assignments.end(), [&](const program::Assignment& set) { return set.column == column; }); };
  const auto& keys = table(step.target).keys;
  const bool settles = program::writes_anchor(step.kind) && (step.duplicates || step.free_name || std::any_of(keys.begin(), keys.end(), [&](const Key& key) { return std::any_of(key.columns.begin(), key.columns.end(), sets); }));
  const char* why = step.atomic                             ? "a step that says `atomic` changes all of its rows or none"
                    : !step.cascades.empty()                ? "rows that go with others, `cascades to`, are no part of a stage"
                    : step.quarantine                       ? "rows that go into `quarantine` are found as they come, and a stage has to know where it ends"
                    : step.rollout->by_hash && settles      ? "rows that give each other values of a unique key have an order, and a hash has none"
                                                            : nullptr;
  if (why) {
    error(Code::unknown_clause, step.rollout->span, fmt::format("`{}` has no rollout{}: {}", step.name, settles && step.rollout->by_hash ? " by hash" : "", why), "leave it out, or write the rows as steps of their own");
    return;
  }
  if (!step.rollout->by_hash || step.route != program::Route::direct) return;
  step.route = program::Route::sealed;
  step.route_reason = "`rollout by hash`: which rows change is kept before the first one does";
}

void Checker::find_rollout_guards() {
  for (const program::Step& step : program.steps) {
    if (!step.rollout) continue;
    for (const program::RolloutStage& stage : step.rollout->stages) {
      for (const auto& [name, span] : stage.verify) {
        note_step(name, span);
        const auto found = std::find_if(program.steps.begin(), program.steps.end(), [&, &wanted = name](const program::Step& other) { return other.name == wanted; });
        if (found != program.steps.end() && program::only_asserts(found->kind)) continue;
        if (found != program.steps.end()) {
          error(Code::unknown_clause, span, fmt::format("`{}` is no `verify` and no `check`", name), "name a step that only asserts, or write `then assert CONDITION`");
        } else if (!steps_.contains(name)) {
          std::vector<std::string> known;
          for (const program::Step& other : program.steps)
            if (program::only_asserts(other.kind)) known.push_back(other.name);
          std::string help = did_you_mean(name, known);
          if (help.empty()) help = known.empty() ? "the job has neither a `verify` nor a `check`: write one, or `then assert CONDITION`" : listed("steps that only assert are", known);
          error(Code::unknown_step, span, fmt::format("unknown step `{}`", name), std::move(help));
        }
      }
    }
  }
}

}  // namespace bfl::check
