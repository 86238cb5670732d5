// Digests of rows, of more than fit in memory: sorted in batches, which go to a temporary file without a name and are merged in the end.
#pragma once
#include <cstdio>
#include <vector>

#include "interpreter/ledger/writer.h"

namespace bfl::run {

class DigestRuns {
 public:
  struct Entry {
    ledger::Short digest{};
    ledger::Short beside{};           // what else is kept of the row
    std::int64_t row = 0;
  };
  DigestRuns() = default;
  ~DigestRuns();
  DigestRuns(DigestRuns&& other) noexcept;
  DigestRuns& operator=(DigestRuns&& other) noexcept;
  DigestRuns(const DigestRuns&) = delete;
  DigestRuns& operator=(const DigestRuns&) = delete;

  // An error of class fatal when there is no room.
  Result<void> add(const Entry& entry);
  bool empty() const { return batch_.empty() && runs_.empty(); }
  // When all are there, once: then next() gives them by digest, those of one digest in the order of the rows. False at the end.
  Result<void> sort();
  Result<bool> next(Entry& entry);

 private:
  struct Run {
    std::int64_t at = 0, left = 0;    // what is not read yet, in entries: where it lies in the file
    std::vector<Entry> read{};
    std::size_t given = 0;
  };
  Result<void> put_away();
  Result<bool> fill(Run& run);
  bool later(std::size_t a, std::size_t b) const;

  std::vector<Entry> batch_;
  std::size_t given_ = 0;             // of the batch, where there is no file
  std::FILE* file_ = nullptr;
  std::int64_t filed_ = 0;
  std::vector<Run> runs_;
  std::vector<std::size_t> heap_;     // runs that have more, the one with the least entry on top
  std::size_t together_ = 0;          // entries that are read of a run at a time
};

}  // namespace bfl::run
