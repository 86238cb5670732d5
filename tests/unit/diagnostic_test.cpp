#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "interpreter/base/diagnostic.h"

using namespace bfl;

namespace {

std::string drawn(const std::string& text, Diagnostic diagnostic) {
  Sources sources;
  sources.add("job.bfl", text);
  return render(diagnostic, sources);
}

Diagnostic at(std::uint32_t begin, std::uint32_t end) {
  return {.code = Code::unknown_name, .message = "`b` is not known", .span = {begin, end, 0}};
}

}  // namespace

TEST_CASE("a diagnostic is drawn with place, line, caret, notes and help") {
  Diagnostic d = at(4, 5);
  d.label = "here";
  d.notes = {"a note", "two\nlines"};
  d.help = "write `c`";
  CHECK(drawn("a = b\n", d) ==
        "error[BFL0202]: `b` is not known\n"
        " --> job.bfl:1:5\n"
        "  |\n"
        "1 | a = b\n"
        "  |     ^ here\n"
        "  |\n"
        "  = note: a note\n"
        "  = note: two\n"
        "          lines\n"
        "  = help: write `c`\n");
}

TEST_CASE("a tab does not shift the caret") {
  CHECK(drawn("\ta = b", at(5, 6)).find("1 |     a = b\n  |         ^\n") != std::string::npos);
}

TEST_CASE("wide, combining and multibyte characters do not shift the caret") {
  CHECK(drawn("\"\xc3\xa9\" b", at(5, 6)).find("  |     ^\n") != std::string::npos);                  // é
  CHECK(drawn("\"\xe6\xbc\xa2\" b", at(6, 7)).find("  |      ^\n") != std::string::npos);             // 漢
  CHECK(drawn("\"e\xcc\x81\" b", at(6, 7)).find("  |     ^\n") != std::string::npos);                 // e + combining acute
  CHECK(drawn("\"\xf0\x9f\x98\x80\" b", at(7, 8)).find("  |      ^\n") != std::string::npos);         // 😀
}

TEST_CASE("control and bidirectional characters and broken UTF-8 are never sent to the terminal") {
  const std::string out = drawn("a\x1b[31m \xe2\x80\xae \xff b", at(0, 1));
  CHECK(out.find('\x1b') == std::string::npos);
  CHECK(out.find("\xe2\x80\xae") == std::string::npos);
  CHECK(out.find('\xff') == std::string::npos);
}

