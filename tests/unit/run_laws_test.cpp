// The laws by which a run goes about its work, on times that are made up: size of chunks, number of workers, repetitions, breaker.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "interpreter/run/chunk_size.h"
#include "interpreter/run/crew_size.h"
#include "interpreter/run/retry.h"

using namespace bfl;
using namespace bfl::run;

namespace {

constexpr ChunkAim aim{.seconds = 0.25, .bytes = 4 << 20};

// A database that takes so long for a row, and keeps so many bytes of it.
struct World {
  double seconds_a_row = 1e-5, seconds_a_chunk = 0.002;
  std::int64_t bytes_a_row = 16;
  std::int64_t waiting = 0;
  ChunkSeen chunk(std::int64_t rows) const {
    return {rows, rows, bytes_a_row * rows, seconds_a_chunk + seconds_a_row * static_cast<double>(rows), waiting};
  }
};

}  // namespace

TEST_CASE("a chunk is where it should be after a few") {
  for (const double seconds_a_row : {1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.1}) {
    ChunkSize size;
    const World world{.seconds_a_row = seconds_a_row};
    std::int64_t rows = 5'000;
    int chunks = 0;
    const double best = std::clamp((aim.seconds - world.seconds_a_chunk) / seconds_a_row, 1.0, 80'000.0);
    while (std::abs(static_cast<double>(rows) - best) > 0.25 * best + 1 && chunks < 100) rows = size.after(world.chunk(rows), aim), ++chunks;
    CHECK_MESSAGE(chunks <= 4, seconds_a_row << " s a row: " << chunks << " chunks");
    for (int i = 0; i < 20; ++i) rows = size.after(world.chunk(rows), aim);
    CHECK_MESSAGE(std::abs(static_cast<double>(rows) - best) <= 0.25 * best + 1, rows << " rows");
  }
}

TEST_CASE("a chunk that is slow all of a sudden makes the next one small at once") {
  ChunkSize size;
  CHECK(size.after({40'000, 40'000, 0, 0.25}, aim) == 40'000);
  CHECK(size.after({40'000, 40'000, 0, 5.0}, aim) == 2'000);
  CHECK(size.after({40'000, 40'000, 0, 500.0}, aim) == 625);  // one outlier is no reason to begin anew
}

TEST_CASE("at a pace a chunk changes what is paid for in a tenth of a second, and walks no more than a second's worth") {
  ChunkSize size;
  const ChunkAim paced{.seconds = 0.25, .bytes = 4 << 20, .rows_a_second = 20'000};
  CHECK(size.at_pace(5'000, 20'000) == 2'000);
  CHECK(size.at_pace(5'000, 3) == 1);
  CHECK(size.after({2'000, 2'000, 0, 0.01}, paced) == 2'000);
  CHECK(size.after({2'000, 200, 0, 0.01}, paced) == 8'000);     // few of them change
  CHECK(size.after({8'000, 1, 0, 0.01}, paced) == 20'000);      // the next ones may
  CHECK(size.after({20'000, 20'000, 0, 0.1}, paced) == 2'000);
  CHECK(size.at_pace(20'000, 500) == 500);                      // somebody has ordered another one
}

TEST_CASE("images bound a chunk, and what does not change does not") {
  ChunkSize size;
  CHECK(size.after({10'000, 10'000, 16 << 20, 0.1}, aim) == 2'500);
  CHECK(size.after({80'000, 80'000, 0, 0.01}, aim) == 80'000);
  CHECK(size.after({80'000, 80, 0, 0.01}, aim) == 320'000);
  CHECK(size.after({1'000'000, 1, 0, 0.01}, aim) == 2'000'000);
  CHECK(size.after({1, 1, 0, 60}, aim) == 1);
}

TEST_CASE("who waits for a chunk makes the next ones short, and they come back slowly") {
  ChunkSize size;
  World world;
  std::int64_t rows = 24'800;  // 0.25 s
  world.waiting = 1;
  std::vector<double> seconds;
  for (int i = 0; i < 5; ++i) {
    seconds.push_back(world.chunk(rows).seconds);
    rows = size.after(world.chunk(rows), aim);
  }
  CHECK(seconds[1] < 0.14);
  CHECK(world.chunk(rows).seconds < 0.03);
  CHECK(rows > 1'000);  // never nothing
  world.waiting = 0;
  int chunks = 0;
  while (world.chunk(rows).seconds < 0.24 && chunks < 100) rows = size.after(world.chunk(rows), aim), ++chunks;
  CHECK(chunks >= 15);
  CHECK(chunks <= 25);
  CHECK(ChunkSize::after_failure(1'000) == 500);
  CHECK(ChunkSize::after_failure(1) == 1);
}

TEST_CASE("workers rest at once where a transaction fails, and come back one by one") {
  CrewSize size(8, 0);
  CHECK(size.wanted() == 8);
  CHECK_FALSE(size.look({1}));
  CHECK(size.look({2, 0, 1}));
  CHECK(size.wanted() == 4);
  CHECK(size.why() == "1 transaction failed");
  double now = 2;
  for (; size.wanted() == 4 && now < 1'000; now += 1) size.look({now});
  CHECK(size.wanted() == 5);
  CHECK(now - 2 >= 5);
  CHECK(now - 2 <= 7);
  // That was too early: the next one takes longer.
  CHECK(size.look({now, 0, 2}));
  CHECK(size.wanted() == 2);
  const double again = now;
  for (; size.wanted() == 2 && now < 1'000; now += 1) size.look({now});
  CHECK(now - again >= 10);
  CHECK(now - again <= 12);
  for (; size.wanted() < 8 && now < 1'000; now += 1) size.look({now});
  CHECK(size.wanted() == 8);
}

TEST_CASE("one who waits may be chance, two looks are not") {
  CrewSize size(4, 0);
  CHECK_FALSE(size.look({1, 1}));
  CHECK_FALSE(size.look({2, 0}));
  CHECK_FALSE(size.look({3, 2}));
  CHECK(size.look({4, 3}));
  CHECK(size.wanted() == 2);
  CHECK(size.why() == "3 sessions waited for rows of theirs");
  CHECK_FALSE(size.look({5, 1}));
  CHECK(size.look({6, 1}));
  CHECK(size.wanted() == 1);
  for (double now = 7; now < 60; now += 1) size.look({now, 1});
  CHECK(size.wanted() == 1);  // never nobody
}

TEST_CASE("a crew of one is never another") {
  CrewSize size(1, 0);
  for (double now = 0; now < 100; now += 1) CHECK_FALSE(size.look({now, static_cast<std::int64_t>(now) % 2, 1}));
  CHECK(size.wanted() == 1);
}

TEST_CASE("waits before repetitions are drawn from all of what the policy allows") {
  const program::Retry retry{.times = 9, .first = 200'000, .longest = 30'000'000};
  for (const auto& [number, most] : {std::pair{1, 0.2}, {2, 0.4}, {3, 0.8}, {8, 25.6}, {9, 30.0}, {60, 30.0}}) {
    std::vector<double> drawn;
    for (int i = 0; i < 4'000; ++i) drawn.push_back(backoff(retry, number));
    const auto [least, longest] = std::minmax_element(drawn.begin(), drawn.end());
    double sum = 0;
    for (const double each : drawn) sum += each;
    CHECK(*least >= 0);
    CHECK(*longest <= most);
    CHECK(*least < 0.02 * most);
    CHECK(*longest > 0.98 * most);
    CHECK(std::abs(sum / 4'000 - most / 2) < 0.05 * most);
  }
}

TEST_CASE("the breaker opens when more than half of the last transactions failed, and not before there were enough") {
  Breaker breaker;
  for (int i = 0; i < 19; ++i) breaker.note(true);
  CHECK_FALSE(breaker.open());
  breaker.note(true);
  CHECK(breaker.open());
  for (int i = 0; i < 20; ++i) breaker.note(false);
  CHECK_FALSE(breaker.open());  // 20 of 40
  breaker.note(true);
  CHECK_FALSE(breaker.open());  // the oldest failure went
  for (int i = 0; i < 40; ++i) breaker.note(i % 2 == 0);
  CHECK_FALSE(breaker.open());
  breaker.note(true);
  CHECK(breaker.failures() <= breaker.looked_at());
}
