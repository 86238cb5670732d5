// What bfl_keep shows an observer is what the hook would have shown, and what the table then holds.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <vector>

#include "interpreter/base/digest.h"
#include "tests/unit/scratch_database.h"

using namespace bfl;
using connect::RawRow;
using connect::RawValue;
using connect::RowChange;

namespace {

RawValue integer(std::int64_t value) { return {.kind = RawValue::Class::integer, .integer = value}; }
RawValue real(double value) { return {.kind = RawValue::Class::real, .real = value}; }
RawValue text(std::string_view bytes) { return {.kind = RawValue::Class::text, .bytes = bytes}; }
RawValue blob(std::string_view bytes) { return {.kind = RawValue::Class::blob, .bytes = bytes}; }

std::vector<RawValue> hostile() {
  static const std::string long_text(5000, 'x'), nul("a\0b", 3);
  return {RawValue{}, integer(0), integer(-1), integer(std::numeric_limits<std::int64_t>::max()), integer(1LL << 53), real(0.0),
          real(-0.0), real(1.0), real(12.34), real(1e15), real(-9007199254740993.0), real(1e300), real(4.5e-320),
          real(std::numeric_limits<double>::infinity()), text(""), text("12"), text("12.50"), text(" 7 "), text("1e3"), text("abc"),
          text("0x10"), text(nul), text(long_text), text("\xff"), blob(""), blob("12"), blob(nul)};
}

std::string shown(const RawValue& value) {
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value.real, sizeof bits);
  switch (value.kind) {
    case RawValue::Class::null: return "null";
    case RawValue::Class::integer: return fmt::format("integer {}", value.integer);
    case RawValue::Class::real: return fmt::format("real {:x}", bits);
    case RawValue::Class::text: return fmt::format("text {}", value.bytes.size() > 40 ? hex(sha256(value.bytes)) : hex(value.bytes));
    case RawValue::Class::blob: return fmt::format("blob {}", hex(value.bytes));
  }
  return "";
}

constexpr const char* columns[] = {"id", "i", "n", "r", "t", "b", "plain", "d"};
constexpr int column_count = 8;

struct Everything {
  ScratchDatabase scratch{"CREATE TABLE t(id INTEGER PRIMARY KEY, i INTEGER, n NUMERIC(10,2), r REAL, t VARCHAR(9), b BLOB, plain, d DATE)"};
  std::unique_ptr<connect::Connector> target = scratch.open();

  // Every change that the statement makes, as text; the images are compared with the table itself before it is rolled back.
  std::string changes(const std::string& sql, const std::vector<int>& assigned, std::span<const RawValue> binds) {
    REQUIRE(target->begin_write());
    std::string all;
    target->observe(
        [&](const RowChange& change) {
          REQUIRE(change.before.size() == column_count);
          all += fmt::format("{} {} {}:", change.table, change.depth, shown(change.before[0]));
          for (const RawValue& value : change.before) all += " " + shown(value);
          for (const int at : change.changed) {
            const RawValue& value = change.after[static_cast<std::size_t>(at)];
            all += fmt::format("; {} = {}", columns[at], shown(value));
            // The table is asked for this very value once the change is made.
            expected.push_back({change.before[0].integer, at, shown(value)});
          }
          all += "\n";
        },
        "t", assigned);
    auto update = target->prepare(sql);
    REQUIRE_MESSAGE(update, (update ? "" : update.error().message));
    auto rows = (*update)->run_raw(binds);
    REQUIRE_MESSAGE(rows, (rows ? "" : rows.error().message));
    target->stop_observing();
    for (const auto& [id, at, value] : expected) {
      auto read = target->prepare(fmt::format("SELECT {} FROM t WHERE id = ?1", columns[at]));
      REQUIRE(read);
      const RawValue key = integer(id);
      std::string found;
      REQUIRE((*read)->query_raw(std::span(&key, 1), [&](RawRow row) {
        found = shown(row[0]);
        return true;
      }));
      CHECK(found == value);
    }
    expected.clear();
    target->rollback();
    return fmt::format("{} rows\n{}", *rows, all);
  }

