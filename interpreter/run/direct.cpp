// The direct route: a walk of the live key in chunks of one set-based UPDATE each, whose size follows the time they take.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/run/context.h"

namespace bfl::run {
namespace {

using connect::RawRow;
using ledger::Key;

constexpr std::int64_t first_rows = 5'000, min_rows = 100, max_rows = 2'000'000;
constexpr int max_passes = 3;

struct Statements {
  std::unique_ptr<connect::Prepared> change, change_first, bound, bound_first, last, any;
};

Result<Statements> prepare(connect::Connector& target, const lower::DirectUpdate& sql, const eval::Context& evaluation) {
  Statements all;
  const std::pair<std::unique_ptr<connect::Prepared>*, const lower::Statement*> wanted[] = {
      {&all.change, &sql.change}, {&all.change_first, &sql.change_first}, {&all.bound, &sql.bound},
      {&all.bound_first, &sql.bound_first}, {&all.last, &sql.last}, {&all.any, &sql.any}};
  for (const auto& [to, statement] : wanted) {
    auto prepared = target.prepare(*statement, evaluation);
    if (!prepared) return prepared.error();
    *to = std::move(*prepared);
  }
  return all;
}

// One walk: everything that its chunks share.
struct Walk {
  Context& context;
  const program::Step& step;
  connect::Connector& target;
  ledger::Writer& writer;
  const lower::DirectUpdate sql;
  Statements statements;
  std::size_t key_columns = 1;
  std::int64_t schema_version = 0;

  Result<std::optional<Key>> one_key(connect::Prepared& statement, const std::vector<connect::RawValue>& values) {
    std::optional<Key> key;
    auto read = statement.query_raw(values, [&](RawRow row) {
      key = ledger::key_of(row, key_columns);
      return false;
    });
    if (!read) return read.error();
    return key;
  }

  Result<std::optional<Key>> last_key() { return one_key(*statements.last, {}); }

  // The key that ends a chunk of `rows` rows behind `lo`, never beyond `upto`.
  Result<Key> bound(const std::optional<Key>& lo, std::int64_t rows, const Key& upto) {
    std::vector<connect::RawValue> values = lo ? ledger::views(*lo) : std::vector<connect::RawValue>{};
    connect::RawValue offset;
    offset.kind = connect::RawValue::Class::integer;
    offset.integer = rows - 1;
    values.push_back(offset);
    auto key = one_key(lo ? *statements.bound : *statements.bound_first, values);
    if (!key) return key.error();
    return *key && ledger::compare(**key, upto) < 0 ? **key : upto;
  }

  Result<bool> anything_left() {
    bool any = false;
    auto read = statements.any->query_raw({}, [&](RawRow) { return !(any = true); });
    if (!read) return read.error();
    return any;
  }

  Result<std::int64_t> change(const std::optional<Key>& lo, const Key& hi) {
    std::vector<connect::RawValue> values = lo ? ledger::views(*lo) : std::vector<connect::RawValue>{};
    for (const connect::RawValue& value : ledger::views(hi)) values.push_back(value);
    return (lo ? statements.change : statements.change_first)->run_raw(values);
  }

