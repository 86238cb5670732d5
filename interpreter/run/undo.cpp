#include "interpreter/run/undo.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>

#include "interpreter/base/fault_points.h"
#include "interpreter/ledger/in_between.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/run/behind.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/row_back.h"
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

// The images of a generation by their number, the newest first; one entry of them at a time.
class Backwards {
 public:
  Backwards(connect::Connector& target, const UndoTask& task) : target_(target), task_(task) {}

  Result<const Record*> at(std::int64_t number) {
    while (!(first_ <= number && number < first_ + static_cast<std::int64_t>(records_.size()))) {
      std::int64_t from = 0;
      auto pack = task_.packs.rbegin();
      while (pack != task_.packs.rend() && from + pack->images <= number) from += (pack++)->images;
      if (pack == task_.packs.rend()) return Error{ErrorClass::fatal, "the ledger has fewer images than it had"};
      auto records = ledger::images(target_, *pack);
      if (!records) return records.error();
      records_ = std::move(*records);
      if (pack->circles()) ledger::mark_backwards(records_, task_.tables[0].key);
      first_ = from;
    }
    return &records_[records_.size() - 1 - static_cast<std::size_t>(number - first_)];
  }

  // Behind the images that go with this one: rows that took over each other's values.
  Result<std::int64_t> end_of_circle(std::int64_t number) {
    const std::vector<int>& key = task_.tables[0].key;
    for (std::set<std::string> open;; ++number) {
      auto record = at(number);
      if (!record) return record.error();
      if (ledger::is_in_between(**record)) open.insert(ledger::known_by(**record, key, 0, false));
      else if (!open.empty() && (*record)->table.empty()) open.erase(ledger::known_by(**record, key, 0, true));
      if (open.empty()) return number + 1;
    }
  }

  // The first place from this one on that is not within a circle; none reaches from one entry into another.
  Result<std::int64_t> between_circles(std::int64_t number) {
    std::int64_t from = 0;
    auto pack = task_.packs.rbegin();
    while (pack != task_.packs.rend() && from + pack->images <= number) from += (pack++)->images;
    if (pack == task_.packs.rend() || !pack->circles()) return number;
    while (from < number) {
      auto end = end_of_circle(from);
      if (!end) return end;
      from = *end;
    }
    return from;
  }

 private:
  connect::Connector& target_;
  const UndoTask& task_;
  std::vector<Record> records_;
  std::int64_t first_ = 0;
};

