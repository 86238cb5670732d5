// `bfl audit verify`: every byte of bfl's own tables, turned over one by one, is named by its place.
#include "interpreter/ledger/verify.h"

#include "interpreter/ledger/history.h"
#include "interpreter/ledger/redaction.h"

#include "tests/unit/job_fixture.h"

using namespace bfl;

namespace {

const char* const steps =
    "check some { assert exists(db.t) }\n"
    "update walked of db.t where id <= 6 chunk 3 { set s = \"new\" }\n"
    "update sealed of db.t where id > 6 { set n = n + 1 once }\n"
    "delete gone of db.t where id == 9\n"
    "verify right { assert count(db.t) == 9 }\n";

// A connection of its own, that waits for no disk.
struct Editor {
  sqlite3* db = nullptr;
  explicit Editor(const std::string& path) {
    REQUIRE(sqlite3_open(path.c_str(), &db) == SQLITE_OK);
    (void)sqlite3_exec(db, "PRAGMA synchronous = OFF", nullptr, nullptr, nullptr);
  }
  ~Editor() { sqlite3_close(db); }
  std::vector<std::string> list(const std::string& sql) {
    std::vector<std::string> all;
    sqlite3_stmt* statement = nullptr;
    REQUIRE_MESSAGE(sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr) == SQLITE_OK, sqlite3_errmsg(db));
    while (sqlite3_step(statement) == SQLITE_ROW) {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, 0));
      all.emplace_back(bytes ? bytes : "", static_cast<std::size_t>(sqlite3_column_bytes(statement, 0)));
    }
    sqlite3_finalize(statement);
    return all;
  }
  bool run(const std::string& sql) { return sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK; }
};

std::string literal(const std::string& bytes, const std::string& type) {
  const std::string blob = "x'" + hex(bytes) + "'";
  return type == "blob" ? blob : "CAST(" + blob + " AS TEXT)";
}

// The values that come of turning over a bit of each byte of one value.
std::vector<std::string> turned(const std::string& value, const std::string& type) {
  std::vector<std::string> all;
  if (type == "null") return {"x'00'"};
  if (type == "integer") {
    for (int byte = 0; byte < 8; ++byte) all.push_back(std::to_string(std::stoll(value) ^ (std::int64_t{1} << (8 * byte))));
    return all;
  }
  if (type == "real") return {value + " + 1", value + " - 1e-9", "-" + value + " - 1"};
  if (value.empty()) return {literal(std::string(1, 'x'), type)};
  for (std::size_t i = 0; i < value.size(); ++i) {
    std::string other = value;
    other[i] = static_cast<char>(other[i] ^ (i % 2 ? 0x01 : 0x20));
    all.push_back(literal(other, type));
  }
  return all;
}

struct Kept { const char *name, *key; };

// With BFL_ONCE every thirteenth of them: under sanitizers each takes a tenth of a second.
const std::size_t stride = std::getenv("BFL_ONCE") ? 13 : 1;

// Every bit that is turned over, with what `found` says of it; gives how many there were.
template <class Look>
std::size_t turn_all(Editor& editor, const Kept& table, Look&& look) {
  std::size_t count = 0, met = 0;
  const std::string name = table.name;
  for (const std::string& key : editor.list("SELECT " + std::string(table.key) + " FROM " + name))
    for (const std::string& column : editor.list("SELECT name FROM pragma_table_info('" + name + "')")) {
      const std::string where = " WHERE " + std::string(table.key) + " = CAST(x'" + hex(key) + "' AS TEXT)";
      const std::string type = editor.list("SELECT typeof(" + column + ") FROM " + name + where).at(0),
                        value = editor.list("SELECT " + (type == "real" ? "quote(" + column + ")" : column) + " FROM " + name + where).at(0);
      for (const std::string& other : turned(value, type)) {
        if (met++ % stride != 0) continue;
        REQUIRE(editor.run("SAVEPOINT one"));
        if (!editor.run("UPDATE " + name + " SET " + column + " = " + other + where)) {  // the tables refuse it by themselves
          REQUIRE(editor.run("ROLLBACK TO one; RELEASE one"));
          continue;
        }
        REQUIRE(editor.run("RELEASE one"));
        ++count;
        look(column, key, value, other);
        // By the key as it is now.
        const std::string old = type == "null" ? "NULL" : type == "integer" || type == "real" ? value : literal(value, type);
        if (!editor.run("UPDATE " + name + " SET " + column + " = " + old + where) || sqlite3_changes(editor.db) == 0)
          REQUIRE(editor.run("UPDATE " + name + " SET " + column + " = " + old + " WHERE " + column + " = " + other));
      }
    }
  return count;
}

// Of every one of bfl's tables: each byte that is turned over is named by its place. How many there were.
std::size_t turn_ledger(test::Job& job, connect::Connector& target) {
  Editor editor(job.path);
  std::size_t count = 0;
  for (const Kept& table : {Kept{"bfl_meta", "'' || id"}, Kept{"bfl_job", "name"}, Kept{"bfl_step", "'' || id"}, Kept{"bfl_lane", "step || ' ' || lane"},
                             Kept{"bfl_ledger", "'' || id"}, Kept{"bfl_stage", "step || ' ' || block"}, Kept{"bfl_key", "'' || rowid"}}) {
    count += turn_all(editor, table, [&](const std::string& column, const std::string& key, const std::string& value, const std::string& other) {
      INFO(table.name << " " << key << ": " << column << " " << hex(value).substr(0, 200) << " became " << other.substr(0, 200));
      const auto found = ledger::verify(target);
      REQUIRE(found);
      bool named = false;
      for (const Damage& damage : found->damages) named |= damage.place.starts_with(table.name);
      if (!named) {
        std::string all;
        for (const Damage& damage : found->damages) all += damage.place + ": " + damage.what + "; ";
        CHECK_MESSAGE(named, "named instead: " << all);
      }
    });
  }
  return count;
}

}  // namespace

