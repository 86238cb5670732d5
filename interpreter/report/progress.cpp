#include "interpreter/report/progress.h"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <utility>

#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

constexpr double seconds_between_signs = 10;  // off a terminal: one line every 10 s or 5 %
constexpr int percent_between_signs = 5;
constexpr double memory_seconds = 5;          // of the rate
constexpr std::int64_t rows_named = 5;        // of those that a step sets aside

std::string titled(const program::Step& step) { return fmt::format("{} {}", verb(step.kind), step.name); }

}  // namespace

void Rate::add(double rows, double seconds) {
  if (seconds <= 0) return;
  const double now = rows / seconds, weight = 1 - std::exp(-seconds / memory_seconds);
  rate_ = rate_ == 0 ? now : rate_ + weight * (now - rate_);
}

std::string to_json(const run::Event& event) {
  nlohmann::ordered_json object{{"run", event.run}, {"job", event.job}, {"step", event.step}, {"kind", run::name_of(event.kind)}, {"time", event.time}};
  if (!event.reason.empty()) object["reason"] = event.reason;
  if (!event.query.empty()) object["query"] = event.query;
  if (event.chunk >= 0) object["chunk"] = event.chunk;
  if (event.rows_read) object["rows_read"] = event.rows_read;
  using run::EventKind;
  if (event.rows_changed || event.kind == EventKind::chunk_committed || event.kind == EventKind::step_finished)
    object["rows_changed"] = event.rows_changed;
  if (event.conflicts) object["conflicts"] = event.conflicts;
  if (event.quarantined) object["quarantined"] = event.quarantined;
  if (event.rows_left_out) object["rows_left_out"] = event.rows_left_out;
  if (!event.keys.empty()) object["keys"] = event.keys;
  if (event.rows_total >= 0) object["rows_total"] = event.rows_total;
  if (event.rows_done) object["rows_done"] = event.rows_done;
  if (!event.from_key.empty()) object["from_key"] = event.from_key;
  if (!event.to_key.empty()) object["to_key"] = event.to_key;
  if (event.seconds > 0) object["seconds"] = event.seconds;
  if (event.kind == EventKind::run_finished) object["exit_code"] = event.exit_code;
  // Keys and reasons may hold bytes that are no UTF-8: shown, never thrown over.
  return object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

Progress::Progress(const program::Program& program, std::string run, Screen screen)
    : program_(program), run_(std::move(run)), screen_(screen) {
  for (const program::Step& step : program.steps) {
    name_width_ = std::max(name_width_, titled(step).size());
    steps_.emplace(step.name, &step);
  }
  name_width_ = std::min<std::size_t>(name_width_, 40);
}

const program::Step* Progress::named(const std::string& step) const {
  const auto found = steps_.find(step);
  return found == steps_.end() ? nullptr : found->second;
}

Progress::UnderWay& Progress::under_way(const std::string& step) {
  const auto found = std::find_if(under_way_.begin(), under_way_.end(), [&](const UnderWay& one) { return one.step == step; });
  return found != under_way_.end() ? *found : under_way_.emplace_back(UnderWay{.step = step});
}

void Progress::clear() {
  if (!drawn_) return;
  std::fputs("\r\x1b[K", screen_.err);
  std::fflush(screen_.err);
  drawn_ = false;
}

void Progress::line(std::string_view mark, const std::string& step, const std::string& text) {
  clear();
  if (!header_shown_) {
    header_shown_ = true;
    say(screen_.out, "{} (run {})\n", program_.job, run_);
  }
  const program::Step* known = named(step);
  const std::string name = known ? titled(*known) : step;
  const char* color = !screen_.color ? "" : mark == "ok" ? "\x1b[32m" : mark == ".." ? "\x1b[2m" : "\x1b[1;31m";
  say(screen_.out, "  {}{:<4}{} {:<{}}  {}\n", color, mark, screen_.color ? "\x1b[0m" : "", name, name_width_, text);
  std::fflush(screen_.out);
}

void Progress::more(const std::string& text) {
  say(screen_.out, "  {:<4} {:<{}}  {}\n", "", "", name_width_, printable(text));
  std::fflush(screen_.out);
}

void Progress::on(const run::Event& event) {
  using run::EventKind;
  if (event.kind == EventKind::step_started || event.kind == EventKind::step_resumed) {
    const program::Step* step = named(event.step);
    worked_ = worked_ || !step || step->kind != program::StepKind::verify;
  }
  if (screen_.json) {
    say(screen_.out, "{}\n", to_json(event));
    std::fflush(screen_.out);
    return;
  }
  switch (event.kind) {
    case EventKind::run_started: case EventKind::draining: case EventKind::run_finished: break;
    case EventKind::step_started: case EventKind::step_resumed: begin_step(event); break;
    case EventKind::step_staged:
      if (screen_.live) draw(event);
      break;
    case EventKind::chunk_retried: case EventKind::held_back: wait(event); break;
    case EventKind::goes_on: case EventKind::workers_changed: case EventKind::approved: break;
    case EventKind::transaction_open: transaction(event); break;
    case EventKind::transaction_committed: case EventKind::transaction_taken_back: clear(); break;
    case EventKind::stage_begun: case EventKind::stage_done: line("..", event.step, printable(event.reason)); break;
    case EventKind::step_paused: line("..", event.step, "paused: " + printable(event.reason)); break;
    case EventKind::step_reused:
      line(event.quarantined ? "!" : "ok", event.step,
           (event.reason.empty() ? "finished before, not repeated" : event.reason) + (event.conflicts ? fmt::format("; {} in conflict, left as they are", counted(event.conflicts, "row")) : "") + (event.quarantined ? fmt::format("; {} in quarantine", counted(event.quarantined, "row")) : ""));
      break;
    case EventKind::chunk_committed: chunk(event); break;
    case EventKind::step_finished: end_step(event); break;
    case EventKind::rows_left_out: under_way(event.step).left_out.push_back({event.reason, event.rows_left_out, event.keys}); break;
    case EventKind::row_quarantined:
      if (++under_way(event.step).set_aside <= rows_named) line("!", event.step, printable(fmt::format("the row with key {} is put in quarantine: {}", event.keys.front(), event.reason)));
      break;
    case EventKind::step_failed:
      line("FAIL", event.step, event.reason);
      over(event.step);
      break;
    case EventKind::assertion_passed: break;  // said once, when the step is finished
    case EventKind::assertion_failed: line("FAIL", event.step, event.reason); break;
    case EventKind::step_blocked: case EventKind::step_left_out:
      line("-", event.step, event.reason);
      over(event.step);
      break;
  }
}

void Progress::begin_step(const run::Event& event) {
  over(event.step);
  under_way(event.step);
  if (event.kind == run::EventKind::step_resumed) line("..", event.step, event.reason.empty() ? "goes on" : event.reason);
  if (screen_.live) draw(event);
}

void Progress::over(const std::string& step) {
  std::erase_if(under_way_, [&](const UnderWay& one) { return one.step == step; });
}

void Progress::chunk(const run::Event& event) {
  UnderWay& of = under_way(event.step);
  ++of.chunks;
  of.changed += event.rows_changed;
  of.conflicts.insert(of.conflicts.end(), event.keys.begin(), event.keys.end());
  const double seconds = event.seconds / event.beside;
  of.elapsed += seconds;
  of.rate.add(static_cast<double>(event.rows_read), seconds);
  of.percent = event.rows_total > 0 ? std::min(100, static_cast<int>(100 * event.rows_done / event.rows_total)) : -1;
  if (screen_.live) return draw(event);
  if (of.elapsed - of.last_sign < seconds_between_signs && (of.percent < of.last_percent + percent_between_signs || of.elapsed < 1)) return;
  of.last_sign = of.elapsed;
  of.last_percent = std::max(of.percent, 0);
  say(screen_.err, "{}: {}{} walked, {} changed, {} rows/s\n", event.step,
      of.percent >= 0 ? fmt::format("{} %, ", of.percent) : "", counted(event.rows_done, "row"), grouped(of.changed),
      grouped(static_cast<std::int64_t>(of.rate.rows_per_second())));
}

// Why nothing happens now. Off a terminal waits that pass at once are not worth a line.
void Progress::wait(const run::Event& event) {
  constexpr double long_wait = 2;
  if (screen_.live) {
    redraw(fmt::format("  {} waits: {}", event.step, printable(event.reason)));
  } else if (event.kind == run::EventKind::held_back || event.seconds >= long_wait) {
    say(screen_.err, "{} waits: {}\n", event.step, printable(event.reason));
  }
}

// Of a run that is one transaction the steps are told when it is committed.
void Progress::transaction(const run::Event& event) {
  const std::string text = fmt::format("{}one transaction: {}", event.step.empty() ? "" : event.step + ", in ", printable(event.reason));
  if (screen_.live) redraw("  " + text);
  else if (event.step.empty() || event.chunk >= 0) say(screen_.err, "{}\n", text);
}

// A wrapped line could not be redrawn.
void Progress::redraw(std::string text) {
  if (text.size() >= screen_.width) text.resize(screen_.width - 1);
  say(screen_.err, "\r{}\x1b[K", text);
  std::fflush(screen_.err);
  drawn_ = true;
}

void Progress::draw(const run::Event& event) {
  if (under_way_.size() > 1) return draw_several();
  constexpr int cells = 20;
  const UnderWay& of = under_way(event.step);
  std::string text = fmt::format("  {} ", event.step);
  if (event.rows_total > 0) {
    const double part = std::min(1.0, static_cast<double>(event.rows_done) / static_cast<double>(event.rows_total));
    const int full = static_cast<int>(part * cells);
    text += fmt::format("[{}{}] ~{:.0f} %", std::string(static_cast<std::size_t>(full), '#'),
                        std::string(static_cast<std::size_t>(cells - full), '.'), part * 100);
  }
  if (const double rate = of.rate.rows_per_second(); rate > 0) {
    text += fmt::format("  {} rows/s", grouped(static_cast<std::int64_t>(rate)));
    if (event.rows_total > event.rows_done) text += fmt::format("  {} left", duration(static_cast<double>(event.rows_total - event.rows_done) / rate));
    text += fmt::format("  {} changed  chunk of {}", grouped(of.changed), grouped(event.rows_read));
  } else if (!event.reason.empty()) {
    text += fmt::format(" {}", event.reason);
  }
  redraw(std::move(text));
}

// Steps under way at the same time, on one line.
void Progress::draw_several() {
  std::string text;
  double rate = 0;
  std::int64_t changed = 0;
  for (const UnderWay& of : under_way_) {
    text += fmt::format("  {}{}", of.step, of.percent >= 0 ? fmt::format(" ~{} %", of.percent) : " …");
    rate += of.rate.rows_per_second();
    changed += of.changed;
  }
  redraw(fmt::format("{}  {} rows/s  {} changed", text, grouped(static_cast<std::int64_t>(rate)), grouped(changed)));
}

void Progress::end_step(const run::Event& event) {
  const UnderWay of = under_way(event.step);
  over(event.step);
  const program::Step* step = named(event.step);
  if (step && program::only_asserts(step->kind)) return line("ok", event.step, "holds");
  if (step && step->kind == program::StepKind::snapshot) return line("ok", event.step, fmt::format("{} kept", counted(event.rows_done, "row")));
  const auto kind = step ? step->kind : program::StepKind::update;
  std::string text = of.changed                                  ? fmt::format("{} {}", counted(of.changed, "row"), done_word(kind))
                     : kind == program::StepKind::update         ? "no row needed a change"
                     : kind == program::StepKind::sql            ? "no row was changed"
                     : kind == program::StepKind::remove         ? "no row to delete"
                                                                 : "no row was missing";
  if (of.chunks > 0) text += fmt::format(", {}", counted(of.chunks, "chunk"));
  if (event.rows_changed > of.changed) text += fmt::format(", {} with earlier runs", grouped(event.rows_changed));
  if (event.conflicts) text += fmt::format(", {} in conflict", counted(event.conflicts, "row"));
  if (event.quarantined) text += fmt::format(", {} in quarantine", counted(event.quarantined, "row"));
  if (event.seconds > 0) text += fmt::format(", {}", duration(event.seconds));
  line(event.conflicts || event.quarantined ? "!" : "ok", event.step, text);
  for (const run::LeftOut& part : of.left_out) more(left_out(part));
  for (const std::string& row : of.conflicts) more("in conflict: " + row);
  if (const auto named = static_cast<std::int64_t>(of.conflicts.size()); event.conflicts > named) more(fmt::format("in conflict: {} more", grouped(event.conflicts - named)));
}

void Progress::finish() {
  clear();
  if (screen_.json) return;
  const std::vector<UnderWay> all = std::exchange(under_way_, {});
  for (const UnderWay& of : all) line("..", of.step, fmt::format("stopped: {} changed, {}", counted(of.changed, "row"), counted(of.chunks, "chunk")));
}

void Progress::diagnostics(const Diagnostics& found, const Sources& texts, const std::string& time) {
  for (const Diagnostic& diagnostic : found.all()) {
    nlohmann::ordered_json object{{"run", run_}, {"job", program_.job}, {"step", ""}, {"kind", "diagnostic"}, {"time", time}};
    object["diagnostic"] = nlohmann::ordered_json::parse(bfl::to_json(diagnostic, texts), nullptr, false);
    say(screen_.out, "{}\n", object.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  }
}

void Progress::summary(const run::Outcome& outcome, const std::string& again, std::size_t warnings) {
  if (screen_.json) return;
  const int code = outcome.exit_code;
  const std::string held =
      outcome.assertions && code == 0 ? fmt::format("; {} held", counted(static_cast<std::int64_t>(outcome.assertions), "assertion")) : "";
  const std::string skipped = outcome.left_out ? fmt::format(", {} left out", grouped(outcome.left_out)) : "";
  const std::string changed = fmt::format("{} changed{}", counted(outcome.changed, "row"), skipped);
  const bool resumable = code == 75 || code == 130 || code == 143;
  std::string text;
  if (code == 0 && !worked_) text = fmt::format("nothing to do: {} is finished{}{}", program_.job, outcome.conflicts_left ? fmt::format(", {} in conflict and left as they are", grouped(outcome.conflicts_left)) : "", held);
  else if (code == 0) text = fmt::format("done: {}{}", outcome.changed ? changed : "no row needed a change" + skipped, held);
  else if (code == 3)
    text = fmt::format("finished: {}{}{}", changed, outcome.conflicts ? fmt::format(", {} in conflict and left as they are", grouped(outcome.conflicts)) : "",
                       outcome.quarantined ? fmt::format(", {} in quarantine", grouped(outcome.quarantined)) : "");
  else if (resumable) text = fmt::format("stopped, and nothing is half done: {} in this run", changed);
  else text = fmt::format("stopped: {} in this run", changed);
  say(screen_.out, "{}\n", text);
  if (warnings) say(screen_.out, "{} above\n", counted(static_cast<std::int64_t>(warnings), "warning"));
  if (resumable) say(screen_.out, "to go on: {}\n", again);
  if (code == 3 && outcome.conflicts) say(screen_.out, "to see them: bfl log {}\n", run_);
  if (outcome.quarantined) say(screen_.out, "to see what is in quarantine: bfl quarantine list {}\n", again.substr(again.find(' ', again.find(' ') + 1) + 1));
  std::fflush(screen_.out);
}

void print_nothing_to_do(std::FILE* out, const store::FinishedJob& job, bool json, const std::string& time) {
  if (!json) {
    say(out, "nothing to do: {} was finished at {}, {}\n", job.job, job.finished, counted(job.steps, "step"));
    return;
  }
  run::Event event;
  event.kind = run::EventKind::run_finished;
  event.job = job.job;
  event.time = time;
  event.reason = "nothing to do: finished at " + job.finished;
  say(out, "{}\n", to_json(event));
}

}  // namespace bfl::report
