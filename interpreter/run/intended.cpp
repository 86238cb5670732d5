#include "interpreter/run/intended.h"

#include <algorithm>

#include "interpreter/ledger/images.h"
#include "interpreter/ledger/in_between.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/intent_rows.h"
#include "interpreter/run/meeting_rows.h"
#include "interpreter/run/sequence.h"

namespace bfl::run {
namespace {

using connect::RawRow;

class Collecting {
 public:
  Collecting(const Intention& intention, const lower::Intents& intents, const lower::Hands& hands, bool later, connect::Connector& engine, Spool& spool, MeetingRows* meeting)
      : intention_(intention), intents_(intents), hands_(hands), later_(later), engine_(engine), spool_(spool), meeting_(meeting) {}

  Result<void> run() {
    for (const lower::CascadeSet& cascade : intents_.cascades)
      if (auto collected = collect(cascade.select, cascade.intent, intention_.program.table(cascade.table).name, key_wires(cascade.table)); !collected) return collected;
    return collect(intents_.own.select, intents_.own.intent, {}, own_wires());
  }

 private:
  Result<void> collect(const lower::Statement& statement, const lower::Intent& intent, std::string_view table, std::vector<lower::Wire> stored);

  Result<void> put_in(Sequence& sequence, std::size_t key);

  std::vector<lower::Wire> key_wires(program::TableRef ref) const {
    std::vector<lower::Wire> wires;
    const Table& table = intention_.program.table(ref);
    for (const int column : table.identity()->columns) wires.push_back(lower::wire_of(table.columns[static_cast<std::size_t>(column)]));
    return wires;
  }
  // Of the key, the values, and what a later step reads of the row.
  std::vector<lower::Wire> own_wires() const {
    const program::Step& step = intention_.step;
    const Table& own = intention_.table();
    std::vector<lower::Wire> wires = hands_.key;
    for (const auto& expr : step.once_per) wires.push_back(lower::wire_of(expr->type));
    const auto of = [&](const Table& table, int column) { wires.push_back(lower::wire_of(table.columns[static_cast<std::size_t>(column)])); };
    for (std::size_t i = 0; i < intents_.own.intent.values; ++i) of(own, step.assignments[i].column);
    for (const program::Effect& effect : step.effects)
      if (effect.kind == program::EffectKind::inserted)
        for (std::size_t i = 0; i < intents_.own.intent.from; ++i) of(intention_.program.table(effect.table), static_cast<int>(own.columns.size() + i));
    return wires;
  }

