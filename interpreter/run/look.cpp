#include "interpreter/run/look.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "interpreter/lower/left_out.h"
#include "interpreter/run/context.h"
#include "interpreter/run/discreet.h"

namespace bfl::run {
namespace {

constexpr std::size_t samples = 5;
constexpr std::int64_t most_recomputed = 100'000;

}  // namespace

// Every row that would change: some are shown, evenly spread from the first to the last, and all are summed up.
Result<void> Look::look_through(const lower::IntentSet& sql, const lower::Statement& later, Preview& preview) {
  auto select = target.prepare(sql.select, evaluation);
  if (!select) return select.error();
  std::unique_ptr<connect::Prepared> recompute;
  if (!later.text.empty()) {
    auto prepared = target.prepare(later, evaluation);
    if (!prepared) return prepared.error();
    recompute = std::move(*prepared);
  }
  const Table& table = program.table(step.target);
  const lower::Intent& intent = sql.intent;
  const std::size_t image = intent.key + (intent.flag ? 1 : 0), values = image + intent.image;
  const std::int64_t most = static_cast<std::int64_t>(samples), rows = preview.would_change;
  const auto shown_at = [&](std::int64_t number) { return most >= rows ? number : number * (rows - 1) / (most - 1); };
  // Values that are asked for row by row take too long for very many.
  const bool all = !recompute || rows <= most_recomputed;
  std::vector<Summing> sums;
  for (std::size_t i = 0; all && i < step.assignments.size(); ++i) sums.emplace_back(column_of(i));
  std::int64_t at = 0;
  Result<void> sound;
  auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
    const bool shows = preview.sample.size() < samples && at == shown_at(static_cast<std::int64_t>(preview.sample.size()));
    ++at;
    if (!shows && !all) return true;
    std::vector<Result<Value>> then(step.assignments.size(), Result<Value>(Value()));
    const auto take = [&](connect::RawRow given) {
      for (std::size_t i = 0; i < then.size(); ++i) then[i] = target.decode(given[i], lower::wire_of(column_of(i)));
      return false;
    };
    if (recompute) sound = recompute->query_raw(row.first(intent.key), take);
    else take(row.subspan(values));
    const bool there = intent.image > 0 && (!intent.flag || row[intent.key].integer != 0);
    std::vector<Result<Value>> before;
    for (std::size_t i = 0; there && i < step.assignments.size(); ++i) {
      const auto column = static_cast<std::size_t>(step.assignments[i].column);
      before.push_back(target.decode(row[image + column], sql.select.columns[image + column]));
    }
    // What cannot be read plays no part in a sum.
    for (std::size_t i = 0; i < sums.size(); ++i) {
      std::optional<Value> was;
      if (there && before[i]) was = *before[i];
      if (then[i] && was.has_value() == there) sums[i].add(was, *then[i]);
    }
    if (!shows) return bool(sound);
    std::string line;
    for (std::size_t i = 0; i < intent.key; ++i)
      line += fmt::format("{}{} {}", i ? ", " : "", key_name(table, i), hides_key(i) ? unshown : shown(target.decode(row[i], sql.select.columns[i])));
    if (then.empty()) line += " goes";
    const char* between = there ? ": " : " is added: ";
    for (std::size_t i = 0; i < then.size(); ++i)
      line += fmt::format("{}{} {}{}", std::exchange(between, ", "), column_of(i).name, there ? shown(column_of(i), before[i]) + " -> " : "", shown(column_of(i), then[i]));
    preview.sample.push_back(std::move(line));
    return sound && (all || preview.sample.size() < samples);
  });
  for (Summing& sum : sums) preview.columns.push_back(sum.finish());
  return read ? sound : read;
}

std::string Look::key_name(const Table& table, std::size_t i) const {
  if (!step.once_per.empty()) return program::to_string(*step.once_per[i], job);
  return step.walk.empty() ? "rowid" : table.columns[static_cast<std::size_t>(step.walk[i])].name;
}

bool Look::hides_key(std::size_t i) const {
  if (!step.once_per.empty()) return check::Tells(job, step.relation.get())(*step.once_per[i]);
  return i < step.walk.size() && job.table(step.target).columns[static_cast<std::size_t>(step.walk[i])].sensitive;
}

Result<void> Look::keep(Preview& preview, const std::vector<connect::Connector*>& targets, KeptAside& aside) const {
  const bool here = computed_where_kept(program, step);
  const lower::KeptTable sql = lower::kept_table(program, step.target, step.relation.get(), true, lower::Dialect::sqlite);
  RowSpool rows;
  if (!here) {
    auto given = rows_to_keep(program, step, targets, evaluation, aside);
    if (!given) return given.error();
    rows = std::move(*given);
    preview.would_change = rows.rows();
  }
  const lower::KeptTable told = lower::kept_table(real, step.target, step.relation.get(), true, lower::Dialect::sqlite);
  preview.sql.push_back(here ? told.fill.text : told.select.text);
  if (step.through) return {};
  if (!holds_tables()) {
    aside[step.target] = std::move(rows);
    return {};
  }
  if (auto made = make(sql); !made) return made;
  auto fill = target.prepare(here ? sql.fill : sql.add, evaluation);
  if (!fill) return fill.error();
  Result<void> sound;
  auto read = rows.each([&](connect::RawRow row) {
    if (auto added = (*fill)->run_raw(row); !added) sound = added.error();
    return bool(sound);
  });
  if (!read || !sound) return sound ? read : sound;
  if (!here) return {};
  auto filled = (*fill)->run_raw({});
  if (!filled) return filled.error();
  preview.would_change = *filled;
  return {};
}

