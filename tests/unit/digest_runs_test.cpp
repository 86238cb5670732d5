// Digests that are sorted outside of memory come back as if they had been sorted in it.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "interpreter/run/digest_runs.h"

using namespace bfl;
using run::DigestRuns;

namespace {

using Plain = std::pair<ledger::Short, std::int64_t>;

DigestRuns::Entry entry(std::uint64_t number, std::int64_t row) {
  DigestRuns::Entry made{.row = row};
  for (std::size_t i = 0; i < 8; ++i) made.digest[i] = static_cast<std::uint8_t>(number >> (56 - 8 * i));
  made.beside[15] = static_cast<std::uint8_t>(row);
  return made;
}

void check_sorted(std::int64_t rows, std::uint64_t different) {
  std::mt19937_64 random(7);
  DigestRuns runs;
  CHECK(runs.empty());
  std::vector<Plain> wanted;
  for (std::int64_t row = 0; row < rows; ++row) {
    const DigestRuns::Entry made = entry(random() % different * 0x9e3779b97f4a7c15u, row);
    wanted.emplace_back(made.digest, row);
    REQUIRE(runs.add(made));
  }
  CHECK(runs.empty() == (rows == 0));
  std::sort(wanted.begin(), wanted.end());
  REQUIRE(runs.sort());
  DigestRuns moved = std::move(runs);
  std::size_t wrong = 0, at = 0;
  DigestRuns::Entry given;
  for (auto more = moved.next(given);; more = moved.next(given)) {
    REQUIRE(more);
    if (!*more) break;
    if (at == wanted.size() || Plain(given.digest, given.row) != wanted[at] || given.beside[15] != static_cast<std::uint8_t>(given.row)) ++wrong;
    ++at;
  }
  CHECK(at == wanted.size());
  CHECK(wrong == 0);
}

}  // namespace

TEST_CASE("by digest, and those of one digest in the order of the rows") {
  check_sorted(0, 1);
  check_sorted(1, 1);
  check_sorted(1'000, 10);
}

TEST_CASE("the same of many batches, whose ends fall anywhere") {
  check_sorted(65'536, 1u << 30);
  check_sorted(65'537, 3);
  check_sorted(300'000, 1u << 20);
}
