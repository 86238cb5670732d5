#include <doctest/doctest.h>

#include "interpreter/check/sql_text.h"

using bfl::check::read_sql;

namespace {

std::string marked(std::string_view text, bool postgres = false) {
  const auto read = read_sql(text, postgres);
  if (!read.problem.empty()) return "! " + read.problem;
  std::string out = read.pieces[0];
  for (std::size_t i = 0; i < read.parameters.size(); ++i) out += "<" + read.parameters[i] + ">" + read.pieces[i + 1];
  return out;
}

}  // namespace

TEST_CASE("parameters are found where they are values, and nowhere else") {
  CHECK(marked("SELECT :a, x>:b FROM t WHERE y=:a_1") == "SELECT <a>, x><b> FROM t WHERE y=<a_1>");
  CHECK(marked("SELECT ':a', \":a\", `:a`, [:a] -- :a\n, /* :a */ :b") == "SELECT ':a', \":a\", `:a`, [:a] -- :a\n, /* :a */ <b>");
  CHECK(marked("SELECT 'it''s :a', :a") == "SELECT 'it''s :a', <a>");
  CHECK(marked("SELECT x::text, a[1:2], a[x:y], '{}'::int[] , :a::int", true) == "SELECT x::text, a[1:2], a[x:y], '{}'::int[] , <a>::int");
  CHECK(marked("SELECT $$ :a $$, $x$ $$ :a $x$, E'\\':a', :b /* /* :a */ :a */", true) == "SELECT $$ :a $$, $x$ $$ :a $x$, E'\\':a', <b> /* /* :a */ :a */");
}

TEST_CASE("one statement, closed, without values that nobody gives") {
  CHECK(marked("SELECT 1; -- end\n") == "SELECT 1 -- end\n");
  CHECK(marked("SELECT 1; SELECT 2") == "! the text holds several statements");
  CHECK(marked("SELECT ';' ; ") == "SELECT ';'  ");
  CHECK(marked("SELECT 'a") == "! a text in single quotes is not closed");
  CHECK(marked("SELECT 1 /* a") == "! a comment is not closed");
  CHECK(marked("SELECT $a$ x", true) == "! the text that begins with `$a$` is not closed");
  CHECK(marked("SELECT (1") == "! a bracket is not closed");
  CHECK(marked("SELECT 1) FROM (SELECT 2") == "! a bracket is closed that was not opened");
  CHECK(marked("SELECT ?") == "! `?` stands for a value that nothing gives");
  CHECK(marked("SELECT $1", true) == "! `$1` stands for a value that nothing gives");
  CHECK(marked("SELECT @a") == "! `@a` stands for a value that nothing gives");
  CHECK(marked("SELECT doc ? 'a'", true) == "SELECT doc ? 'a'");  // an operator there
  CHECK(marked(" -- nothing\n") == "! the text holds no statement");
}

TEST_CASE("what is called, and the first word") {
  const auto read = read_sql("-- a\n (SELECT Lower (x), date(), date('NOW'), count(*), Current_Date FROM t)", false);
  CHECK(read.first == "select");
  CHECK(read.called == std::vector<std::string>{"lower", "date", "date()", "'now'", "count", "current_date"});
}
