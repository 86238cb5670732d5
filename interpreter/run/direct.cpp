// The direct route: a walk of the live key in chunks of one set-based UPDATE each, whose size follows the time they take.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/fault_points.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/stages.h"
#include "interpreter/run/workers.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

using connect::RawRow;
using connect::RawValue;
using ledger::Key;

constexpr std::int64_t first_rows = 5'000;
constexpr int max_passes = 4;

struct Statements {
  std::unique_ptr<connect::Prepared> change, change_first, bound, bound_first, last, before, any, any_first;
};

struct Walk {
  Writing& writing;
  const lower::DirectUpdate sql;
  const std::size_t columns;         // of the key
  Statements statements{};
  std::vector<Key> aside{};          // rows in quarantine, in the order of the walk

  Result<void> prepare() {
    const std::pair<std::unique_ptr<connect::Prepared>*, const lower::Statement*> wanted[] = {
        {&statements.change, &sql.change}, {&statements.change_first, &sql.change_first}, {&statements.bound, &sql.bound},
        {&statements.bound_first, &sql.bound_first}, {&statements.last, &sql.last}, {&statements.before, &sql.before}, {&statements.any, &sql.any},
        {&statements.any_first, &sql.any_first}};
    for (const auto& [to, statement] : wanted) {
      if (statement->text.empty() || (statement == &sql.before && writing.most_quarantined < 0)) continue;
      auto prepared = writing.target.prepare(*statement, writing.context.evaluation(writing.source));
      if (!prepared) return prepared.error();
      *to = std::move(*prepared);
    }
    return {};
  }

  Result<std::optional<Key>> one_key(connect::Prepared& statement, const std::vector<RawValue>& values) {
    std::optional<Key> key;
    auto read = statement.query_raw(values, [&](RawRow row) {
      key = ledger::key_of(row, columns);
      return false;
    });
    if (!read) return read.error();
    return key;
  }

  Result<std::optional<Key>> last_key() { return one_key(*statements.last, {}); }

  // The key of the `rows`th row behind `lo`; nothing when it is not before `upto`.
  Result<std::optional<Key>> bound(const std::optional<Key>& lo, std::int64_t rows, const Key& upto) {
    std::vector<RawValue> values = lo ? ledger::views(*lo) : std::vector<RawValue>{};
    values.push_back(ledger::number(rows - 1));
    auto key = one_key(lo ? *statements.bound : *statements.bound_first, values);
    return !key || (*key && before(**key, upto)) ? key : std::optional<Key>{};
  }

  // check/ lets only keys be walked that sort by their bytes.
  bool before(const Key& a, const Key& b) const { return ledger::compare(a, b, sql.key) < 0; }

  Result<bool> finds(connect::Prepared& statement, const std::vector<RawValue>& values) {
    bool any = false;
    auto read = statement.query_raw(values, [&](RawRow) { return !(any = true); });
    if (!read) return read.error();
    return any;
  }

  // Most tables in which something is wrong show it soon.
  Result<bool> anything_left() {
    if (statements.any_first) {
      const auto some = one_key(*statements.bound_first, {ledger::number(first_rows)});
      if (!some) return some.error();
      if (*some)
        if (auto any = finds(*statements.any_first, ledger::views(**some)); !any || *any) return any;
    }
    return finds(*statements.any, {});
  }

  // The same, without the rows that are set aside: stretch by stretch between them, tried and taken back.
  Result<bool> anything_left_beside() {
    if (aside.empty()) {
      auto any = anything_left();
      // Where it cannot even be told, there is a row that is not set aside yet.
      return !any && any.error().kind == ErrorClass::data && writing.most_quarantined >= 0 ? Result<bool>{true} : any;
    }
    std::optional<Key> lo;
    for (const Key& key : aside) {
      auto end = one_key(*statements.before, ledger::views(key));
      if (!end) return end.error();
      if (*end)
        if (auto any = would_change(lo, **end); !any || *any) return any;
      lo = key;
    }
    auto last = last_key();
    if (!last) return last.error();
    return *last ? would_change(lo, **last) : Result<bool>{false};
  }

