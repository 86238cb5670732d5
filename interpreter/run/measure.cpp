#include "interpreter/run/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "interpreter/base/json.h"
#include "interpreter/lower/left_out.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"

namespace bfl::run {
namespace {

struct Reading {
  Workbench& bench;
  const eval::Context& evaluation;

  Result<std::int64_t> count(const program::ExprPtr& expr) const {
    auto statement = lower::scalar_in(bench.program(), expr, bench.dialect());
    if (!statement) return statement.error();
    return one_number(bench.engine(), *statement, evaluation);
  }

  // The first of the rows; none where an engine has no words for them.
  Result<std::vector<std::string>> keys(const program::Relation& rows) const {
    std::vector<std::string> keys;
    program::Relation first = rows;
    if (first.fields.empty()) return keys;
    first.limit = static_cast<std::int64_t>(most_keys);
    auto statement = lower::select_in(bench.program(), first, bench.dialect());
    if (!statement) return keys;
    auto prepared = bench.engine().prepare(*statement, evaluation);
    if (!prepared) return prepared.error();
    check::Tells tells(bench.program(), &first);
    std::vector<bool> hidden;
    for (const program::Field& field : first.fields) hidden.push_back(tells(*field.expr));
    auto read = (*prepared)->query_raw({}, [&](connect::RawRow row) {
      std::string key;
      for (std::size_t i = 0; i < first.fields.size(); ++i) key += fmt::format("{}{}", i ? ", " : "", hidden[i] ? unshown : shown(bench.engine().decode(row[i], statement->columns[i])));
      keys.push_back(first.fields.size() == 1 ? std::move(key) : "(" + key + ")");
      return true;
    });
    if (!read) return read.error();
    return keys;
  }
};

std::int64_t rows_of(const program::Expectation& expectation, std::int64_t total) {
  const auto all = multiply(Decimal(total), *expectation.percent);
  const auto share = all ? divide(*all, Decimal(100)) : std::nullopt;
  const bool down = (expectation.bound == program::Bound::at_most) == (expectation.rows == 0);
  const auto whole = share ? share->rounded(0, down ? Rounding::floor : Rounding::ceiling).to_int64() : std::nullopt;
  return std::max<std::int64_t>(0, whole.value_or(total) + expectation.rows);
}

void set_limits(const program::Step& step, Measured& measured) {
  for (const program::Expectation& expectation : step.expectations) {
    Limit limit{expectation.what, expectation.bound, expectation.rows};
    if (expectation.percent) {
      const std::int64_t total = measured.counted[expectation.of_text];
      limit.rows = rows_of(expectation, total);
      limit.share = fmt::format("{}% of the {} row{} of `{}`", expectation.percent->to_string(), total, total == 1 ? "" : "s", expectation.of_text);
    }
    measured.limits.push_back(std::move(limit));
  }
}

// `wanted`: whether the rows that are left out are counted, and not only the bounds that `measured` lacks.
Result<void> look(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources,
                  const eval::Context& evaluation, const KeptAside* aside, bool wanted, Measured& measured) {
  const std::vector<lower::LeftOut> clauses = wanted ? lower::left_out(program, step) : std::vector<lower::LeftOut>();
  // What is asked, as a step of its own: where it is computed follows from what it reads.
  program::Step questions;
  questions.kind = program::StepKind::check;
  questions.keeper = step.keeper;
  for (const lower::LeftOut& clause : clauses) questions.assertions.push_back({.condition = lower::count_of(clause.rows), .message = {}, .text = {}});
  std::vector<const program::Expectation*> shares;
  for (const program::Expectation& expectation : step.expectations)
    if (expectation.percent && !measured.counted.contains(expectation.of_text)) {
      shares.push_back(&expectation);
      questions.assertions.push_back({.condition = expectation.of, .message = {}, .text = {}});
    }
  if (questions.assertions.empty()) return {};
  static const KeptAside nothing;
  const KeptAside& kept = aside ? *aside : nothing;
  auto bench = Workbench::open(program, questions, sources, evaluation, kept);
  if (!bench) return bench.error();
  const Reading reading{**bench, evaluation};
  // Once the reading has ended the question can be asked of functions that say the row.
  const auto failed = [&](const Error& error, const program::ExprPtr& count) {
    bench->reset();
    return with_row(program, questions, sources, evaluation, error, [&](const program::Program& naming) -> Result<std::vector<lower::Statement>> {
      return std::vector<lower::Statement>{lower::scalar(naming, count, lower::Dialect::sqlite)};
    }, kept);
  };
  for (const lower::LeftOut& clause : clauses) {
    LeftOut part{clause.reason};
    auto rows = reading.count(lower::count_of(clause.rows));
    if (!rows) return failed(rows.error(), lower::count_of(clause.rows));
    part.rows = *rows;
    if (part.rows == 0) continue;
    auto keys = reading.keys(*clause.rows);
    if (!keys) return keys.error();
    part.keys = std::move(*keys);
    add(measured.left_out, std::move(part));
  }
  for (const program::Expectation* expectation : shares) {
    auto rows = reading.count(expectation->of);
    if (!rows) return failed(rows.error(), expectation->of);
    measured.counted[expectation->of_text] = *rows;
  }
  return {};
}

std::int64_t number(const JsonNode& node) {
  std::int64_t value = 0;
  std::from_chars(node.text.data(), node.text.data() + node.text.size(), value);
  return value;
}

const JsonNode* member(const JsonNode& node, std::string_view name) {
  for (std::size_t i = 0; i < node.keys.size(); ++i)
    if (node.keys[i] == name) return &node.items[i];
  return nullptr;
}

}  // namespace

bool meets(std::int64_t rows, const Limit& limit) {
  return limit.bound == program::Bound::at_most ? rows <= limit.rows : limit.bound == program::Bound::at_least ? rows >= limit.rows : rows == limit.rows;
}

std::string_view words(program::Bound bound) {
  switch (bound) {
    case program::Bound::at_most: return "at most";
    case program::Bound::at_least: return "at least";
    case program::Bound::exactly: return "exactly";
  }
  return "";
}

std::int64_t Measured::rows_left_out() const {
  std::int64_t rows = 0;
  for (const LeftOut& part : left_out) rows += part.rows;
  return rows;
}

void add(std::vector<LeftOut>& all, LeftOut part) {
  const auto known = std::find_if(all.begin(), all.end(), [&](const LeftOut& other) { return other.reason == part.reason; });
  if (known == all.end()) return all.push_back(std::move(part));
  known->rows += part.rows;
  for (std::string& key : part.keys)
    if (known->keys.size() < most_keys) known->keys.push_back(std::move(key));
}

void add(std::vector<LeftOut>& all, std::string_view reason, const std::function<std::string()>& key) {
  auto known = std::find_if(all.begin(), all.end(), [&](const LeftOut& other) { return other.reason == reason; });
  if (known == all.end()) known = all.insert(all.end(), LeftOut{std::string(reason)});
  ++known->rows;
  if (known->keys.size() < most_keys) known->keys.push_back(key());
}

Result<Measured> measure(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources,
                         const eval::Context& evaluation, const KeptAside* aside) {
  Measured measured;
  if (auto looked = look(program, step, sources, evaluation, aside, true, measured); !looked) return looked.error();
  set_limits(step, measured);
  return measured;
}

Result<Measured> measured_before(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources,
                                 const eval::Context& evaluation, const std::string& kept) {
  Measured measured;
  const auto read = read_json(kept);
  if (const auto* node = std::get_if<JsonNode>(&read)) {
    if (const JsonNode* parts = member(*node, "left_out"))
      for (const JsonNode& part : parts->items) {
        const JsonNode *reason = member(part, "reason"), *rows = member(part, "rows"), *keys = member(part, "keys");
        if (!reason || !rows || !keys) continue;
        LeftOut& made = measured.left_out.emplace_back(LeftOut{reason->text, number(*rows)});
        for (const JsonNode& key : keys->items) made.keys.push_back(key.text);
      }
    if (const JsonNode* counted = member(*node, "counted"))
      for (std::size_t i = 0; i < counted->keys.size(); ++i) measured.counted[counted->keys[i]] = number(counted->items[i]);
  }
  if (auto looked = look(program, step, sources, evaluation, nullptr, false, measured); !looked) return looked.error();
  set_limits(step, measured);
  return measured;
}

std::string to_text(const Measured& measured) {
  if (measured.left_out.empty() && measured.counted.empty()) return {};
  std::string text = "{\"left_out\":[";
  for (const LeftOut& part : measured.left_out) {
    text += text.back() == '[' ? "{\"reason\":" : ",{\"reason\":";
    append_json_text(text, part.reason);
    text += fmt::format(",\"rows\":{},\"keys\":[", part.rows);
    for (const std::string& key : part.keys) {
      if (&key != part.keys.data()) text += ',';
      append_json_text(text, key);
    }
    text += "]}";
  }
  text += "],\"counted\":{";
  for (const auto& [name, rows] : measured.counted) {
    if (text.back() != '{') text += ',';
    append_json_text(text, name);
    text += fmt::format(":{}", rows);
  }
  return text + "}}";
}

}  // namespace bfl::run
