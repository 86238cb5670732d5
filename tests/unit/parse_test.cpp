#include <doctest/doctest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "tests/unit/parsed.h"

using namespace bfl;
using ast::NodeKind;

namespace {

// The tree of the expression behind `where`, without its indentation's base.
std::string expression(const std::string& text) {
  Parsed parsed("let a = t where " + text);
  CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
  const ast::NodeId relation = ast::child_at(parsed.file, parsed.item(), 0);
  return ast::dump(parsed.file, ast::child_at(parsed.file, ast::child(parsed.file, relation, NodeKind::clause), 0));
}

void refuses(const std::string& text, Code code, const std::string& marked) {
  CAPTURE(text);
  Parsed parsed(text);
  REQUIRE(parsed.errors() >= 1);
  CHECK_MESSAGE(parsed.error().code == code, parsed.drawn());
  CHECK_MESSAGE(parsed.marked() == marked, parsed.drawn());
}

void refuses_expression(const std::string& text, Code code, const std::string& marked) { refuses("let a = t where " + text, code, marked); }

std::string read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

}  // namespace

// The language --------------------------------------------------------------------------------------------------------

TEST_CASE("every job of the corpus parses without a diagnostic") {
  int jobs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(BFL_SOURCE_DIR "/tests/fuzz/corpus/parse")) {
    if (!entry.path().filename().string().starts_with("job_")) continue;
    ++jobs;
    Parsed parsed(read(entry.path()));
    CHECK_MESSAGE(parsed.diagnostics.all().empty(), entry.path().filename().string() << "\n" << parsed.drawn());
  }
  CHECK(jobs >= 20);
}

TEST_CASE("every module of the library parses without a diagnostic") {
  for (const auto& entry : std::filesystem::directory_iterator(BFL_SOURCE_DIR "/stdlib")) {
    if (entry.path().extension() != ".bfl") continue;
    Parsed parsed(read(entry.path()));
    CHECK_MESSAGE(parsed.diagnostics.all().empty(), entry.path().filename().string() << "\n" << parsed.drawn());
  }
}

TEST_CASE("each word of the list is used by the grammar") {
  const std::string grammar = read(BFL_SOURCE_DIR "/grammar/bfl.h");
  constexpr std::string_view words[] = {
#define BFL_KEYWORD(id, text, role) #id,
#include "grammar/keywords.def"
#undef BFL_KEYWORD
  };
  for (const std::string_view word : words) {
    const std::string use = fmt::format("kw::{}", word);
    bool used = false;
    for (std::size_t at = grammar.find(use); at != std::string::npos && !used; at = grammar.find(use, at + 1)) {
      const char next = grammar[at + use.size()];
      used = next == ',' || next == '>' || next == ' ';
    }
    CHECK_MESSAGE(used, word);
  }
}

TEST_CASE("the items of a job become a tree") {
  Parsed parsed(R"(
job fix { owner "a@b" ticket "T-1" }
use std.text
use "lib/x.bfl"
param since: date? = 2025-03-01
source shop = sqlite("shop.db") { column logs.extra: json, column `odd one`.ids: [int]? }
native fn f(a: text?, b: [int?]) -> text?
fn g() -> int = 1
)");
  CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
  CHECK(parsed.dump() == R"(file
  job `fix`
    entry owner `owner`
      string `"a@b"`
    entry ticket `ticket`
      string `"T-1"`
  use `std.text`
  use `lib/x.bfl`
  param `since`
    type `date` nullable
    date `2025-03-01`
  source `shop`
    call `sqlite`
      string `"shop.db"`
    column_decl `logs.extra`
      type `json`
    column_decl `odd one.ids`
      type `int` nullable array
  fn `f` native
    fn_param `a`
      type `text` nullable
    fn_param `b`
      type `int` array element_nullable
    type `text` nullable
  fn `g`
    type `int`
    integer `1`
)");
}

