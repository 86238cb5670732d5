// The SQLite connector: catalogue, forms of stored values, transactions, watched changes, errors.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <thread>

#include "tests/unit/scratch_database.h"

using namespace bfl;
using connect::ChangeKind;
using connect::RawValue;
using connect::RowChange;

namespace {

using Scratch = ScratchDatabase;

template <class T>
std::string message_of(const Result<T>& result) {
  return result ? "" : result.error().message;
}

const Table& table(const Catalogue& catalogue, const std::string& name) {
  for (const Table& at : catalogue.tables)
    if (at.name == name) return at;
  FAIL("no table " << name);
  return catalogue.tables.front();
}

const Column& column(const Table& of, const std::string& name) {
  REQUIRE(of.column_index(name) >= 0);
  return of.columns[static_cast<std::size_t>(of.column_index(name))];
}

std::int64_t count(connect::Connector& connector, const std::string& sql) {
  auto statement = connector.prepare(sql);
  REQUIRE_MESSAGE(statement, message_of(statement));
  std::int64_t value = -1;
  REQUIRE((*statement)->query_raw({}, [&](connect::RawRow row) {
    value = row[0].integer;
    return true;
  }));
  return value;
}

lower::Wire wire(Kind kind, Storage storage = Storage::native) { return {.type = {kind}, .storage = storage}; }
RawValue text(std::string_view bytes) { return {.kind = RawValue::Class::text, .bytes = bytes}; }
RawValue integer(std::int64_t value) { return {.kind = RawValue::Class::integer, .integer = value}; }
RawValue real(double value) { return {.kind = RawValue::Class::real, .real = value}; }

}  // namespace

TEST_CASE("the catalogue spells names as they are and types them by declaration") {
  Scratch scratch(R"(
    CREATE TABLE "Mixed Case"("Id" INTEGER PRIMARY KEY, "a""b" VARCHAR(10) NOT NULL COLLATE NOCASE, flag BOOLEAN, price NUMERIC(10,2), plain DECIMAL(5),
      ratio REAL, day DATE, at DATETIME, ident UUID, doc JSON, raw BLOB, odd, big BIGINT UNSIGNED, double_price INTEGER GENERATED ALWAYS AS (big * 2) VIRTUAL);
    CREATE TABLE bfl_job(x);
    CREATE VIEW v AS SELECT 1 AS one;
    CREATE TABLE w(a TEXT, b TEXT, PRIMARY KEY(b, a)) WITHOUT ROWID;
    CREATE TABLE s(id INT PRIMARY KEY NOT NULL, x ANY) STRICT;
    CREATE VIRTUAL TABLE f USING fts5(body);)");
  auto connector = scratch.open();
  auto catalogue = connector->catalogue();
  REQUIRE_MESSAGE(catalogue, message_of(catalogue));
  const Table& mixed = table(*catalogue, "Mixed Case");
  CHECK(mixed.rowid_alias == 0);
  CHECK_FALSE(column(mixed, "Id").type.nullable);
  CHECK(column(mixed, "a\"b").type.kind == Kind::text);
  CHECK_FALSE(column(mixed, "a\"b").type.nullable);
  CHECK_FALSE(column(mixed, "a\"b").binary_collation);
  CHECK(column(mixed, "flag").storage == Storage::boolean_integer);
  CHECK(column(mixed, "price").storage == Storage::decimal_numeric);
  CHECK(column(mixed, "price").scale == 2);
  CHECK(column(mixed, "plain").scale == 0);
  CHECK(column(mixed, "ratio").type.kind == Kind::floating);
  CHECK(column(mixed, "day").type.kind == Kind::date);
  CHECK(column(mixed, "at").type.kind == Kind::timestamp);
  CHECK(column(mixed, "ident").storage == Storage::uuid_text);
  CHECK(column(mixed, "doc").storage == Storage::json_text);
  CHECK(column(mixed, "raw").type.kind == Kind::bytes);
  CHECK(column(mixed, "odd").storage == Storage::unknown);
  CHECK(column(mixed, "big").type.kind == Kind::integer);
  CHECK(column(mixed, "double_price").generated);
  CHECK(column(mixed, "double_price").type.kind == Kind::integer);
  CHECK(table(*catalogue, "v").view);
  CHECK(table(*catalogue, "f").virtual_table);
  const Table& w = table(*catalogue, "w");
  CHECK(w.without_rowid);
  REQUIRE(w.keys.size() == 1);
  CHECK(w.keys[0].columns == std::vector<int>{1, 0});
  CHECK(w.keys[0].not_null);
  const Table& s = table(*catalogue, "s");
  CHECK(s.strict);
  CHECK(s.rowid_alias == -1);  // INT is not INTEGER
  CHECK(column(s, "x").storage == Storage::unknown);
  for (const Table& at : catalogue->tables) CHECK_FALSE(at.name.starts_with("bfl_"));
}

