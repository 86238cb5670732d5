#include "interpreter/run/meeting_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/check/row_keys.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/sequence.h"

namespace bfl::run {

using connect::RawRow;
using connect::RawValue;

namespace {

ledger::Short digest_of(const std::string& tuple) {
  RawValue value{.kind = RawValue::Class::blob};
  value.bytes = tuple;
  return ledger::short_digest({&value, 1});
}

}  // namespace

MeetingRows::MeetingRows(const program::Program& program, const program::Step& step)
    : program_(program), step_(step), table_(program.table(step.target)), assigned_(table_.columns.size(), -1) {
  for (std::size_t i = 0; i < step.assignments.size(); ++i) assigned_[static_cast<std::size_t>(step.assignments[i].column)] = static_cast<int>(i);
  // Where the tables' own keys keep rows apart there is nothing to remember.
  const auto apart = [&](const std::vector<int>& columns) {
    std::vector<program::ExprPtr> values;
    for (const int column : columns) values.push_back(step.assignments[static_cast<std::size_t>(assigned_[static_cast<std::size_t>(column)])].value);
    return check::rows_differ(program, *step.relation, values);
  };
  alone_ = step.key.empty() ? check::rows_differ(program, *step.relation, step.once_per) : apart(step.key);
  for (const Key& key : table_.keys) {
    // What `unique` chooses is settled later; of an upsert rows may change places.
    const bool chosen = step.free_name && std::find(key.columns.begin(), key.columns.end(), step.free_name->column) != key.columns.end();
    const bool set = std::all_of(key.columns.begin(), key.columns.end(), [&](int column) { return assigned_[static_cast<std::size_t>(column)] >= 0; });
    if (key.plain && set && !chosen && key.columns != step.key && !apart(key.columns)) uniques_.push_back({.columns = key.columns});
  }
}

std::string MeetingRows::tuple_of(const std::vector<int>& columns, RawRow values) const {
  return unique_tuple(table_, columns, [&](int column) { return values[static_cast<std::size_t>(assigned_[static_cast<std::size_t>(column)])]; });
}

MeetingRows::Verdict MeetingRows::take(RawRow key, RawRow values) {
  values = values.first(step_.assignments.size());
  const ledger::Key held = ledger::key_of(key, key.size());
  const std::string own = alone_ ? std::string() : step_.key.empty() ? ledger::encode(held) : tuple_of(step_.key, values);
  if (!own.empty()) {
    const auto [before, fresh] = own_.emplace(digest_of(own), ledger::short_digest(values));
    if (!fresh && before->second == ledger::short_digest(values)) return Verdict::left_out;
    if (!fresh && step_.duplicates) {
      add(left_out, {step_.duplicates->skip_reason, 1, {ledger::display(held)}});
      return Verdict::left_out;
    }
    if (!fresh) {
      refused_ = Refused{.key = held};
      return Verdict::refused;
    }
  }
  for (std::size_t u = 0; u < uniques_.size(); ++u) {
    std::string tuple = tuple_of(uniques_[u].columns, values);
    if (tuple.empty() || uniques_[u].seen.emplace(digest_of(tuple), ledger::Short{}).second) continue;
    refused_ = Refused{.unique = static_cast<int>(u), .tuple = std::move(tuple), .key = held};
    return Verdict::refused;
  }
  return Verdict::planned;
}

bool MeetingRows::meets(RawRow key, RawRow values) {
  if (tuple_of(uniques_[static_cast<std::size_t>(refused_->unique)].columns, values) != refused_->tuple) return false;
  refused_->other = ledger::key_of(key, key.size());
  return true;
}

// Under a unique key that is not the step's own.
Error MeetingRows::both(const std::string& one, const std::string& other) const {
  return {.kind = ErrorClass::data,
          .message = fmt::format("the rows with {} and with {} would both have the same under the unique key ({})", one, other, table_.names_of(uniques_[static_cast<std::size_t>(refused_->unique)].columns)),
          .help = step_.kind == program::StepKind::insert ? "leave one of them out, or give each a name of its own: `unique … order by … else f\"{wanted}-{n}\"`" : "leave one of them out, or let their values differ"};
}

Error MeetingRows::error() const {
  const std::string what = named(program_, step_, {}, refused_->key);
  if (refused_->unique >= 0) return both(named(program_, step_, {}, refused_->other), what);
  return {.kind = ErrorClass::data,
          .message = fmt::format("two rows would become the row with {}, and differ", what),
          .help = step_.key.empty() ? "let `once per` tell them apart, or choose one of them: `group by` its values, or `where row_number() over (partition by … order by …) == 1`"
                                    : fmt::format("choose one of them: `on duplicate ({}) keep first by … skip others \"…\"`, or `group by` the key; or let their keys differ", table_.names_of(step_.key))};
}

Error MeetingRows::error(const std::vector<connect::Connector*>& sources, const eval::Context& evaluation, const lower::Hands& hands) const {
  const auto causes = [&](const ledger::Key& key) { return causes_of(program_, step_, sources, evaluation, hands.key, key); };
  const auto made = causes(refused_->key);
  if (refused_->unique >= 0) {
    const auto other = causes(refused_->other);
    return made.empty() || other.empty() ? error() : both(other[0].row, made[0].row);
  }
  Error told = error();
  if (made.size() != 2) return told;
  std::string differ;
  for (std::size_t i = 0; i < made[0].values.size(); ++i)
    if (made[0].values[i] != made[1].values[i]) differ += fmt::format("{}`{}`", differ.empty() ? ", and differ in " : ", ", table_.columns[static_cast<std::size_t>(step_.assignments[i].column)].name);
  told.message = fmt::format("the rows with {} and with {} would both become the row with {}{}", made[0].row, made[1].row, named(program_, step_, {}, refused_->key), differ);
  return told;
}

}  // namespace bfl::run
