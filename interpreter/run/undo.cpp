#include "interpreter/run/undo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <unordered_map>

#include "interpreter/base/fault_points.h"
#include "interpreter/connect/held_read.h"
#include "interpreter/ledger/conflicts.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/run/backwards.h"
#include "interpreter/run/behind.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

using ledger::Key;
using ledger::Record;
using ledger::Stored;

constexpr std::int64_t first_rows = 2'000;
constexpr std::size_t most_listed = 20;

Key ordinal(std::int64_t number) { return {Stored::of(ledger::number(number))}; }
std::int64_t position(const std::optional<Key>& cursor) { return cursor && !cursor->empty() ? (*cursor)[0].integer : 0; }

// By source and table: rows that will have been put back to what is older, and what they will be; nothing: not there.
using BackFirst = std::map<std::pair<int, std::string>, std::unordered_map<ledger::Short, std::optional<ledger::Short>, ledger::HashShort>>;

void count(UndoTask& task, const RowBack& back, const Record& shown, const Judged& judged) {
  if (judged.verdict == Verdict::put_back) {
    ++task.put_back;
  } else if (judged.verdict == Verdict::as_before) {
    ++task.as_before;
  } else if (judged.verdict == Verdict::conflict) {
    ++task.conflicts;
    if (task.listed.size() < most_listed) task.listed.push_back(fmt::format("{}: {}", back.shown_key(shown), judged.reason));
  }
}

ledger::Short digest_of(const std::vector<Stored>& row) { return ledger::short_digest(ledger::views(row)); }
ledger::Short place_of(const std::vector<Stored>& row, const ledger::ImageTable& table) { return ledger::short_digest(ledger::key_in(row, table.key)); }

// `before` and `left`: the row as it is to be, and as it was left; empty: it is not there.
void cover(const UndoTask& task, const ledger::ImageTable& table, const std::vector<Stored>& before, const std::vector<Stored>& left, BackFirst& back_first) {
  auto& rows = back_first[{task.source, table.name}];
  if (!left.empty()) rows[place_of(left, table)].reset();
  if (!before.empty()) rows[place_of(before, table)] = digest_of(before);
}

// What is changed since may be what an undo before this one puts back; what is as it was left may be changed by it.
void look_through(const UndoTask& task, const ledger::ImageTable& table, const std::vector<Stored>& before, const std::vector<Stored>& left, Judged& judged, BackFirst& back_first) {
  const auto& rows = back_first[{task.source, table.name}];
  const auto known = [&](const std::vector<Stored>& row) { return rows.find(place_of(row, table)); };
  if (judged.verdict == Verdict::passed_over || known(left.empty() ? before : left) == rows.end()) return;
  const auto will_be = [&](const std::vector<Stored>& row, const std::vector<Stored>& other) {
    const auto found = known(row.empty() ? other : row);
    return found != rows.end() && (row.empty() ? !found->second : found->second == digest_of(row));
  };
  judged.verdict = !will_be(left, before) && will_be(before, left) ? Verdict::as_before : Verdict::put_back;
}

plan::MemoKey key_of(const UndoTask& task) {
  plan::MemoKey key;
  key.components.push_back({"undoes", std::to_string(task.undone.id), {}});
  std::string undoes = fmt::format("undo of {}", task.undone.id);
  if (task.keys) {
    const std::string range = hex(ledger::encode(task.keys->first)) + ".." + hex(ledger::encode(task.keys->second));
    key.components.push_back({"keys", range, {}});
    undoes += " " + range;
  }
  const auto narrowed = [&](const char* name, const std::string& by) {
    if (by.empty()) return;
    key.components.push_back({name, by, {}});
    undoes += fmt::format(" {} {}", name, by);
  };
  narrowed("runs", fmt::format("{}", fmt::join(task.runs, ",")));
  narrowed("because", task.because);
  key.digest = hex(sha256(undoes));
  return key;
}

class Undoing {
 public:
  Undoing(Context& context, UndoTask& task, const plan::StepPlan& step_plan)
      : context_(context), task_(task), step_plan_{step_plan.step, step_plan.work, key_of(task)}, writing_(context, task.step, step_plan_, task.open ? &*task.open : nullptr) {
    writing_.undoing = true;
  }