TEST_CASE("unique indexes are keys, partial ones and expressions are not plain") {
  Scratch scratch(R"(CREATE TABLE t(a TEXT NOT NULL, b TEXT, c TEXT NOT NULL, d TEXT COLLATE NOCASE NOT NULL);
    CREATE UNIQUE INDEX whole ON t(a, c); CREATE UNIQUE INDEX nullable ON t(b); CREATE UNIQUE INDEX partial ON t(c) WHERE b IS NOT NULL;
    CREATE UNIQUE INDEX expression ON t(lower(a)); CREATE INDEX ordinary ON t(c, b); CREATE UNIQUE INDEX other_collation ON t(d COLLATE BINARY);)");
  auto catalogue = scratch.open()->catalogue();
  REQUIRE(catalogue);
  const Table& t = table(*catalogue, "t");
  const auto key = [&](const std::string& name) -> const Key& {
    for (const Key& at : t.keys)
      if (at.name == name) return at;
    FAIL("no key " << name);
    return t.keys.front();
  };
  CHECK(key("whole").plain);
  CHECK(key("whole").not_null);
  CHECK(key("whole").columns == std::vector<int>{0, 2});
  CHECK_FALSE(key("nullable").not_null);
  CHECK_FALSE(key("partial").plain);
  CHECK_FALSE(key("expression").plain);
  CHECK_FALSE(key("other_collation").plain);
  CHECK(t.rowid_alias == -1);
  CHECK(std::find(t.indexes.begin(), t.indexes.end(), std::vector<int>{2, 1}) != t.indexes.end());
}

TEST_CASE("foreign keys are spelled as the tables spell their names, triggers tell their event") {
  Scratch scratch(
      R"(CREATE TABLE Parent(Id INTEGER PRIMARY KEY); CREATE TABLE child(p INTEGER REFERENCES PARENT ON DELETE CASCADE, q INT REFERENCES parent(iD) ON UPDATE SET NULL);
    CREATE TRIGGER "update" /* not this */ BEFORE DELETE ON child BEGIN SELECT 1; END;
    CREATE TRIGGER t2 AFTER UPDATE OF p ON child BEGIN DELETE FROM Parent WHERE 0; END;)");
  auto catalogue = scratch.open()->catalogue();
  REQUIRE(catalogue);
  REQUIRE(catalogue->foreign_keys.size() == 2);
  for (const ForeignKey& key : catalogue->foreign_keys) {
    CHECK(key.parent == "Parent");
    CHECK(key.parent_columns == std::vector<std::string>{"Id"});
  }
  const Table& child = table(*catalogue, "child");
  REQUIRE(child.triggers.size() == 2);
  CHECK(child.triggers[0].event == "DELETE");
  CHECK(child.triggers[1].event == "UPDATE");
}

TEST_CASE("the stored form of times and uuids is found in the rows") {
  Scratch scratch(R"(CREATE TABLE t(id INTEGER PRIMARY KEY, a DATETIME, b TIMESTAMP, c DATE, d DATETIME, e UUID, f DATETIME, g TIMESTAMP);
    INSERT INTO t VALUES(1, NULL, NULL, NULL, 1700000000, NULL, NULL, '2025-03-01 10:00:00.25+02:00');
    INSERT INTO t VALUES(2, '2025-03-01T10:00:00Z', '2025-03-01 10:00:00', '2025-03-01 00:00:00', 1700000000, x'000102030405060708090a0b0c0d0e0f', NULL, NULL);)");
  auto catalogue = scratch.open()->catalogue();
  REQUIRE(catalogue);
  const Table& t = table(*catalogue, "t");
  CHECK(column(t, "a").time_separator == 'T');
  CHECK(column(t, "a").time_suffix == "Z");
  CHECK(column(t, "b").time_separator == ' ');
  CHECK(column(t, "b").time_suffix == "");
  CHECK(column(t, "c").type.kind == Kind::timestamp);
  CHECK(column(t, "d").storage == Storage::unknown);  // seconds since 1970: only the script can tell
  CHECK(column(t, "e").storage == Storage::uuid_blob);
  CHECK(column(t, "f").type.kind == Kind::timestamp);
  CHECK(column(t, "g").time_suffix == "+00:00");
}

