// What a run tells the world outside while it is at work: hooks, metrics, lineage, as the flags of a command say.
#pragma once
#include <memory>

#include "interpreter/cli/session.h"
#include "interpreter/notify/hooks.h"
#include "interpreter/notify/lineage.h"
#include "interpreter/notify/metrics.h"
#include "interpreter/run/executor.h"

namespace bfl::cli {

// Values of `[outside]` that no run could make anything of, at their places in the project's file.
void check_outside(const project::Project& project, Diagnostics& diagnostics);
// Somebody wants to be told of runs, by flags or by the project.
bool tells_outside(const project::Project& project, const Arguments& arguments);

class Outward {
 public:
  // An error of class data for a flag that makes no sense, else where something cannot be opened.
  static Result<std::unique_ptr<Outward>> open(const Session& session, const Arguments& arguments, const run::Options& options);
  void on(const run::Event& event);
  // Behind the last event; what could not be told is said on standard error, and changes nothing else.
  void finish();

 private:
  std::unique_ptr<notify::Hooks> hooks_{};
  std::unique_ptr<notify::Metrics> metrics_{};
  std::unique_ptr<notify::LineageTeller> lineage_{};
};

}  // namespace bfl::cli