  StepEnd run() {
    auto back = RowBack::prepare(context_.program, writing_.target, task_);
    if (!back) return writing_.fail(back.error());
    back_ = std::move(*back);
    if (!task_.open && task_.images == 0) return StepEnd::done;  // what it did has lost its images
    if (!task_.open) {
      // An order that keeps it from beginning leaves nothing that would have to be finished.
      if (auto end = context_.pause(task_.step, task_.source)) return *end;
      fault_point("before_open");
      auto opened = writing_.writer.open({task_.step.name, "undo", back_->query(), &step_plan_.key, task_.number, ordinal(task_.images), 0, {}, ledger::describe(task_.tables)});
      if (!opened) return writing_.fail(opened.error());
      writing_.id = *opened;
      fault_point("after_open");
    }
    auto lane = writing_.writer.newest_lane(writing_.id);
    if (!lane) return writing_.fail(lane.error());
    Backwards images(writing_.target, task_);
    writing_.rows = first_rows;
    writing_.rows_total = position(lane->upto);
    writing_.rows_done = position(lane->cursor);
    const NextChunk next = [&](const ledger::Lane& from) -> Result<Chunk> {
      const std::int64_t at = position(from.cursor);
      const auto end = images.end_of_chunk(at, std::min(at + writing_.rows, position(from.upto)));
      if (!end) return end.error();
      const std::int64_t to = *end;
      Chunk chunk;
      chunk.hi = ordinal(to);
      chunk.rows = to - at;
      chunk.query = &back_->query();
      chunk.change = [this, &images, at, to](ledger::ChunkFacts& facts) { return apply(images, at, to, facts); };
      return chunk;
    };
    while (position(lane->cursor) < position(lane->upto)) {
      if (auto end = context_.pause(task_.step, task_.source)) return *end;
      if (auto committed = commit_chunks(writing_, *lane, next); !committed) {
        if (!more_careful(position(lane->cursor), committed.error())) return writing_.fail(committed.error());
        continue;
      }
      row_by_row_ = false;
      task_.listed.insert(task_.listed.end(), listed_.begin(), listed_.end());
      if (task_.listed.size() > most_listed) task_.listed.resize(most_listed);
    }
    fault_point("before_close");
    // A part of a generation that was put back leaves the rest of it done.
    const bool whole = task_.whole();
    auto closed = writing_.writer.close(writing_.id, whole ? std::optional(task_.undone.id) : std::nullopt, whole ? task_.again : std::nullopt);
    if (!closed) return context_.fail(task_.step, closed.error(), "every row that could be put back is, and in the ledger");
    fault_point("after_close");
    task_.put_back = writing_.changed;
    task_.conflicts = writing_.conflicts;
    if (task_.open)  // those of the chunks before it was cut short as well
      if (auto told = list_all(); !told) return writing_.fail(told.error());
    Event event = context_.event(EventKind::step_finished, task_.step);
    event.rows_changed = writing_.changed;
    event.conflicts = writing_.conflicts;
    event.rows_total = writing_.rows_total;
    event.rows_done = writing_.rows_done;
    event.seconds = context_.clock.seconds() - writing_.began;
    context_.tell(event);
    return StepEnd::done;
  }

 private:
  Result<void> list_all() {
    task_.listed.clear();
    return ledger::each_conflict(writing_.target, writing_.id, [&](const Key& key, const std::string& reason) {
      if (task_.listed.size() < most_listed) task_.listed.push_back(fmt::format("{}: {}", back_->shown_key(key), reason));
    });
  }

  // What the database refuses (a constraint) stays as it is and is listed, and the rest of the chunk is done: the chunk that
  // failed is done again with each row tried first; where the refusal comes with the commit, with one row only; and in
  // the end without that row.
  bool more_careful(std::int64_t from, const Error& error) {
    if (error.kind != ErrorClass::data) return false;
    if (!row_by_row_) return row_by_row_ = true;
    if (writing_.rows > 1) return writing_.rows = 1, true;
    return refused_.emplace(from, discreet(context_.program, task_.step, error).message).second;
  }

