// The formatter against every script of the tree, with comments in every gap, torn lines and spliced expressions.
#include "interpreter/syntax/format.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "interpreter/syntax/tokens.h"
#include "tests/unit/parsed.h"

using namespace bfl;

namespace {

std::string formatted(const std::string& text) {
  const auto result = syntax::format(text);
  REQUIRE_MESSAGE(result, (result ? "" : result.error().message), "\n", text);
  return *result;
}

// Formats, and holds the result against what it may not lose. Gives the new text.
std::string sound(const Parsed& before) {
  const std::string text(before.sources.file(0).text());
  const std::string once = formatted(text);
  const Parsed after(once);
  CHECK_MESSAGE(after.dump() == before.dump(), text);
  CHECK_MESSAGE(syntax::same_tokens(syntax::tokens(before.file, before.sources), syntax::tokens(after.file, after.sources)), text);
  CHECK(formatted(once) == once);
  std::istringstream lines(once);
  for (std::string line; std::getline(lines, line);)
    if (line.find("\"\"\"") == std::string::npos && once.find("\"\"\"") == std::string::npos) CHECK((line.empty() || line.back() != ' '));
  return once;
}

// Every script of the tree that parses.
const std::vector<std::string>& scripts() {
  static const std::vector<std::string> all = [] {
    std::vector<std::string> paths, texts;
    for (const char* folder : {"examples", "stdlib", "tests/corpus", "tests/cases"})
      for (const auto& entry : std::filesystem::recursive_directory_iterator(std::filesystem::path(BFL_SOURCE_DIR) / folder))
        if (entry.path().extension() == ".bfl") paths.push_back(entry.path().string());
    std::sort(paths.begin(), paths.end());
    for (const std::string& path : paths) {
      std::ifstream in(path, std::ios::binary);
      std::string text{std::istreambuf_iterator<char>(in), {}};
      if (text.size() < 20'000 && !Parsed(text).diagnostics.has_errors()) texts.push_back(std::move(text));
    }
    return texts;
  }();
  return all;
}

std::string with(const std::string& text, std::size_t at, const std::string& what) { return text.substr(0, at) + what + text.substr(at); }

}  // namespace

TEST_CASE("every script of the tree keeps its tokens, its comments and its tree") {
  REQUIRE(scripts().size() > 200);
  for (const std::string& text : scripts()) sound(Parsed(text));
}

TEST_CASE("a comment in any gap stays in it") {
  for (std::size_t s = 0; s < scripts().size(); ++s) {
    const std::string& text = scripts()[s];
    const Parsed parsed(text);
    const auto tokens = syntax::tokens(parsed.file, parsed.sources);
    std::string everywhere = text;
    for (std::size_t i = tokens.list.size(); i-- > 0;) {
      // Where a call, a path or a declared column may hold no white space there is no gap.
      const std::string kind = i % 2 == 0 ? "# behind\n" : "\n# alone\n";
      const std::string one = with(text, tokens.list[i].begin, kind), grown = with(everywhere, tokens.list[i].begin, kind);
      const bool alone = s % 12 == 0;
      if (const Parsed p(grown); !p.diagnostics.has_errors() && p.dump() == parsed.dump()) {
        everywhere = grown;
        if (alone) sound(Parsed(one));
      }
    }
    sound(Parsed(everywhere));
  }
}

TEST_CASE("however the lines were torn, what comes out is settled") {
  std::mt19937 random(20260131);
  const char* const blanks[] = {" ", "\n", "\n\n\n", "\t", "  ", "\r\n", " \n "};
  for (const std::string& text : scripts()) {
    const Parsed parsed(text);
    const auto tokens = syntax::tokens(parsed.file, parsed.sources);
    std::string torn;
    for (std::size_t i = 0; i + 1 < tokens.list.size(); ++i) {
      const auto& token = tokens.list[i];
      const std::size_t end = i == 0 ? 0 : tokens.list[i - 1].begin + tokens.list[i - 1].text.size();
      if (token.comments != 0) torn += text.substr(end, token.begin - end);
      else if (end != token.begin) torn += blanks[random() % std::size(blanks)];
      torn += token.text;
    }
    const Parsed other(torn);
    if (!other.diagnostics.has_errors() && other.dump() == parsed.dump()) sound(other);
  }
}

TEST_CASE("spliced programs: expressions of one script in the place of another's") {
  std::mt19937 random(7);
  int sound_ones = 0;
  for (int round = 0; round < 1500; ++round) {
    const Parsed into(scripts()[random() % scripts().size()]), from(scripts()[random() % scripts().size()]);
    const auto expression = [&](const Parsed& p) {
      for (;;) {
        const ast::Node& node = p.file.nodes[random() % p.file.nodes.size()];
        if (node.kind >= ast::NodeKind::null_ && node.kind <= ast::NodeKind::tuple && node.kind != ast::NodeKind::string_piece &&
            node.kind != ast::NodeKind::object_entry && node.kind != ast::NodeKind::case_arm && node.kind != ast::NodeKind::case_else) return node.span;
        if (random() % 500 == 0) return node.span;
      }
    };
    const Span there = expression(into), here = expression(from);
    std::string text(into.sources.file(0).text());
    std::string piece(from.sources.slice({here.begin, here.end, 0}));
    if (random() % 2 != 0) piece = "(" + piece + ")";
    text.replace(there.begin, there.end - there.begin, piece);
    const Parsed spliced(text);
    if (spliced.diagnostics.has_errors()) continue;
    sound(spliced);
    ++sound_ones;
  }
  CHECK(sound_ones > 300);
}

TEST_CASE("the canonical layout") {
  CHECK(formatted("job   j{why\"w\"}") == "job j { why \"w\" }\n");
  CHECK(formatted("job j { owner \"o\" why \"w\" }") == "job j {\n  owner \"o\"\n  why   \"w\"\n}\n");
  CHECK(formatted("let a=s.t where x==1\n where y in(1,2)") == "let a = s.t\n  where x == 1\n  where y in (1, 2)\n");
  CHECK(formatted("let a = s.t as o where - x == - -1 and f( x,y ).z") == "let a = s.t as o where -x == - -1 and f(x, y).z\n");
  CHECK(formatted("update u of s.t\n where a\n{ set x = 1 }") == "update u of s.t\n  where a\n{ set x = 1 }\n");
  CHECK(formatted("update u of s.t where a\n{ set x = 1 set y = 2 }") == "update u of s.t where a {\n  set x = 1\n  set y = 2\n}\n");
  CHECK(formatted("let a = s.t derive {\n aa = 1, b = case x { 1 => 2, else => 3 } }") ==
        "let a = s.t\n  derive {\n    aa = 1,\n    b  = case x { 1 => 2, else => 3 }\n  }\n");
  CHECK(formatted("\n\n# top\n\n\n\nuse std.text # why\n# of j\njob j { # begin\n why \"w\"\n # end\n}\n\n\n# last") ==
        "# top\n\nuse std.text  # why\n# of j\njob j {  # begin\n  why \"w\"\n  # end\n}\n\n# last\n");
  CHECK(formatted("let a = s.t where aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa or bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb and cccccccccccccccccccc") ==
        "let a = s.t\n  where aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n    or bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb and cccccccccccccccccccc\n");
  CHECK(formatted("fn f ( x:text ? , y : [ int ? ] )->text=x") == "fn f(x: text?, y: [int?]) -> text = x\n");
  CHECK(formatted("let a = sql on s{id:int}reads t(id),u sqlite\"\"\"\n  x\"\"\"") ==
        "let a = sql on s { id: int }\n  reads t(id), u\n  sqlite \"\"\"\n  x\"\"\"\n");
  CHECK_FALSE(syntax::format("job {"));
}