  struct Stored { std::int64_t id; int column; std::string value; };
  std::vector<Stored> expected{};
};

const std::string row_columns = ", t.id, t.i, t.n, t.r, t.t, t.b, t.plain, t.d";

}  // namespace

TEST_CASE("any value in any column is kept as the hook sees it and the table stores it") {
  Everything table;
  REQUIRE(table.target->begin_write());
  auto insert = table.target->prepare("INSERT INTO t VALUES(?1, ?2, ?2, ?2, ?2, ?2, ?2, ?2)");
  REQUIRE(insert);
  std::int64_t id = 0;
  for (const RawValue& value : hostile()) REQUIRE((*insert)->run_raw(std::vector{integer(++id), value}));
  REQUIRE(table.target->commit());

  for (int column = 1; column < column_count; ++column)
    for (const RawValue& value : hostile()) {
      CAPTURE(columns[column]);
      CAPTURE(shown(value));
      const std::string by_hook = table.changes(fmt::format("UPDATE t SET {} = ?1", columns[column]), {column}, std::span(&value, 1));
      const std::string kept =
          table.changes(fmt::format("UPDATE t SET {} = bfl_keep({}, ?1{})", columns[column], column, row_columns), {column}, std::span(&value, 1));
      CHECK(kept == by_hook);
    }
}

TEST_CASE("several assigned columns are kept together, whatever the order of the text") {
  Everything table;
  table.scratch.run("INSERT INTO t VALUES(1, 1, 2, 3, 'four', 5, 6, 7), (2, 1, 2, 3, NULL, NULL, NULL, NULL)");
  const std::string by_hook = table.changes("UPDATE t SET i = i + 1, t = t || '!', r = 0.5", {1, 4, 3}, {});
  CHECK(table.changes(fmt::format("UPDATE t SET i = bfl_keep(1, i + 1), t = bfl_keep(4, t || '!'{}), r = bfl_keep(3, 0.5)", row_columns),
                      {1, 4, 3}, {}) == by_hook);
  // The row comes too early, or a value is missing: then the hook looks for itself.
  CHECK(table.changes(fmt::format("UPDATE t SET i = bfl_keep(1, i + 1{}), t = bfl_keep(4, t || '!'), r = bfl_keep(3, 0.5)", row_columns),
                      {1, 4, 3}, {}) == by_hook);
  CHECK(table.changes(fmt::format("UPDATE t SET i = i + 1, t = bfl_keep(4, t || '!'{}), r = bfl_keep(3, 0.5)", row_columns), {1, 4, 3},
                      {}) == by_hook);
  // A row of another width is none of this table.
  CHECK(table.changes("UPDATE t SET i = bfl_keep(1, i + 1), t = bfl_keep(4, t || '!', id), r = bfl_keep(3, 0.5)", {1, 4, 3}, {}) == by_hook);
}

TEST_CASE("without an observer bfl_keep gives its value, and no view or trigger may call it") {
  Everything table;
  table.scratch.run("INSERT INTO t(id, i) VALUES(1, 1); CREATE TRIGGER sly AFTER INSERT ON t BEGIN SELECT bfl_keep(1, 2); END");
  REQUIRE(table.target->execute(fmt::format("UPDATE t SET i = bfl_keep(1, 41 + 1{})", row_columns)));
  std::int64_t value = 0;
  auto read = table.target->prepare("SELECT i FROM t");
  REQUIRE(read);
  REQUIRE((*read)->query_raw({}, [&](RawRow row) {
    value = row[0].integer;
    return true;
  }));
  CHECK(value == 42);
  CHECK_FALSE(table.target->execute("INSERT INTO t(id) VALUES(2)"));
}
