// What a run shows while it goes on and at its end: one live line on a terminal, plain lines elsewhere, or one JSON object
// an event. A listener of the executor's events; it never decides anything.
//
// Results go to standard output, the live line and the occasional sign of life to standard error.
#pragma once
#include <cstdio>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/check/program.h"
#include "interpreter/run/events.h"
#include "interpreter/run/executor.h"
#include "interpreter/store/state.h"

namespace bfl::report {

struct Screen {
  bool json = false;   // one object a line on `out`, nothing else there
  bool live = false;   // `err` is a terminal: draw and redraw one line
  bool color = false;
  std::size_t width = 100;
  std::FILE* out = stdout;
  std::FILE* err = stderr;
};

// How fast rows go by: an exponentially weighted mean, so that the time left follows a change of speed within seconds.
class Rate {
 public:
  void add(double rows, double seconds);
  double rows_per_second() const { return rate_; }

 private:
  double rate_ = 0;
};

class Progress {
 public:
  Progress(const program::Program& program, std::string run, Screen screen);
  void on(const run::Event& event);
  void finish();  // removes the live line
  void diagnostics(const Diagnostics& found, const Sources& texts, const std::string& time);  // JSON only
  // `again`: what to type to go on.
  void summary(const run::Outcome& outcome, const std::string& again, std::size_t warnings);

 private:
  void begin_step(const run::Event& event);
  void chunk(const run::Event& event);
  void end_step(const run::Event& event);
  void over(const std::string& step);
  void draw(const run::Event& event);
  void draw_several();
  void redraw(std::string text);
  void wait(const run::Event& event);
  void transaction(const run::Event& event);
  void more(const std::string& text);  // below a step's line
  void line(std::string_view mark, const std::string& step, const std::string& text);
  void clear();
  const program::Step* named(const std::string& step) const;  // null: an undo's, or none

  const program::Program& program_;
  std::unordered_map<std::string_view, const program::Step*> steps_{};
  std::string run_;
  Screen screen_;
  bool header_shown_ = false, drawn_ = false;
  bool worked_ = false;  // some step other than a verification was not simply reused
  // Of a step that was begun and has not ended.
  struct UnderWay {
    std::string step;
    std::int64_t chunks = 0, changed = 0, set_aside = 0;
    std::vector<run::LeftOut> left_out{};
    std::vector<std::string> conflicts{};  // the first of them
    double last_sign = 0, elapsed = 0;  // seconds of work
    int last_percent = 0, percent = -1;  // -1: nobody knows
    Rate rate{};
  };
  UnderWay& under_way(const std::string& step);
  std::vector<UnderWay> under_way_{};  // in the order in which they began
  std::size_t name_width_ = 0;
};

std::string to_json(const run::Event& event);  // run, job, step, kind, time; other fields where they say something

// What a run shows that was answered from memory.
void print_nothing_to_do(std::FILE* out, const store::FinishedJob& job, bool json, const std::string& time);

}  // namespace bfl::report
