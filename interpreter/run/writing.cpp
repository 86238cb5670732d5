#include "interpreter/run/writing.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/fault_points.h"
#include "interpreter/ledger/image_table.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/kept_origins.h"
#include "interpreter/run/kept_plan.h"

namespace bfl::run {
namespace {

void keep_least_limit(Writing& writing) {
  for (const Limit& limit : writing.measured.limits) {
    if (limit.what != program::Counted::changed || limit.bound == program::Bound::at_least || (writing.limit >= 0 && writing.limit <= limit.rows)) continue;
    writing.limit = limit.rows;
    writing.limit_share = limit.share;
  }
}

Error unexpected(std::int64_t rows, std::string_view verb, const Limit& limit) {
  return {ErrorClass::data,
          fmt::format("{} row{} {}, expected {} {}{}", rows, rows == 1 ? "" : "s", verb, words(limit.bound), limit.rows, limit.share.empty() ? "" : ", " + limit.share),
          {},
          "look at what the step selects with `bfl plan`; mend the step or its `expect`"};
}

Event finished_event(const Writing& writing) {
  Event event = writing.context.event(EventKind::step_finished, writing.step);
  event.rows_changed = writing.changed;
  event.conflicts = writing.conflicts;
  event.quarantined = writing.quarantined;
  event.rows_total = writing.rows_total;
  event.rows_done = writing.rows_done;
  event.rows_left_out = writing.measured.rows_left_out();
  for (const LeftOut& part : writing.skipped) event.rows_left_out += part.rows;
  event.seconds = writing.context.clock.seconds() - writing.began;
  return event;
}

void tell(const Writing& writing, const std::vector<LeftOut>& all) {
  for (const LeftOut& part : all) {
    Event event = writing.context.event(EventKind::rows_left_out, writing.step);
    event.reason = part.reason;
    event.rows_left_out = part.rows;
    event.keys = part.keys;
    writing.context.count([&](Outcome& outcome) { outcome.left_out += part.rows; });
    writing.context.tell(event);
  }
}

std::optional<StepEnd> refuse_left_out(const Writing& writing) {
  const std::int64_t rows = writing.measured.rows_left_out();
  for (const Limit& limit : writing.measured.limits)
    if (limit.what == program::Counted::skipped && !meets(rows, limit))
      return writing.fail(Code::expectation_failed, unexpected(rows, rows == 1 ? "is left out" : "are left out", limit));
  return std::nullopt;
}

// What it leaves out is known when its rows are.
bool chooses_while_read(const program::Step& step) { return step.duplicates && program::adds_rows(step.kind); }

// The figures with which the step begins, or began in an earlier run.
std::optional<StepEnd> begin(Writing& writing, const ledger::Generation* open) {
  const Context& context = writing.context;
  const eval::Context evaluation = context.evaluation(writing.source);
  const KeptPlan* plan = writing.step.sql ? nullptr : context.options.kept;  // of a statement a plan says no figures
  Result<std::string> kept = open ? writing.writer.measured(open->id) : plan ? plan->step(writing.step.name)->measured : std::string();
  if (!kept) return writing.fail(kept.error());
  auto measured = open || plan ? measured_before(context.program, writing.step, context.targets, evaluation, *kept)
                       : measure(context.program, writing.step, context.targets, evaluation);
  if (!measured) return writing.fail(measured.error());
  writing.measured = std::move(*measured);
  keep_least_limit(writing);
  tell(writing, writing.measured.left_out);
  const bool not_all = !plan && chooses_while_read(writing.step);
  return open || not_all ? std::nullopt : refuse_left_out(writing);
}

// Row by row, from a sealed set. Generations count as the step's own only when the way in which they were walked is the one to go on with.
bool row_by_row(const program::Program& program, const program::Step& step) {
  return !step.row_local || !lower::walks_in_sql(program, step) || !step.effects.empty() || !step.cascades.empty() || (step.idempotence != program::Idempotence::convergent && step.idempotence != program::Idempotence::guarded);
}

}  // namespace

Writing::Tables Writing::tables_of(const program::Program& program, const program::Step& step) {
  Tables tables;
  const auto add = [&](program::TableRef ref) {
    const Table& table = program.table(ref);
    ledger::ImageTable& described = tables.emplace_back();
    described.name = table.name;
    described.schema = ledger::name_in_ledger(table).schema;
    for (const Column& column : table.columns) described.columns.push_back(column.name);
    if (const Key* key = table.identity()) described.key = key->columns;
  };
  add(step.target);
  for (const program::TableRef ref : step.cascades) add(ref);
  for (const program::Assignment& assignment : step.assignments) tables[0].sets.push_back(assignment.column);
  if (!step.sql) return tables;
  for (const program::ColumnUse& use : step.writes)
    for (std::size_t i = 0; use.column >= 0 && i < tables.size(); ++i)
      if (use.table == (i == 0 ? step.target : step.cascades[i - 1])) tables[i].sets.push_back(use.column);
  return tables;
}

std::string Writing::reads() const { return ledger::describe(tables_copied_from(context.program, step)); }

Writing::Writing(Context& context_, const program::Step& step_, const plan::StepPlan& step_plan_, const ledger::Generation* open)
    : context(context_),
      step(step_),
      step_plan(step_plan_),
      target(context_.target(step_.target.source)),
      writer(context_.writer(step_.target.source)),
      table(context_.program.table(step_.target)),
      source(step_.target.source),
      whole(step_plan_.work == plan::WorkKind::whole_write),
      most_quarantined(step_.quarantine.value_or(-1)),
      began(context_.clock.seconds()),
      tables(tables_of(context_.program, step_)),
      pack(tables) {
  if (!open) return;
  id = open->id;
  chunks = open->next_seq;
  changed = open->changed;
  conflicts = open->conflicts;
  quarantined = open->quarantined;
}

Writing::Writing(Writing& of_, connect::Connector& target_, ledger::Writer& writer_)
    : context(of_.context),
      step(of_.step),
      step_plan(of_.step_plan),
      target(target_),
      writer(writer_),
      table(of_.table),
      source(of_.source),
      limit(of_.limit),
      limit_share(of_.limit_share),
      id(of_.id),
      most_quarantined(of_.most_quarantined),
      rows(of_.rows),
      began(of_.began),
      tables(of_.tables),
      pack(tables),
      of(&of_) {}

std::string Writing::state_of_data() const {
  const std::string committed = chunks == 0 ? "" : chunks == 1 ? "chunk 1 is committed" : fmt::format("chunks 1 to {} are committed", chunks);
  if (in_doubt)
    return fmt::format("{}whether chunk {} was committed is not known; the next run sees whether it was, and goes on", committed + (chunks == 0 ? "" : "; "), chunks + 1);
  if (chunks == 0) return unharmed;
  return between_stages ? committed + ", nothing to clean up" : fmt::format("{}, chunk {} was rolled back, nothing to clean up", committed, chunks + 1);
}

void Writing::skip(connect::RawRow key, const char* reason, ledger::ChunkFacts& facts) {
  ++facts.skipped;
  pack.skip(key, reason);
  add(skipping, reason, [&] { return display_key(context.program, step, ledger::key_of(key, key.size())); });
}

void Writing::set_aside(const ledger::Key& key, const std::string& reason, ledger::ChunkFacts& facts) {
  ++facts.quarantined;
  pack.set_aside(ledger::views(key), reason);
}

std::optional<StepEnd> refuse_unexpected(const Writing& writing, std::int64_t rows) {
  for (const Limit& limit : writing.measured.limits)
    if (limit.what == program::Counted::changed && !meets(rows, limit)) return writing.fail(Code::expectation_failed, unexpected(rows, "would change", limit));
  return std::nullopt;
}

std::optional<StepEnd> leave_out(Writing& writing, const std::vector<LeftOut>& parts) {
  if (!chooses_while_read(writing.step)) return std::nullopt;
  for (const LeftOut& part : parts) add(writing.measured.left_out, part);
  tell(writing, parts);
  return refuse_left_out(writing);
}

Result<void> skipped_before(Writing& writing) {
  return ledger::each_skipped(writing.target, writing.id, [&](const ledger::Key& key, const std::string& reason) {
    add(writing.skipped, reason, [&] { return display_key(writing.context.program, writing.step, key); });
  });
}

std::optional<StepEnd> refuse_unproved(const Writing& writing, const program::Program& program, connect::Connector& engine) {
  if (writing.step.idempotence != program::Idempotence::guarded) return std::nullopt;
  auto proof = prove(program, writing.step, engine, writing.context.evaluation(writing.source));
  if (!proof) return writing.fail(proof.error());
  if (proof->broken.empty()) return std::nullopt;
  return writing.fail(Code::not_idempotent, {ErrorClass::data, proof->broken, {}, help_to_guard});
}

StepEnd finish(Writing& writing) {
  // Upper bounds were kept by every chunk, exact ones tested before the first: what is left are too few rows.
  for (const Limit& limit : writing.measured.limits)
    if (limit.what == program::Counted::changed && limit.bound == program::Bound::at_least && writing.changed < limit.rows)
      return writing.context.fail(writing.step, Code::expectation_failed,
                                  unexpected(writing.changed, writing.changed == 1 ? "was changed" : "were changed", limit),
                                  "every changed row is committed and in the ledger with its image before");
  tell(writing, writing.skipped);
  fault_point("before_close");
  if (auto closed = writing.writer.close(writing.id); !closed)
    return writing.context.fail(writing.step, closed.error(), "every change of the step is committed");
  fault_point("after_close");
  writing.context.count([&](Outcome& outcome) { outcome.quarantined += writing.quarantined; });  // those of earlier runs of the step among them
  writing.context.tell(finished_event(writing));
  return StepEnd::done;
}

// Of an `sql` step, a trigger's changes too: a row comes or goes where all of a table is declared, else declared columns change.
bool Writing::declared(const connect::RowChange& change) const {
  std::optional<program::TableRef> ref;
  if (change.table == table.name) ref = step.target;
  for (const program::TableRef other : step.cascades)
    if (context.program.table(other).name == change.table) ref = other;
  if (!ref || step.writes.contains({*ref, -1})) return ref.has_value();
  const Table& written = context.program.table(*ref);
  return change.kind == connect::ChangeKind::update && std::all_of(change.changed.begin(), change.changed.end(), [&](int column) {
    return written.columns[static_cast<std::size_t>(column)].generated || step.writes.contains({*ref, column});
  });
}

bool Writing::speaks_of(const connect::RowChange& change) const {
  using connect::ChangeKind;
  if (step.sql && !undoing) return declared(change);
  if (change.depth != 0) return false;
  if (undoing) return std::any_of(tables.begin(), tables.end(), [&](const ledger::ImageTable& described) { return described.name == change.table; });
  if (change.table != table.name)
    return change.kind == ChangeKind::remove && std::any_of(step.cascades.begin(), step.cascades.end(),
                                                            [&](program::TableRef ref) { return context.program.table(ref).name == change.table; });
  switch (step.kind) {
    case program::StepKind::update: return change.kind == ChangeKind::update || (step.duplicates && change.kind == ChangeKind::remove);
    case program::StepKind::remove: return change.kind == ChangeKind::remove;
    case program::StepKind::insert: return change.kind == ChangeKind::insert;
    case program::StepKind::upsert: return change.kind != ChangeKind::remove;
    default: return false;
  }
}

std::optional<StepEnd> refuse_left_behind(const Writing& writing, const program::Program& program, connect::Connector& engine) {
  for (const lower::LeftBehind& left : lower::left_behind(program, writing.step)) {
    const auto counted = one_number(engine, left.count, writing.context.evaluation(writing.source));
    if (!counted) return writing.fail(counted.error());
    const std::int64_t rows = *counted;
    if (rows == 0) continue;
    return writing.fail(Code::children_left,
                        {ErrorClass::data,
                         fmt::format("{} row{} of `{}` refer{} to rows that would be deleted", rows, rows == 1 ? "" : "s", left.table, rows == 1 ? "s" : ""),
                         {},
                         fmt::format("delete those in a step before this one, or with the rows that they refer to: `cascades to {}`", left.table)});
  }
  return std::nullopt;
}

StepEnd finish_empty(Writing& writing, const char* route, std::int64_t generation, const std::function<Result<void>()>& also) {
  if (auto end = refuse_unexpected(writing, 0)) return *end;
  if (auto done = writing.writer.record_done(writing.step.name, route, writing.step_plan.key, generation, also, to_text(writing.measured)); !done)
    return writing.fail(done.error());
  writing.context.tell(finished_event(writing));
  return StepEnd::done;
}

void name_session(const Context& context, const program::Step& step, connect::Connector& target) {
  if (target.engine() != "postgres") return;
  const std::string name = fmt::format("bfl {} {}/{}", context.options.run_id, context.program.job, step.name);
  (void)target.execute("SET application_name = " + lower::quote_text(name));  // the server cuts it; what goes wrong with a connection is met by its next use
}

StepEnd write(Context& context, const program::Step& step, const plan::StepPlan& step_plan, const Decision& decision,
              const ledger::Generation* open) {
  const KeptPlan* kept = context.options.kept;
  // Rows that an undo has put back are done again by a list of them, however the step walks its rows else.
  const bool listed = decision.undone_in_part || (open && open->route.ends_with("sealed"));
  const bool sealed = kept || listed || step_plan.work == plan::WorkKind::sealed_write || (step_plan.work == plan::WorkKind::whole_write && row_by_row(context.program, step));
  const char* route = kept ? kept->route().c_str() : step.sql ? raw_route : step_plan.work == plan::WorkKind::whole_write ? (sealed ? "whole, sealed" : "whole") : sealed ? "sealed" : "direct";
  Writing writing(context, step, step_plan, open);
  name_session(context, step, writing.target);
  if (auto same = same_schema(context, step, writing.target); !same) return writing.fail(same.error());
  if (open && open->route != route)
    return context.fail(step, Code::step_changed,
                        {ErrorClass::refused,
                         fmt::format("it was begun on the {} route and would go on on the {} one", open->route, route),
                         {},
                         "put back what was edited, or apply the step anew with `--again`"},
                        writing.state_of_data());
  if (auto end = begin(writing, open)) return *end;
  if (step.sql) return raw_write(writing, route, decision, open);
  if (open) context.note_chunks(writing.source, open->id, open->next_seq);
  return sealed ? sealed_write(writing, route, decision, open) : direct_write(writing, route, decision, open);
}

}  // namespace bfl::run