  Result<std::int64_t> apply(Backwards& images, std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts) {
    listed_.clear();
    if (context_.dialect(task_.source) == lower::Dialect::postgres) {
      // Rows are looked for by their keys alone; a planner without figures would read the whole table for each thousand of them. Whatever
      // is tested at the commit is tested at once where rows are tried, as far as the engine can.
      auto set = writing_.target.execute(row_by_row_ ? "SET LOCAL enable_seqscan = off;SET CONSTRAINTS ALL IMMEDIATE" : "SET LOCAL enable_seqscan = off");
      if (!set) return set.error();
    }
    std::int64_t changed = 0;
    for (std::int64_t number = from; number < to;) {
      if (context_.stop.level.load() > 1) return Error{ErrorClass::interrupted, "asked to stop"};
      const auto circle = images.end_of_circle(number);
      if (!circle) return circle.error();
      if (*circle > number) {
        if (auto done = go_round(images, number, *circle, facts, changed); !done) return done.error();
        number = *circle;
        continue;
      }
      auto records = images.together(*back_, number, to, row_by_row_);
      if (!records) return records.error();
      auto judged = back_->judge(*records);
      if (!judged) return judged.error();
      for (std::size_t i = 0; i < records->size(); ++i) {
        if ((*judged)[i].verdict != Verdict::put_back) continue;
        auto refused = refusal(number + static_cast<std::int64_t>(i), *(*records)[i], (*judged)[i]);
        if (!refused) return refused.error();
        if (!refused->empty()) (*judged)[i] = Judged{Verdict::conflict, std::move(*refused), {}};
      }
      if (auto done = carry_out(*records, *judged, facts, changed); !done) return done.error();
      number += static_cast<std::int64_t>(records->size());
    }
    return changed;
  }

  // A circle, whole or not at all.
  Result<void> go_round(Backwards& images, std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts, std::int64_t& changed) {
    auto circle = look_at_circle(*back_, images, from, to);
    if (!circle) return circle.error();
    if (goes_back(*circle)) {
      const auto known = refused_.find(from);
      auto refused = known != refused_.end() ? Result<std::string>(known->second) : row_by_row_ ? circle_tried(images, from, to) : Result<std::string>(std::string());
      if (!refused) return refused.error();
      if (refused->empty()) return circle_back(images, from, to, changed);
      for (InCircle& row : *circle) row.judged = Judged{Verdict::conflict, *refused, {}};
    }
    stay_together(*back_, *circle);
    for (const InCircle& row : *circle) leave(*row.first, row.judged, facts);
    return {};
  }

  Result<void> circle_back(Backwards& images, std::int64_t from, std::int64_t to, std::int64_t& changed) {
    ledger::ChunkFacts left;  // none is
    while (from < to) {
      auto records = images.together(*back_, from, to, false);
      if (!records) return records.error();
      auto judged = back_->judge(*records, false);
      if (!judged) return judged.error();
      for (const Judged& one : *judged)
        if (one.verdict != Verdict::put_back) return Error{ErrorClass::data, one.reason.empty() ? "a row of a circle is not as it was left" : one.reason};
      if (auto done = carry_out(*records, *judged, left, changed, [&](std::size_t i) { return images.goes_on(from + static_cast<std::int64_t>(i)); }); !done) return done;
      from += static_cast<std::int64_t>(records->size());
    }
    return {};
  }

  // What was judged, in its order: neighbours of one kind together. `goes_on`: whether the row is changed once more.
  Result<void> carry_out(RowBack::Records records, std::span<const Judged> judged, ledger::ChunkFacts& facts, std::int64_t& changed, const std::function<bool(std::size_t)>& goes_on = {}) {
    for (std::size_t first = 0, next = 0; first < records.size(); first = next) {
      if (judged[first].verdict != Verdict::put_back) {
        leave(*records[next++], judged[first], facts);
        continue;
      }
      while (next < records.size() && judged[next].verdict == Verdict::put_back && records[next]->kind == records[first]->kind) ++next;
      std::vector<Stored> row;
      std::vector<connect::RawValue> key;
      const auto cause = [&](std::size_t i) {
        row = place_of(*records[first + i]);
        key = ledger::key_in(row, back_->table_of(*records[first + i]).key);
        writing_.cause = key;
        writing_.in_between = goes_on && goes_on(first + i);
      };
      auto done = back_->carry_out(records.subspan(first, next - first), judged.subspan(first, next - first), cause, [&](std::size_t, std::int64_t rows) { changed += rows; });
      writing_.cause = {};
      writing_.in_between = false;
      if (!done) return done;
    }
    return {};
  }

  std::vector<Stored> place_of(const Record& record) const { return record.kind == 'i' ? ledger::row_after(record, back_->table_of(record).columns.size()) : record.before; }

  void leave(const Record& record, const Judged& judged, ledger::ChunkFacts& facts) {
    if (judged.verdict == Verdict::passed_over) return;
    const std::vector<Stored> row = place_of(record);
    const auto key = ledger::key_in(row, back_->table_of(record).key);
    if (judged.verdict == Verdict::as_before) {
      ++facts.skipped;
      writing_.pack.skip(key, "the row is as it was before");
      return;
    }
    ++facts.conflicts;
    writing_.pack.conflict(key, judged.reason, back_->table_of(record).name);
    if (listed_.size() < most_listed) listed_.push_back(fmt::format("{}: {}", back_->shown_key(record), judged.reason));
  }