TEST_CASE("of a line of megabytes the neighbourhood of the caret is drawn, in no time") {
  std::string text(4'000'000, 'x');
  for (std::size_t i = 1; i < text.size(); i += 3) text[i] = '\xc3', text[i + 1] = '\xa9';  // é
  text[3'000'000] = 'b';
  const std::string out = drawn(text, at(3'000'000, 3'000'001));
  CHECK(out.size() < 1'000);
  CHECK(out.find("éb") != std::string::npos);
  CHECK(out.find("\xef\xbf\xbd") == std::string::npos);
  CHECK(out.find(" | ...") != std::string::npos);
  CHECK(out.find("...\n") != std::string::npos);
}

TEST_CASE("further warnings and errors are counted, long names in messages cut") {
  Sources sources;
  sources.add("job.bfl", "a");
  Diagnostics list(3);
  for (int i = 0; i < 5; ++i) list.warning(Code::unused_name, {0, 1, 0}, "never used");
  for (int i = 0; i < 4; ++i) list.error(Code::unknown_name, {0, 1, 0}, std::string(100'000, 'x'));
  const std::string out = render(list, sources);
  CHECK(out.find("2 more warnings not shown") != std::string::npos);
  CHECK(out.find("1 more error not shown") != std::string::npos);
  CHECK(out.size() < 10'000);
}

TEST_CASE("labels of one line hang below it, those of other lines are drawn at their lines") {
  Diagnostic d = at(8, 9);
  d.label = "used here";
  d.labels = {{{0, 3, 0}, "a word"}, {{15, 16, 0}, "another"}};
  CHECK(drawn("let a = b\n\nlet c\n", d) ==
        "error[BFL0202]: `b` is not known\n"
        " --> job.bfl:1:9\n"
        "  |\n"
        "1 | let a = b\n"
        "  | ---     ^ used here\n"
        "  | |\n"
        "  | a word\n"
        "2 |\n"
        "3 | let c\n"
        "  |     - another\n");
}

TEST_CASE("lines far apart are joined by an ellipsis") {
  Diagnostic d = at(0, 1);
  d.labels = {{{11, 12, 0}, "x"}};
  CHECK(drawn("a\n\n\n\n\n\n\n\n\n\nb\n", d).find("...\n11 | b") != std::string::npos);
}

TEST_CASE("a label in another file names that file") {
  Sources sources;
  sources.add("job.bfl", "use std.text");
  sources.add("std/text.bfl", "fn trim");
  Diagnostic d = at(4, 12);
  d.labels = {{{3, 7, 1}, "defined here"}};
  CHECK(render(d, sources).find(" ::: std/text.bfl:1:4\n  |\n1 | fn trim\n  |    ---- defined here") != std::string::npos);
}

TEST_CASE("a very long line is cut around the mark") {
  const std::string out = drawn(std::string(5000, 'a') + " b " + std::string(5000, 'c'), at(5001, 5002));
  CHECK(out.size() < 600);
  CHECK(out.find(" b ") != std::string::npos);
  CHECK(out.find("...aaa") != std::string::npos);
}

TEST_CASE("spans at or past the end, and of no file, are drawn without harm") {
  CHECK(drawn("ab", at(2, 2)).find("1 | ab\n  |   ^\n") != std::string::npos);
  CHECK(drawn("ab", at(70, 90)).find("1 | ab\n") != std::string::npos);
  CHECK(drawn("", at(0, 0)).find("1 |\n  | ^\n") != std::string::npos);
  Diagnostic d = at(0, 0);
  d.span.file = 7;
  d.help = "do it";
  CHECK(drawn("ab", d) == "error[BFL0202]: `b` is not known\n  = help: do it\n");
}

TEST_CASE("a span over several lines is underlined to the end of its first line") {
  CHECK(drawn("ab {\n}\n", at(3, 6)).find("1 | ab {\n  |    ^\n") != std::string::npos);
}

TEST_CASE("colours are only written when asked for") {
  Sources sources;
  sources.add("job.bfl", "a = b");
  CHECK(render(at(4, 5), sources).find('\x1b') == std::string::npos);
  CHECK(render(at(4, 5), sources, {.color = true}).find("\x1b[1;31m^\x1b[0m") != std::string::npos);
}

TEST_CASE("errors beyond the limit are counted, not kept") {
  Sources sources;
  sources.add("job.bfl", "a");
  Diagnostics diagnostics(2);
  for (int i = 0; i < 5; ++i) diagnostics.error(Code::unknown_name, {0, 1, 0}, "m").label = "l";
  diagnostics.warning(Code::unused_name, {0, 1, 0}, "w");
  CHECK(diagnostics.errors() == 5);
  CHECK(diagnostics.all().size() == 3);
  CHECK(render(diagnostics, sources).find("\n3 more errors not shown\n") != std::string::npos);
}

TEST_CASE("diagnostics are sorted by place and keep their order at one place") {
  Diagnostics diagnostics;
  diagnostics.error(Code::unknown_name, {5, 6, 0}, "second");
  diagnostics.error(Code::unknown_name, {5, 6, 0}, "third");
  diagnostics.error(Code::unknown_name, {1, 2, 0}, "first");
  diagnostics.sort_by_position();
  CHECK(diagnostics.all()[0].message == "first");
  CHECK(diagnostics.all()[1].message == "second");
  CHECK(diagnostics.all()[2].message == "third");
}

TEST_CASE("the JSON form holds the place, the labels and the help, and survives bytes that are no UTF-8") {
  Sources sources;
  sources.add("job.bfl", "a\nb = c");
  Diagnostic d{
      .code = Code::unknown_name, .message = "bad \xff", .span = {6, 7, 0}, .labels = {{{0, 1, 0}, "l"}}, .notes = {"n"}, .help = "h"};
  const auto json = nlohmann::json::parse(to_json(d, sources));
  CHECK(json["code"] == "BFL0202");
  CHECK(json["severity"] == "error");
  CHECK(json["file"] == "job.bfl");
  CHECK(json["line"] == 2);
  CHECK(json["column"] == 5);
  CHECK(json["end_column"] == 6);
  CHECK(json["begin"] == 6);
  CHECK(json["labels"][0]["text"] == "l");
  CHECK(json["labels"][0]["line"] == 1);
  CHECK(json["notes"][0] == "n");
  CHECK(json["help"] == "h");
}

TEST_CASE("the nearest name is found by case, by distance, by order of words") {
  const std::vector<std::string> names = {"created_at", "Total", "subtotal", "id"};
  CHECK(nearest("total", names) == "Total");
  CHECK(nearest("creatd_at", names) == "created_at");
  CHECK(nearest("craeted_at", names) == "created_at");
  CHECK(nearest("at_created", names) == "created_at");
  CHECK(nearest("di", names) == "id");
  CHECK(nearest("quantity", names).empty());
  CHECK(nearest("", names).empty());
  CHECK(nearest("x", {}).empty());
}

TEST_CASE("every code has a text and a title of its own") {
  CHECK(code_text(Code::invalid_utf8) == "BFL0101");
  CHECK(code_text(Code::unused_name) == "BFL0603");
  CHECK(!code_title(Code::join_mismatch).empty());
}
