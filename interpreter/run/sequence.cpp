#include "interpreter/run/sequence.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "interpreter/run/parking.h"

namespace bfl::run {

using connect::RawRow;
using connect::RawValue;
using ledger::Key;
using ledger::Stored;

struct Sequence::Row {
  Key key, image, values;
  bool goes = false, out = false;   // deleted; needs no change after all
};

// The values of a column that are in use, and what was tried beside them.
struct Sequence::Parking {
  Value largest{};                          // of what rows of the step have or want
  std::unordered_set<std::string> used{};   // all of that, and where rows were parked
  std::int64_t tried = 0;
};

Sequence::Sequence(const Intention& intention, const lower::Hands& sql)
    : intention_(intention), sql_(sql), assigned_(intention.table().columns.size(), -1), parkings_(assigned_.size()) {
  for (std::size_t i = 0; i < intention.step.assignments.size(); ++i)
    assigned_[static_cast<std::size_t>(intention.step.assignments[i].column)] = static_cast<int>(i);
}

Sequence::~Sequence() = default;

void Sequence::add(RawRow key, RawRow image, RawRow values) {
  rows_.push_back({ledger::key_of(key, key.size()), ledger::key_of(image, image.size()), ledger::key_of(values, values.size())});
  mine_.emplace(ledger::encode(rows_.back().key), rows_.size() - 1);
}

namespace {

// What the index compares: other bytes may be the same to it.
void as_compared(Stored& value, const Column& column) {
  const bool sqlite = column.base.empty();
  if (sqlite && !column.binary_collation)
    for (char& c : value.bytes)
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  if (column.padded >= 0) value.bytes.resize(value.bytes.find_last_not_of(' ') + 1);
  if (value.kind == RawValue::Class::real && value.real == 0) value.real = 0;  // -0.0 as well
  if (value.kind != RawValue::Class::text || column.type.kind != Kind::decimal) return;
  if (const auto number = Decimal::parse(value.bytes)) value.bytes = number->to_string();  // 1.5 and 1.50
}

}  // namespace

std::string unique_tuple(const Table& table, const std::vector<int>& columns, const std::function<RawValue(int)>& value) {
  Key key;
  for (int column : columns) {
    Stored stored = Stored::of(value(column));
    if (stored.kind == RawValue::Class::null) return {};
    as_compared(stored, table.columns[static_cast<std::size_t>(column)]);
    key.push_back(std::move(stored));
  }
  return ledger::encode(key);
}

// What the row will hold.
const Stored& Sequence::wanted(const Row& row, int column) const {
  const int value = assigned_[static_cast<std::size_t>(column)];
  return value < 0 ? row.image[static_cast<std::size_t>(column)] : row.values[static_cast<std::size_t>(value)];
}

std::string Sequence::wanted_tuple(const Row& row, const std::vector<int>& columns) const {
  return unique_tuple(intention_.table(), columns, [&](int column) { return wanted(row, column).view(); });
}

std::string Sequence::held_tuple(const Row& row, const std::vector<int>& columns) const {
  return unique_tuple(intention_.table(), columns, [&](int column) { return row.image[static_cast<std::size_t>(column)].view(); });
}

// Whether a row that the step leaves as it is has what this one wants.
Result<bool> Sequence::held_outside(const Row& row, const std::vector<int>& columns, connect::Prepared& holders) const {
  std::vector<RawValue> values;
  for (int column : columns) values.push_back(wanted(row, column).view());
  bool outside = false;
  auto read = holders.query_raw(values, [&](RawRow holder) {
    const auto mine = mine_.find(ledger::encode(ledger::key_of(holder, holder.size())));
    outside = mine == mine_.end() || rows_[mine->second].out;
    return !outside;
  });
  if (!read) return read.error();
  return outside;
}

namespace {

constexpr std::int64_t most_attempts = 10'000, longest_step = 1 << 20;

// An expression over the columns of a row, and over what is tried for one of them.
struct Formula {
  std::unique_ptr<eval::Compiled> program;
  program::InputId attempt;

  Formula(const program::ExprPtr& expr, const eval::Context& evaluation, program::InputId attempt_) : program(eval::compile(expr, evaluation)), attempt(attempt_) {}

