// Aggregates, fed row by row. Every result is the same whatever the order of the rows: sums are kept exactly and judged at
// the end, also those of floats; first and last go by their keys.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "interpreter/base/json.h"
#include "interpreter/eval/evaluate.h"

namespace bfl::eval {

namespace {

using program::AggregateKind;
__extension__ using Wide = __int128;

std::optional<Decimal> plus(const Decimal& a, const Decimal& b) { return add(a, b); }  // members called add hide the other

struct Before {
  bool operator()(const Value& a, const Value& b) const { return order(a, b) < 0; }
};

class Count final : public Accumulator {
 public:
  void add(std::span<const Value>) override { ++rows_; }
  Outcome finish() override { return Value(rows_); }

 private:
  std::int64_t rows_ = 0;
};

class Exists final : public Accumulator {
 public:
  void add(std::span<const Value>) override { any_ = true; }
  Outcome finish() override { return Value(any_); }

 private:
  bool any_ = false;
};

class CountDistinct final : public Accumulator {
 public:
  void add(std::span<const Value> row) override {
    if (!row.empty() && !row[0].is_null()) seen_.insert(row[0]);
  }
  Outcome finish() override { return Value(static_cast<std::int64_t>(seen_.size())); }

 private:
  std::set<Value, Before> seen_;
};

class Extreme final : public Accumulator {
 public:
  explicit Extreme(bool largest) : largest_(largest) {}
  void add(std::span<const Value> row) override {
    if (row.empty() || row[0].is_null()) return;
    if (best_.is_null() || (largest_ ? order(row[0], best_) > 0 : order(row[0], best_) < 0)) best_ = row[0];
  }
  Outcome finish() override { return best_; }

 private:
  bool largest_;
  Value best_;
};

class Truths final : public Accumulator {  // any, every; null counts as false
 public:
  explicit Truths(bool any) : any_(any), result_(!any) {}
  void add(std::span<const Value> row) override {
    const auto* const value = row.empty() ? nullptr : std::get_if<bool>(&row[0].data);
    const bool holds = value != nullptr && *value;
    if (holds == any_) result_ = any_;
  }
  Outcome finish() override { return Value(result_); }

 private:
  bool any_, result_;
};

// The exact sum of floats as a list of numbers that do not overlap (Shewchuk 1997), so that no order of the rows changes it.
class FloatSum {
 public:
  void add(double x) {
    if (!std::isfinite(x)) {
      special_ += x;
      any_special_ = true;
      return;
    }
    std::size_t kept = 0;
    for (double part : parts_) {
      if (std::fabs(x) < std::fabs(part)) std::swap(x, part);
      const double high = x + part, low = part - (high - x);
      if (low != 0) parts_[kept++] = low;
      x = high;
    }
    if (!std::isfinite(x)) overflow_ = true;
    parts_.resize(kept);
    parts_.push_back(x);
  }
  bool overflow() const { return overflow_ && !any_special_; }
  double total() const {
    if (any_special_) return special_;
    double sum = 0;
    for (std::size_t i = parts_.size(); i-- > 0;) {
      const double before = sum;
      sum = before + parts_[i];
      const double rest = parts_[i] - (sum - before);
      if (rest == 0) continue;
      // Rounding once: a rest of exactly half a unit goes where the parts below it point.
      if (i > 0 && ((rest < 0 && parts_[i - 1] < 0) || (rest > 0 && parts_[i - 1] > 0))) {
        const double twice = rest * 2, moved = sum + twice;
        if (twice == moved - sum) sum = moved;
      }
      break;
    }
    return sum;
  }

 private:
  std::vector<double> parts_;
  double special_ = 0;
  bool any_special_ = false, overflow_ = false;
};

// Sum and average; the kind of the operand tells itself, so that a group without values needs the kind of the result only.
class Sum final : public Accumulator {
 public:
  Sum(Kind result, bool average) : result_(result), average_(average) {}

  void add(std::span<const Value> row) override {
    if (row.empty() || row[0].is_null()) return;
    ++count_;
    switch (row[0].kind()) {
      case Kind::integer: whole_ += row[0].as<std::int64_t>(); break;
      case Kind::duration: whole_ += row[0].as<Duration>().micros; break;
      case Kind::floating: floats_.add(row[0].as<double>()); break;
      case Kind::decimal:
        if (decimals_) decimals_ = plus(*decimals_, row[0].as<Decimal>());
        break;
      default: wrong_ = row[0].kind(); break;
    }
  }

