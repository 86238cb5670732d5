#include "interpreter/run/look.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "interpreter/lower/left_out.h"
#include "interpreter/run/context.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/intended.h"

namespace bfl::run {
namespace {

constexpr std::size_t samples = 5;
constexpr std::int64_t most_recomputed = 100'000;

}  // namespace

// Every row that would change: some are shown, evenly spread from the first to the last, and all are summed up.
class Look::Shown {
 public:
  // `all`: they are summed up.
  Shown(const Look& look, bool all, Preview& preview) : look_(look), preview_(preview), rows_(preview.would_change - static_cast<std::int64_t>(look.waiting ? look.waiting->size() : 0)), all_(all) {
    preview.sample.clear();
    preview.columns.clear();
    preview.refusals.waiting = 0;
    for (std::size_t i = 0; all && i < look.step.assignments.size(); ++i) sums_.emplace_back(look.column_of(i));
  }

  // The next row. False: nothing more is asked of it.
  bool next(connect::RawRow key) {
    if (look_.waits(key)) return ++preview_.refusals.waiting, false;
    const std::int64_t at = at_++, shown = static_cast<std::int64_t>(preview_.sample.size()), most = static_cast<std::int64_t>(samples);
    shows_ = shown < most && at == (most >= rows_ ? shown : shown * (rows_ - 1) / (most - 1));
    return shows_ || all_;
  }
  bool enough() const { return !all_ && preview_.sample.size() == samples && !look_.waiting; }

  // `then` is empty: it goes. `before` is: it is added.
  void add(std::span<const Result<Value>> key, std::span<const Result<Value>> before, std::span<const Result<Value>> then) {
    const Table& table = look_.program.table(look_.step.target);
    // What cannot be read plays no part in a sum.
    for (std::size_t i = 0; i < std::min(sums_.size(), then.size()); ++i) {
      std::optional<Value> was;
      if (!before.empty() && before[i]) was = *before[i];
      if (then[i] && was.has_value() == !before.empty()) sums_[i].add(was, *then[i]);
    }
    if (!shows_) return;
    std::string line;
    for (std::size_t i = 0; i < key.size(); ++i) line += fmt::format("{}{} {}", i ? ", " : "", look_.key_name(table, i), look_.hides_key(i) ? unshown : shown(key[i]));
    if (then.empty()) line += " goes";
    const char* between = before.empty() ? " is added: " : ": ";
    for (std::size_t i = 0; i < then.size(); ++i)
      line += fmt::format("{}{} {}{}", std::exchange(between, ", "), look_.column_of(i).name, before.empty() ? "" : shown(look_.column_of(i), before[i]) + " -> ", shown(look_.column_of(i), then[i]));
    preview_.sample.push_back(std::move(line));
  }

  void end() {
    for (Summing& sum : sums_) preview_.columns.push_back(sum.finish());
  }

 private:
  const Look& look_;
  Preview& preview_;
  const std::int64_t rows_;
  const bool all_;
  bool shows_ = false;
  std::int64_t at_ = 0;
  std::vector<Summing> sums_{};
};

Result<void> Look::look_through(const lower::IntentSet& sql, const lower::Statement& later, Preview& preview) const {
  auto select = target.prepare(sql.select, evaluation);
  if (!select) return select.error();
  std::unique_ptr<connect::Prepared> recompute;
  if (!later.text.empty()) {
    auto prepared = target.prepare(later, evaluation);
    if (!prepared) return prepared.error();
    recompute = std::move(*prepared);
  }
  const lower::Intent& intent = sql.intent;
  const std::size_t image = intent.key + (intent.flag ? 1 : 0), values = image + intent.image;
  // Values that are asked for row by row take too long for very many.
  Shown told(*this, !recompute || preview.would_change <= most_recomputed, preview);
  Result<void> sound;
  auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
    if (!told.next(row.first(intent.key))) return true;
    std::vector<Result<Value>> key, before, then(step.assignments.size(), Result<Value>(Value()));
    const auto take = [&](connect::RawRow given) {
      for (std::size_t i = 0; i < then.size(); ++i) then[i] = target.decode(given[i], lower::wire_of(column_of(i)));
      return false;
    };
    if (recompute) sound = recompute->query_raw(row.first(intent.key), take);
    else take(row.subspan(values));
    for (std::size_t i = 0; i < intent.key; ++i) key.push_back(target.decode(row[i], sql.select.columns[i]));
    const bool there = intent.image > 0 && (!intent.flag || row[intent.key].integer != 0);
    for (std::size_t i = 0; there && i < step.assignments.size(); ++i) {
      const std::size_t column = image + static_cast<std::size_t>(step.assignments[i].column);
      before.push_back(target.decode(row[column], sql.select.columns[column]));
    }
    told.add(key, before, then);
    return sound && !told.enough();
  });
  told.end();
  return read ? sound : read;
}

Result<void> Look::look_through(Spool& rows, Preview& preview) const {
  const std::size_t keys = keys_of(step);
  std::vector<lower::Wire> wires = lower::hands(program, step, lower::dialect_of(target.engine())).key;
  for (const auto& expr : step.once_per) wires.push_back(lower::wire_of(expr->type));
  wires.resize(std::max(wires.size(), keys), lower::wire_of(Type{Kind::integer}));  // the place of a row
  const Table& table = program.table(step.target);
  Shown told(*this, true, preview);
  auto read = each_changed([&](bool from_start) { return rows.next(from_start); }, joining_of(step), [&](const ledger::Record& record) {
    const std::vector<connect::RawValue> row = ledger::views(record.before);
    if (!record.table.empty() || row.size() < keys || !told.next(connect::RawRow(row).first(keys))) return true;
    std::vector<Result<Value>> key, before, then;
    for (std::size_t i = 0; i < keys; ++i) key.push_back(target.decode(row[i], wires[i]));
    const auto value_of = [&](const connect::RawValue& value, int column) { return target.decode(value, lower::wire_of(table.columns[static_cast<std::size_t>(column)])); };
    for (std::size_t i = 0; row.size() > keys && i < step.assignments.size(); ++i) before.push_back(value_of(row[keys + static_cast<std::size_t>(step.assignments[i].column)], step.assignments[i].column));
    for (std::size_t i = 0; i < std::min(step.assignments.size(), record.after.size()); ++i) then.push_back(value_of(record.after[i].second.view(), step.assignments[i].column));
    told.add(key, before, then);
    return true;
  });
  told.end();
  return read;
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
  return {};
}

}  // namespace bfl::run
