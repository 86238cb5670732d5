#include "interpreter/run/row_differences.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "interpreter/run/discreet.h"

namespace bfl::run {
namespace {

constexpr std::size_t most_shown = 10;

std::string key_text(const Table& table, const std::vector<int>& key, const std::vector<Value>& row) {
  std::string text;
  for (const int column : key)
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", table.columns[static_cast<std::size_t>(column)].name, literal(table.columns[static_cast<std::size_t>(column)], row[static_cast<std::size_t>(column)]));
  return text;
}

std::string difference(const std::string& where, const Column& column, const Value& is, const Value& expected) {
  if (column.sensitive) return fmt::format("{}: {} is not as expected, which is all that is said of a sensitive column", where, column.name);
  return fmt::format("{}: {} is {}, expected {}", where, column.name, to_literal(is), to_literal(expected));
}

class Comparison {
 public:
  Comparison(const Table& table, const program::TableRows& expected, const ReadRows& rows) : table_(table), expected_(expected), rows_(rows), seen_(rows.size()), at_(expected.rows.size(), rows.size()) {
    const auto named = [](const program::GivenRow& row, int column) {
      return std::any_of(row.values.begin(), row.values.end(), [&](const auto& value) { return value.first == column; });
    };
    for (const Key& candidate : table.keys) {
      const bool all = candidate.plain && std::all_of(expected.rows.begin(), expected.rows.end(), [&](const auto& row) {
        return std::all_of(candidate.columns.begin(), candidate.columns.end(), [&](int column) { return named(row, column); });
      });
      if (all && key_.empty()) key_ = candidate.columns;
    }
  }

  std::vector<std::string> told() {
    if (key_.empty()) {
      find([&](std::size_t i, std::size_t row) { return !first_difference(i, row); });
      find([](std::size_t, std::size_t) { return true; });
    } else {
      find([&](std::size_t i, std::size_t row) {
        return std::all_of(key_.begin(), key_.end(), [&](int column) { return equal(rows_[row][static_cast<std::size_t>(column)], wanted(i, column)); });
      });
    }
    std::vector<std::string> told;
    for (std::size_t i = 0; i < expected_.rows.size(); ++i) {
      const std::string where = fmt::format("{} {}", table_.name, key_.empty() ? fmt::format("row {}", i + 1) : key_text(table_, key_, whole(i)));
      if (at_[i] == rows_.size()) {
        told.push_back(where + ": the row is missing");
        continue;
      }
      for (const auto& [column, value] : expected_.rows[i].values)
        if (const Value& is = rows_[at_[i]][static_cast<std::size_t>(column)]; !equal(is, value))
          told.push_back(difference(where, table_.columns[static_cast<std::size_t>(column)], is, value));
    }
    for (std::size_t row = 0; row < rows_.size(); ++row)
      if (!seen_[row]) told.push_back(fmt::format("{} {}: a row that is not expected", table_.name, key_.empty() ? fmt::format("row {}", row + 1) : key_text(table_, key_, rows_[row])));
    return told;
  }

 private:
  std::vector<Value> whole(std::size_t i) const {
    std::vector<Value> row(table_.columns.size());
    for (const auto& [column, value] : expected_.rows[i].values) row[static_cast<std::size_t>(column)] = value;
    return row;
  }
  Value wanted(std::size_t i, int column) const { return whole(i)[static_cast<std::size_t>(column)]; }
  bool first_difference(std::size_t i, std::size_t row) const {
    return std::any_of(expected_.rows[i].values.begin(), expected_.rows[i].values.end(), [&](const auto& given) { return !equal(rows_[row][static_cast<std::size_t>(given.first)], given.second); });
  }
  template <class Fits>
  void find(Fits fits) {
    for (std::size_t i = 0; i < at_.size(); ++i)
      for (std::size_t row = 0; row < rows_.size() && at_[i] == rows_.size(); ++row)
        if (!seen_[row] && fits(i, row)) seen_[at_[i] = row] = true;
  }

  const Table& table_;
  const program::TableRows& expected_;
  const ReadRows& rows_;
  std::vector<int> key_;
  std::vector<bool> seen_;
  std::vector<std::size_t> at_;  // the row that stands for each expected one; the number of rows: none
};

}  // namespace

std::vector<std::string> differences(const Table& table, const program::TableRows& expected, const ReadRows& rows) { return Comparison(table, expected, rows).told(); }

std::vector<std::string> changes(const Table& table, const ReadRows& before, const ReadRows& now) {
  std::vector<int> all;
  for (int column = 0; column < static_cast<int>(table.columns.size()); ++column) all.push_back(column);
  std::map<std::string, std::pair<std::int64_t, const std::vector<Value>*>> counts;  // by content
  const auto content = [](const std::vector<Value>& row) {
    std::string text;
    for (const Value& value : row) text += to_canonical(value) + "\n";
    return text;
  };
  for (const auto& row : before) --counts.try_emplace(content(row), 0, &row).first->second.first;
  for (const auto& row : now) ++counts.try_emplace(content(row), 0, &row).first->second.first;
  std::vector<std::string> told;
  std::size_t more = 0;
  for (const auto& [text, found] : counts)
    for (std::int64_t i = 0; i < std::abs(found.first); ++i) {
      if (told.size() < most_shown) told.push_back(fmt::format("{} {}", found.first < 0 ? '-' : '+', key_text(table, all, *found.second)));
      else ++more;
    }
  if (more > 0) told.push_back(fmt::format("… and {} more", more));
  return told;
}

}  // namespace bfl::run