  Outcome finish() override {
    if (wrong_) return Failure{"a sum of " + std::string(kind_name(*wrong_)) + " values is not defined"};
    if (count_ == 0 && average_) return Value();
    if (floats_.overflow()) return Failure{"the sum is beyond the range of a float"};
    if (result_ == Kind::floating) return Value(average_ ? floats_.total() / static_cast<double>(count_) : floats_.total());
    if (average_) return mean();
    if (result_ == Kind::decimal) {
      const auto sum = exact();
      if (!sum) return Failure{"the sum has more than 1000 digits"};
      return Value(*sum);
    }
    constexpr Wide most = std::numeric_limits<std::int64_t>::max(), least = std::numeric_limits<std::int64_t>::min();
    if (whole_ > most || whole_ < least)
      return Failure{"the sum does not fit " + std::string(result_ == Kind::duration ? "a duration" : "an int")};
    const auto total = static_cast<std::int64_t>(whole_);
    if (result_ == Kind::duration) return Value(Duration{total});
    return Value(total);
  }

 private:
  // Wide holds the sum of 2^64 values of 64 bits; as a decimal it is put together from two halves.
  std::optional<Decimal> exact() const {
    if (!decimals_) return std::nullopt;
    constexpr std::int64_t half = std::int64_t{1} << 62;
    const auto high = multiply(Decimal(static_cast<std::int64_t>(whole_ / half)), Decimal(half));
    const auto sum = plus(*high, Decimal(static_cast<std::int64_t>(whole_ % half)));
    return plus(*sum, *decimals_);
  }

  Outcome mean() const {
    const auto sum = exact();
    const auto quotient = sum ? divide(*sum, Decimal(count_)) : std::nullopt;
    if (!quotient) return Failure{"the sum has more than 1000 digits"};
    if (result_ == Kind::decimal) return Value(*quotient);
    const auto whole = quotient->rounded(0, Rounding::half_even).to_int64();
    return whole ? Outcome(Value(Duration{*whole})) : Outcome(Failure{"the average does not fit a duration"});
  }

  Kind result_;
  bool average_;
  std::int64_t count_ = 0;
  Wide whole_ = 0;
  std::optional<Decimal> decimals_ = Decimal();  // none: too many digits
  FloatSum floats_;
  std::optional<Kind> wrong_;
};

std::strong_ordering compare(std::span<const Value> a, std::span<const Value> b, const std::vector<bool>& descending) {
  for (std::size_t i = 0; i < a.size() && i < b.size(); ++i) {
    const auto o = order(a[i], b[i]);
    if (o == 0) continue;
    const bool has_null = a[i].is_null() || b[i].is_null();  // last in both directions
    if (i < descending.size() && descending[i] && !has_null) return 0 <=> o;
    return o;
  }
  return std::strong_ordering::equal;
}

// Of rows with equal keys the first that came for `first`, the last that came for `last`.
class Edge final : public Accumulator {
 public:
  Edge(bool last, std::vector<bool> descending) : last_(last), descending_(std::move(descending)) {}
  void add(std::span<const Value> row) override {
    if (row.empty()) return;
    const auto keys = row.subspan(1);
    if (any_) {
      const auto o = compare(keys, keys_, descending_);
      if (last_ ? o < 0 : o >= 0) return;
    }
    any_ = true;
    value_ = row[0];
    keys_.assign(keys.begin(), keys.end());
  }
  Outcome finish() override { return value_; }

 private:
  bool last_, any_ = false;
  std::vector<bool> descending_;
  Value value_;
  std::vector<Value> keys_;
};

// Keeps its rows, and sees them in order at the end.
class Ordered : public Accumulator {
 public:
  explicit Ordered(std::vector<bool> descending) : descending_(std::move(descending)) {}
  void add(std::span<const Value> row) override {
    if (!row.empty()) rows_.emplace_back(row.begin(), row.end());
  }
  Outcome finish() override {
    std::stable_sort(rows_.begin(), rows_.end(), [&](const auto& a, const auto& b) {
      return compare(std::span(a).subspan(1), std::span(b).subspan(1), descending_) < 0;
    });
    return Value(Array{std::make_shared<const std::vector<Value>>(values(rows_))});
  }

 private:
  virtual std::vector<Value> values(const std::vector<std::vector<Value>>& rows) const = 0;  // in their order
  std::vector<bool> descending_;
  std::vector<std::vector<Value>> rows_;  // operand and keys
};

class List final : public Ordered {
 public:
  using Ordered::Ordered;