  Result<Value> of(const std::function<Result<Value>(int column)>& column, const Value& wanted, std::int64_t n) const {
    std::vector<Value> slots;
    for (const eval::Slot& slot : program->slots()) {
      if (slot.expr->input == attempt) {
        slots.push_back(slot.expr->column == 0 ? wanted : Value(n));
        continue;
      }
      auto value = column(slot.expr->column);
      if (!value) return value.error();
      slots.push_back(std::move(*value));
    }
    eval::Outcome outcome = program->run(slots);
    if (const auto* failure = std::get_if<eval::Failure>(&outcome)) return Error{ErrorClass::data, failure->message};
    return std::get<Value>(std::move(outcome));
  }
};

}  // namespace

// unique … else: in the order of the step, each row takes the first value that nobody has.
Result<void> Sequence::choose_names() {
  const program::FreeName& rule = *intention_.step.free_name;
  const eval::Context evaluation = intention_.evaluation;
  const Formula compared(rule.compared, evaluation, rule.attempt), candidate(rule.candidate, evaluation, rule.attempt);
  const auto wire = [&](int column) { return lower::wire_of(intention_.table().columns[static_cast<std::size_t>(column)]); };
  const auto decoded = [&](const RawValue& raw, int column) { return intention_.target.decode(raw, wire(column)); };
  const auto group = [&](const std::function<RawValue(int)>& raw) {
    std::string text;
    for (int column : rule.within) ledger::put(text, raw(column));
    return text;
  };
  std::unordered_set<std::string> taken;
  auto everything = intention_.target.prepare(sql_.everything, evaluation);
  if (!everything) return everything.error();
  const std::size_t keys = sql_.key.size();
  Result<void> sound;
  auto read = (*everything)->query_raw({}, [&](RawRow row) {
    if (mine_.contains(ledger::encode(ledger::key_of(row, keys)))) return true;
    const auto raw = [&](int column) { return row[keys + static_cast<std::size_t>(column)]; };
    auto name = compared.of([&](int column) { return decoded(raw(column), column); }, Value(), 0);
    if (!name) sound = name.error();
    else if (!name->is_null()) taken.insert(group(raw) + to_canonical(*name));
    return bool(sound);
  });
  if (!read) return read;
  if (!sound) return sound;

  const auto place = static_cast<std::size_t>(assigned_[static_cast<std::size_t>(rule.column)]);
  std::string arena;
  for (Row& row : rows_) {
    auto first = decoded(row.values[place].view(), rule.column);
    if (!first) return first.error();
    const std::string within = group([&](int column) { return wanted(row, column).view(); });
    Value tried = *first;
    for (std::int64_t n = 1;; ++n) {
      const auto value_of = [&](int column) -> Result<Value> { return column == rule.column ? Result<Value>(tried) : decoded(wanted(row, column).view(), column); };
      auto name = compared.of(value_of, *first, n);
      if (!name) return name.error();
      if (name->is_null() || taken.insert(within + to_canonical(*name)).second) break;
      if (n > most_attempts)
        return Error{ErrorClass::data, fmt::format("{} candidates for the row with key {} are all taken", most_attempts, ledger::display(row.key)), {}, "let the candidate depend on `n`"};
      auto next = candidate.of(value_of, *first, n);
      if (!next) return next.error();
      tried = std::move(*next);
    }
    auto raw = intention_.target.encode(tried, wire(rule.column), arena);
    if (!raw) return raw.error();
    row.values[place] = Stored::of(*raw);
    row.out = !row.image.empty();
    for (std::size_t v = 0; v < row.values.size() && row.out; ++v)
      row.out = ledger::same(row.values[v].view(), row.image[static_cast<std::size_t>(intention_.step.assignments[v].column)].view());
  }
  return {};
}

// on duplicate: rows that are there already come first, then the order of the step.
Result<void> Sequence::choose_survivors() {
  const program::Duplicates& rule = *intention_.step.duplicates;
  auto holders = intention_.target.prepare(sql_.holders, intention_.evaluation);
  if (!holders) return holders.error();
  std::unordered_set<std::string> taken;
  for (const Row& row : rows_)
    if (std::string wanted = wanted_tuple(row, rule.columns); !wanted.empty() && wanted == held_tuple(row, rule.columns)) taken.insert(std::move(wanted));
  for (Row& row : rows_) {
    std::string wanted = wanted_tuple(row, rule.columns);
    if (wanted.empty() || wanted == held_tuple(row, rule.columns)) continue;
    if (taken.contains(wanted)) {
      row.goes = true;
      continue;
    }
    auto outside = held_outside(row, rule.columns, **holders);
    if (!outside) return outside.error();
    row.goes = *outside;
    taken.insert(std::move(wanted));
  }
  return {};
}

bool Sequence::refers(int column) const {
  const Table& table = intention_.table();
  const auto& keys = intention_.program.catalogues[static_cast<std::size_t>(intention_.step.target.source)].foreign_keys;
  return std::any_of(keys.begin(), keys.end(), [&](const ForeignKey& key) {
    return key.table == table.name && std::find(key.columns.begin(), key.columns.end(), table.columns[static_cast<std::size_t>(column)].name) != key.columns.end();
  });
}

// The column of a key in which a row can be parked: null is free for all, of other values some are.
int Sequence::parked_column(const std::vector<int>& columns) const {
  int best = -1, best_rank = 9;
  for (int column : columns) {
    if (assigned_[static_cast<std::size_t>(column)] < 0) continue;
    const Column& of = intention_.table().columns[static_cast<std::size_t>(column)];
    const int rank = of.type.nullable ? 0 : !can_park(of) || refers(column) ? 4 : of.type.kind == Kind::integer ? 1 : of.type.kind == Kind::text ? 3 : 2;
    if (rank < best_rank) best = column, best_rank = rank;
  }
  return best;
}

// Whether the row would meet another one, had it this value.
Result<bool> Sequence::meets(const Row& row, int column, const Stored& value) const {
  bool met = false;
  for (const lower::UniqueKey& unique : sql_.uniques) {
    if (met || std::find(unique.columns.begin(), unique.columns.end(), column) == unique.columns.end()) continue;
    auto holder = intention_.target.prepare(unique.holder, intention_.evaluation);
    if (!holder) return holder.error();
    std::vector<RawValue> values;
    for (int part : unique.columns) values.push_back(part == column ? value.view() : row.image[static_cast<std::size_t>(part)].view());
    auto read = (*holder)->query_raw(values, [&](RawRow) { return met = true, false; });
    if (!read) return read.error();
  }
  return met;
}

// What a parked row holds meanwhile: null where that is allowed, else a value that no row has.
Result<Stored> Sequence::parking_value(const Row& row, int column) {
  const Table& table = intention_.table();
  const Column& of = table.columns[static_cast<std::size_t>(column)];
  if (of.type.nullable) return Stored{};
  const auto none = [&](std::string_view why) {
    return Error{ErrorClass::data, fmt::format("rows exchange their values of `{}`, and no other value can hold the place meanwhile: {}", of.name, why), {},
                 fmt::format("leave such rows out, `skip where …`; or let `{}` be null while the job runs", of.name)};
  };
  if (refers(column)) return none("it refers to rows of another table");
  if (!can_park(of)) return none(fmt::format("it is {}", of.base == "enum" ? "an enum" : to_string(of.type)));
  const lower::Wire wire = lower::wire_of(of);
  const auto tuple = [&](const Stored& value) { return unique_tuple(table, {column}, [&](int) { return value.view(); }); };
  Parking& parking = parkings_[static_cast<std::size_t>(column)];
  if (parking.used.empty())
    for (const Row& other : rows_)
      for (const Stored* stored : {&other.image[static_cast<std::size_t>(column)], &wanted(other, column)}) {
        if (!parking.used.insert(tuple(*stored)).second) continue;
        auto value = intention_.target.decode(stored->view(), wire);
        if (!value) return value.error();
        if (parking.largest.is_null() || bfl::order(*value, parking.largest) > 0) parking.largest = std::move(*value);
      }
  std::string arena;
  for (std::int64_t step = 1, attempts = 0; attempts < most_attempts; ++attempts) {
    parking.tried += step;
    const auto value = run::parking_value(of, parking.largest, parking.tried);
    if (!value) break;
    auto raw = intention_.target.encode(*value, wire, arena);
    if (!raw) return raw.error();
    Stored stored = Stored::of(*raw);
    if (!parking.used.insert(tuple(stored)).second) continue;
    auto met = meets(row, column, stored);
    if (!met) return met.error();
    if (!*met) return stored;
    step = std::min(step * 2, longest_step);  // out of a range that other rows fill
  }
  return none("those near the largest in use are taken, or do not fit");
}

Error Sequence::meet(const Row& one, const Row& other, const std::vector<int>& columns) const {
  return {ErrorClass::data,
          fmt::format("the rows with the keys {} and {} would both have the same under the unique key ({})", ledger::display(one.key), ledger::display(other.key), intention_.table().names_of(columns)),
          {},
          "let their values differ, or say which of them stays: `on duplicate (…) keep first by … delete others`"};
}

Result<void> Sequence::order(const std::function<Result<void>(const Turn&)>& each) {
  // Who waits for whom: a row for the one that holds what it wants and will give it up.
  std::vector<std::vector<std::size_t>> waiting(rows_.size());
  std::vector<std::size_t> waits(rows_.size());
  std::vector<std::vector<int>> wanted_of(rows_.size());  // columns that others wait for
  for (const lower::UniqueKey& unique : sql_.uniques) {
    const std::vector<int>& columns = unique.columns;
    std::unordered_map<std::string, std::size_t> held;
    for (std::size_t i = 0; i < rows_.size(); ++i)
      if (!rows_[i].goes && !rows_[i].out)
        if (std::string tuple = held_tuple(rows_[i], columns); !tuple.empty() && tuple != wanted_tuple(rows_[i], columns)) held.emplace(std::move(tuple), i);
    std::unordered_map<std::string, std::size_t> wanted_by;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
      if (rows_[i].goes || rows_[i].out) continue;
      std::string tuple = wanted_tuple(rows_[i], columns);
      if (!tuple.empty())
        if (const auto [other, fresh] = wanted_by.emplace(tuple, i); !fresh) return meet(rows_[other->second], rows_[i], columns);
      const auto holder = held.find(tuple);
      if (holder == held.end() || holder->second == i) continue;
      waiting[holder->second].push_back(i);
      ++waits[i];
      if (wanted_of[holder->second].empty()) wanted_of[holder->second] = columns;
    }
  }
  Turn made;
  const auto give = [&](const Row& row, bool together, bool in_between = false) {
    made.key = row.key;
    made.image = row.image;
    made.values = row.goes ? Key() : row.values;
    made.together = together;
    made.in_between = in_between;
    return each(made);
  };
  for (const Row& row : rows_)
    if (row.goes)
      if (auto given = give(row, false); !given) return given;

