// What cannot be a part of one transaction, in a job that says `atomic` or a run with `--atomic`.
#include <fmt/format.h>

#include "interpreter/check/check.h"

namespace bfl::check {
namespace {

using program::Program;
using program::Step;

constexpr const char* waits = "its locks are held from the first row to the last, and waiting holds them longer";

class Parts {
 public:
  Parts(const Program& program, Diagnostics& diagnostics) : program_(program), diagnostics_(diagnostics), says_so_(!program.atomic->asked_once) {}

  void job() {
    if (program_.pace) no_place(program_.pace->span, "`pace`", waits);
    // Asked for once, both are what they are for all other runs.
    if (!says_so_) return;
    if (program_.rollback && program_.rollback->conflicts.any())
      no_place(program_.rollback->span, "`rollback when conflicts`", "one row in conflict is enough, and nothing is there that could be undone");
  }

  // Of the source that is written: others are only read.
  void settings() {
    if (!says_so_ || !first_) return;
    const program::Source& source = program_.sources[static_cast<std::size_t>(first_->target.source)];
    for (const auto& [name, value] : source.settings)
      if ((name == "workers" || name == "steps") && value != "1") no_place(source.span, fmt::format("`{}: {}`", name, value), "a transaction is of one connection");
  }

  void step(const Step& step) {
    if (step.pace) no_place(step.pace->span, "`pace`", waits);
    if (step.rollout) no_place(step.rollout->span, "`rollout`", "nobody sees a stage before all of them are there");
    if (step.quarantine) no_place(step.quarantine_span, "`quarantine`", "all of it is done, or nothing");
    if (step.through) no_place(step.through->span, "`through`", "what a program has done is not taken back with the rest, and the locks wait for its answers");
    if (program::only_asserts(step.kind) || !(step.relation || step.sql)) return;
    if (!first_) first_ = &step;
    if (step.target.source == first_->target.source || spans_two_) return;
    spans_two_ = true;
    const auto source = [&](const Step& of) -> const std::string& { return program_.sources[static_cast<std::size_t>(of.target.source)].name; };
    diagnostics_.error(Code::no_part_of_one, step.name_span, fmt::format("`{}` changes `{}` and `{}` changes `{}`: no transaction spans two databases", step.name, source(step), first_->name, source(*first_)),
                       says_so_ ? "make it two jobs, or leave `atomic` out: a job that was cut short goes on where it stopped" : "run it without `--atomic`: a job that was cut short goes on where it stopped")
        .labels.push_back({first_->name_span, fmt::format("changes `{}`", source(*first_))});
  }

 private:
  void no_place(Span at, const std::string& what, const char* why) {
    Diagnostic& diagnostic = diagnostics_.error(Code::no_part_of_one, at, fmt::format("{} has no place in {}: {}", what, says_so_ ? "an atomic job" : "a run that is one transaction", why),
                                                fmt::format("leave it out, or `{}`: without it each row is changed once as well", says_so_ ? "atomic" : "--atomic"));
    if (says_so_) diagnostic.labels.push_back({program_.atomic->span, "each run is one transaction"});
  }

  const Program& program_;
  Diagnostics& diagnostics_;
  const bool says_so_;
  const Step* first_ = nullptr;  // that changes rows or keeps some
  bool spans_two_ = false;
};

}  // namespace

bool check_atomic(const Program& program, Diagnostics& diagnostics) {
  if (!program.atomic) return true;
  const std::size_t errors = diagnostics.errors();
  Parts parts(program, diagnostics);
  parts.job();
  for (const Step& step : program.steps) parts.step(step);
  parts.settings();
  return diagnostics.errors() == errors;
}

}  // namespace bfl::check
