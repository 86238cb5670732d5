#include "interpreter/run/meeting_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "interpreter/check/row_keys.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"
#include "interpreter/run/sequence.h"

namespace bfl::run {

using connect::RawRow;
using connect::RawValue;

namespace {

using Entry = DigestRuns::Entry;

ledger::Short digest_of(const std::string& tuple) {
  RawValue value{.kind = RawValue::Class::blob};
  value.bytes = tuple;
  return ledger::short_digest({&value, 1});
}

// Rows that have their digest with one before them, and the first of those.
Result<void> each_meeting(DigestRuns& rows, const std::function<Result<void>(const Entry& first, const Entry& other)>& met) {
  if (auto sorted = rows.sort(); !sorted) return sorted;
  Entry first, other;
  Result<bool> more = rows.next(first);
  while (more && *more && (more = rows.next(other)) && *more) {
    if (other.digest != first.digest) first = other;
    else if (auto done = met(first, other); !done) return done;
  }
  return more ? Result<void>() : Result<void>(more.error());
}

Result<void> each_row(Spool& set, const std::function<bool(const ledger::Record&)>& row) {
  return each_planned([&](bool from_start) { return set.next(from_start); }, row);
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

Result<void> MeetingRows::note(RawRow key, RawRow values) {
  values = values.first(step_.assignments.size());
  if (!alone_) {
    const std::string tuple = step_.key.empty() ? std::string() : tuple_of(step_.key, values);
    if (step_.key.empty() || !tuple.empty())
      if (auto added = own_.add({step_.key.empty() ? ledger::short_digest(key) : digest_of(tuple), ledger::short_digest(values), rows_}); !added) return added;
  }
  return note_uniques(values);
}

Result<void> MeetingRows::note_uniques(RawRow values) {
  for (Unique& unique : uniques_)
    if (const std::string tuple = tuple_of(unique.columns, values); !tuple.empty())
      if (auto added = unique.seen.add({.digest = digest_of(tuple), .row = rows_}); !added) return added;
  ++rows_;
  return {};
}

Result<void> MeetingRows::settle(Spool& set, std::size_t key) {
  DigestRuns goes;  // all under one digest: in the order of the rows
  std::optional<Pair> differs;
  const auto refused = [&](const Entry& first, const Entry& other) {
    if (!differs || other.row < differs->second) differs = Pair{first.row, other.row};
    return Result<void>();
  };
  auto met = each_meeting(own_, [&](const Entry& first, const Entry& other) {
    const bool same = other.beside == first.beside;
    return same || step_.duplicates ? goes.add({.beside = same ? ledger::Short{} : other.beside, .row = other.row}) : refused(first, other);
  });
  if (!met) return met;
  if (differs) return refuse(set, key, -1, *differs);
  if (!goes.empty())
    if (auto left = leave_out(set, key, goes); !left) return left;
  int unique = -1;
  for (std::size_t u = 0; u < uniques_.size(); ++u) {
    const auto before = differs ? differs->second : -1;
    if (met = each_meeting(uniques_[u].seen, refused); !met) return met;
    if (differs && differs->second != before) unique = static_cast<int>(u);
  }
  return differs ? refuse(set, key, unique, *differs) : Result<void>();
}

// Those that stay are the set from now on.
Result<void> MeetingRows::leave_out(Spool& set, std::size_t key, DigestRuns& rows) {
  for (Unique& unique : uniques_) unique.seen = DigestRuns();
  rows_ = 0;
  if (auto sorted = rows.sort(); !sorted) return sorted;
  Entry next;
  Result<bool> more = rows.next(next);
  Spool rest;
  PlannedRows planned(rest);
  std::int64_t at = 0;
  Result<void> sound;
  std::vector<int> columns;
  std::vector<RawValue> values;
  auto read = each_row(set, [&](const ledger::Record& record) {
    if (const bool here = at++ == next.row; here && *more) {
      if (next.beside != ledger::Short{}) add(left_out, step_.duplicates->skip_reason, [&] { return display_key(program_, step_, {record.before.begin(), record.before.begin() + static_cast<std::ptrdiff_t>(key)}); });
      more = rows.next(next);
      return bool(more);
    }
    columns.clear();
    values.clear();
    for (const auto& [column, value] : record.after) {
      columns.push_back(column);
      values.push_back(value.view());
    }
    const std::vector<RawValue> before = ledger::views(record.before);
    sound = planned.add(RawRow(before).first(key), RawRow(before).subspan(key), columns, values);
    if (sound) sound = note_uniques(RawRow(values).first(step_.assignments.size()));
    return bool(sound);
  });
  if (!read) return read;
  if (!more) return more.error();
  if (sound) sound = planned.end();
  set.swap(rest);
  return sound;
}

Result<void> MeetingRows::refuse(Spool& set, std::size_t key, int unique, Pair pair) {
  refused_ = Refused{.unique = unique};
  std::int64_t at = 0;
  auto read = each_row(set, [&](const ledger::Record& record) {
    if (at == pair.first || at == pair.second) (at == pair.first ? refused_->first : refused_->second).assign(record.before.begin(), record.before.begin() + static_cast<std::ptrdiff_t>(key));
    return at++ < pair.second;
  });
  return read ? Result<void>(error()) : read;
}

// Under a unique key that is not the step's own.
Error MeetingRows::both(const std::string& one, const std::string& other) const {
  return {.kind = ErrorClass::data,
          .message = fmt::format("the rows with {} and with {} would both have the same under the unique key ({})", one, other, table_.names_of(uniques_[static_cast<std::size_t>(refused_->unique)].columns)),
          .help = step_.kind == program::StepKind::insert ? "leave one of them out, or give each a name of its own: `unique … order by … else f\"{wanted}-{n}\"`" : "leave one of them out, or let their values differ"};
}

Error MeetingRows::error() const {
  const std::string what = named(program_, step_, {}, refused_->second);
  if (refused_->unique >= 0) return both(named(program_, step_, {}, refused_->first), what);
  return {.kind = ErrorClass::data,
          .message = fmt::format("two rows would become the row with {}, and differ", what),
          .help = step_.key.empty() ? "let `once per` tell them apart, or choose one of them: `group by` its values, or `where row_number() over (partition by … order by …) == 1`"
                                    : fmt::format("choose one of them: `on duplicate ({}) keep first by … skip others \"…\"`, or `group by` the key; or let their keys differ", table_.names_of(step_.key))};
}

Error MeetingRows::error(const std::vector<connect::Connector*>& sources, const eval::Context& evaluation, const lower::Hands& hands) const {
  const auto causes = [&](const ledger::Key& key) { return causes_of(program_, step_, sources, evaluation, hands.key, key); };
  const auto made = causes(refused_->second);
  if (refused_->unique >= 0) {
    const auto other = causes(refused_->first);
    return made.empty() || other.empty() ? error() : both(other[0].row, made[0].row);
  }
  Error told = error();
  if (made.size() != 2) return told;
  std::string differ;
  for (std::size_t i = 0; i < made[0].values.size(); ++i)
    if (made[0].values[i] != made[1].values[i]) differ += fmt::format("{}`{}`", differ.empty() ? ", and differ in " : ", ", table_.columns[static_cast<std::size_t>(step_.assignments[i].column)].name);
  told.message = fmt::format("the rows with {} and with {} would both become the row with {}{}", made[0].row, made[1].row, named(program_, step_, {}, refused_->second), differ);
  return told;
}

}  // namespace bfl::run
