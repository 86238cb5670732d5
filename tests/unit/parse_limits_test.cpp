#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>

#include "tests/unit/parsed.h"

using namespace bfl;

TEST_CASE("nesting of every kind is limited, and within the limit it parses") {
  struct Shape {
    std::string open, middle, close;
  };
  const Shape shapes[] = {{"(", "a", ")"},   {"f(", "a", ")"},      {"[", "1", "]"},   {"{ \"k\": ", "1", "}"}, {"- ", "a", ""},
                          {"not ", "a", ""}, {"case { a => ", "1", "}"}, {"!", "a", ""}, {"f\"{", "a", "}\""}, {"(a + ", "a", ")"},
                          {"(a from t where ", "a", ")"}};
  for (const Shape& shape : shapes) {
    CAPTURE(shape.open);
    for (const int deep : {129, 1'000, 200'000}) {
      Parsed parsed("let a = t where " + repeated(shape.open, deep) + shape.middle + repeated(shape.close, deep));
      const bool found = std::any_of(parsed.diagnostics.all().begin(), parsed.diagnostics.all().end(),
                                     [](const Diagnostic& d) { return d.code == Code::nesting_too_deep; });
      CHECK_MESSAGE(found, parsed.drawn().substr(0, 1000));
    }
    if (shape.open == "!") continue;
    Parsed parsed("let a = t where " + repeated(shape.open, 120) + shape.middle + repeated(shape.close, 120));
    CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn().substr(0, 1000));
  }
  Parsed relations("let a = " + repeated("(", 200'000) + "t" + repeated(")", 200'000));
  CHECK(relations.error().code == Code::nesting_too_deep);
  Parsed blocks("update a of b " + repeated("{ match x { 1 ", 200'000));
  CHECK(blocks.error().code == Code::nesting_too_deep);
}

TEST_CASE("a chain of operators has a limit, because later stages walk the tree by recursion") {
  Parsed fine("let a = t where b" + repeated(" or b", 900));
  CHECK_MESSAGE(fine.errors() == 0, fine.drawn());
  Parsed operators("let a = t where b" + repeated(" + 1", 100'000) + "\nlet c = == 1");
  REQUIRE(operators.errors() == 2);
  CHECK(operators.error().code == Code::nesting_too_deep);
  Parsed members("let a = t where b" + repeated(".c", 100'000));
  CHECK(members.error().code == Code::nesting_too_deep);
}

TEST_CASE("no input takes more than linear time") {
  const auto seconds = [](const std::string& text) {
    const auto begin = std::chrono::steady_clock::now();
    Parsed parsed(text);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  };
  const std::string nasty[] = {repeated("(", 1'000'000),      repeated("let a = (\n", 200'000), repeated("\"\"\" ", 300'000),
                               repeated("case ", 300'000),    repeated("# c\n", 500'000),       repeated("a ", 500'000),
                               repeated("{", 1'000'000),      repeated("f\"{", 300'000),        repeated("x.", 500'000),
                               repeated("updaet x\n", 200'000), repeated("let a = \"\n", 200'000), std::string(2'000'000, ' ') + "x"};
  for (const std::string& text : nasty) {
    CAPTURE(text.substr(0, 20));
    CHECK(seconds(text) < 5);
  }
}

TEST_CASE("broken files give a bounded number of reports") {
  Parsed parsed(repeated("let a = )\n", 100'000));
  CHECK(parsed.errors() <= 100);
}