  Result<bool> would_change(const std::optional<Key>& lo, const Key& hi) {
    if (lo && !before(*lo, hi)) return false;
    if (auto begun = writing.target.begin_write(); !begun) return begun.error();
    writing.target.walks(0);
    auto changed = change(lo, hi);
    writing.target.rollback();
    if (!changed) return changed.error().kind == ErrorClass::data ? Result<bool>{true} : Result<bool>{changed.error()};
    return *changed != 0;
  }

  Result<void> know_aside() {
    aside.clear();
    if (writing.quarantined == 0) return {};
    auto rows = ledger::set_aside(writing.target, writing.id);
    if (!rows) return rows.error();
    for (ledger::Quarantined& row : *rows) aside.push_back(std::move(row.key));
    std::sort(aside.begin(), aside.end(), [this](const Key& a, const Key& b) { return before(a, b); });
    return {};
  }

  // Where the stretch (lo, hi] ends when it is not to touch a row that is set aside; `passes`: it is that row.
  Result<Key> short_of_aside(const std::optional<Key>& lo, Key hi, bool& passes) {
    passes = false;
    const auto next = std::find_if(aside.begin(), aside.end(), [&](const Key& key) { return !lo || before(*lo, key); });
    if (next == aside.end() || before(hi, *next)) return hi;
    auto end = one_key(*statements.before, ledger::views(*next));
    if (!end) return end.error();
    passes = !*end || (lo && !before(*lo, **end));
    return passes ? *next : **end;
  }

  Result<std::int64_t> change(const std::optional<Key>& lo, const Key& hi) {
    std::vector<RawValue> values = lo ? ledger::views(*lo) : std::vector<RawValue>{};
    for (const RawValue& value : ledger::views(hi)) values.push_back(value);
    return (lo ? statements.change : statements.change_first)->run_raw(values);
  }

  // Whether the rows in (lo, hi] can be changed: tried in a transaction that is rolled back.
  std::optional<bool> can_change(const std::optional<Key>& lo, const Key& hi) {
    if (!writing.target.begin_write()) return std::nullopt;
    const auto changed = change(lo, hi);
    writing.target.rollback();
    if (!changed && changed.error().kind != ErrorClass::data) return std::nullopt;
    return bool(changed);
  }

  // The first row behind `lo` at which an UPDATE fails, found by halving. Always from `lo`: a row may be in the way of
  // another one.
  std::string bad_row(const std::optional<Key>& lo, Key hi) {
    std::optional<Key> good = lo;
    for (std::int64_t rows = writing.rows; rows > 1;) {
      const std::int64_t half = rows / 2;
      auto middle = bound(good, half, hi);
      if (!middle) return {};
      rows = *middle ? rows - half : half;
      if (!*middle) continue;  // there are not even so many
      const auto changed = can_change(lo, **middle);
      if (!changed) return {};
      if (*changed) good = **middle;
      else hi = **middle, rows = half;
    }
    auto key = bound(good, 1, hi);
    if (!key) return {};
    const Key& bad = *key ? **key : hi;
    return can_change(lo, bad) == false ? named(writing.context.program, writing.step, {}, bad) : "";
  }

  // The same from the first key on, before the step has begun: chunk after chunk is tried.
  std::string first_bad_row() {
    const auto last = last_key();
    if (!last || !*last) return {};
    for (std::optional<Key> lo; !writing.context.run_ends();) {
      const auto next = bound(lo, writing.rows, **last);
      if (!next) return {};
      const auto changed = can_change(lo, *next ? **next : **last);
      if (!changed) return {};
      if (!*changed) return bad_row(lo, *next ? **next : **last);
      if (!*next) return {};
      lo = **next;
    }
    return {};
  }
};

// A share is asked of the whole step: its rows are counted before the first of them is changed.
std::optional<StepEnd> refuse_share(Writing& writing, const lower::Statement& probe) {
  const auto& limits = writing.measured.limits;
  if (std::none_of(limits.begin(), limits.end(), [](const Limit& limit) { return limit.what == program::Counted::changed && !limit.share.empty(); })) return std::nullopt;
  auto rows = one_number(writing.target, probe, writing.context.evaluation(writing.source));
  if (!rows) return writing.fail(rows.error());
  return refuse_unexpected(writing, *rows);
}