TEST_CASE("relation clauses belong to the rows of a step, the others to the step") {
  Parsed parsed(R"(
update u of app.rows as r
  join one t as x on x.id == id else skip "gone"
  where a
  chunk 5_000 by id, k expect changed <= 5 once after y, z
{ set c = 1 set `odd name` = x.d }
)");
  CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
  CHECK(parsed.dump() == R"(file
  step update `u`
    relation
      member `rows`
        name `app`
      alias `r`
      clause join one
        relation
          name `t`
          alias `x`
        binary ==
          member `id`
            name `x`
          name `id`
        else_skip
          string `"gone"`
      clause where
        name `a`
    clause chunk
      integer `5_000`
      by
        name `id`
        name `k`
    clause expect
      binary <=
        name `changed`
        integer `5`
    clause once
    clause after
      name `y`
      name `z`
    body
      statement set
        assign `c`
          integer `1`
      statement set
        assign `odd name` backticked
          member `d`
            name `x`
)");
}

TEST_CASE("a clause in a body is a statement with the same children") {
  Parsed parsed("delete d of t { chunk by a, b expect changed <= 5% of t }");
  CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
  CHECK(parsed.dump().find("    body\n      statement chunk\n        by\n          name `a`\n          name `b`\n      statement expect\n"
                           "        binary <=\n          name `changed`\n          percent `5%`\n        relation\n          name `t`\n") !=
        std::string::npos);
}

TEST_CASE("position decides: words of clauses are names where an operand is due") {
  CHECK(expression("order == group and where != key") ==
        "binary and\n  binary ==\n    name `order`\n    name `group`\n  binary !=\n    name `where`\n    name `key`\n");
  Parsed parsed("let user = job.order where where order by limit limit 5 keep { key, set = set }");
  CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
  Parsed step("update update of update where update == check { set set = set  set job = 1 }");
  CHECK_MESSAGE(step.errors() == 0, step.drawn());
}

TEST_CASE("reserved words are no names, unless in backticks") {
  for (const std::string word : {"true", "false", "null", "and", "or", "not", "in", "case"}) {
    Parsed plain("let " + word + " = t");
    CHECK(plain.errors() == 1);
    CHECK(plain.error().help.find("backticks") != std::string::npos);
    Parsed quoted("let `" + word + "` = t");
    CHECK_MESSAGE(quoted.errors() == 0, quoted.drawn());
    CHECK(quoted.file[quoted.item()].text == word);
  }
}

TEST_CASE("operators bind as documented") {
  CHECK(expression("a + b * -c ?? d == e") ==
        "binary ==\n  binary ??\n    binary +\n      name `a`\n      binary *\n        name `b`\n        unary negate\n          name `c`\n"
        "    name `d`\n  name `e`\n");
  CHECK(expression("not a == b and c or d") ==
        "binary or\n  binary and\n    unary not\n      binary ==\n        name `a`\n        name `b`\n    name `c`\n  name `d`\n");
  CHECK(expression("a - b - c") == "binary -\n  binary -\n    name `a`\n    name `b`\n  name `c`\n");
  CHECK(expression("a not in [1]") == "binary not in\n  name `a`\n  array\n    integer `1`\n");
  CHECK(expression("a-1") == "binary -\n  name `a`\n  integer `1`\n");
}

TEST_CASE("a minus on the line below a case arm begins the next arm") {
  CHECK(expression("case a {\n 1 => b\n -2 => c\n else => d - 1\n}") ==
        "case has_subject\n  name `a`\n  case_arm\n    integer `1`\n    name `b`\n  case_arm\n    unary negate\n      integer `2`\n    "
        "name `c`\n"
        "  case_else\n    binary -\n      name `d`\n      integer `1`\n");
}