Result<void> Look::keep_nothing(KeptAside& aside) const {
  for (const program::Effect& effect : step.effects) {
    if (!holds_tables()) aside[effect.table] = {};
    else if (auto made = make(lower::kept_table(program, effect.table, nullptr, true, lower::Dialect::sqlite)); !made) return made;
  }
  return {};
}

Result<Look::KeepRow> Look::keeper(KeptAside& aside) const {
  std::vector<std::shared_ptr<connect::Prepared>> adds;
  for (const program::Effect& effect : step.effects) {
    if (!holds_tables()) break;
    auto add = target.prepare(lower::kept_table(program, effect.table, nullptr, true, lower::Dialect::sqlite).add, evaluation);
    if (!add) return add.error();
    adds.push_back(std::move(*add));
  }
  return KeepRow([&aside, adds = std::move(adds), this](std::size_t effect, connect::RawRow row) -> Result<void> {
    if (adds.empty()) return aside[step.effects[effect].table].add(row);
    auto added = adds[effect]->run_raw(row);
    return added ? Result<void>{} : Result<void>{added.error()};
  });
}

Result<void> Look::make(const lower::KeptTable& sql) const {
  if (auto made = target.execute(sql.create); !made) return made;
  for (const std::string& index : sql.indexes)
    if (auto made = target.execute(index); !made) return made;
  return {};
}

// A `once` step changes what it takes, whatever it holds.
Result<void> Look::count_right(Preview& preview) const {
  if (step.kind != program::StepKind::update || step.idempotence == program::Idempotence::once || step.relation->limit || step.duplicates) return {};
  std::int64_t taken = preview.would_change;
  if (!lower::takes_only_what_differs(job, step)) {
    auto scope = lower::scalar_in(program, lower::count_of(step.relation), lower::dialect_of(target.engine()));
    if (!scope) return {};  // not in the words of this database
    auto rows = one_number(target, *scope, evaluation);
    if (!rows) return rows.error();
    taken = *rows;
  }
  preview.already_right = std::max<std::int64_t>(0, taken - preview.would_change);
  return {};
}

Result<void> Look::statements(const plan::StepPlan& step_plan, Preview& preview, lower::Dialect computing, bool explains) const {
  const lower::Dialect writing = lower::dialect_of(job.catalogues[static_cast<std::size_t>(step.target.source)]);
  const auto sealed = lower::intents(real, step, computing, false);
  if (!sealed) return sealed.error();
  if (step_plan.work == plan::WorkKind::direct_write) {
    auto change = lower::direct_change(job, step, writing);
    if (!change) return change.error();
    preview.sql.push_back(change->text);
    if (explains) preview.accesses = accesses(target, real, step.target.source, *change, evaluation);
  } else {
    const lower::Hand hand = lower::hands(job, step, writing).own;
    for (const lower::Statement* statement : std::initializer_list<const lower::Statement*>{&sealed->own.select, &hand.add, &hand.change, &hand.remove})
      if (!statement->text.empty()) preview.sql.push_back(statement->text);
  }
  if (explains && preview.accesses.empty()) preview.accesses = accesses(target, real, step.target.source, sealed->own.select, evaluation);
  return {};
}

Result<void> Look::write(const plan::StepPlan& step_plan, Preview& preview) {
  const lower::Dialect computing = lower::dialect_of(target.engine()), writing = lower::dialect_of(job.catalogues[static_cast<std::size_t>(step.target.source)]);
  auto sealed = lower::intents(program, step, computing, false);
  if (!sealed) return sealed.error();
  auto later = computing == writing ? lower::recompute(program, step, computing) : lower::Statement{};
  if (!later) return later.error();
  if (auto told = statements(step_plan, preview, computing, true); !told) return told;
  auto clock = system_clock();
  const double began = clock->seconds();
  auto count = one_number(target, sealed->own.probe, evaluation);
  if (!count) return count.error();
  preview.reading = clock->seconds() - began;
  preview.would_change = *count;
  if (auto right = count_right(preview); !right) return right;
  if (*count == 0) return {};
  if (auto looked = look_through(sealed->own, *later, preview); !looked) return looked;
  if (step.idempotence != program::Idempotence::guarded) return {};
  auto proof = prove(program, step, target, evaluation);
  if (!proof) return proof.error();
  preview.proof = proof->broken.empty() ? fmt::format("applied twice to {} of its rows: the second time changes nothing", proof->rows)
                                        : proof->broken;
  preview.proved = proof->broken.empty();
  return {};
}

}  // namespace bfl::run
