// The examples in the documentation of the library, run: each is a condition that must hold.
#include <doctest/doctest.h>

#include <sstream>

#include "interpreter/check/check.h"
#include "interpreter/eval/evaluate.h"
#include "interpreter/syntax/parse.h"

using namespace bfl;

TEST_CASE("every example in the library holds") {
  Sources sources;
  const auto library = check::load_library(sources);
  const auto docs = check::documentation(*library);
  CHECK(docs.size() > 200);

  std::string job = "job examples {}\nuse std.text\nuse std.time\nuse std.json\nuse std.math\ncheck hold {\n";
  std::size_t count = 0;
  for (const auto& doc : docs) {
    std::istringstream lines(doc.doc);
    for (std::string line; std::getline(lines, line);) {
      const std::string mark = "example: ";
      if (!line.starts_with(mark)) continue;
      job += "  assert " + line.substr(mark.size()) + "\n";
      ++count;
    }
  }
  job += "}\n";
  CHECK(count >= docs.size());  // at least one each

  Diagnostics diagnostics(1000);
  const std::uint32_t source = sources.add("examples.bfl", job);
  const ast::File file = syntax::parse(sources, source, diagnostics);
  REQUIRE_MESSAGE(!diagnostics.has_errors(), render(diagnostics, sources));
  const program::Program program = check::check(file, sources, library, {}, {}, {}, diagnostics);
  REQUIRE_MESSAGE(!diagnostics.has_errors(), render(diagnostics, sources));

  REQUIRE(program.steps.size() == 1);
  CHECK(program.steps[0].assertions.size() == count);
  for (const program::Assertion& assertion : program.steps[0].assertions) {
    const eval::Outcome outcome = eval::constant(assertion.condition, eval::Context{Timestamp{0}});
    const auto* const failed = std::get_if<eval::Failure>(&outcome);
    CHECK_MESSAGE(failed == nullptr, assertion.text, ": ", failed ? failed->message : "");
    if (failed == nullptr) CHECK_MESSAGE(equal(std::get<Value>(outcome), Value(true)), assertion.text);
  }
}