TEST_CASE("an argument may be an expression, a relation, a pick or have a name") {
  CHECK(expression("f(a + 1, by: b)") == "call `f`\n  binary +\n    name `a`\n    integer `1`\n  named_arg `by`\n    name `b`\n");
  CHECK(expression("count(s.t as l where a)") ==
        "call `count`\n  relation\n    member `t`\n      name `s`\n    alias `l`\n    clause where\n      name `a`\n");
  CHECK(expression("count(where n > 1)") ==
        "call `count`\n  pick\n    clause where\n      binary >\n        name `n`\n        integer `1`\n");
  CHECK(expression("first(a + 1 where b order by c desc)") ==
        "call `first`\n  pick\n    binary +\n      name `a`\n      integer `1`\n    clause where\n      name `b`\n    clause order\n"
        "      order_key desc\n        name `c`\n");
  CHECK(
      expression("(a, b) in ((c, d) from r where e)") ==
      "binary in\n  tuple\n    name `a`\n    name `b`\n  pick\n    tuple\n      name `c`\n      name `d`\n    clause from\n      relation\n"
      "        name `r`\n        clause where\n          name `e`\n");
  CHECK(expression("row_number() over (partition by a order by b) > count() over g") ==
        "binary >\n  call `row_number`\n    over over\n      clause partition\n        name `a`\n      clause order\n        order_key\n"
        "          name `b`\n  call `count`\n    over over\n      name `g`\n");
}

TEST_CASE("literals keep their text and their kind") {
  CHECK(expression("[1_000, 12.50, 250ms, 2h, 64MiB, 5%, 2025-03-01, 2025-03-01T10:00:00.5+02:00, true, false, null]") ==
        "array\n  integer `1_000`\n  decimal `12.50`\n  duration `250ms`\n  duration `2h`\n  size `64MiB`\n  percent `5%`\n  date "
        "`2025-03-01`\n"
        "  timestamp `2025-03-01T10:00:00.5+02:00`\n  true `true`\n  false `false`\n  null `null`\n");
  CHECK(expression("f\"a{{{b + f\"{c}\"}z\"") ==
        "fstring `f\"a{{{b + f\"{c}\"}z\"`\n  string_piece `a{{`\n  binary +\n    name `b`\n    fstring `f\"{c}\"`\n      name `c`\n"
        "  string_piece `z`\n");
  CHECK(expression("{ \"k\": 1, k: [2,] }") ==
        "object\n  object_entry `\"k\"`\n    integer `1`\n  object_entry `k`\n    array\n      integer `2`\n");
  CHECK(expression("-9223372036854775808 < 9223372036854775807").starts_with("binary <"));
}

TEST_CASE("spans cover the construct and nothing behind it") {
  Parsed parsed("let a = t where (b + 1) * 2   # note\n\nlet c = d\n");
  CHECK(parsed.sources.slice(parsed.file[parsed.item(0)].span) == "let a = t where (b + 1) * 2");
  CHECK(parsed.sources.slice(parsed.file[parsed.item(1)].span) == "let c = d");
  CHECK(parsed.sources.slice(parsed.file[parsed.item(1)].name_span) == "c");
  REQUIRE(parsed.file.comments.size() == 1);
  CHECK(parsed.sources.slice(parsed.file.comments[0].span) == "# note");
}

TEST_CASE("the comments right above an item are its documentation") {
  Parsed parsed("# apart\n\n# one\n#  two\nlet a = b # behind\nlet c = d\r\n# dos\r\nlet e = f\n");
  CHECK(ast::documentation(parsed.file, parsed.sources, parsed.item(0)) == "one\n two");
  CHECK(ast::documentation(parsed.file, parsed.sources, parsed.item(1)).empty());
  CHECK(ast::documentation(parsed.file, parsed.sources, parsed.item(2)) == "dos");
}

