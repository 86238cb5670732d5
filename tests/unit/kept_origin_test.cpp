#include "interpreter/ledger/kept_origin.h"

#include <doctest/doctest.h>

#include "interpreter/ledger/image_table.h"

using namespace bfl;
using ledger::Same;
using ledger::TableName;

TEST_CASE("what a relation was made of is read as it was written") {
  const std::vector<ledger::KeptOrigin> origins{{"bfl_kept_1_a", {{"orders"}, {"odd \"name\""}}, {"orders"}, {{"mine", "id"}, {"\n", "note"}}}, {"bfl_kept_1_b", {}, {}, {}},
                                                {"bfl_kept_1_c", {{"orders", "public"}, {"?"}}, {"orders", "public"}, {}}};
  const auto read = ledger::described_origins(ledger::describe(origins));
  REQUIRE(read.size() == 3);
  CHECK(read[0].relation == origins[0].relation);
  for (std::size_t i = 0; i < read.size(); ++i) {
    CHECK(read[i].tables == origins[i].tables);
    CHECK(read[i].rows_of == origins[i].rows_of);
  }
  CHECK(read[0].columns == origins[0].columns);
  // An entry without room for it has a digest, and one of an older bfl nothing.
  for (const char* none : {"", "sha256:00", "{}", "[{\"relation\":\"a\"}]", "[1]"}) CHECK(ledger::described_origins(none).empty());
  // An older bfl knows no schemas: it is to read nothing.
  CHECK(ledger::describe({origins[0]}).find("\"tables\"") != std::string::npos);
  CHECK(ledger::describe({origins[2]}).find("\"tables\"") == std::string::npos);
  CHECK(!ledger::described_names("sha256:00"));
  CHECK(ledger::described_names("[]") == std::vector<TableName>{});
  CHECK(ledger::described_names(ledger::describe(origins[2].tables)) == origins[2].tables);
}

TEST_CASE("a table is known by its name and by where it lies, as far as the ledger tells") {
  const ledger::NamedTable here{{.name = "orders", .schema = "public", .relation = "orders"}};
  CHECK(here.is({"orders", "public"}) == Same::yes);
  CHECK(here.is({"public.orders", "public"}) == Same::yes);
  CHECK(here.is({"orders", "archive"}) == Same::no);
  CHECK(here.is({"archive.orders"}) == Same::no);
  CHECK(here.is({"public.orders"}) == Same::yes);
  CHECK(here.is({"orders"}) == Same::yes);
  const ledger::NamedTable one_of_two{here.table, {}, false};
  CHECK(one_of_two.is({"orders", "public"}) == Same::yes);
  CHECK(one_of_two.is({"public.orders"}) == Same::yes);
  CHECK(one_of_two.is({"orders"}) == Same::untold);
  const ledger::NamedTable by_word{here.table, "orders", false};
  CHECK(by_word.is({"orders"}) == Same::yes);
  CHECK(by_word.is({"orders", "archive"}) == Same::no);
  // Renamed, and brought to another schema.
  const ledger::NamedTable renamed{{.name = "sales", .schema = "public", .relation = "sales"}, "orders"};
  CHECK(renamed.is({"orders", "public"}) == Same::yes);
  CHECK(renamed.is({"orders"}) == Same::yes);
  CHECK(renamed.is({"orders", "archive"}) == Same::no);
  const ledger::NamedTable moved{{.name = "archive.orders", .schema = "archive", .relation = "orders"}, "public.orders"};
  CHECK(moved.is({"orders", "public"}) == Same::yes);
  CHECK(moved.is({"orders", "other"}) == Same::no);
  // Where there are no schemas a name is a name.
  const ledger::NamedTable in_file{{.name = "a.b"}};
  CHECK(in_file.is({"a.b"}) == Same::yes);
  CHECK(in_file.is({"b"}) == Same::no);
}

TEST_CASE("images tell where their table lay, and its key is that of now or none") {
  const ledger::ImageTable images{"orders", {"id", "note", "at"}, {0, 2}, {1}, "public"};
  const auto read = ledger::described_tables(ledger::describe({images}));
  REQUIRE(read.size() == 1);
  CHECK(read[0].named() == TableName{"orders", "public"});
  CHECK(read[0].sets == images.sets);
  CHECK(ledger::describe({ledger::ImageTable{"orders", {"id"}, {0}}}).find("schema") == std::string::npos);
  const auto with_key = [](std::vector<int> columns) { return Table{.name = "orders", .columns = {{"at", {}}, {"id", {}}, {"mail", {}}}, .keys = {{.columns = std::move(columns), .primary = true, .not_null = true}}}; };
  CHECK(images.key_as_now(with_key({1, 0})) == std::vector<int>{0, 2});
  CHECK(images.key_as_now(with_key({0, 1})) == std::vector<int>{2, 0});
  CHECK(!images.key_as_now(with_key({1})));
  CHECK(!images.key_as_now(with_key({1, 2})));
}