// `find`: the row at which it failed.
template <class Find>
StepEnd row_failed(Writing& writing, const Error& error, Find&& find) {
  if (error.kind != ErrorClass::data) return writing.fail(error);
  const std::string state = writing.state_of_data();
  Error told = error;
  told.row = find();
  tell_references(writing.context.program, writing.step, told);
  return writing.context.fail(writing.step, told, state);
}

// `walk` lives as long as what is given.
NextChunk chunks_of(Walk& walk) {
  return [&walk](const ledger::Lane& from) -> Result<Chunk> {
    const Writing &writing = walk.writing, &all = writing.of ? *writing.of : writing;
    auto hi = walk.bound(from.cursor, writing.rows, from.upto);
    if (!hi) return hi.error();
    Chunk chunk;
    bool passes = false;
    auto end = walk.short_of_aside(from.cursor, *hi ? **hi : from.upto, passes);
    if (!end) return end.error();
    chunk.hi = std::move(*end);
    // Of the last chunk nobody knows how many rows it walks; what is missing to the estimate is as good as anything.
    chunk.rows = *hi || all.rows_total < 0 || writing.of ? writing.rows : std::clamp<std::int64_t>(all.rows_total - all.rows_done, 1, writing.rows);
    chunk.rest = !*hi && writing.of;
    chunk.query = &(from.cursor ? walk.sql.change : walk.sql.change_first).text;
    chunk.change = [&walk, lo = from.cursor, to = chunk.hi, passes](ledger::ChunkFacts&) { return passes ? Result<std::int64_t>{0} : walk.change(lo, to); };
    chunk.keys = [to = chunk.hi]() -> Result<std::vector<Key>> { return std::vector<Key>{to}; };
    return chunk;
  };
}

std::optional<StepEnd> walk_lane(Walk& walk, ledger::Lane& lane) {
  Writing& writing = walk.writing;
  const NextChunk next = chunks_of(walk);
  while (!at_end(lane)) {
    if (auto end = writing.context.pause(writing.step, writing.source)) return end;
    if (auto committed = commit_or_set_aside(writing, lane, next); !committed) return row_failed(writing, committed.error(), [&] { return walk.bad_row(lane.cursor, lane.upto); });
  }
  return std::nullopt;
}

// Lanes that are open: by several workers where there are both, else one after the other.
std::optional<StepEnd> walk_lanes(Walk& walk, std::vector<ledger::Lane> lanes) {
  Writing& writing = walk.writing;
  if (lanes.size() > 1 && workers_of(writing) > 1 && !writing.whole) {
    const Beside beside{
        [&walk](Writing& worker) -> Result<NextChunk> {
          auto own = std::make_shared<Walk>(worker, walk.sql, walk.columns);
          own->aside = walk.aside;
          if (auto prepared = own->prepare(); !prepared) return prepared.error();
          return NextChunk([own, next = chunks_of(*own)](const ledger::Lane& from) { return next(from); });
        },
        [&walk](Writing& all, const Error& error, const ledger::Lane& lane) {
          return row_failed(all, error, [&] { return walk.bad_row(lane.cursor, lane.upto); });
        }};
    std::optional<StepEnd> end;
    auto walked = walk_beside(writing, lanes, beside, end);
    if (!walked) return writing.fail(walked.error());
    if (*walked) return end;
  }
  for (ledger::Lane& lane : lanes)
    if (auto end = walk_lane(walk, lane)) return end;
  return std::nullopt;
}

// Where the lanes of several workers end, but for the last: at every so many rows, several lanes for each worker so that none
// of them is left with the longest. Nothing for one worker.
Result<std::vector<Key>> cuts(Walk& walk, std::optional<Key> lo, const Key& last) {
  std::vector<Key> ends;
  const int workers = workers_of(walk.writing);
  if (workers < 2 || walk.writing.whole) return ends;
  const auto most = static_cast<std::size_t>(workers) * 8;
  std::int64_t rows = std::max(walk.writing.rows, walk.writing.rows_total / (workers * 4));
  for (;;) {
    auto end = walk.bound(lo, rows, last);
    if (!end) return end.error();
    if (!*end) return ends;
    lo = **end;
    ends.push_back(std::move(**end));
    if (ends.size() < most) continue;
    // There are more rows than anybody estimated: lanes of twice the length.
    rows *= 2;
    for (std::size_t i = 1; i < ends.size(); i += 2) ends[i / 2] = ends[i];
    ends.resize(ends.size() / 2);
  }
}