TEST_CASE("the content of a string has its escapes resolved and its margin removed") {
  const auto content = [](const std::string& literal) {
    Parsed parsed("let a = t where " + literal);
    CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
    for (ast::NodeId id = 0; id < parsed.file.nodes.size(); ++id) {
      const NodeKind kind = parsed.file[id].kind;
      if (kind == NodeKind::string || kind == NodeKind::string_piece) return *syntax::string_content(parsed.file, id, parsed.diagnostics);
    }
    return std::string("none");
  };
  CHECK(content(R"("a\n\t\\\"\u{1F600}")") == "a\n\t\\\"\xf0\x9f\x98\x80");
  CHECK(content(R"(r"\d+\n")") == "\\d+\\n");
  CHECK(content(R"("")").empty());
  CHECK(content("f\"{{a}}\"") == "{a}");
  CHECK(content("\"\"\"one\"\"\"") == "one");
  CHECK(content("\"\"\"\n    one\n      two\\t\n\n    three\n    \"\"\"") == "one\n  two\t\n\nthree");
  CHECK(content("\"\"\"\r\n  one\r\n  \"\"\"") == "one");
  CHECK(content("r\"\"\"\n  a\\b\n  \"\"\"") == "a\\b");
}

TEST_CASE("constructs of the whole language parse, whatever may be done with them later") {
  Parsed parsed(R"(
snapshot s = t window g (partition by a order by b) distinct union (u where x) expand e in [1, 2]
insert i into app.t from s as r where a { set b = c key (b) once per a, b }
upsert p into app.t from s { set b = c key b }
update d of t {
  match kind {
    "a", "b" { join many x as y on true set c = y.d }
    else skip "other"
  }
  unique lower(name) within realm order by id else wanted + "x"
  on duplicate (a, b) keep first by r desc, id delete others
}
update f of t follow one h as n on n.id == prev.id on loop stop where is_last(n) { when exists(t) "not yet" atomic cascades to a.b, c }
sql q on app """update t set a = 1""" { writes t(a) once }
check c after q { assert a == 1 "message" }
recipe r($t: table, $c: column) { update fix_$c of $t as x where x.$c == null { set $c = 1 after a_$c } for n in [a, "b"] { check c_$n { assert $n } } }
apply r(s.t, c: note) as p
test "title" {
  given clock 2025-04-01T00:00:00Z
  given shop.orders [ { id: 1 } ]
  expect shop.orders [ { id: 1 } ]
  expect changed f == 1
}
)");
  CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
}

TEST_CASE("a relation in SQL, with a text for all engines or one for each") {
  Parsed parsed("let p = sql on app key id { id: int, n: text? } reads nodes(id, n), edges \"select 1\"\n"
                "let q = sql on app { id: int } sqlite \"select 1\" postgres \"\"\"select 2\"\"\"\n"
                "let sql = app.nodes let r = sql where id == 1");
  CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
  Parsed wrong("let p = sql on app { id: int } reads nodes\nlet q = sql on app \"select 1\"\n");
  REQUIRE(wrong.errors() == 2);
  CHECK(wrong.error(0).message == "found `let` where the SQL as a text, or one for each engine: `sqlite \"…\" postgres \"…\"` is expected");
  CHECK(wrong.error(1).message == "found a text where `{` and the columns with their types is expected");
}

// Mistakes ------------------------------------------------------------------------------------------------------------

TEST_CASE("a mistake says what was found and what was expected") {
  Parsed parsed("let a = t where (b + ) == 1");
  REQUIRE(parsed.errors() == 1);
  CHECK(parsed.error().code == Code::unexpected_token);
  CHECK(parsed.error().message == "found `)` where an expression is expected");
  CHECK(parsed.marked() == ")");
}

TEST_CASE("several mistakes are reported in one go, each item by itself") {
  Parsed parsed("let a = \nlet b = t where\nupdate c of d { set = 1 }\nparam e date\nlet good = t\ncheck f { assert }\n");
  CHECK(parsed.errors() == 5);
  CHECK(ast::child(parsed.file, parsed.file.root, NodeKind::let) != ast::no_node);
  CHECK(ast::child(parsed.file, parsed.file.root, NodeKind::error) != ast::no_node);
}

TEST_CASE("an item that is not complete is said to be so, and the next one is still read") {
  Parsed parsed("let a =\nlet b = t where\nupdate c of d { set e = 1 }\n");
  REQUIRE(parsed.errors() == 2);
  CHECK(parsed.marked(0) == "let");
  CHECK(parsed.marked(1) == "update");
  CHECK(parsed.error().message == "found `let` where the item above is not complete");
}