  // Why the database refuses it; empty: nobody knows that it does.
  Result<std::string> refusal(std::int64_t number, const Record& record, const Judged& judged) {
    if (const auto known = refused_.find(number); known != refused_.end()) return known->second;
    return row_by_row_ ? tried(record, judged) : Result<std::string>(std::string());
  }

  // The same, taken back whatever came of it.
  Result<std::string> tried(const Record& record, const Judged& judged) {
    return taken_back([&] {
      const Record* const one[] = {&record};
      return back_->carry_out(one, {&judged, 1}, [](std::size_t) {}, [](std::size_t, std::int64_t) {});
    });
  }

  Result<std::string> circle_tried(Backwards& images, std::int64_t from, std::int64_t to) {
    return taken_back([&] {
      std::int64_t changed = 0;
      return circle_back(images, from, to, changed);
    });
  }

  Result<std::string> taken_back(const std::function<Result<void>()>& work) {
    if (auto marked = writing_.target.execute("SAVEPOINT bfl_row"); !marked) return marked.error();
    writing_.trying = true;
    auto done = work();
    writing_.trying = false;
    if (!done && (done.error().kind != ErrorClass::data || !writing_.target.in_transaction())) return done.error();
    if (auto back = writing_.target.execute("ROLLBACK TO SAVEPOINT bfl_row;RELEASE SAVEPOINT bfl_row"); !back) return back.error();
    return done ? std::string() : discreet(context_.program, task_.step, done.error()).message;
  }

  Context& context_;
  UndoTask& task_;
  const plan::StepPlan step_plan_;
  Writing writing_;
  std::unique_ptr<RowBack> back_;
  std::vector<std::string> listed_;  // of the chunk under way
  bool row_by_row_ = false;
  std::map<std::int64_t, std::string> refused_;  // rows that cannot be committed, by number
};

ledger::Runner runner_of(Context& context) {
  return {context.options.run_id, context.options.who, context.options.version, context.options.script_digest, ledger::this_process(context.options.host), {},
          [&context] { return context.clock.now(); }, {}, context.program.why, context.program.ticket, context.program.owner};
}

void refuse(Context& context, const Error& error) {
  const bool held = error.kind == ErrorClass::held;
  Diagnostic& diagnostic = context.whole.diagnostics.error(held ? Code::job_held : Code::database_error, context.program.job_span, error.message, error.help);
  if (!error.detail.empty()) diagnostic.notes.push_back(error.detail);
  diagnostic.notes.push_back("nothing was changed by this run");
  context.whole.outcome.exit_code = held || error.kind == ErrorClass::transient ? 75 : error.kind == ErrorClass::refused ? 4 : 5;
}

// An undo that somebody has stopped before its first row is taken back where a run undoes itself.
Result<void> abandon_others(Context& context, std::size_t source, const std::vector<UndoTask>& tasks) {
  auto generations = ledger::generations(*context.targets[source], context.program.job);
  if (!generations) return generations.error();
  for (const ledger::Generation& generation : *generations) {
    const auto is_this = [&](const UndoTask& task) { return task.open && static_cast<std::size_t>(task.source) == source && task.open->id == generation.id; };
    if (!is_untouched_undo(generation) || std::any_of(tasks.begin(), tasks.end(), is_this)) continue;
    if (auto abandoned = context.writers[source]->abandon(generation.id); !abandoned) return abandoned;
  }
  return {};
}

