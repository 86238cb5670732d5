// Snapshots: relations that are computed once and kept. Neighbours of one source are filled in one transaction, so that they
// see one state.
#include <fmt/format.h>

#include "interpreter/base/fault_points.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/intent_rows.h"
#include "interpreter/run/kept_origins.h"
#include "interpreter/run/kept_plan.h"
#include "interpreter/run/spool.h"
#include "interpreter/run/through.h"
#include "interpreter/run/workbench.h"
#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

// Rows that are not computed where they are kept, or that another source has a part in, are computed before the transaction:
// what is shipped for them ends with the reading.
struct Computed {
  bool before = false;
  RowSpool own{};
  RowSpool* rows = &own;  // or where a neighbour that reads them finds them
};

// Of several that are computed before, the one that all of them see.
class OneState {
 public:
  explicit OneState(connect::Connector& target) : target_(target) {}
  ~OneState() { end(); }
  OneState(const OneState&) = delete;
  OneState& operator=(const OneState&) = delete;
  Result<void> begin() {
    if (begun_) return {};
    auto begun = target_.begin_read();
    begun_ = bool(begun);
    return begun;
  }
  void end() {
    if (std::exchange(begun_, false)) target_.rollback();
  }

 private:
  connect::Connector& target_;
  bool begun_ = false;
};

Result<void> add_all(connect::Prepared& add, const RowSpool& rows, std::size_t together) {
  std::vector<ledger::Key> held;
  Result<void> sound;
  const auto send = [&] {
    std::vector<connect::Prepared::Parameters> sets;
    for (const ledger::Key& row : held) sets.push_back(ledger::views(row));
    if (!sets.empty()) sound = add.run_each(sets, [](std::size_t) {}, [](std::size_t, std::int64_t) {});
    held.clear();
    return bool(sound);
  };
  auto read = rows.each([&](connect::RawRow row) {
    held.push_back(ledger::key_of(row, row.size()));
    return held.size() < together || send();
  });
  if (!read || !sound) return sound ? read : sound;
  send();
  return sound;
}

Result<void> make(Context& context, const program::Step& step, const Computed& computed, std::int64_t& rows) {
  connect::Connector& target = context.target(step.target.source);
  const lower::KeptTable sql = lower::kept_table(context.program, step.target, step.relation.get(), false, context.dialect(step.target.source));
  if (auto dropped = target.execute(sql.drop); !dropped) return dropped;
  if (auto made = target.execute(sql.create); !made) return made;
  auto fill = target.prepare(computed.before ? sql.add : sql.fill, context.evaluation(step.target.source));
  if (!fill) return fill.error();
  if (computed.before) {
    if (auto added = add_all(**fill, *computed.rows, target.rows_together()); !added) return added;
    rows = computed.rows->rows();
  } else {
    auto filled = (*fill)->run_raw({});
    if (!filled) return filled.error();
    rows = *filled;
  }
  if (step.through)
    if (auto dropped = drop_answers(target, context.program, step); !dropped) return dropped;
  // Behind the rows: one sort, not a search per row.
  for (const std::string& index : sql.indexes)
    if (auto made = target.execute(index); !made) return made;
  return {};
}

Result<RowSpool> rows_of(const KeptPlan& plan, const program::Step& step) {
  RowSpool rows;
  Result<void> added;
  auto read = each_planned(plan.blocks(step.name), [&](const ledger::Record& record) { return bool(added = rows.add(ledger::views(record.before))); });
  if (!read || !added) return read ? added.error() : read.error();
  return rows;
}

StepEnd not_kept(Context& context, const program::Step& step, const Error& error, const KeptAside& aside) {
  const auto asked = [&](const program::Program& naming) -> Result<std::vector<lower::Statement>> {
    return std::vector<lower::Statement>{lower::select(naming, *step.relation, lower::Dialect::sqlite)};
  };
  return context.fail(step, with_row(context.program, step, context.targets, context.evaluation(step.target.source), error, asked, aside), "nothing was kept");
}

}  // namespace

bool computed_where_kept(const program::Program& program, const program::Step& step) {
  if (step.through) return false;
  const Arrangement arrangement = arrange(program, step);
  return arrangement.home == step.target.source && arrangement.shipments.empty();
}

