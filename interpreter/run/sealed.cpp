// The sealed route: what is intended is read in one snapshot, kept in the target, and then applied row by row by
// compare-and-set. The whole route is the same in one chunk.
//
// A staged row is its key, the row as it was (every column), and the new values; of `once` steps the key alone, since their
// values are computed from the row as it is when its turn comes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <unordered_set>

#include "interpreter/run/context.h"
#include "interpreter/run/fault_points.h"

namespace bfl::run {
namespace {

using connect::RawRow;
using connect::RawValue;
using ledger::Key;
using ledger::Stored;

constexpr std::size_t block_bytes = 256u << 10;
constexpr std::int64_t first_rows = 2'000, min_rows = 50, max_rows = 200'000;

// The blocks of an attempt, in a file without a name until they are sealed: reading must not hold a write lock.
class Spool {
 public:
  Spool() : file_(std::tmpfile()) {}
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;
  ~Spool() {
    if (file_) std::fclose(file_);
  }
  Result<void> add(std::string_view row) {
    ledger::put_varint(block_, row.size());
    block_.append(row);
    ++in_block_;
    ++rows_;
    return block_.size() >= block_bytes ? flush() : Result<void>{};
  }
  Result<void> flush() {
    if (in_block_ == 0) return {};
    const std::int64_t head[2] = {in_block_, static_cast<std::int64_t>(block_.size())};
    if (!file_ || std::fwrite(head, sizeof head, 1, file_) != 1 || std::fwrite(block_.data(), block_.size(), 1, file_) != 1) return failed();
    block_.clear();
    in_block_ = 0;
    return {};
  }
  std::int64_t rows() const { return rows_; }
  Result<void> rewind() {
    next_ = 0;
    return file_ && std::fflush(file_) == 0 && std::fseek(file_, 0, SEEK_SET) == 0 ? Result<void>{} : failed();
  }
  Result<std::optional<ledger::Writer::Block>> next() {
    std::int64_t head[2];
    if (std::fread(head, sizeof head, 1, file_) != 1) return std::optional<ledger::Writer::Block>{};
    ledger::Writer::Block block{next_, head[0], std::string(static_cast<std::size_t>(head[1]), '\0')};
    if (std::fread(block.bytes.data(), block.bytes.size(), 1, file_) != 1) return failed().error();
    next_ += head[0];
    return std::optional<ledger::Writer::Block>(std::move(block));
  }

 private:
  static Result<void> failed() {
    return Error{ErrorClass::fatal, "the temporary file for the sealed set cannot be written", {}, "free space where temporary files lie, or set TMPDIR"};
  }
  std::FILE* file_;
  std::string block_;
  std::int64_t in_block_ = 0, rows_ = 0, next_ = 0;
};

Key ordinal(std::int64_t number) {
  Stored value;
  value.kind = RawValue::Class::integer;
  value.integer = number;
  return {value};
}

std::int64_t position(const std::optional<Key>& cursor) { return cursor && !cursor->empty() ? (*cursor)[0].integer : 0; }

struct Statements {
  std::unique_ptr<connect::Prepared> change, read, recompute;
};

struct Sealed {
  Context& context;
  const program::Step& step;
  connect::Connector& target;
  ledger::Writer& writer;
  lower::SealedUpdate sql;
  Statements statements;
  std::size_t keys, columns, values;
  bool once() const { return step.idempotence == program::Idempotence::once; }

  // Applies the rows of ordinals [from, to).
  Result<std::int64_t> apply(std::int64_t from, std::int64_t to, ledger::PackWriter& pack, ledger::ChunkFacts& facts) {
    std::int64_t changed = 0;
    for (std::int64_t at = from; at < to;) {
      auto block = writer.block_at(step_row, at);
      if (!block) return block.error();
      if (!*block) return Error{ErrorClass::fatal, "the sealed set of the step is not whole", {}, "the tables `bfl_…` of the target were altered; restore them"};
      ledger::Reader reader{(*block)->bytes};
      for (std::int64_t n = (*block)->first; n < (*block)->first + (*block)->rows && at < to; ++n) {
        const std::string_view row = reader.bytes(reader.varint());
        if (n < at) continue;
        auto done = apply_row(row, pack, facts);
        if (!done) return done.error();
        changed += *done ? 1 : 0;
        ++at;
      }
    }
    return changed;
  }