TEST_CASE("a misspelt word of an item or a clause gets the nearest one") {
  const auto help = [](const std::string& text) {
    Parsed parsed(text);
    CHECK(parsed.error().code == Code::unknown_keyword);
    return parsed.error().help;
  };
  CHECK(help("parm a: int") == "did you mean `param`");
  CHECK(help("updaet a of b { set c = 1 }") == "did you mean `update`");
  CHECK(help("jbo a { }") == "did you mean `job`");
  CHECK(help("let a = t wher b") == "did you mean `where`");
  CHECK(help("let a = t WHERE b") == "did you mean `where`");
  Parsed statement("update a of b { ste c = 1 }");
  CHECK(statement.error().help == "did you mean `set`");
}

TEST_CASE("an unknown step kind that is near no word is left to the checker") {
  Parsed parsed("frobnicate x of t where a { set b = 1 }");
  CHECK_MESSAGE(parsed.errors() == 0, parsed.drawn());
  CHECK(parsed.file[parsed.item()].word == "frobnicate");
}

TEST_CASE("habits of SQL and other languages get their form in bfl") {
  const auto habit = [](const std::string& text, const std::string& marked, const std::string& help) {
    Parsed parsed("let a = t where " + text);
    CAPTURE(text);
    REQUIRE(parsed.errors() == 1);
    CHECK(parsed.error().code == Code::sql_habit);
    CHECK(parsed.marked() == marked);
    CHECK(parsed.error().help.find(help) != std::string::npos);
  };
  habit("x = 1", "=", "`==`");
  habit("x <> 1", "<>", "`!=`");
  habit("x is null", "is null", "`== null`");
  habit("x IS NOT NULL", "IS NOT NULL", "`!= null`");
  habit("x && y", "&&", "`and`");
  habit("x || y", "||", "`or`");
  habit("!x", "!", "`not`");
  habit("x == 'bob'", "'bob'", "`\"bob\"`");
  habit("x like \"a%\"", "like", "starts_with");
  habit("x not ilike \"a%\"", "not ilike", "starts_with");
  habit("x between 1 and 2", "between", ">=");
  habit("x == --1", "--", "`#`");
  habit("x == 1;", ";", "remove it");
}

TEST_CASE("several habits in one expression are all reported") {
  Parsed parsed("let a = t where x = 1 && y <> 'z' || z is null;");
  CHECK(parsed.errors() == 7);
}

TEST_CASE("comparisons do not chain") { refuses_expression("a < b < c", Code::unexpected_token, "<"); }

TEST_CASE("a text that is not closed is marked from its quote") {
  refuses_expression("a == \"abc\nlet b = c\n", Code::unclosed_string, "\"abc");
  refuses_expression("a == \"\"\"abc\nlet b = c\n", Code::unclosed_string, "\"\"\"");
  refuses_expression("a == r\"abc", Code::unclosed_string, "r\"abc");
  refuses_expression("a == f\"abc {b}", Code::unclosed_string, "f\"abc {b}");
  refuses_expression("`abc == 1\n", Code::unclosed_string, "`abc == 1");
  refuses_expression("a == f\"x } y\"", Code::invalid_literal, "}");
}

TEST_CASE("a bracket that is not closed is marked where it was opened") {
  refuses("check a {\n  assert b == 1\n", Code::unclosed_block, "{");
  refuses("check a {\n  assert b == 1\n\ncheck c { assert d == 1 }\n", Code::unclosed_block, "{");
  refuses("check a {\n  assert f(b, \n\ncheck c { assert d == 1 }\n", Code::unclosed_block, "(");
  refuses("let a = t where b in [1, 2", Code::unclosed_block, "[");
  Parsed parsed("check a {\n  assert b == (1]\n}\n");
  REQUIRE(parsed.error().labels.size() == 1);
  CHECK(parsed.sources.slice(parsed.error().labels[0].span) == "(");
}

