// The standard library as the checker sees it: every module reads, every function is documented and its examples are typed.
#include <doctest/doctest.h>

#include <set>

#include "tests/unit/shop.h"

using namespace bfl;

TEST_CASE("every function of the library is documented or an overload of one that is") {
  Sources texts;
  const auto library = check::load_library(texts);
  const auto docs = check::documentation(*library);
  CHECK(docs.size() >= 60);
  std::set<std::string> modules, documented;
  for (const auto& function : docs) {
    modules.insert(function.module);
    if (!function.doc.empty()) documented.insert(function.name);
    CHECK_MESSAGE(function.signature.starts_with(function.name + "("), function.signature);
  }
  for (const char* module : {"core", "text", "time", "json", "math"}) CHECK(modules.contains(module));
  for (const auto& function : docs) CHECK_MESSAGE(documented.contains(function.name), function.name);
}

TEST_CASE("every example in the library's documentation is a condition, and no function is of two signatures") {
  Sources texts;
  const auto docs = check::documentation(*check::load_library(texts));
  std::string script = "use std.text\nuse std.time\nuse std.json\nuse std.math\nverify examples {\n";
  std::set<std::string> signatures;
  std::size_t examples = 0;
  for (const auto& function : docs) {
    CHECK_MESSAGE(signatures.insert(function.module + "." + function.signature).second, function.signature);
    for (std::size_t at = 0; at < function.doc.size();) {
      const auto end = std::min(function.doc.find('\n', at), function.doc.size());
      const std::string line = function.doc.substr(at, end - at);
      if (line.starts_with("example: ") && function.module != "recipes") {  // those of recipes are steps: the manual's tests run them
        script += "  assert " + line.substr(9) + "\n";
        ++examples;
      }
      at = end + 1;
    }
  }
  const auto job = test::check_job(script + "}");
  CHECK_MESSAGE(!job->diagnostics.has_errors(), job->drawn());
  CHECK(examples >= docs.size() / 2);
}