TEST_CASE("a stored value that does not fit its type is named") {
  Scratch scratch("CREATE TABLE t(a)");
  auto connector = scratch.open();
  CHECK(message_of(connector->decode(text("abc"), wire(Kind::integer))) == "the text `abc` is stored where int is expected");
  CHECK(message_of(connector->decode(real(1.5), wire(Kind::integer))) == "the real number 1.5 is stored where int is expected");
  CHECK(message_of(connector->decode(integer(2), wire(Kind::boolean, Storage::boolean_integer))).find("0 or 1") != std::string::npos);
  CHECK(message_of(connector->decode(text("yesterday"), wire(Kind::date, Storage::iso_text))).find("YYYY-MM-DD") != std::string::npos);
  CHECK(message_of(connector->decode(text("\xff"), wire(Kind::text))).find("UTF-8") != std::string::npos);
  CHECK(message_of(connector->decode(text("1.5"), wire(Kind::decimal, Storage::decimal_numeric))).find("a decimal") != std::string::npos);
  CHECK_FALSE(connector->decode(RawValue{.kind = RawValue::Class::blob, .bytes = "123"}, wire(Kind::uuid, Storage::uuid_blob)));
}

TEST_CASE("decimals in numeric columns come back as the decimal that was meant, or are refused") {
  Scratch scratch("CREATE TABLE t(a)");
  auto connector = scratch.open();
  const auto numeric = wire(Kind::decimal, Storage::decimal_numeric);
  auto read = connector->decode(real(12.1), numeric);
  REQUIRE(read);
  CHECK(read->as<Decimal>().to_string() == "12.1");
  std::string arena;
  auto whole = connector->encode(*Decimal::parse("12.00"), numeric, arena);
  REQUIRE(whole);
  CHECK(whole->kind == RawValue::Class::integer);
  auto cents = connector->encode(*Decimal::parse("0.1"), numeric, arena);
  REQUIRE(cents);
  CHECK(cents->real == 0.1);
  CHECK(message_of(connector->encode(*Decimal::parse("0.12345678901234567890"), numeric, arena)).find("cannot be stored exactly") !=
        std::string::npos);
  CHECK(message_of(connector->encode(std::nan(""), wire(Kind::floating), arena)).find("nan") != std::string::npos);
}

TEST_CASE("times are written in the form that the column has") {
  Scratch scratch("CREATE TABLE t(a)");
  auto connector = scratch.open();
  lower::Wire spaced = wire(Kind::timestamp, Storage::iso_text);
  spaced.time_separator = ' ';
  spaced.time_suffix = "";
  auto value = connector->decode(text("2025-03-01 10:00:00"), spaced);
  REQUIRE(value);
  std::string arena;
  auto back = connector->encode(*value, spaced, arena);
  REQUIRE(back);
  CHECK(back->bytes == "2025-03-01 10:00:00");
}

TEST_CASE("the observer sees each row before and after, and what triggers and cascades do") {
  Scratch scratch(
      R"(CREATE TABLE p(id INTEGER PRIMARY KEY, n INT, note TEXT); CREATE TABLE c(id INTEGER PRIMARY KEY, p INT REFERENCES p(id) ON DELETE CASCADE);
    CREATE TABLE log(what TEXT); CREATE TABLE bfl_lane(seq INT);
    INSERT INTO p VALUES(1, 10, 'a'), (2, 20, NULL); INSERT INTO c VALUES(7, 2); INSERT INTO bfl_lane VALUES(0);
    CREATE TRIGGER t AFTER UPDATE ON p BEGIN INSERT INTO log VALUES(new.n); END;)");
  auto connector = scratch.open();
  std::vector<std::string> seen;
  connector->observe(
      [&](const RowChange& change) {
        const char* kind = change.kind == ChangeKind::update ? "update" : change.kind == ChangeKind::insert ? "insert" : "remove";
        std::string line = fmt::format("{} {} {}", change.table, change.depth, kind);
        for (int column_changed : change.changed) {
          const auto at = static_cast<std::size_t>(column_changed);
          line += fmt::format(" {}:{}>{}", at, change.before[at].integer, change.after[at].integer);
        }
        seen.push_back(line);
      },
      "p", {1});
  REQUIRE(connector->begin_write());
  auto update = connector->prepare("UPDATE p SET n = n + 1 WHERE id <= ?1");
  REQUIRE(update);
  const RawValue limit = integer(1);
  auto changed = (*update)->run_raw(std::span(&limit, 1));
  REQUIRE(changed);
  CHECK(*changed == 1);
  REQUIRE(connector->execute("DELETE FROM p WHERE id = 2; UPDATE bfl_lane SET seq = 1"));
  REQUIRE(connector->commit());
  CHECK(seen == std::vector<std::string>{"p 0 update 1:10>11", "log 1 insert", "p 0 remove", "c 1 remove"});
}