TEST_CASE("literals that mean nothing are refused where they stand") {
  refuses_expression("a == 9223372036854775808", Code::integer_too_large, "9223372036854775808");
  refuses_expression("a == 99999999999999999999999999", Code::integer_too_large, "99999999999999999999999999");
  refuses_expression("a == -9223372036854775809", Code::integer_too_large, "9223372036854775809");
  refuses_expression("a - 9223372036854775808 == 1", Code::integer_too_large, "9223372036854775808");
  refuses_expression("a == 2024-02-30", Code::invalid_literal, "30");
  refuses_expression("a == 2023-02-29", Code::invalid_literal, "29");
  refuses_expression("a == 2024-13-01", Code::invalid_literal, "13");
  refuses_expression("a == 0000-01-01", Code::invalid_literal, "0000-01-01");
  refuses_expression("a == 2024-2-3", Code::invalid_literal, "2024-2-3");
  refuses_expression("a == 2024-02-03T25:00:00Z", Code::invalid_literal, "2024-02-03T25:00:00Z");
  refuses_expression("a == 2024-02-03T10:00:00", Code::invalid_literal, "2024-02-03T10:00:00");
  refuses_expression("a == 12abc", Code::invalid_literal, "12abc");
  refuses_expression("a == 1.2.3", Code::invalid_literal, "1.2.3");
  refuses_expression("a == 99999999999999999999h", Code::invalid_literal, "99999999999999999999h");
  refuses_expression("a == \"\\q\"", Code::invalid_literal, "\\q");
  refuses_expression("a == \"\\u{d800}\"", Code::invalid_literal, "\\u");
  refuses_expression("a == \"\\u{0}\"", Code::invalid_literal, "\\u");
  refuses_expression("a == f\"\\q\"", Code::invalid_literal, "\\q");
}

TEST_CASE("bytes that are no UTF-8, control and bidirectional characters are refused before anything is parsed") {
  refuses("let a = \xff\xfe", Code::invalid_utf8, "\xff");
  refuses("let a = \"\xed\xa0\x80\"", Code::invalid_utf8, "\xed");        // a surrogate
  refuses("let a = \"\xc0\xaf\"", Code::invalid_utf8, "\xc0");            // overlong
  refuses("let a = \"\xe2\x82", Code::invalid_utf8, "\xe2");              // cut off
  refuses(std::string("let a = b\0c", 11), Code::forbidden_character, std::string("\0", 1));
  refuses("# \x1b[31m", Code::forbidden_character, "\x1b");
  refuses("# \x7f", Code::forbidden_character, "\x7f");
  refuses("# \xe2\x80\xae", Code::forbidden_character, "\xe2\x80\xae");
  refuses("let a = \"\xe2\x81\xa6\"", Code::forbidden_character, "\xe2\x81\xa6");
  refuses("let a = b\xef\xbb\xbf", Code::forbidden_character, "\xef\xbb\xbf");
  Parsed marked("\xef\xbb\xbflet a = t where b == \"\xc3\xa9\xe6\xbc\xa2\xf0\x9f\x98\x80\"\r\n");
  CHECK_MESSAGE(marked.errors() == 0, marked.drawn());
}

TEST_CASE("a name with other letters is shown whole") {
  refuses_expression(
      "Gr\xc3\xb6\xc3\x9f"
      "e == 1",
      Code::unexpected_token,
      "Gr\xc3\xb6\xc3\x9f"
      "e");
}

TEST_CASE("an empty file says so") {
  for (const std::string text : {"", "  \n\n", "# only a comment", "\xef\xbb\xbf"}) {
    Parsed parsed(text);
    REQUIRE(parsed.errors() == 1);
    CHECK(parsed.error().code == Code::empty_file);
  }
}

TEST_CASE("a file beyond the size limit is not parsed") {
  Parsed parsed("let a = b\n" + std::string(syntax::max_file_bytes, ' '));
  REQUIRE(parsed.errors() == 1);
  CHECK(parsed.error().code == Code::file_too_large);
}

// Limits --------------------------------------------------------------------------------------------------------------