TEST_CASE("every byte of the ledger that is turned over is named by its place") {
  test::Job job(test::rows_of_t(10));
  const auto ran = job.run_job(steps);
  REQUIRE_MESSAGE(ran.exit_code == 0, ran.said);
  auto target = job.open();
  const auto whole = ledger::verify(*target);
  REQUIRE(whole);
  for (const Damage& damage : whole->damages) FAIL(damage.place << ": " << damage.what);
  CHECK(whole->images == 11);
  CHECK(whole->sealed == 4);
  CHECK(whole->jobs.size() == 1);

  const std::size_t count = turn_ledger(job, *target);
  MESSAGE(count << " bytes were turned over");
  CHECK(count * stride > 10'000);
  CHECK(ledger::verify(*target)->damages.empty());
}

// The number of rows is exact: they are sealed with their images.
const char* const sealed_steps =
    "update walked of db.t where id <= 6 chunk 3 { set s = \"new\" expect changed == 6 }\n"
    "update sealed of db.t where id > 6 { set n = n + 1 once }\n"
    "delete gone of db.t where id == 9\n";

ledger::TypedKey key_of(std::int64_t number) { return {{ledger::TypedValue{{ledger::Stored::of(ledger::number(number))}}}}; }

TEST_CASE("a ledger out of which values were erased is proved as before") {
  test::Job job(test::rows_of_t(10));
  REQUIRE(job.run_job(sealed_steps).exit_code == 0);
  auto target = job.open();
  const auto whole = ledger::verify(*target);
  REQUIRE(whole);
  const ledger::Runner runner{"run-r", "ada", "test", {}, ledger::this_process("here"), {}, [] { return Timestamp{1'000'000}; }};
  // Of `walked` the rows 1 to 6 were changed, of `sealed` and `gone` the row 9.
  const auto erase = [&](std::int64_t key, std::vector<std::string> columns) {
    auto done = ledger::redact(*target, {{.table = {.name = "t"}}, key_of(key), std::to_string(key), std::move(columns), "asked for"}, runner);
    REQUIRE_MESSAGE(done, (done ? "" : done.error().message));
    return done->done;
  };
  const auto one = erase(2, {"s"});
  REQUIRE(one.size() == 1);
  CHECK(one[0].images == 2);  // changed, and planned
  CHECK(erase(2, {"s"}).empty());
  const auto two = erase(9, {});
  REQUIRE(two.size() == 1);
  CHECK(two[0].images >= 2);  // changed and deleted
  CHECK(erase(4, {"s"}).size() == 1);  // out of a pack that was written anew before

  const auto after = ledger::verify(*target);
  REQUIRE(after);
  for (const Damage& damage : after->damages) FAIL(damage.place << ": " << damage.what);
  CHECK(after->images == whole->images);
  CHECK(after->sealed == whole->sealed);
  CHECK(after->redactions.size() == 3);
  const auto history = ledger::history(*target, {.table = {.name = "t"}}, key_of(9));
  REQUIRE(history);
  REQUIRE(history->events.size() == 2);
  for (const ledger::RowEvent& event : history->events) {
    REQUIRE(event.redaction);
    CHECK(event.redaction->why == "asked for");
    for (const auto& column : event.columns) CHECK(column.erased == (column.name != "id"));
  }
  const auto other = ledger::history(*target, {.table = {.name = "t"}}, key_of(3));
  REQUIRE(other);
  REQUIRE(other->events.size() == 1);
  CHECK(!other->events.front().redaction);
  CHECK(other->events.front().columns[0].after->bytes == "new");

  CHECK(turn_ledger(job, *target) * stride > 10'000);
  CHECK(ledger::verify(*target)->damages.empty());
}

TEST_CASE("every byte of the diary that is turned over is named by its place") {
  test::Job job(test::rows_of_t(10));
  REQUIRE(job.run_job(steps).exit_code == 0);
  {
    auto state = store::open_state(job.state_path);
    REQUIRE(state);
    REQUIRE((*state)->begin_run({"run-1", "j", "/jobs/j.bfl", "d", "v", "ada", "here", "2026-01-01", "", -1, 17}));
    REQUIRE((*state)->end_run("run-1", "2026-01-02", 0));
    REQUIRE((*state)->begin_run({"run-2", "j", "/jobs/j.bfl", "d", "v", "ada", "here", "2026-01-01", "", -1, 17}));
    REQUIRE((*state)->remember({"inputs", "j", "/shop.db", "id", 3, 4, 5, "2026-01-02"}));
    REQUIRE((*state)->verify()->damages.empty());
    CHECK((*state)->verify()->entries > 10);
  }
  Editor editor(job.state_path);
  std::size_t count = 0;
  for (const Kept& table : {Kept{"run", "id"}, Kept{"journal", "'' || seq"}, Kept{"finished", "inputs"}, Kept{"known_chunk", "target || step_row"}}) {
    count += turn_all(editor, table, [&](const std::string& column, const std::string& key, const std::string& value, const std::string& other) {
      auto state = store::open_state(job.state_path);
      REQUIRE(state);
      const auto found = (*state)->verify();
      REQUIRE(found);
      INFO(table.name << " " << key << ": " << column << " " << value << " became " << other);
      CHECK((!found->damages.empty() && found->damages[0].place.starts_with(table.name)));
    });
  }
  MESSAGE(count << " bytes were turned over");
}