TEST_CASE("the image before is right for generated columns, late defaults, and tables without rowid") {
  Scratch scratch(R"(CREATE TABLE g(a INT, v INT GENERATED ALWAYS AS (a * 2) VIRTUAL, s INT GENERATED ALWAYS AS (a * 3) STORED, z TEXT);
    INSERT INTO g(a, z) VALUES(5, 'z'); ALTER TABLE g ADD COLUMN late TEXT DEFAULT 'late'; ALTER TABLE g ADD COLUMN r REAL DEFAULT 2;
    CREATE TABLE w(x TEXT, k TEXT PRIMARY KEY, n INT) WITHOUT ROWID; INSERT INTO w VALUES('x', 'key', 1); ALTER TABLE w ADD COLUMN late INT DEFAULT 9;)");
  auto connector = scratch.open();
  std::vector<std::string> before, after;
  connector->observe(
      [&](const RowChange& change) {
        const auto show = [](const RawValue& value) {
          if (value.kind == RawValue::Class::integer) return std::to_string(value.integer);
          if (value.kind == RawValue::Class::real) return std::to_string(value.real);
          return value.kind == RawValue::Class::null ? std::string("null") : std::string(value.bytes);
        };
        for (const RawValue& value : change.before) before.push_back(show(value));
        for (int at : change.changed) after.push_back(fmt::format("{}={}", at, show(change.after[static_cast<std::size_t>(at)])));
      },
      "g", {0, 3});
  REQUIRE(connector->execute("UPDATE g SET a = 6, z = 'y'"));
  CHECK(before == std::vector<std::string>{"5", "null", "15", "z", "late", "2.000000"});
  CHECK(after == std::vector<std::string>{"0=6", "3=y"});
  before.clear();
  after.clear();
  REQUIRE(connector->execute("UPDATE w SET n = 2"));
  CHECK(before == std::vector<std::string>{"x", "key", "1", "9"});
  CHECK(after == std::vector<std::string>{"2=2"});
}

TEST_CASE("what the database refuses keeps its words and says what may be done") {
  Scratch scratch("CREATE TABLE t(id INTEGER PRIMARY KEY, a TEXT UNIQUE CHECK(length(a) < 5)); INSERT INTO t VALUES(1, 'x'), (2, 'y');");
  auto connector = scratch.open();
  auto unique = connector->execute("UPDATE t SET a = 'x' WHERE id = 2");
  REQUIRE_FALSE(unique);
  CHECK(unique.error().kind == ErrorClass::data);
  CHECK(unique.error().message == "the database refused: UNIQUE constraint failed: t.a");
  CHECK(unique.error().detail.find("UPDATE t SET") != std::string::npos);

  auto reader = scratch.open({.read_only = true});
  auto refused = reader->begin_write();
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorClass::permission);
}

TEST_CASE("a second writer waits, then gets a transient error; readers see one snapshot") {
  Scratch scratch("PRAGMA journal_mode=WAL; CREATE TABLE t(a INT); INSERT INTO t VALUES(1);");
  auto first = scratch.open(), second = scratch.open({.busy_timeout_ms = 20});
  auto reader = scratch.open({.read_only = true});
  REQUIRE(reader->begin_read());
  CHECK(count(*reader, "SELECT a FROM t") == 1);
  REQUIRE(first->begin_write());
  auto waiting = second->begin_write();
  REQUIRE_FALSE(waiting);
  CHECK(waiting.error().kind == ErrorClass::transient);
  REQUIRE(first->execute("UPDATE t SET a = 2"));
  REQUIRE(first->commit());
  CHECK(count(*reader, "SELECT a FROM t") == 1);
  reader->rollback();
  CHECK(count(*reader, "SELECT a FROM t") == 2);
}