// Rows that took over each other's values go back together or not at all: one that stayed would leave another in between.
std::string in_a_circle(const std::string& row, const std::string& why) { return fmt::format("it went round in a circle with {}, which stays: {}", row, why); }
constexpr std::string_view parted_circle = "it went round in a circle with rows that are not asked for: they go back together";

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
      const auto end = images.between_circles(std::min(at + writing_.rows, position(from.upto)));
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
    // Whatever is tested at the commit is tested at once, as far as the engine can.
    if (row_by_row_ && context_.dialect(task_.source) == lower::Dialect::postgres)
      if (auto set = writing_.target.execute("SET CONSTRAINTS ALL IMMEDIATE"); !set) return set.error();
    std::int64_t changed = 0;
    for (std::int64_t number = from; number < to;) {
      if (context_.stop.level.load() > 1) return Error{ErrorClass::interrupted, "asked to stop"};
      auto end = images.end_of_circle(number);
      if (!end) return end.error();
      const bool circle = *end > number + 1;
      auto stays = circle ? in_the_way(images, number, *end) : Result<std::string>(std::string());
      if (!stays) return stays.error();
      for (; number < *end; ++number)
        if (auto done = one(images, number, circle, *stays, facts, changed); !done) return done.error();
    }
    return changed;
  }

  // `stays`: why a circle stays as it is.
  Result<void> one(Backwards& images, std::int64_t number, bool circle, const std::string& stays, ledger::ChunkFacts& facts, std::int64_t& changed) {
    auto record = images.at(number);
    if (!record) return record.error();
    auto judged = stays.empty() ? back_->judge(**record) : Judged{Verdict::conflict, stays, {}};
    if (!judged) return judged.error();
    const ledger::ImageTable& table = back_->table_of(**record);
    const std::vector<Stored> row = (*record)->kind == 'i' ? ledger::row_after(**record, table.columns.size()) : (*record)->before;
    const auto key = ledger::key_in(row, table.key);
    const bool between = ledger::is_in_between(**record);
    if (judged->verdict == Verdict::put_back) {
      writing_.in_between = between;
      auto refused = put_back(number, **record, *judged, key, !circle, changed);
      writing_.in_between = false;
      if (!refused) return refused.error();
      if (refused->empty()) return {};
      judged = Judged{Verdict::conflict, std::move(*refused), {}};
    }
    if (between) return {};  // the other image of the row tells
    if (judged->verdict == Verdict::as_before) {
      ++facts.skipped;
      writing_.pack.skip(key, "the row is as it was before");
    } else if (judged->verdict != Verdict::passed_over) {
      ++facts.conflicts;
      writing_.pack.conflict(key, judged->reason);
      if (listed_.size() < most_listed) listed_.push_back(fmt::format("{}: {}", back_->shown_key(**record), judged->reason));
    }
    return {};
  }

  // Why the rows of a circle stay; empty: they go back.
  Result<std::string> in_the_way(Backwards& images, std::int64_t from, std::int64_t to) {
    if (const auto known = refused_.find(from); known != refused_.end()) return known->second;
    if (auto marked = writing_.target.execute("SAVEPOINT bfl_circle"); !marked) return marked.error();
    std::string why;
    bool moves = false, passes = false;
    for (std::int64_t number = from; number < to && why.empty(); ++number) {
      auto record = images.at(number);
      if (!record) return record.error();
      auto judged = back_->judge(**record);
      if (!judged) return judged.error();
      if (judged->verdict == Verdict::put_back) {
        writing_.trying = moves = true;
        auto done = back_->carry_out(**record, *judged);
        writing_.trying = false;
        if (!done && (done.error().kind != ErrorClass::data || !writing_.target.in_transaction())) return done.error();
        if (!done) why = discreet(context_.program, task_.step, done.error()).message;
      } else if (!ledger::is_in_between(**record)) {
        passes |= judged->verdict == Verdict::passed_over;
        why = std::move(judged->reason);
      }
      if (!why.empty()) why = in_a_circle(back_->shown_key(**record), why);
    }
    if (auto back = writing_.target.execute("ROLLBACK TO SAVEPOINT bfl_circle;RELEASE SAVEPOINT bfl_circle"); !back) return back.error();
    return why.empty() && moves && passes ? std::string(parted_circle) : why;
  }

  // Why the database refuses it; empty: it is done.
  Result<std::string> put_back(std::int64_t number, const Record& record, const Judged& judged, const std::vector<connect::RawValue>& key, bool careful, std::int64_t& changed) {
    if (const auto known = refused_.find(number); known != refused_.end()) return known->second;
    if (row_by_row_ && careful) {
      auto refused = tried(record, judged);
      if (!refused || !refused->empty()) return refused;
    }
    writing_.cause = key;
    auto done = back_->carry_out(record, judged);
    writing_.cause = {};
    if (!done) return done.error();
    changed += *done;
    return std::string();
  }

  // The same, taken back whatever came of it.
  Result<std::string> tried(const Record& record, const Judged& judged) {
    if (auto marked = writing_.target.execute("SAVEPOINT bfl_row"); !marked) return marked.error();
    writing_.trying = true;
    auto done = back_->carry_out(record, judged);
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

using PutBack = std::map<std::pair<int, std::string>, ledger::Keys>;

// Images that go back together: one, or those of rows that took over each other's values.
Result<void> preview_circle(UndoTask& task, RowBack& back, Backwards& images, std::int64_t from, std::int64_t to, PutBack& back_first) {
  struct Seen { Verdict verdict; std::string reason, shown; };
  std::vector<Seen> seen;  // rows, each once
  std::vector<std::pair<std::string, ledger::Short>> moved;
  for (; from < to; ++from) {
    auto record = images.at(from);
    if (!record) return record.error();
    auto judged = back.judge(**record);
    if (!judged) return judged.error();
    const ledger::ImageTable& table = back.table_of(**record);
    const auto row = (*record)->kind == 'd' ? (*record)->before : ledger::row_after(**record, table.columns.size());
    const std::pair key(table.name, ledger::short_digest(ledger::key_in(row, table.key)));
    const bool covered = back_first[{task.source, table.name}].contains(key.second) || std::find(moved.begin(), moved.end(), key) != moved.end();
    const bool goes = judged->verdict == Verdict::put_back || (covered && judged->verdict != Verdict::passed_over);
    for (const auto& each : {row, ledger::row_before(**record)})
      if (goes && !each.empty()) moved.emplace_back(table.name, ledger::short_digest(ledger::key_in(each, table.key)));
    if (!ledger::is_in_between(**record)) seen.push_back({goes ? Verdict::put_back : judged->verdict, std::move(judged->reason), back.shown_key(**record)});
  }
  const auto any = [&](Verdict verdict) { return std::find_if(seen.begin(), seen.end(), [&](const Seen& one) { return one.verdict == verdict; }); };
  const auto stays = any(Verdict::conflict);
  const bool parted = any(Verdict::passed_over) != seen.end() && any(Verdict::put_back) != seen.end();
  const std::string why = seen.size() < 2 ? "" : stays != seen.end() ? in_a_circle(stays->shown, stays->reason) : parted ? std::string(parted_circle) : "";
  for (Seen& one : seen) {
    if (!why.empty()) one.verdict = Verdict::conflict, one.reason = why;
    task.put_back += one.verdict == Verdict::put_back;
    task.as_before += one.verdict == Verdict::as_before;
    task.conflicts += one.verdict == Verdict::conflict;
    if (one.verdict == Verdict::conflict && task.listed.size() < most_listed) task.listed.push_back(fmt::format("{}: {}", one.shown, one.reason));
  }
  for (const auto& [table, key] : moved)
    if (why.empty()) back_first[{task.source, table}].insert(key);
  return {};
}

}  // namespace

Result<void> preview_undo(const program::Program& program, const std::vector<connect::Connector*>& targets, std::vector<UndoTask>& tasks) {
  PutBack back_first;  // by source and table: rows that will have been put back to what is older
  for (UndoTask& task : tasks) {
    connect::Connector& target = *targets[static_cast<std::size_t>(task.source)];
    auto back = RowBack::prepare(program, target, task);
    if (!back) return back.error();
    Backwards images(target, task);
    for (std::int64_t number = 0; number < task.images;) {
      auto end = images.end_of_circle(number);
      if (!end) return end.error();
      if (auto looked = preview_circle(task, **back, images, number, *end, back_first); !looked) return looked;
      number = *end;
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
