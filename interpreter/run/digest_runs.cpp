#include "interpreter/run/digest_runs.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace bfl::run {
namespace {

constexpr std::size_t most_in_memory = std::size_t{1} << 14;  // entries
constexpr std::size_t least_together = 16;

using Entry = DigestRuns::Entry;

bool before(const Entry& a, const Entry& b) {
  const int order = std::memcmp(a.digest.data(), b.digest.data(), a.digest.size());
  return order != 0 ? order < 0 : a.row < b.row;
}

Error failed() { return {ErrorClass::fatal, "the temporary file of keys cannot be used", std::strerror(errno), "make room where temporary files lie"}; }

}  // namespace

DigestRuns::~DigestRuns() {
  if (file_) std::fclose(file_);
}

DigestRuns::DigestRuns(DigestRuns&& other) noexcept { *this = std::move(other); }

DigestRuns& DigestRuns::operator=(DigestRuns&& other) noexcept {
  std::swap(batch_, other.batch_);
  std::swap(given_, other.given_);
  std::swap(file_, other.file_);
  std::swap(filed_, other.filed_);
  std::swap(runs_, other.runs_);
  std::swap(heap_, other.heap_);
  std::swap(together_, other.together_);
  return *this;
}

Result<void> DigestRuns::add(const Entry& entry) {
  batch_.push_back(entry);
  return batch_.size() < most_in_memory ? Result<void>() : put_away();
}

Result<void> DigestRuns::put_away() {
  std::sort(batch_.begin(), batch_.end(), before);
  if (!file_) file_ = std::tmpfile();
  if (!file_ || std::fwrite(batch_.data(), sizeof(Entry), batch_.size(), file_) != batch_.size()) return failed();
  const auto rows = static_cast<std::int64_t>(batch_.size());
  runs_.push_back({.at = filed_, .left = rows});
  filed_ += rows;
  batch_.clear();
  return {};
}

Result<void> DigestRuns::sort() {
  if (!file_) {
    std::sort(batch_.begin(), batch_.end(), before);
    return {};
  }
  if (!batch_.empty())
    if (auto away = put_away(); !away) return away;
  batch_ = {};
  if (std::fflush(file_) != 0) return failed();
  together_ = std::max(least_together, most_in_memory / runs_.size());
  for (std::size_t i = 0; i < runs_.size(); ++i) {
    auto filled = fill(runs_[i]);
    if (!filled) return filled.error();
    if (*filled) heap_.push_back(i);
  }
  std::make_heap(heap_.begin(), heap_.end(), [&](std::size_t a, std::size_t b) { return later(a, b); });
  return {};
}

bool DigestRuns::later(std::size_t a, std::size_t b) const { return before(runs_[b].read[runs_[b].given], runs_[a].read[runs_[a].given]); }

// Of a run, the entries that come next; false at its end.
Result<bool> DigestRuns::fill(Run& run) {
  const auto entries = std::min<std::int64_t>(run.left, static_cast<std::int64_t>(together_));
  run.read.resize(static_cast<std::size_t>(entries));
  run.given = 0;
  if (entries == 0) return false;
  char* to = reinterpret_cast<char*>(run.read.data());
  auto rest = static_cast<ssize_t>(run.read.size() * sizeof(Entry));
  for (auto at = static_cast<off_t>(run.at * static_cast<std::int64_t>(sizeof(Entry))); rest > 0;) {
    const ssize_t got = ::pread(::fileno(file_), to, static_cast<std::size_t>(rest), at);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return failed();
    to += got;
    at += got;
    rest -= got;
  }
  run.at += entries;
  run.left -= entries;
  return true;
}

Result<bool> DigestRuns::next(Entry& entry) {
  if (!file_) {
    if (given_ == batch_.size()) return false;
    entry = batch_[given_++];
    return true;
  }
  if (heap_.empty()) return false;
  const auto less = [&](std::size_t a, std::size_t b) { return later(a, b); };
  std::pop_heap(heap_.begin(), heap_.end(), less);
  Run& run = runs_[heap_.back()];
  entry = run.read[run.given++];
  if (run.given == run.read.size()) {
    auto filled = fill(run);
    if (!filled) return filled.error();
    if (!*filled) {
      heap_.pop_back();
      return true;
    }
  }
  std::push_heap(heap_.begin(), heap_.end(), less);
  return true;
}

}  // namespace bfl::run