Error matches_again() { return {ErrorClass::data, "rows match again right after the step has changed them", {}, help_to_guard}; }

// Where a stage of so many of the rows that would change now ends: the key of the last of them; nothing: there are not so many.
Result<std::optional<Key>> end_of_stage(Walk& walk, std::int64_t rows) {
  Writing& writing = walk.writing;
  auto intents = lower::intents(writing.context.program, writing.step, writing.context.dialect(writing.source), false);
  if (!intents) return intents.error();
  auto select = writing.target.prepare(intents->own.select, writing.context.evaluation(writing.source));
  if (!select) return select.error();
  std::optional<Key> end;
  std::int64_t seen = 0;
  auto read = (*select)->query_raw({}, [&](RawRow row) {
    Key key = ledger::key_of(row, walk.columns);
    // Those in quarantine would still change; they were of the stages before.
    if (std::any_of(walk.aside.begin(), walk.aside.end(), [&](const Key& aside) { return ledger::compare(aside, key) == 0; })) return true;
    if (++seen < rows) return true;
    end = std::move(key);
    return false;
  });
  if (!read) return read.error();
  return end;
}

// The next stage: what lies behind the stages before it, up to where its share of the rows ends.
std::optional<StepEnd> begin_stage(Walk& walk, Stages& stages) {
  Writing& writing = walk.writing;
  const std::string share = stages.next_share();
  auto before = writing.writer.newest_lane(writing.id);
  if (!before) return writing.fail(before.error());
  if (auto known = walk.know_aside(); !known) return writing.fail(known.error());
  auto last = walk.last_key();
  if (!last) return writing.fail(last.error());
  std::optional<Key> end = *last;
  if (share != "100") {
    const std::int64_t rows = Stages::rows_up_to(share, stages.rows()) - stages.rows_before_next();
    auto found = rows > 0 ? end_of_stage(walk, rows) : Result<std::optional<Key>>(std::optional(before->upto));  // no whole row more
    if (!found) return writing.fail(found.error());
    if (*found) end = std::move(*found);
  }
  std::vector<ledger::Writer::LaneRange> lanes;
  if (end && walk.before(before->upto, *end)) {
    auto ends = cuts(walk, before->upto, *end);
    if (!ends) return writing.fail(ends.error());
    ends->push_back(*end);
    std::optional<Key> from = before->upto;
    for (Key& upto : *ends) {
      lanes.push_back({from, upto});
      from = std::move(upto);
    }
  }
  if (auto begun = stages.begin(share, lanes); !begun) return writing.fail(begun.error());
  return std::nullopt;
}

// Walks until a look from the first key finds nothing: rows that arrived meanwhile are not missed.
std::optional<StepEnd> walk_all(Walk& walk, Stages& stages, bool resumed, std::optional<std::int64_t> others) {
  Writing& writing = walk.writing;
  for (int pass = 1;; ++pass) {
    for (;;) {
      auto lanes = writing.writer.lanes(writing.id);
      if (!lanes) return writing.fail(lanes.error());
      std::erase_if(*lanes, at_end);
      if (lanes->empty() && stages.another()) {
        if (auto end = stages.leave()) return end;
        if (auto end = begin_stage(walk, stages)) return end;
        continue;
      }
      if (lanes->empty()) break;
      if (auto known = walk.know_aside(); !known) return writing.fail(known.error());
      if (auto end = walk_lanes(walk, std::move(*lanes))) return end;
    }
    // While nobody else has committed no row can have arrived; a convergent step leaves no row that it would change.
    const bool alone = !resumed && others && walk.writing.target.commits_of_others() == others;
    if (alone && writing.step.idempotence == program::Idempotence::convergent) return std::nullopt;
    others = writing.target.commits_of_others();
    if (auto known = walk.know_aside(); !known) return writing.fail(known.error());
    auto any = walk.anything_left_beside();
    if (!any) return writing.fail(any.error());
    if (!*any) return std::nullopt;
    if (alone) return writing.fail(Code::not_idempotent, matches_again());
    if (pass == max_passes)
      return writing.fail(
          {ErrorClass::transient,
           fmt::format("rows still match after {} walks of the table: others write them as fast as they are corrected", pass),
           {},
           "stop what writes them and run again; if nothing does, the step undoes its own work"});
    auto upto = walk.last_key();
    if (!upto) return writing.fail(upto.error());
    if (!*upto) return std::nullopt;
    if (auto opened = writing.writer.open_lane(writing.id, **upto); !opened) return writing.fail(opened.error());
    resumed = false;
  }
}

}  // namespace