  const Intention& intention_;
  const lower::Intents& intents_;
  const lower::Hands& hands_;
  const bool later_;
  connect::Connector& engine_;
  Spool& spool_;
  MeetingRows* meeting_;
};

// The rows that match, in one snapshot; of a `once` step without those that it has changed before.
Result<void> Collecting::collect(const lower::Statement& statement, const lower::Intent& intent, std::string_view table, std::vector<lower::Wire> stored) {
  const program::Step& step = intention_.step;
  const bool once_per = !step.once_per.empty();
  ledger::ChangedRows before;
  ledger::Keys back;
  if (intention_.put_back) {
    auto applied = ledger::applied_rows(intention_.target, intention_.program.job, step.name, step.walk);
    if (!applied) return applied.error();
    back = std::move(applied->put_back);
  } else if (step.once || once_per) {
    auto changed = ledger::changed_rows(intention_.target, intention_.program.job, step.name, step.walk);
    if (!changed) return changed.error();
    before = std::move(*changed);
  }
  auto select = engine_.prepare(statement, intention_.evaluation);
  if (!select) return select.error();
  std::vector<int> assigned;
  for (const program::Assignment& assignment : step.assignments) assigned.push_back(assignment.column);
  assigned.resize(std::min(assigned.size(), intent.values));
  for (std::size_t i = 0; i < intent.from; ++i) assigned.push_back(static_cast<int>(intention_.table().columns.size() + i));
  PlannedRows planned(spool_);
  Result<void> kept;
  const bool meets = meeting_ && meeting_->looks();
  std::optional<Sequence> sequence;
  if (table.empty() && sequenced(step, hands_, later_)) sequence.emplace(intention_, hands_);
  IntentRows rows(intent, statement, std::move(stored), engine_, intention_.target);
  auto read = (*select)->query_raw({}, [&](RawRow row) {
    if (intention_.ends && intention_.ends()) kept = Error{ErrorClass::interrupted, "asked to stop"};
    if (kept) kept = rows.read(row);
    if (!kept) {
      Error error = kept.error();
      if (error.kind == ErrorClass::data && table.empty() && !rows.key().empty()) error.row = named(intention_.program, step, {}, ledger::key_of(rows.key(), rows.key().size()));
      kept = std::move(error);
      return false;
    }
    if (intention_.put_back && !back.contains(ledger::short_digest(rows.key()))) return true;
    if (!before.empty()) {
      const auto known = before.find(ledger::short_digest(rows.key()));
      if (known != before.end() && !(intention_.again && !once_per && known->second == ledger::short_digest(rows.image()))) return true;
    }
    if (meets) kept = meeting_->note(rows.key(), rows.values());
    if (sequence && !meets) sequence->add(rows.key(), rows.image(), rows.values());
    else if (kept) kept = later_ ? planned.add(rows.key()) : planned.add(rows.key(), rows.image(), assigned, rows.values(), table);
    return bool(kept);
  });
  if (!read) return read;
  if (kept && meets) {
    kept = planned.end();
    if (kept) kept = meeting_->settle(spool_, intent.key);
    if (kept && sequence) kept = put_in(*sequence, intent.key);
  }
  if (sequence && kept) {
    auto given = sequence->finish([&](const Turn& turn) {
      return planned.add(ledger::views(turn.key), ledger::views(turn.image), turn.values.empty() ? std::span<const int>() : assigned, ledger::views(turn.values), {},
                         turn.in_between ? ledger::in_between : turn.together ? "with the next" : "");
    });
    if (!given) return given;
  }
  return kept ? planned.end() : kept;
}

// The rows of the set, which is empty then.
Result<void> Collecting::put_in(Sequence& sequence, std::size_t key) {
  Spool set;
  set.swap(spool_);
  return each_planned([&](bool from_start) { return set.next(from_start); }, [&](const ledger::Record& record) {
    const std::vector<connect::RawValue> before = ledger::views(record.before);
    std::vector<connect::RawValue> values;
    for (const auto& [column, value] : record.after) values.push_back(value.view());
    sequence.add(RawRow(before).first(key), RawRow(before).subspan(key), values);
    return true;
  });
}

}  // namespace

bool sequenced(const program::Step& step, const lower::Hands& hands, bool later) {
  return !later && (!hands.uniques.empty() || (step.duplicates && !program::adds_rows(step.kind)) || step.free_name);
}

program::Step with_values(program::Step step) {
  if (step.idempotence == program::Idempotence::once && step.kind == program::StepKind::update) step.idempotence = program::Idempotence::staged;
  return step;
}

Result<void> collect(const Intention& intention, const lower::Intents& intents, const lower::Hands& hands, bool later, connect::Connector& engine, Spool& into,
                     MeetingRows* meeting) {
  return Collecting(intention, intents, hands, later, engine, into, meeting).run();
}

Result<void> collect(const Intention& intention, const Workbench& bench, Spool& into, MeetingRows* meeting) {
  const program::Step step = with_values(intention.step);
  auto intents = lower::intents(bench.program(), step, bench.dialect(), true);
  if (!intents) return intents.error();
  const lower::Dialect dialect = lower::dialect_of(intention.program.catalogues[static_cast<std::size_t>(intention.step.target.source)]);
  return collect(intention, *intents, lower::hands(intention.program, intention.step, dialect), false, bench.engine(), into, meeting);
}

}  // namespace bfl::run