TEST_CASE("a commit that meets a reader in a rollback journal can be sent again") {
  Scratch scratch("PRAGMA journal_mode=DELETE; CREATE TABLE t(a INT); INSERT INTO t VALUES(1);");
  auto writer = scratch.open({.busy_timeout_ms = 10}), reader = scratch.open({.read_only = true});
  REQUIRE(reader->begin_read());
  REQUIRE(writer->begin_write());
  REQUIRE(writer->execute("UPDATE t SET a = 2"));
  auto blocked = writer->commit();
  REQUIRE_FALSE(blocked);
  CHECK(blocked.error().kind == ErrorClass::transient);
  CHECK(writer->in_transaction());
  reader->rollback();
  REQUIRE(writer->commit());
  CHECK_FALSE(writer->in_transaction());
  CHECK(count(*reader, "SELECT a FROM t") == 2);
}

TEST_CASE("a file that was replaced after it was opened is not written") {
  Scratch scratch("CREATE TABLE t(a INT);");
  auto connector = scratch.open();
  std::filesystem::rename(scratch.path, scratch.path + ".old");
  auto moved = connector->begin_write();
  REQUIRE_FALSE(moved);
  CHECK(moved.error().kind == ErrorClass::refused);
  CHECK(moved.error().message.find("moved") != std::string::npos);
  std::filesystem::remove(scratch.path + ".old");
}

TEST_CASE("a running statement can be interrupted, and so can a wait for a lock") {
  Scratch scratch("CREATE TABLE t(a INT);");
  auto connector = scratch.open();
  std::thread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    connector->interrupt();
  });
  auto endless = connector->execute("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n");
  stopper.join();
  REQUIRE_FALSE(endless);
  CHECK(endless.error().kind == ErrorClass::interrupted);

  auto holder = scratch.open();
  REQUIRE(holder->begin_write());
  std::thread again([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
    connector->interrupt();
  });
  auto waiting = connector->begin_write();
  again.join();
  REQUIRE_FALSE(waiting);
  CHECK(waiting.error().kind == ErrorClass::interrupted);
  holder->rollback();
  CHECK(connector->begin_write());
}

TEST_CASE("what cannot be opened says why") {
  CHECK(message_of(connect::open("sqlite:/nowhere/at/all.db", {})).find("no such file") != std::string::npos);
  CHECK(message_of(connect::open("sqlite:/", {})).find("folder") != std::string::npos);
  CHECK(message_of(connect::open("mysql://user:secret@host/db", {})) == "no connector for `mysql://`");
  Scratch scratch("CREATE TABLE t(a);");
  std::FILE* file = std::fopen((scratch.path + ".txt").c_str(), "w");
  std::fputs("this is a text, not a database, and it is long enough to be read as a header of a hundred bytes, which it is by now", file);
  std::fclose(file);
  CHECK(message_of(connect::open(scratch.path + ".txt", {})).find("not a SQLite database") != std::string::npos);
  std::filesystem::remove(scratch.path + ".txt");
}

TEST_CASE("raw values go back byte for byte") {
  Scratch scratch("CREATE TABLE t(id INTEGER PRIMARY KEY, v);");
  auto connector = scratch.open();
  auto insert = connector->prepare("INSERT INTO t(v) VALUES(?1)");
  REQUIRE(insert);
  const std::vector<RawValue> values{{},
                                     integer(INT64_MIN),
                                     real(-0.0),
                                     real(HUGE_VAL),
                                     text(""),
                                     text(std::string_view("a\0b", 3)),
                                     {.kind = RawValue::Class::blob, .bytes = ""}};
  for (const RawValue& value : values) REQUIRE((*insert)->run_raw(std::span(&value, 1)));
  auto select = connector->prepare("SELECT v FROM t ORDER BY id");
  REQUIRE(select);
  std::size_t at = 0;
  REQUIRE((*select)->query_raw({}, [&](connect::RawRow row) {
    CHECK(row[0] == values[at]);
    ++at;
    return true;
  }));
  CHECK(at == values.size());
}