 private:
  std::vector<Value> values(const std::vector<std::vector<Value>>& rows) const override {
    std::vector<Value> items;
    for (const auto& row : rows) items.push_back(row[0]);
    return items;
  }
};

// Rows whose documents share a value of one member, or an element of an array that it is, come together: each value belongs to the
// row that had it first, and rows to rows, as a forest. Null is no value.
class Clusters final : public Ordered {
 public:
  using Ordered::Ordered;

 private:
  std::vector<Value> values(const std::vector<std::vector<Value>>& rows) const override {
    std::vector<std::size_t> above(rows.size());
    std::iota(above.begin(), above.end(), std::size_t{0});
    const auto root = [&](std::size_t at) {
      while (above[at] != at) at = above[at] = above[above[at]];
      return at;
    };
    std::unordered_map<std::string, std::size_t> first;
    const auto shares = [&](std::size_t row, const std::string& member, const JsonNode& element) {
      if (element.kind == JsonKind::null) return;
      const auto [known, fresh] = first.emplace(member + ' ' + canonical_json(element), row);
      const std::size_t one = root(known->second), other = root(row);
      above[std::max(one, other)] = std::min(one, other);
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const auto* text = std::get_if<Json>(&rows[i][0].data);
      const auto read = text ? read_json(text->text) : std::variant<JsonNode, JsonError>(JsonError{});
      const auto* node = std::get_if<JsonNode>(&read);
      for (std::size_t m = 0; node && m < node->items.size(); ++m) {
        if (node->items[m].kind != JsonKind::array) shares(i, node->keys[m], node->items[m]);
        else
          for (const JsonNode& element : node->items[m].items) shares(i, node->keys[m], element);
      }
    }
    std::vector<std::int64_t> number(rows.size());
    std::vector<Value> numbers;
    std::int64_t last = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      std::int64_t& of = number[root(i)];
      if (of == 0) of = ++last;
      numbers.emplace_back(of);
    }
    return numbers;
  }
};

class Fold final : public Accumulator {
 public:
  Fold(const program::ExprPtr& operand, program::InputId so_far, const Context& context) : next_(compile(operand, context)) {
    for (const Slot& slot : next_->slots()) carried_.push_back(slot.expr->kind == program::ExprKind::column && slot.expr->input == so_far);
    values_.resize(carried_.size());
  }
  void add(std::span<const Value> row) override {
    if (row.empty() || std::holds_alternative<Failure>(state_)) return;
    if (!std::exchange(begun_, true)) state_ = row[0];
    std::size_t at = 1;
    for (std::size_t i = 0; i < values_.size(); ++i) values_[i] = carried_[i] ? std::get<Value>(state_) : row[at++];
    state_ = next_->run(values_);
  }
  Outcome finish() override { return state_; }

 private:
  std::unique_ptr<Compiled> next_;
  std::vector<bool> carried_;  // by slot: it is the value so far
  std::vector<Value> values_;
  bool begun_ = false;
  Outcome state_ = Value();
};

}  // namespace

std::unique_ptr<Accumulator> fold(const program::ExprPtr& operand, program::InputId so_far, const Context& context) {
  return std::make_unique<Fold>(operand, so_far, context);
}

std::unique_ptr<Accumulator> accumulator(AggregateKind kind, const Type& result, const std::vector<bool>& descending) {
  switch (kind) {
    case AggregateKind::count: return std::make_unique<Count>();
    case AggregateKind::count_distinct: return std::make_unique<CountDistinct>();
    case AggregateKind::sum: return std::make_unique<Sum>(result.kind, false);
    case AggregateKind::min: return std::make_unique<Extreme>(false);
    case AggregateKind::max: return std::make_unique<Extreme>(true);
    case AggregateKind::average: return std::make_unique<Sum>(result.kind, true);
    case AggregateKind::any: return std::make_unique<Truths>(true);
    case AggregateKind::every: return std::make_unique<Truths>(false);
    case AggregateKind::first: return std::make_unique<Edge>(false, descending);
    case AggregateKind::last: return std::make_unique<Edge>(true, descending);
    case AggregateKind::list: return std::make_unique<List>(descending);
    case AggregateKind::clusters: return std::make_unique<Clusters>(descending);
    case AggregateKind::exists: case AggregateKind::fold: break;  // a fold is more than rows
  }
  return std::make_unique<Exists>();
}

}  // namespace bfl::eval
