#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "interpreter/report/explain.h"
#include "interpreter/report/progress.h"
#include "interpreter/report/words.h"

using namespace bfl;

namespace {

// What was written to the two streams of a display.
struct Display {
  char* out_text = nullptr;
  char* err_text = nullptr;
  std::size_t out_size = 0, err_size = 0;
  report::Screen screen;
  Display() {
    screen.out = open_memstream(&out_text, &out_size);
    screen.err = open_memstream(&err_text, &err_size);
  }
  ~Display() {
    std::fclose(screen.out);
    std::fclose(screen.err);
    std::free(out_text);
    std::free(err_text);
  }
  std::string out() { return std::fflush(screen.out), std::string(out_text, out_size); }
  std::string err() { return std::fflush(screen.err), std::string(err_text, err_size); }
};

program::Program job() {
  program::Program program;
  program.job = "fix";
  program::Step step;
  step.name = "totals";
  step.kind = program::StepKind::update;
  program.steps.push_back(step);
  return program;
}

run::Event event(run::EventKind kind) {
  run::Event made;
  made.kind = kind;
  made.run = "R", made.job = "fix", made.step = "totals", made.time = "2025-01-01T00:00:00Z";
  return made;
}

}  // namespace

TEST_CASE("every diagnostic code is explained, once") {
#define BFL_CODE(id, text, title)                                     \
  {                                                                   \
    const report::Explanation* entry = report::explanation(Code::id); \
    REQUIRE_MESSAGE(entry != nullptr, text);                          \
    CHECK(!entry->why.empty());                                       \
    CHECK(!entry->failing.empty());                                   \
    CHECK(!entry->mended.empty());                                    \
    CHECK(report::code_named(text) == Code::id);                      \
    CHECK(report::code_named(#id) == Code::id);                       \
  }
#include "interpreter/base/codes.def"
#undef BFL_CODE
  CHECK(!report::code_named("BFL9999"));
  CHECK(!report::code_named(""));
}

TEST_CASE("an example that is a script gets a job and a source around it, `use` stays first") {
  CHECK(report::whole_script("use std.text\nverify v { assert true }") ==
        "use std.text\njob example { why \"an example\" }\nsource shop = sqlite(\"shop.db\")\nverify v { assert true }\n");
  CHECK(report::whole_script("$ bfl run job.bfl").empty());
  CHECK(report::whole_script("look at the rows").empty());
  CHECK(report::whole_script("job a { why \"x\" }") == "job a { why \"x\" }\n");
}

TEST_CASE("numbers and times are written for people") {
  CHECK(report::grouped(0) == "0");
  CHECK(report::grouped(999) == "999");
  CHECK(report::grouped(1'000) == "1,000");
  CHECK(report::grouped(-1'234'567) == "-1,234,567");
  CHECK(report::grouped(-999) == "-999");
  CHECK(report::counted(1, "row") == "1 row");
  CHECK(report::counted(1'200, "row") == "1,200 rows");
  CHECK(report::duration(0.042) == "0.04 s");
  CHECK(report::duration(59.999) == "1 min 00 s");
  CHECK(report::duration(125) == "2 min 05 s");
  CHECK(report::duration(11'400) == "3 h 10 min");
}

TEST_CASE("the rate follows a change of speed, and a chunk without time does not break it") {
  report::Rate rate;
  rate.add(1000, 0);
  CHECK(rate.rows_per_second() == 0);
  rate.add(1000, 1);
  CHECK(rate.rows_per_second() == doctest::Approx(1000));
  for (int i = 0; i < 60; ++i) rate.add(100, 1);
  CHECK(rate.rows_per_second() == doctest::Approx(100).epsilon(0.01));
}

TEST_CASE("JSON: one object an event, with run, job, step, kind and time, whatever bytes a key holds") {
  run::Event made = event(run::EventKind::chunk_committed);
  made.chunk = 3;
  made.rows_changed = 17;
  made.to_key = "\xff";
  const std::string text = report::to_json(made);
  CHECK(text.find(R"({"run":"R","job":"fix","step":"totals","kind":"chunk_committed","time":"2025-01-01T00:00:00Z")") == 0);
  CHECK(text.find(R"("chunk":3)") != std::string::npos);
  CHECK(text.find(R"("rows_changed":17)") != std::string::npos);
  CHECK(text.find('\n') == std::string::npos);
}

TEST_CASE("on a terminal a line is drawn, kept to the width, and removed") {
  Display display;
  display.screen.live = true;
  display.screen.width = 40;
  const program::Program program = job();
  report::Progress progress(program, "R", display.screen);
  progress.on(event(run::EventKind::step_started));
  run::Event chunk = event(run::EventKind::chunk_committed);
  chunk.rows_total = 1000, chunk.rows_done = 500, chunk.rows_read = 500, chunk.rows_changed = 5, chunk.seconds = 1;
  progress.on(chunk);
  const std::string drawn = display.err();
  CHECK(drawn.find("[##########..........] ~50 %") != std::string::npos);
  const std::string last = drawn.substr(drawn.rfind('\r') + 1);
  CHECK(last.size() <= 40 + 3);  // and the sequence that clears the rest
  progress.finish();
  CHECK(display.err().ends_with("\r\x1b[K"));
  CHECK(display.out().find("stopped: 5 rows changed, 1 chunk") != std::string::npos);  // a step that nobody ended
}

TEST_CASE("off a terminal a sign of life comes every ten seconds or five per cent, without control characters") {
  Display display;
  const program::Program program = job();
  report::Progress progress(program, "R", display.screen);
  progress.on(event(run::EventKind::step_started));
  for (int i = 1; i <= 100; ++i) {
    run::Event chunk = event(run::EventKind::chunk_committed);
    chunk.rows_total = 10'000, chunk.rows_done = i * 100, chunk.rows_read = 100, chunk.seconds = 0.5;
    progress.on(chunk);
  }
  const std::string text = display.err();
  const auto lines = std::count(text.begin(), text.end(), '\n');
  CHECK(lines >= 15);
  CHECK(lines <= 20);
  CHECK(text.find('\x1b') == std::string::npos);
  CHECK(text.find('\r') == std::string::npos);
}

TEST_CASE("of chunks side by side the pace is told of all together") {
  Display display;
  const program::Program program = job();
  report::Progress progress(program, "R", display.screen);
  progress.on(event(run::EventKind::step_started));
  run::Event chunk = event(run::EventKind::chunk_committed);
  chunk.rows_total = 1000, chunk.rows_done = 400, chunk.rows_read = 400, chunk.seconds = 2, chunk.beside = 4;
  progress.on(chunk);
  progress.on(chunk);
  CHECK(display.err().find(", 800 rows/s") != std::string::npos);
}

TEST_CASE("the summary says what changed, or that there was nothing to do, or how to go on") {
  const program::Program program = job();
  auto said = [&](run::Outcome outcome, run::EventKind kind = run::EventKind::step_started) {
    Display display;
    report::Progress progress(program, "R", display.screen);
    progress.on(event(kind));
    display.out();
    const std::size_t before = display.out_size;
    progress.summary(outcome, "bfl run fix.bfl", 0);
    return display.out().substr(before);
  };
  run::Outcome outcome;
  outcome.steps_reused = 1;
  outcome.assertions = 1;
  CHECK(said(outcome, run::EventKind::step_reused) == "nothing to do: fix is finished; 1 assertion held\n");
  outcome = {};
  outcome.steps_run = 1;
  CHECK(said(outcome) == "done: no row needed a change\n");
  outcome.changed = 1200;
  CHECK(said(outcome) == "done: 1,200 rows changed\n");
  outcome.exit_code = 130;
  CHECK(said(outcome).find("to go on: bfl run fix.bfl\n") != std::string::npos);
  outcome.exit_code = 3;
  outcome.conflicts = 2;
  CHECK(said(outcome).find("2 in conflict") != std::string::npos);
}