  Result<bool> apply_row(std::string_view row, ledger::PackWriter& pack, ledger::ChunkFacts& facts) {
    ledger::Reader reader{row};
    std::vector<RawValue> staged;
    while (!reader.rest.empty() && !reader.failed) staged.push_back(reader.value());
    const std::span<const RawValue> key(staged.data(), keys);
    const auto conflict = [&](std::string_view reason) {
      ++facts.conflicts;
      pack.conflict(ledger::key_of(key, keys), reason);
      return false;
    };
    // The row as it is now, byte for byte.
    bool there = false, unchanged = true;
    auto read = statements.read->query_raw(key, [&](RawRow now) {
      there = true;
      if (!once())
        for (std::size_t i = 0; i < columns; ++i) unchanged = unchanged && ledger::same(now[i], staged[keys + i]);
      return false;
    });
    if (!read) return read.error();
    if (!there) return conflict("the row is gone");
    if (!unchanged) return conflict("the row was changed since it was sealed");
    std::vector<Stored> computed;
    std::vector<RawValue> parameters;
    if (once()) {
      bool applies = false;
      auto found = statements.recompute->query_raw(key, [&](RawRow now) {
        applies = true;
        computed = ledger::key_of(now, values);
        return false;
      });
      if (!found) return found.error();
      if (!applies) return conflict("the `where` no longer holds for the row");
      parameters = ledger::views(computed);
    } else {
      parameters.assign(staged.begin() + static_cast<std::ptrdiff_t>(keys + columns), staged.end());
    }
    parameters.insert(parameters.end(), key.begin(), key.end());
    auto changed = statements.change->run_raw(parameters);
    if (!changed) return changed.error();
    return *changed == 1;
  }

