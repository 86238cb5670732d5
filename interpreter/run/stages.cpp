#include "interpreter/run/stages.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/fault_points.h"
#include "interpreter/run/rollback.h"

namespace bfl::run {
namespace {

constexpr double seconds_between_looks = 0.25;  // of a wait between two stages

double share_of(const std::string& text) {
  const auto percent = Decimal::parse(text);
  return percent ? percent->to_double() : 100;
}

}  // namespace

Result<void> Stages::read(bool fresh) {
  if (fresh && !writing_.step.rollout) return {};  // the job's lane, which grows with every step, is not read for each of them
  auto begun = ledger::stages(writing_.target, writing_.context.program.job, writing_.id);
  if (!begun) return begun.error();
  begun_ = std::move(*begun);
  set_bounds();
  return {};
}

const program::RolloutStage* Stages::written() const {
  const program::RolloutStage* reached = nullptr;
  if (!writing_.step.rollout || begun_.empty()) return nullptr;
  for (const program::RolloutStage& stage : writing_.step.rollout->stages)
    if (stage.percent.to_double() <= share_of(begun_.back().share)) reached = &stage;
  return reached;
}

std::string Stages::shown() const {
  const std::size_t all = writing_.step.rollout ? std::max(writing_.step.rollout->stages.size(), begun_.size()) : begun_.size();
  return fmt::format("stage {} of {} ({}%)", begun_.size(), all, begun_.back().share);
}

void Stages::tell_begun() const {
  if (begun_.empty()) return;
  Event event = writing_.context.event(EventKind::stage_begun, writing_.step);
  event.reason = shown();
  writing_.context.tell(event);
}

std::int64_t Stages::rows_up_to(const std::string& share, std::int64_t rows) {
  const auto part = multiply(Decimal::parse(share).value_or(Decimal(100)), Decimal(rows));
  const auto whole = part ? divide(*part, Decimal(100)) : std::nullopt;
  return whole ? std::clamp<std::int64_t>(whole->rounded(0, Rounding::floor).to_int64().value_or(rows), std::min<std::int64_t>(rows, 1), rows) : rows;
}

std::string Stages::next_share() const {
  if (const auto& rollout = writing_.step.rollout)
    for (const program::RolloutStage& stage : rollout->stages)
      if (stage.percent.to_double() > share_of(begun_.back().share)) return stage.percent.to_string();
  return "100";
}

Result<void> Stages::begin(const std::string& share, const std::vector<ledger::Writer::LaneRange>& lanes) {
  fault_point("before_stage");
  if (auto opened = writing_.writer.open_stage(writing_.id, begun_.size() + 1, share, lanes); !opened) return opened;
  fault_point("after_stage");
  begun_.push_back({share, rows()});
  set_bounds();
  tell_begun();
  return {};
}

bool Stages::holds(connect::RawRow key) const {
  if (begun_.empty()) return true;
  const Digest digest = sha256(ledger::encode(ledger::key_of(key, key.size())));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | static_cast<unsigned char>(digest[i]);
  const double place = static_cast<double>(number >> 11) * 0x1p-53 * 100;
  return place < upto_ && place >= from_;
}

void Stages::set_bounds() {
  if (begun_.empty()) return;
  from_ = begun_.size() == 1 ? 0 : share_of(begun_[begun_.size() - 2].share);
  upto_ = share_of(begun_.back().share);
}

StepEnd Stages::failed(const std::string& why) {
  writing_.context.count([&](Outcome& outcome) { outcome.stage_failed = {writing_.step.name, writing_.id}; });
  return writing_.fail(Code::stage_failed, {ErrorClass::data, fmt::format("{} does not hold: {}", shown(), why), {},
                                            fmt::format("look at the rows; `bfl undo {} --step {} --plan` shows what can be put back, `{}` asks again", writing_.context.options.job_file, writing_.step.name, writing_.context.options.goes_on_by)});
}

Result<bool> Stages::guards(const program::RolloutStage& stage) {
  Context& context = writing_.context;
  const auto ask = [&](const program::Step& step, const std::string& what) { return asserts(context, step, writing_.step, {Code::stage_failed, fmt::format("{}, {}", shown(), what), "the stages behind it are not begun"}); };
  bool all = true;
  for (const program::Step& step : context.program.steps) {
    const bool named = std::any_of(stage.verify.begin(), stage.verify.end(), [&](const auto& one) { return one.first == step.name; });
    if (!named && !(stage.verify_all && step.kind == program::StepKind::verify)) continue;
    auto holds = ask(step, fmt::format("`{}`", step.name));
    if (!holds) return holds.error();
    all = all && *holds;
  }
  if (stage.assertions.empty()) return all;
  program::Step question;
  question.name = writing_.step.name;
  question.kind = program::StepKind::check;
  question.keeper = writing_.step.keeper;
  question.assertions = stage.assertions;
  auto holds = ask(question, "its `assert`");
  if (!holds) return holds.error();
  return all && *holds;
}

std::optional<StepEnd> Stages::leave() {
  static const program::RolloutStage without_guards{};
  if (begun_.empty() || !writing_.step.rollout) return std::nullopt;
  const program::RolloutStage* stage = written();
  writing_.between_stages = true;
  auto end = look_on(stage ? *stage : without_guards);
  writing_.between_stages = false;
  return end;
}

std::optional<StepEnd> Stages::look_on(const program::RolloutStage& stage) {
  Context& context = writing_.context;
  if (begun_.back().passed.empty()) {
    fault_point("before_stage_passed");
    if (std::string why = rows_to_roll_back(context.program, {writing_.changed, writing_.conflicts, writing_.quarantined}); !why.empty()) return failed(why);
    auto hold = guards(stage);
    if (!hold) return writing_.fail(hold.error());
    if (!*hold) return failed("an assertion does not");
    if (auto passed = writing_.writer.pass_stage(writing_.id, begun_.size(), stage.approval); !passed) return writing_.fail(passed.error());
    fault_point("after_stage_passed");
    Event event = context.event(EventKind::stage_done, writing_.step);
    event.reason = shown() + " is done, and what has to be so is so";
    event.rows_changed = writing_.changed;
    context.tell(event);
    if (auto again = read(false); !again) return writing_.fail(again.error());
  }
  if ((stage.approval || begun_.back().waits) && begun_.back().approved.empty())  // what was asked for when it passed holds under another text
    return context.paused(writing_.step, Code::awaits_approval,
                          {ErrorClass::held, fmt::format("{} {}", shown(), waits_for_approval), {},
                           fmt::format("look at the rows, then `bfl approve {1} --step {0}` and `{2}`; `bfl undo {1} --step {0}` puts them back", writing_.step.name, context.options.job_file, context.options.goes_on_by)},
                          writing_.state_of_data());
  const auto since = parse_timestamp(begun_.back().passed);
  bool told = false;
  for (;;) {
    const std::int64_t left = since ? since->micros + stage.wait - context.clock.now().micros : 0;
    if (stage.wait == 0 || left <= 0) break;
    if (!std::exchange(told, true)) {
      Event event = context.event(EventKind::held_back, writing_.step);
      event.reason = fmt::format("{}: the next begins at {}", shown(), format_timestamp({since->micros + stage.wait}));
      context.tell(event);
    }
    if (auto end = context.pause(writing_.step, writing_.source)) return end;
    if (!context.wait(std::min(static_cast<double>(left) / 1e6, seconds_between_looks), writing_.source)) return context.interrupted(writing_.step);
  }
  if (told) {
    Event event = context.event(EventKind::goes_on, writing_.step);
    event.reason = "the wait between two stages is over";
    context.tell(event);
  }
  return std::nullopt;
}

}  // namespace bfl::run