Result<RowSpool> rows_to_keep(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& targets, const eval::Context& evaluation, const KeptAside& aside) {
  auto bench = Workbench::open(program, step, targets, evaluation, aside);
  if (!bench) return bench.error();
  lower::KeptTable sql = lower::kept_table((*bench)->program(), step.target, step.relation.get(), false, lower::Dialect::sqlite);
  auto select = (*bench)->engine().prepare(sql.select, evaluation);
  if (!select) return select.error();
  std::vector<lower::Wire> stored, computed;
  for (std::size_t i = 0; i < step.relation->fields.size(); ++i) {
    stored.push_back(lower::wire_of(program.table(step.target).columns[i]));
    computed.push_back(lower::wire_of((*bench)->program().table(step.target).columns[i]));
  }
  sql.select.columns = std::move(computed);
  IntentRows reader({.values = stored.size()}, sql.select, std::move(stored), (*bench)->engine(), *targets[static_cast<std::size_t>(step.target.source)]);
  RowSpool rows;
  Result<void> sound;
  auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
    sound = reader.read(row);
    if (sound) sound = rows.add(reader.values());
    return bool(sound);
  });
  if (!read) return read.error();
  if (!sound) return sound.error();
  return rows;
}

StepEnd keep(Context& context, const std::vector<std::size_t>& steps, const std::vector<Decision>& decisions) {
  const program::Step* at = &context.program.steps[steps.front()];
  const double began = context.clock.seconds();
  const KeptPlan* plan = context.options.kept;
  std::vector<ledger::Writer::Keeping> all;
  for (const std::size_t index : steps) {
    at = &context.program.steps[index];
    if (auto same = same_schema(context, *at, context.target(at->target.source)); !same) return context.fail(*at, same.error(), unharmed);
    all.push_back({at->name, &context.plan.steps[index].key, decisions[index].generation, plan ? plan->route() : "kept", ledger::describe(kept_origins(context.program, *at))});
  }
  std::vector<std::int64_t> rows(steps.size());
  std::vector<Computed> computed(steps.size());
  KeptAside aside;
  OneState state(context.target(at->target.source));
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const program::Step& step = context.program.steps[steps[i]];
    computed[i].before = plan || !computed_where_kept(context.program, step);
    if (!computed[i].before) continue;
    if (plan) {
      auto given = rows_of(*plan, step);
      if (!given) return context.fail(step, given.error(), "nothing was kept");
      computed[i].own = std::move(*given);
      continue;
    }
    if (auto begun = state.begin(); !begun) return context.fail(step, begun.error(), "nothing was kept");
    auto given = rows_to_keep(context.program, step, context.targets, context.evaluation(step.target.source), aside);
    if (!given) {
      state.end();
      return not_kept(context, step, given.error(), aside);
    }
    computed[i].own = std::move(*given);
    if (!step.through) computed[i].rows = &(aside[step.target] = std::move(computed[i].own));
  }
  state.end();
  for (std::size_t i = 0; i < steps.size(); ++i)
    if (at = &context.program.steps[steps[i]]; at->through)
      if (auto end = go_through(context, *at, computed[i].own)) return *end;
  fault_point("before_keep");
  auto kept = context.writer(at->target.source).keep(all, [&]() -> Result<std::vector<std::int64_t>> {
    for (std::size_t i = 0; i < steps.size(); ++i) {
      at = &context.program.steps[steps[i]];
      if (auto made = make(context, *at, computed[i], rows[i]); !made) return made.error();
    }
    fault_point("after_fill");
    return rows;
  });
  if (!kept) return not_kept(context, *at, kept.error(), aside);
  fault_point("after_keep");
  for (std::size_t i = 0; i < steps.size(); ++i) {
    Event finished = context.event(EventKind::step_finished, context.program.steps[steps[i]]);
    finished.rows_done = rows[i];
    finished.seconds = i == 0 ? context.clock.seconds() - began : 0;
    context.tell(finished);
  }
  return StepEnd::done;
}

}  // namespace bfl::run