  std::int64_t step_row = 0;
};

// Reads the set into the spool; keys that a `once` step has changed before are left out.
Result<void> collect(Sealed& sealed, Spool& spool, bool again) {
  std::unordered_set<std::string> before;
  if (sealed.once() && !again) {
    auto keys = sealed.writer.changed_keys(sealed.step.name, sealed.step.walk);
    if (!keys) return keys.error();
    before.insert(keys->begin(), keys->end());
  }
  auto select = sealed.target.prepare(sealed.sql.select, sealed.context.evaluation(sealed.step.target.source));
  if (!select) return select.error();
  Result<void> kept;
  std::string row;
  auto read = (*select)->query_raw({}, [&](RawRow values) {
    row.clear();
    for (std::size_t i = 0; i < sealed.keys; ++i) ledger::put(row, values[i]);
    if (sealed.once()) {
      if (before.contains(row)) return true;
    } else {
      for (std::size_t i = sealed.keys; i < values.size(); ++i) ledger::put(row, values[i]);
    }
    kept = spool.add(row);
    return bool(kept);
  });
  if (!read) return read;
  if (!kept) return kept;
  if (auto flushed = spool.flush(); !flushed) return flushed;
  return spool.rewind();
}

std::optional<StepEnd> refuse_unexpected(Context& context, const program::Step& step, std::int64_t rows) {
  for (const program::Expectation& expectation : step.expectations) {
    const bool met = expectation.bound == program::Bound::at_least ? true : expectation.bound == program::Bound::exactly ? rows == expectation.rows : rows <= expectation.rows;
    if (met) continue;
    return context.fail(step, Code::expectation_failed,
                        {ErrorClass::refused, fmt::format("{} rows would change, expected {} {}", rows, expectation.bound == program::Bound::exactly ? "exactly" : "at most", expectation.rows), {},
                         "look at what the step selects with `bfl plan`; mend the step or its `expect`"},
                        "nothing was changed");
  }
  return std::nullopt;
}

std::string committed_so_far(const ledger::Lane& lane) {
  return lane.seq == 0 ? "nothing was changed" : fmt::format("chunks 1 to {} are committed, chunk {} was rolled back, nothing to clean up", lane.seq, lane.seq + 1);
}

}  // namespace

StepEnd sealed_write(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision, const ledger::Generation* open) {
  const int source = step.target.source;
  connect::Connector& target = *context.targets[static_cast<std::size_t>(source)];
  ledger::Writer& writer = *context.writers[static_cast<std::size_t>(source)];
  const bool whole = step_plan.work == plan::WorkKind::whole_write;
  auto sql = lower::sealed_update(context.program, step, lower::Dialect::sqlite);
  if (!sql) return context.fail(step, code_of(sql.error()), sql.error());
  Sealed sealed{context, step, target, writer, std::move(*sql), {}, std::max<std::size_t>(step.walk.size(), 1),
                context.program.table(step.target).columns.size(), step.assignments.size()};
  for (const auto& [to, statement] : {std::pair{&sealed.statements.change, &sealed.sql.change}, std::pair{&sealed.statements.read, &sealed.sql.read},
                                      std::pair{&sealed.statements.recompute, &sealed.sql.recompute}}) {
    if (statement->text.empty()) continue;
    auto prepared = target.prepare(*statement, context.evaluation(source));
    if (!prepared) return context.fail(step, code_of(prepared.error()), prepared.error());
    *to = std::move(*prepared);
  }
  auto version = target.schema_version();
  if (!version) return context.fail(step, code_of(version.error()), version.error());

  std::int64_t id = open ? open->id : 0;
  if (!open) {
    Spool spool;
    const bool again = std::find(context.options.again.begin(), context.options.again.end(), step.name) != context.options.again.end();
    if (auto begun = target.begin_read(); !begun) return context.fail(step, code_of(begun.error()), begun.error());
    auto collected = collect(sealed, spool, again);
    target.rollback();
    if (!collected) return context.fail(step, code_of(collected.error()), collected.error(), "nothing was changed");
    if (auto end = refuse_unexpected(context, step, spool.rows())) return *end;
    fault_point("before_seal");
    ledger::Writer::Opening opening{step.name, whole ? "whole" : "sealed", step_plan.key.components.size() > 1 ? step_plan.key.components[1].digest : "",
                                    &step_plan.key, decision.generation, ordinal(spool.rows()), spool.rows()};
    auto made = writer.open(opening, [&spool] { return spool.next(); });
    if (!made) return context.fail(step, code_of(made.error()), made.error(), "nothing was changed");
    id = *made;
    fault_point("after_seal");
    Event staged = context.event(EventKind::step_staged, step);
    staged.rows_total = spool.rows();
    staged.query = sealed.sql.select.text;
    context.tell(staged);
  }
  sealed.step_row = id;
  auto lane = writer.newest_lane(id);
  if (!lane) return context.fail(step, code_of(lane.error()), lane.error());
  const std::int64_t total = position(lane->upto);
  const std::int64_t changed_before = open ? open->changed : 0, total_before = context.outcome.changed;
  ledger::PackWriter pack;
  std::int64_t rows = step.chunk_rows.value_or(first_rows);
  for (std::int64_t at = position(lane->cursor); at < total;) {
    if (auto end = context.pause(step, source)) return *end;
    const std::int64_t to = whole ? total : std::min(total, at + rows);
    ChunkWork work;
    work.lane = *lane;
    work.hi = ordinal(to);
    work.rows = to - at;
    work.query = sealed.sql.change.text;
    work.change = [&](ledger::PackWriter& images, ledger::ChunkFacts& facts) { return sealed.apply(at, to, images, facts); };
    auto chunk = commit_chunk(context, step, work, pack, *version);
    if (!chunk) return context.fail(step, code_of(chunk.error()), chunk.error(), committed_so_far(*lane));
    *lane = work.lane;
    at = to;
    if (!step.chunk_rows) {
      const double factor = std::clamp(context.options.target_chunk_seconds / std::max(chunk->seconds, 1e-4), 0.25, 4.0);
      rows = std::clamp(static_cast<std::int64_t>(static_cast<double>(rows) * factor), min_rows, max_rows);
    }
  }
  const std::int64_t changed = changed_before + context.outcome.changed - total_before;
  if (!meets_expectations(context, step, changed)) return StepEnd::failed;
  if (auto closed = writer.close(id); !closed) return context.fail(step, code_of(closed.error()), closed.error());
  Event finished = context.event(EventKind::step_finished, step);
  finished.rows_changed = changed;
  context.tell(finished);
  return StepEnd::done;
}

}  // namespace bfl::run
