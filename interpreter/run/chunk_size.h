// How many rows the next chunk walks: a law over what the one before was like. It knows no clock, no database and no run.
#pragma once
#include <cstdint>

namespace bfl::run {

struct ChunkSeen {
  std::int64_t rows = 0;            // walked
  std::int64_t changed = 0;
  std::int64_t bytes = 0;           // of images; 0: nobody knows
  double seconds = 0;
  std::int64_t waiting = 0;         // sessions of others that waited for a lock of it
};

struct ChunkAim {
  double seconds = 0.25;
  std::int64_t bytes = 0;           // of images
  double rows_a_second = 0;         // that may be changed; 0: any number
};

class ChunkSize {
 public:
  // Rows for the next one. It grows at most fourfold, so that it is where it should be after a few chunks, and shrinks at once to what
  // time and bytes allow. Where somebody had to wait the chunks behind take half as long, down to a tenth of the aim, and come back by a
  // twentieth each. At a pace a chunk is to change what may be changed in a tenth of a second, and walks no more than could be in a whole
  // one, should all of that change.
  std::int64_t after(const ChunkSeen& seen, const ChunkAim& aim);
  // The first one, of which nobody knows how many rows will change; and those behind it when the pace was lowered.
  std::int64_t at_pace(std::int64_t rows, double rows_a_second) const;
  // Behind an attempt that failed for a while: a lock or a deadlock is met less likely by fewer rows.
  static std::int64_t after_failure(std::int64_t rows) { return rows > 1 ? rows / 2 : 1; }

 private:
  double share_ = 1;                // of the time that is aimed at
  bool seen_one_ = false;
};

}  // namespace bfl::run
