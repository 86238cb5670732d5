// What stops a run, or makes it wait: orders in the target, a file, the environment, the pace of its step.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "interpreter/ledger/heard.h"
#include "interpreter/run/halted.h"
#include "interpreter/run/pace.h"

namespace bfl::run {
namespace {

constexpr double seconds_between_looks = 0.5;  // of a run whose chunks are short; one short statement each

// Steps that are under way at the same time hear the same: who is the first enters it, and does what it says to do once.
bool first_to(Context& context, int source, const ledger::Order& order, std::string_view what) {
  std::lock_guard lock(context.whole.mutex);
  return context.whole.heard.insert(fmt::format("{}\n{}\n{}\n{}\n{}", what, source, order.kind, order.job, order.given)).second;
}

// What cannot be entered now is no reason to disobey.
void enter_heard(Context& context, int source, const ledger::Order& order, bool taken_back) {
  if (first_to(context, source, order, taken_back ? "taken back" : "heard")) (void)ledger::enter_heard(context.writer(source), context.target(source), order, taken_back);
}

// The pace that somebody has ordered. Gives why the run is to wait instead; empty: nothing.
std::string hear_pace(Context& context, const program::Step& step, int source, const std::vector<ledger::Order>& given) {
  if (!context.pacer) return {};
  const std::optional<ledger::Order> order = ordered_pace(given);
  if (order && !rows_a_second(order->reason)) return fmt::format("{}, which is no pace; `bfl set {} pace 500/s` gives another", order->text(), context.options.job_file);
  const auto before = context.pacer->ordered();
  if (!context.pacer->set(order)) return {};
  Event event = context.event(EventKind::goes_on, step);
  event.reason = order ? order->text() : "its pace is as the job says again";
  context.tell(event);
  enter_heard(context, source, order ? *order : *before, !order);
  return {};
}

}  // namespace

std::string halted_here(const std::string& job, const std::string& beside) {
  if (const char* value = std::getenv("BFL_HALT"); value && *value && std::string_view(value) != "0")
    return fmt::format("halted by the environment variable `BFL_HALT`{}", std::string_view(value) == "1" ? "" : fmt::format(": {}", value));
  const char* named = std::getenv("BFL_HALT_FILE");
  for (const std::string& file : {beside, beside.empty() ? beside : beside + "." + job, std::string(named ? named : "")}) {
    if (file.empty()) continue;
    std::ifstream there(file);
    if (!there) continue;
    std::string reason;
    std::getline(there, reason);
    return fmt::format("halted by the file `{}`{}", file, reason.empty() ? "" : ": " + reason);
  }
  return {};
}

std::optional<StepEnd> Context::obey(const program::Step& step, int source, bool crew) {
  if (options.played || source < 0 || !writers[static_cast<std::size_t>(source)]) return std::nullopt;
  std::string waits;  // for what it waits, as it was told
  std::optional<ledger::Order> waits_by;  // the order that says so
  const auto heard = [&](const ledger::Order& order, bool taken_back = false) { enter_heard(*this, source, order, taken_back); };
  for (;;) {
    const double now = clock.seconds();
    // Workers look after their debts by themselves.
    const double debt = pacer && !crew ? pacer->debt() : 0;
    if (waits.empty() && looked_at >= 0 && now - looked_at < seconds_between_looks) {
      if (debt <= 0) return std::nullopt;
      if (!wait(std::min(debt, seconds_between_looks), source)) return interrupted(step);
      continue;
    }
    looked_at = now;
    const std::string when_resumed = fmt::format("what is committed stays; when it may go on, `bfl resume {}`, then `{}`", options.job_file, options.goes_on_by);
    const std::string help = fmt::format("what is committed stays; `{}` goes on behind the last chunk", options.goes_on_by);
    if (const std::string why = halted_here(program.job, options.halt_file); !why.empty())
      return paused(step, Code::told_to_stop, {ErrorClass::held, why, {}, "take it away, then run again: it goes on behind the last chunk"}, {});
    auto given = writer(source).orders();
    // A lock or a connection that went is met again by the next chunk, and tried again there.
    if (!given && given.error().kind != ErrorClass::transient) return fail(step, given.error());
    const auto first = [&](std::string_view kind) -> const ledger::Order* {
      if (!given) return nullptr;
      const auto found = std::find_if(given->begin(), given->end(), [&](const ledger::Order& order) { return order.kind == kind; });
      return found == given->end() ? nullptr : &*found;
    };
    if (const ledger::Order* halt = first("halt")) {
      heard(*halt);
      return paused(step, Code::told_to_stop, {ErrorClass::held, halt->text(), {}, when_resumed}, {});
    }
    if (const ledger::Order* cancel = first("cancel")) {
      heard(*cancel);
      if (first_to(*this, source, *cancel, "obeyed"))
        if (auto obeyed = writer(source).obey(*cancel); !obeyed) return fail(step, obeyed.error());
      return paused(step, Code::told_to_stop, {ErrorClass::held, cancel->text(), {}, help}, {});
    }
    const std::string no_pace = given ? hear_pace(*this, step, source, *given) : std::string();
    const ledger::Order* pause = first("pause");
    const Verdict verdict = !no_pace.empty() ? Verdict{false, no_pace} : pacer && !pause ? pacer->look() : Verdict{};
    if (verdict.stop) return paused(step, Code::told_to_stop, {ErrorClass::held, "stop when " + verdict.reason, {}, help}, {});
    const std::string why = pause ? pause->text() : verdict.reason;
    if (given && waits_by && !pause) heard(*std::exchange(waits_by, std::nullopt), true);
    if (pause && !waits_by) {
      waits_by = *pause;
      heard(*pause);
    }
    if (given && why.empty()) {
      held = false;
      if (waits.empty() && debt > 0) continue;
      if (waits.empty()) return std::nullopt;
      Event event = this->event(EventKind::goes_on, step);
      event.reason = "resumed";
      tell(event);
      return std::nullopt;
    }
    if (!why.empty() && waits != why) {
      // What is measured differs each time: only another signal is worth telling.
      const bool same = waits.substr(0, waits.rfind(':')) == why.substr(0, why.rfind(':'));
      held = true;
      waits = why;
      Event event = this->event(EventKind::held_back, step);
      event.reason = waits;
      if (!same) tell(event);
    }
    if (waits.empty()) return std::nullopt;  // the orders could not be read
    if (!wait(seconds_between_looks, source)) return interrupted(step);
  }
}

}  // namespace bfl::run