void carry_out(Context& context, std::vector<UndoTask>& tasks) {
  std::vector<bool> frozen(context.targets.size());
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    context.clocks.push_back(context.clock.now());
    context.identities.emplace_back();
    context.schema_versions.push_back(context.program.catalogues[i].schema_version);
  }
  context.writers.resize(context.targets.size());
  for (const UndoTask& task : tasks) {
    const auto i = static_cast<std::size_t>(task.source);
    if (context.writers[i]) continue;
    connect::Connector& target = *context.targets[i];
    auto identity = ledger::identity(target);
    if (!identity) return refuse(context, identity.error());
    context.identities[i] = *identity;
    auto writer = ledger::Writer::take_over(target, context.program.job, runner_of(context));
    if (!writer) return refuse(context, writer.error());
    context.writers[i] = std::move(*writer);
    auto was_over = ledger::is_over(target, context.program.job);  // of what nobody changes any more
    if (!was_over) return refuse(context, was_over.error());
    frozen[i] = !*was_over;
    if (auto free = abandon_others(context, i, tasks); !free) return refuse(context, free.error());
  }
  std::size_t ended = 0;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    Event event = context.event(tasks[i].open ? EventKind::step_resumed : EventKind::step_started, tasks[i].step);
    event.reason = fmt::format("puts back generation {} of `{}`", tasks[i].undone.number, tasks[i].undone.step);
    context.tell(event);
    ++context.whole.outcome.steps_run;
    // What is older stays under what could not be put back.
    if (Undoing(context, tasks[i], context.plan.steps[i]).run() != StepEnd::done) break;
    ++ended;
  }
  // A run that has undone itself is over, and so is its now(): in targets as well of which it had changed nothing.
  const bool over = ended == tasks.size() && std::all_of(tasks.begin(), tasks.end(), [](const UndoTask& task) { return task.because == of_the_run; });
  for (std::size_t i = 0; i < context.targets.size(); ++i) {
    if (over && !context.writers[i]) {
      auto clock = context.targets[i]->has_sql() ? ledger::frozen_clock(*context.targets[i], context.program.job) : Result<std::optional<Timestamp>>(std::nullopt);
      auto writer = clock && *clock ? ledger::Writer::take_over(*context.targets[i], context.program.job, runner_of(context)) : Result<std::unique_ptr<ledger::Writer>>(nullptr);
      if (writer && *writer) (void)(*writer)->release(true);
    }
    if (context.writers[i]) {
      (void)context.writers[i]->release(!frozen[i] || over);
      context.note(note_seen(*context.targets[i], context.whole.state, context.identities[i]));
    }
  }
  if (context.whole.outcome.exit_code == 0 && std::any_of(tasks.begin(), tasks.end(), [](const UndoTask& task) { return !task.lost.empty(); })) context.whole.outcome.exit_code = 3;
  context.writers.clear();
}

}  // namespace

Result<void> preview_undo(const program::Program& program, const std::vector<connect::Connector*>& targets, std::vector<UndoTask>& tasks) {
  BackFirst back_first;
  for (UndoTask& task : tasks) {
    connect::Connector& target = *targets[static_cast<std::size_t>(task.source)];
    auto back = RowBack::prepare(program, target, task);
    if (!back) return back.error();
    Backwards images(target, task);
    const connect::HeldRead held(target);
    if (!held.begun) return held.begun;
    for (std::int64_t number = 0; number < task.images;) {
      const auto end = images.end_of_circle(number);
      if (!end) return end.error();
      if (*end > number) {
        auto circle = look_at_circle(**back, images, number, *end);
        if (!circle) return circle.error();
        const ledger::ImageTable& table = task.tables[0];
        for (InCircle& row : *circle) look_through(task, table, ledger::row_before(*row.first), ledger::row_after(*row.last, table.columns.size()), row.judged, back_first);
        const bool goes = goes_back(*circle);
        if (!goes) stay_together(**back, *circle);
        for (const InCircle& row : *circle) {
          count(task, **back, *row.first, row.judged);
          if (goes) cover(task, table, ledger::row_before(*row.first), ledger::row_after(*row.last, table.columns.size()), back_first);
        }
        number = *end;
        continue;
      }
      auto records = images.together(**back, number, task.images, false);
      if (!records) return records.error();
      auto judged = (*back)->judge(*records);
      if (!judged) return judged.error();
      for (std::size_t i = 0; i < records->size(); ++i) {
        const Record& record = *(*records)[i];
        const ledger::ImageTable& table = (*back)->table_of(record);
        const std::vector<Stored> before = ledger::row_before(record), left = ledger::row_after(record, table.columns.size());
        look_through(task, table, before, left, (*judged)[i], back_first);
        count(task, **back, record, (*judged)[i]);
        if ((*judged)[i].verdict == Verdict::put_back) cover(task, table, before, left, back_first);
      }
      number += static_cast<std::int64_t>(records->size());
    }
  }
  return {};
}

Outcome undo(const program::Program& program, const plan::Plan& plan, std::vector<UndoTask>& tasks, const std::vector<connect::Connector*>& targets,
             store::State& state, Clock& clock, StopSignal& stop, const Listener& listener, const Options& options, Diagnostics& diagnostics) {
  WholeRun whole{state, diagnostics};
  Context context(whole, program, plan, targets, clock, stop, options);
  return context.run(listener, [&] { carry_out(context, tasks); });
}

}  // namespace bfl::run