StepEnd direct_write(Writing& writing, const char* route, const Decision& decision, const ledger::Generation* open) {
  Context& context = writing.context;
  const program::Step& step = writing.step;
  auto sql = lower::direct_update(context.program, step, context.dialect(writing.source));
  if (!sql) return writing.fail(sql.error());
  Walk walk{writing, std::move(*sql), std::max<std::size_t>(step.walk.size(), 1)};
  if (auto prepared = walk.prepare(); !prepared) return writing.fail(prepared.error());
  writing.rows = step.chunk_rows.value_or(first_rows);
  writing.rows_total = writing.table.estimated_rows.value_or(-1);

  const auto others = writing.target.commits_of_others();
  if (!open) {
    auto any = walk.anything_left_beside();
    if (!any) return row_failed(writing, any.error(), [&] { return walk.first_bad_row(); });
    auto last = walk.last_key();
    if (!last) return writing.fail(last.error());
    if (!*any || !*last) return finish_empty(writing, route, decision.generation);
    if (auto end = refuse_left_behind(writing, context.program, writing.target)) return *end;
    if (auto end = refuse_share(writing, walk.sql.probe)) return *end;
    if (auto end = refuse_unproved(writing, context.program, writing.target)) return *end;
    std::int64_t stage_rows = 0;
    const std::string share = step.rollout ? step.rollout->stages.front().percent.to_string() : "";
    if (!share.empty()) {
      auto rows = one_number(writing.target, walk.sql.probe, context.evaluation(writing.source));
      if (!rows) return writing.fail(rows.error());
      stage_rows = *rows;
      // Rows that were there a moment ago: the stage is as short as one can be.
      auto end = share == "100" ? Result<std::optional<Key>>(std::optional<Key>{}) : stage_rows > 0 ? end_of_stage(walk, Stages::rows_up_to(share, stage_rows)) : walk.bound(std::nullopt, 1, **last);
      if (!end) return writing.fail(end.error());
      if (*end) *last = std::move(*end);
    }
    auto ends = cuts(walk, std::nullopt, **last);
    if (!ends) return writing.fail(ends.error());
    fault_point("before_open");
    auto opened = writing.writer.open({step.name, route, walk.sql.change.text, &writing.step_plan.key, decision.generation, **last, 0, {}, ledger::describe(writing.tables), to_text(writing.measured), std::move(*ends), share, stage_rows, {}, writing.reads()});
    if (!opened) return writing.fail(opened.error());
    writing.id = *opened;
    fault_point("after_open");
  } else if (auto lanes = writing.writer.lanes(writing.id); lanes && lanes->size() > 1) {
    // Workers of a run that was killed have not counted what they committed.
    auto counts = writing.writer.recount(writing.id);
    if (!counts) return writing.fail(counts.error());
    writing.changed = counts->changed;
    writing.conflicts = counts->conflicts;
    writing.quarantined = counts->quarantined;
  }
  Stages stages(writing);
  if (auto read = stages.read(!open); !read) return writing.fail(read.error());
  stages.tell_begun();
  if (auto end = walk_all(walk, stages, open != nullptr, others)) return *end;
  if (auto end = stages.leave()) return *end;
  return finish(writing);
}

}  // namespace bfl::run
