// Events of a run, told to commands and addresses outside: by a thread of their own, from a queue that is cut off when it grows
// long. Whoever tells an event never waits, and nothing that becomes of a hook becomes of the run.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/run/events.h"

namespace bfl::notify {

struct Hook {
  std::string to;                        // http://…, https://…, or a command for /bin/sh, started in `folder`
  std::vector<std::string> events{};     // by their names; empty: those that somebody wants to know of
};

// `TARGET`, or `EVENT,EVENT=TARGET`; an error of class data for an event that there is not.
Result<Hook> hook_of(std::string_view written);

// What stands in every body beside the event.
struct About {
  std::string version, who, host, why, ticket, owner;
  std::string folder;                    // of the job
};

// The body, a JSON object: `event`, `job`, `run`, `step`, `time`, `reason`, … without secrets.
std::string body_of(const run::Event& event, std::string_view name, const About& about);

class Hooks {
 public:
  Hooks(std::vector<Hook> hooks, About about);
  ~Hooks();
  Hooks(const Hooks&) = delete;
  Hooks& operator=(const Hooks&) = delete;

  void on(const run::Event& event);
  // Waits for what is still to be told, `seconds` at most; gives what became of nothing, a line each.
  std::vector<std::string> finish(double seconds);

 private:
  struct Teller;
  std::unique_ptr<Teller> teller_;
};

}  // namespace bfl::notify