  // The first row of a chunk that makes its UPDATE fail, found by halving the range in transactions that are rolled back.
  std::string bad_row(std::optional<Key> lo, Key hi, std::int64_t rows) {
    for (int halvings = 0; rows > 1 && halvings < 40; ++halvings) {
      const std::int64_t half = rows / 2;
      auto middle = bound(lo, half, hi);
      if (!middle || !target.begin_write()) return {};
      const auto tried = change(lo, *middle);
      target.rollback();
      if (tried) lo = *middle, rows -= half;
      else hi = *middle, rows = half;
    }
    auto key = bound(lo, 1, hi);
    return key ? ledger::display(*key) : "";
  }
};

std::string committed_so_far(const ledger::Lane& lane) {
  return lane.seq == 0 ? "nothing was changed" : fmt::format("chunks 1 to {} are committed, chunk {} was rolled back, nothing to clean up", lane.seq, lane.seq + 1);
}

// More rows when chunks are quick, fewer at once when they are slow or their images large.
std::int64_t next_size(std::int64_t rows, const ChunkEnd& chunk, const Options& options) {
  double factor = std::clamp(options.target_chunk_seconds / std::max(chunk.seconds, 1e-4), 0.25, 4.0);
  if (chunk.raw_bytes > 0) factor = std::min(factor, static_cast<double>(options.max_pack_bytes) / static_cast<double>(chunk.raw_bytes));
  return std::clamp(static_cast<std::int64_t>(static_cast<double>(rows) * factor), min_rows, max_rows);
}

std::optional<StepEnd> walk_lane(Walk& walk, ledger::Lane& lane, ledger::PackWriter& pack) {
  Context& context = walk.context;
  const program::Step& step = walk.step;
  std::int64_t rows = step.chunk_rows.value_or(first_rows);
  while (!lane.cursor || ledger::compare(*lane.cursor, lane.upto) < 0) {
    if (auto end = context.pause(step, step.target.source)) return end;
    auto hi = walk.bound(lane.cursor, rows, lane.upto);
    if (!hi) return context.fail(step, code_of(hi.error()), hi.error(), committed_so_far(lane));
    ChunkWork work;
    work.lane = lane;
    work.hi = *hi;
    work.rows = rows;
    work.query = (lane.cursor ? walk.sql.change : walk.sql.change_first).text;
    work.change = [&](ledger::PackWriter&, ledger::ChunkFacts&) { return walk.change(lane.cursor, work.hi); };
    auto chunk = commit_chunk(context, step, work, pack, walk.schema_version);
    if (!chunk) {
      std::string where = committed_so_far(lane);
      if (chunk.error().kind == ErrorClass::data)
        if (const std::string key = walk.bad_row(lane.cursor, work.hi, rows); !key.empty()) where = fmt::format("at the row with key {}; {}", key, where);
      return context.fail(step, code_of(chunk.error()), chunk.error(), where);
    }
    lane = work.lane;
    if (!step.chunk_rows) rows = next_size(rows, *chunk, context.options);
  }
  return std::nullopt;
}

}  // namespace

StepEnd direct_write(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision, const ledger::Generation* open) {
  const int source = step.target.source;
  connect::Connector& target = *context.targets[static_cast<std::size_t>(source)];
  ledger::Writer& writer = *context.writers[static_cast<std::size_t>(source)];
  auto sql = lower::direct_update(context.program, step, lower::Dialect::sqlite);
  if (!sql) return context.fail(step, code_of(sql.error()), sql.error());
  auto statements = prepare(target, *sql, context.evaluation(source));
  if (!statements) return context.fail(step, code_of(statements.error()), statements.error());
  auto version = target.schema_version();
  if (!version) return context.fail(step, code_of(version.error()), version.error());
  Walk walk{context, step, target, writer, std::move(*sql), std::move(*statements), std::max<std::size_t>(step.walk.size(), 1), *version};

  auto last = walk.last_key();
  if (!last) return context.fail(step, code_of(last.error()), last.error());
  // An empty table has an empty walk; its key is the empty one.
  const Key upto = *last ? **last : Key{};

  std::int64_t id = open ? open->id : 0;
  bool wanted = open != nullptr;
  if (!open) {
    auto any = walk.anything_left();
    if (!any) return context.fail(step, code_of(any.error()), any.error(), "nothing was changed");
    wanted = *any;
    if (wanted && step.idempotence == program::Idempotence::guarded) {
      auto broken = disproof(context.program, step, target, context.evaluation(source));
      if (!broken) return context.fail(step, code_of(broken.error()), broken.error(), "nothing was changed");
      if (*broken)
        return context.fail(step, Code::not_idempotent, {ErrorClass::data, **broken, {}, "make the `where` false once the change is made, or say `once` in the step"}, "nothing was changed");
    }
    ledger::Writer::Opening opening{step.name, "direct", step_plan.key.components.size() > 1 ? step_plan.key.components[1].digest : "", &step_plan.key, decision.generation, upto, 0};
    auto made = writer.open(opening);
    if (!made) return context.fail(step, code_of(made.error()), made.error(), "nothing was changed");
    id = *made;
  }
  std::int64_t changed_before = open ? open->changed : 0;
  const std::int64_t total_before = context.outcome.changed;

  ledger::PackWriter pack;
  for (int pass = 1; wanted; ++pass) {
    auto lane = writer.newest_lane(id);
    if (!lane) return context.fail(step, code_of(lane.error()), lane.error());
    if (auto end = walk_lane(walk, *lane, pack)) return *end;
    auto any = walk.anything_left();
    if (!any) return context.fail(step, code_of(any.error()), any.error(), committed_so_far(*lane));
    if (!*any) break;
    if (pass == max_passes)
      return context.fail(step, Code::not_idempotent,
                          {ErrorClass::data, fmt::format("rows match again after {} walks", pass), {},
                           "something else writes these rows, or the step undoes its own work; look at them with `bfl plan`"},
                          "every changed row is committed and in the ledger with its image before");
    auto end = walk.last_key();
    if (!end || !*end) break;
    if (auto opened = writer.open_lane(id, **end); !opened) return context.fail(step, code_of(opened.error()), opened.error());
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
