// Quarantine: a row that the database does not take is found by halving its chunk, and set aside in a chunk of its own, which
// changes nothing and says which row and why. So it is there once, whatever is killed meanwhile, and the walk goes on behind it.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/fault_points.h"
#include "interpreter/base/secrets.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/workers.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

// `bad`: the chunk that was tried, to its very end, so that no row goes with it that was not.
Result<void> set_aside(Writing& writing, ledger::Lane& lane, const Chunk& bad, const Error& error) {
  auto keys = bad.keys();
  if (!keys) return keys.error();
  const std::string reason = without_secrets(discreet(writing.context.program, writing.step, error).message);
  const NextChunk aside = [&](const ledger::Lane&) -> Result<Chunk> {
    Chunk chunk = bad;
    chunk.change = [&](ledger::ChunkFacts& facts) -> Result<std::int64_t> {
      for (const ledger::Key& key : *keys) writing.set_aside(key, reason, facts);
      return 0;
    };
    return chunk;
  };
  fault_point("before_set_aside");
  auto committed = commit_chunks(writing, lane, aside);
  if (!committed && committed.error().kind == ErrorClass::over_limit)
    return Error{ErrorClass::data, fmt::format("{}; {}, as many as `quarantine` allows", reason, committed.error().message), error.detail,
                 fmt::format("`bfl quarantine list {}` shows those rows: mend what is wrong with them, or allow more, and run again: it goes on behind the last chunk", writing.context.options.job_file)};
  if (!committed) return committed;
  std::lock_guard lock(writing.context.shared);
  for (const ledger::Key& key : *keys) tell_quarantined(writing, key, reason);
  return {};
}

bool may_go_on(const Context& context) { return !context.stopping() && context.chunks_left() != 0; }

}  // namespace

void tell_quarantined(Writing& writing, const ledger::Key& key, const std::string& reason) {
  Event event = writing.context.event(EventKind::row_quarantined, writing.step);
  event.reason = reason;
  event.keys = {display_key(writing.context.program, writing.step, key)};
  event.quarantined = 1;
  event.chunk = (writing.of ? *writing.of : writing).chunks;
  writing.context.tell(event);
}

Result<void> commit_or_set_aside(Writing& writing, ledger::Lane& lane, const NextChunk& next) {
  if (writing.most_quarantined < 0) return commit_chunks(writing, lane, next);
  Chunk tried;
  const NextChunk noted = [&](const ledger::Lane& from) -> Result<Chunk> {
    auto chunk = next(from);
    if (chunk) tried = *chunk;
    return chunk;
  };
  auto committed = commit_chunks(writing, lane, noted);
  if (committed || committed.error().kind != ErrorClass::data) return committed;
  const std::int64_t usual = writing.rows;
  // One of so many rows behind the lane's cursor is not taken.
  for (std::int64_t suspects = tried.rows; suspects > 0 && !at_end(lane) && may_go_on(writing.context);) {
    const std::int64_t part = std::max<std::int64_t>(1, suspects / 2);
    writing.rows = part;
    committed = commit_chunks(writing, lane, noted);
    if (committed) {
      suspects -= part;
      continue;
    }
    if (committed.error().kind != ErrorClass::data) break;
    suspects = part;
    if (part > 1) continue;
    committed = set_aside(writing, lane, tried, committed.error());
    break;
  }
  writing.rows = usual;
  // Asked to stop on the way: whoever goes on meets the row again.
  return committed || may_go_on(writing.context) ? committed : Result<void>{};
}

}  // namespace bfl::run