  std::vector<bool> done(rows_.size()), parked(rows_.size());
  std::vector<std::size_t> ready;
  std::size_t open = 0;  // parked rows that are not where they belong yet
  const auto release = [&](std::size_t row) {
    for (const std::size_t next : waiting[row])
      if (--waits[next] == 0) ready.push_back(next);
    waiting[row].clear();
  };
  const auto carry_out = [&]() -> Result<void> {
    while (!ready.empty()) {
      const std::size_t at = ready.back();
      ready.pop_back();
      if (done[at]) continue;
      done[at] = true;
      if (parked[at]) --open;
      if (auto given = give(rows_[at], open > 0); !given) return given;
      release(at);
    }
    return {};
  };
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].goes || rows_[i].out || done[i] || waits[i] > 0) continue;
    ready.push_back(i);
    if (auto given = carry_out(); !given) return given;
  }
  // What is left waits in a circle.
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (rows_[i].goes || rows_[i].out || done[i] || waiting[i].empty()) continue;
    Row& row = rows_[i];
    const int column = parked_column(wanted_of[i]);
    auto value = parking_value(row, column);
    if (!value) return value.error();
    Row place = row;
    for (std::size_t v = 0; v < row.values.size(); ++v) place.values[v] = row.image[static_cast<std::size_t>(intention_.step.assignments[v].column)];
    place.values[static_cast<std::size_t>(assigned_[static_cast<std::size_t>(column)])] = *value;
    parked[i] = true;
    ++open;
    if (auto given = give(place, true, true); !given) return given;
    row.image[static_cast<std::size_t>(column)] = *value;
    for (std::size_t k = 0; k < intention_.step.walk.size(); ++k)
      if (intention_.step.walk[k] == column) row.key[k] = *value;
    release(i);
    if (auto given = carry_out(); !given) return given;
  }
  return {};
}

Result<void> Sequence::finish(const std::function<Result<void>(const Turn&)>& each) {
  if (intention_.step.free_name)
    if (auto chosen = choose_names(); !chosen) return chosen;
  if (intention_.step.duplicates && intention_.step.kind == program::StepKind::update)
    if (auto chosen = choose_survivors(); !chosen) return chosen;
  return order(each);
}

}  // namespace bfl::run
