#include "interpreter/ledger/kept_origin.h"

#include <doctest/doctest.h>

using namespace bfl;

TEST_CASE("what a relation was made of is read as it was written") {
  const std::vector<ledger::KeptOrigin> origins{{"bfl_kept_1_a", {"orders", "odd \"name\""}, "orders", {{"mine", "id"}, {"\n", "note"}}}, {"bfl_kept_1_b", {}, "", {}}};
  const auto read = ledger::described_origins(ledger::describe(origins));
  REQUIRE(read.size() == 2);
  CHECK(read[0].relation == origins[0].relation);
  CHECK(read[0].tables == origins[0].tables);
  CHECK(read[0].rows_of == "orders");
  CHECK(read[0].columns == origins[0].columns);
  CHECK(read[1].rows_of.empty());
  // An entry without room for it has a digest, and one of an older bfl nothing.
  for (const char* none : {"", "sha256:00", "{}", "[{\"relation\":\"a\"}]", "[1]"}) CHECK(ledger::described_origins(none).empty());
}
