#include "interpreter/store/state.h"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "interpreter/store/prune.h"
#include "interpreter/store/sqlite.h"

using namespace bfl;
using namespace bfl::store;
namespace fs = std::filesystem;

namespace {

struct Folder {
  fs::path path;
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "bfl-state-XXXXXX").string();
    path = mkdtemp(pattern.data());
  }
  ~Folder() { fs::remove_all(path); }
  std::string file() const { return (path / ".bfl" / "state.db").string(); }
};

std::unique_ptr<State> opened(const std::string& path) {
  auto state = open_state(path);
  if (!state) FAIL(state.error().message);
  return std::move(*state);
}

Error refused(const std::string& path) {
  auto state = open_state(path);
  REQUIRE_FALSE(state);
  CHECK_FALSE(state.error().help.empty());
  return state.error();
}

void sql(const std::string& path, const char* text) {
  auto database = Database::open(path);
  REQUIRE(database);
  REQUIRE(database->execute(text));
}

RunRecord a_run(std::string id) {
  RunRecord run;
  run.id = std::move(id);
  run.job = "fix";
  run.path = "/jobs/fix.bfl";
  run.script_digest = "d1";
  run.version = "0.1.0";
  run.who = "ada";
  run.host = "desk";
  run.started = "2025-04-01T10:15:00Z";
  run.pid = 42;
  return run;
}

JournalEntry an_entry(std::string run, std::string kind, std::int64_t chunk = -1) {
  JournalEntry entry;
  entry.run = std::move(run);
  entry.job = "fix";
  entry.step = "totals";
  entry.kind = std::move(kind);
  entry.time = "2025-04-01T10:15:01Z";
  entry.chunk = chunk;
  return entry;
}

FinishedJob a_finished_job(std::string inputs, std::string finished) {
  return {std::move(inputs), "fix", "sqlite:shop.db", "identity", 7, 12, 3, std::move(finished)};
}

unsigned mode_of(const fs::path& path) {
  struct stat about {};
  REQUIRE(stat(path.c_str(), &about) == 0);
  return about.st_mode & 0777u;
}

}  // namespace

TEST_CASE("the file and its folder are made, for the owner alone") {
  const Folder folder;
  auto state = opened(folder.file());
  CHECK(mode_of(folder.path / ".bfl") == 0700);
  CHECK(mode_of(folder.file()) == 0600);
  REQUIRE(state->begin_run(a_run("r1")));
  CHECK(mode_of(folder.file() + "-wal") == 0600);
}

TEST_CASE("a run is kept from its begin to its end, newest first") {
  const Folder folder;
  {
    auto state = opened(folder.file());
    REQUIRE(state->begin_run(a_run("20250401T101500-aaaaaa")));
    REQUIRE(state->begin_run(a_run("20250401T101600-bbbbbb")));
    REQUIRE(state->end_run("20250401T101500-aaaaaa", "2025-04-01T10:15:09Z", 3));
  }
  auto runs = opened(folder.file())->runs(10);
  REQUIRE(runs);
  REQUIRE(runs->size() == 2);
  const RunRecord &newest = (*runs)[0], &oldest = (*runs)[1];
  CHECK(newest.id == "20250401T101600-bbbbbb");
  CHECK(newest.finished.empty());
  CHECK(newest.exit_code == -1);
  CHECK(oldest.finished == "2025-04-01T10:15:09Z");
  CHECK(oldest.exit_code == 3);
  CHECK(oldest.path == "/jobs/fix.bfl");
  CHECK(oldest.pid == 42);
  CHECK(opened(folder.file())->runs(1)->size() == 1);
}

TEST_CASE("an entry comes back as it was written, in order") {
  const Folder folder;
  auto state = opened(folder.file());
  JournalEntry entry = an_entry("r1", "chunk_committed", 4);
  entry.reason = "why \xE2\x82\xAC 'quoted'";
  entry.query = std::string("UPDATE t\nSET a = ?1 \0 tail", 25);
  entry.from_key = "17";
  entry.to_key = "99";
  entry.rows_read = 100;
  entry.rows_changed = 80;
  entry.conflicts = 2;
  entry.seconds = 0.125;
  REQUIRE(state->append(an_entry("r1", "step_started")));
  REQUIRE(state->append(entry));
  REQUIRE(state->append(an_entry("r2", "step_started")));
  auto journal = state->journal("r1");
  REQUIRE(journal);
  REQUIRE(journal->size() == 2);
  const JournalEntry& read = (*journal)[1];
  CHECK(read.seq > (*journal)[0].seq);
  CHECK(read.kind == entry.kind);
  CHECK(read.reason == entry.reason);
  CHECK(read.query == entry.query);
  CHECK(read.from_key == "17");
  CHECK(read.to_key == "99");
  CHECK(read.chunk == 4);
  CHECK(read.rows_read == 100);
  CHECK(read.rows_changed == 80);
  CHECK(read.conflicts == 2);
  CHECK(read.seconds == 0.125);
  CHECK(state->journal("")->size() == 3);
  CHECK(state->journal("r9")->empty());
}

TEST_CASE("what was told about steps and chunks is there when the process is killed") {
  const Folder folder;
  { auto made = opened(folder.file()); }
  const pid_t child = fork();
  if (child == 0) {
    auto state = open_state(folder.file());
    (void)(*state)->begin_run(a_run("r1"));
    (void)(*state)->append(an_entry("r1", "step_reused"));
    (void)(*state)->append(an_entry("r1", "step_started"));
    (void)(*state)->append(an_entry("r1", "chunk_committed", 0));
    (void)(*state)->note_seq("target", 5, 1);
    (void)(*state)->append(an_entry("r1", "step_reused"));  // may wait, and is lost
    raise(SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  auto state = opened(folder.file());
  CHECK(state->runs(10)->size() == 1);
  CHECK(state->journal("r1")->size() == 3);
  CHECK(state->known_seq("target", 5)->value() == 1);
}

TEST_CASE("entries that may wait are kept by the end of the run, or with the file") {
  const Folder folder;
  {
    auto state = opened(folder.file());
    for (int i = 0; i < 1200; ++i) REQUIRE(state->append(an_entry("r1", "step_reused")));
    REQUIRE(state->begin_run(a_run("r1")));
    REQUIRE(state->end_run("r1", "2025-04-01T10:16:00Z", 0));
    CHECK(opened(folder.file())->journal("r1")->size() == 1200);
    REQUIRE(state->append(an_entry("r1", "step_reused")));
  }
  CHECK(opened(folder.file())->journal("r1")->size() == 1201);
}

TEST_CASE("a finished job is found by its inputs alone, until it is forgotten") {
  const Folder folder;
  auto state = opened(folder.file());
  CHECK_FALSE(state->finished("in1")->has_value());
  REQUIRE(state->remember(a_finished_job("in1", "2025-04-01T10:15:00Z")));
  const auto found = *state->finished("in1");
  REQUIRE(found.has_value());
  CHECK(found->job == "fix");
  CHECK(found->target_path == "sqlite:shop.db");
  CHECK(found->target_identity == "identity");
  CHECK(found->schema_version == 7);
  CHECK(found->revision == 12);
  CHECK(found->steps == 3);
  CHECK(found->finished == "2025-04-01T10:15:00Z");
  CHECK_FALSE(state->finished("in2")->has_value());
  REQUIRE(state->forget("another"));
  CHECK(state->finished("in1")->has_value());
  REQUIRE(state->forget("fix"));
  CHECK_FALSE(state->finished("in1")->has_value());
}

TEST_CASE("only the newest answers for a job are kept") {
  const Folder folder;
  auto state = opened(folder.file());
  for (int i = 10; i < 60; ++i) REQUIRE(state->remember(a_finished_job("in" + std::to_string(i), "2025-04-01T10:15:" + std::to_string(i) + "Z")));
  CHECK(state->finished("in59")->has_value());
  CHECK(state->finished("in40")->has_value());
  CHECK_FALSE(state->finished("in39")->has_value());
}

TEST_CASE("the newest chunk known of a target only rises") {
  const Folder folder;
  auto state = opened(folder.file());
  CHECK_FALSE(state->known_seq("a", 1)->has_value());
  REQUIRE(state->note_seq("a", 1, 4));
  REQUIRE(state->note_seq("a", 1, 5));
  REQUIRE(state->note_seq("a", 1, 2));
  REQUIRE(state->note_seq("b", 1, 9));
  CHECK(state->known_seq("a", 1)->value() == 5);
  CHECK_FALSE(state->known_seq("a", 2)->has_value());
}

TEST_CASE("old runs are taken out of the diary, and its chain goes on behind them") {
  const Folder folder;
  auto state = opened(folder.file());
  const auto ran = [&](const std::string& id, const std::string& day) {
    RunRecord run = a_run(id);
    run.started = day + "T10:00:00Z";
    REQUIRE(state->begin_run(run));
    for (const char* kind : {"run_started", "chunk_committed", "run_finished"}) {
      JournalEntry entry;
      entry.run = id, entry.job = "fix", entry.kind = kind, entry.time = run.started;
      REQUIRE(state->append(entry));
    }
    REQUIRE(state->end_run(id, day + "T10:01:00Z", 0));
  };
  ran("a", "2025-01-01"), ran("b", "2025-02-01"), ran("c", "2025-03-01");
  auto pruned = prune(folder.file(), "2024-01-01T00:00:00Z");
  REQUIRE(pruned);
  CHECK((pruned->runs == 0 && pruned->entries == 0));
  pruned = prune(folder.file(), "2025-02-15T00:00:00Z");
  REQUIRE(pruned);
  CHECK((pruned->runs == 2 && pruned->entries == 6));
  CHECK(state->journal("")->size() == 3);
  CHECK(state->runs(10)->size() == 1);
  ran("d", "2025-04-01");
  auto proven = state->verify();
  REQUIRE(proven);
  CHECK(proven->damages.empty());
  CHECK((proven->runs == 2 && proven->entries == 6));
  // All of them are old: the newest entry stays, numbers and digests go on from it.
  pruned = prune(folder.file(), "2026-01-01T00:00:00Z");
  REQUIRE(pruned);
  CHECK((pruned->runs == 1 && state->journal("")->size() == 1));
  ran("e", "2026-05-01");
  CHECK(state->verify()->damages.empty());
  state.reset();
  sql(folder.file(), "DELETE FROM journal WHERE seq = (SELECT min(seq) FROM journal)");
  CHECK_FALSE(opened(folder.file())->verify()->damages.empty());
}

TEST_CASE("a state file of a newer format is refused and left alone") {
  const Folder folder;
  { auto made = opened(folder.file()); }
  sql(folder.file(), "PRAGMA user_version = 99");
  const Error error = refused(folder.file());
  CHECK(error.kind == ErrorClass::refused);
  CHECK(error.message == "the state file `" + folder.file() + "` has format 99, this bfl knows formats up to 3");
  CHECK(refused(folder.file()).kind == ErrorClass::refused);
}

TEST_CASE("a state file of format 1 is brought up, and what it held before is passed over by the verification") {
  const Folder folder;
  {
    auto state = opened(folder.file());
    REQUIRE(state->begin_run(a_run("r1")));
    REQUIRE(state->note_seq("a", 1, 2));
  }
  for (const char* column : {"run DROP COLUMN begun_digest", "run DROP COLUMN ended_digest", "journal DROP COLUMN digest", "finished DROP COLUMN digest",
                             "known_chunk DROP COLUMN digest"})
    sql(folder.file(), ("ALTER TABLE " + std::string(column)).c_str());
  sql(folder.file(), "PRAGMA user_version = 1");
  auto state = opened(folder.file());
  REQUIRE(state->end_run("r1", "2025-04-02", 0));
  CHECK(state->known_seq("a", 1)->value() == 2);
  REQUIRE(state->note_seq("a", 1, 3));
  const auto proven = state->verify();
  REQUIRE(proven);
  CHECK(proven->runs == 1);
  CHECK(proven->damages.empty());
}

TEST_CASE("somebody else's database is refused and left alone") {
  const Folder folder;
  const std::string path = (folder.path / "shop.db").string();
  std::ofstream(path).close();
  sql(path, "CREATE TABLE orders (id INTEGER PRIMARY KEY)");
  const Error error = refused(path);
  CHECK(error.kind == ErrorClass::fatal);
  CHECK(error.message.find("no state file of bfl") != std::string::npos);
  sql(path, "INSERT INTO orders VALUES (1)");
  CHECK_FALSE(fs::exists(path + "-wal"));
}

TEST_CASE("a file that is no database, and a damaged one, are refused with a way out") {
  const Folder folder;
  const std::string path = (folder.path / "state.db").string();
  SUBCASE("text") { std::ofstream(path) << std::string(5000, 'x'); }
  SUBCASE("damaged") {
    { auto made = opened(path); }
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(100);
    file << std::string(4000, '\xff');
  }
  SUBCASE("cut short") {
    { auto made = opened(path); }
    fs::resize_file(path, 3000);
  }
  const Error error = refused(path);
  CHECK(error.kind == ErrorClass::fatal);
  CHECK(error.message.find(path) != std::string::npos);
  CHECK(error.help.find("move the file away") != std::string::npos);
}

TEST_CASE("a path that cannot be a state file says why") {
  const Folder folder;
  CHECK(refused(folder.path.string()).message == "`" + folder.path.string() + "` is a folder, expected a state file");
  const std::string blocker = (folder.path / "plain").string();
  std::ofstream(blocker).close();
  CHECK(refused(blocker + "/state.db").message == "the state file `" + blocker + "/state.db` cannot be made: Not a directory");
  if (geteuid() != 0) {  // nothing is forbidden to root
    fs::permissions(folder.path, fs::perms::owner_read | fs::perms::owner_exec);
    CHECK(refused((folder.path / "state.db").string()).kind == ErrorClass::permission);
    fs::permissions(folder.path, fs::perms::owner_all);
  }
}

TEST_CASE("many processes create and write one file at the same time") {
  const Folder folder;
  constexpr int processes = 8, entries = 50;
  for (int i = 0; i < processes; ++i) {
    if (fork() != 0) continue;
    auto state = open_state(folder.file());
    bool good = bool(state) && bool((*state)->begin_run(a_run("r" + std::to_string(i))));
    for (int n = 0; good && n < entries; ++n) good = bool((*state)->append(an_entry("r" + std::to_string(i), "chunk_committed", n)));
    _exit(good ? 0 : 1);
  }
  for (int i = 0; i < processes; ++i) {
    int status = 0;
    wait(&status);
    CHECK(WEXITSTATUS(status) == 0);
  }
  auto state = opened(folder.file());
  CHECK(state->runs(100)->size() == processes);
  CHECK(state->journal("")->size() == processes * entries);
}

TEST_CASE("a transaction that is not committed leaves nothing") {
  const Folder folder;
  const std::string path = (folder.path / "t.db").string();
  std::ofstream(path).close();
  auto database = Database::open(path);
  REQUIRE(database);
  REQUIRE(database->execute("CREATE TABLE t (n INTEGER, s TEXT)"));
  auto insert = [&](std::int64_t number) { return Statement(*database, "INSERT INTO t VALUES (?, ?)").bind(number).bind("x").run(); };
  {
    auto transaction = Transaction::begin(*database);
    REQUIRE(transaction);
    REQUIRE(insert(1));
  }
  {
    auto transaction = Transaction::begin(*database);
    REQUIRE(transaction);
    REQUIRE(insert(2));
    REQUIRE(transaction->commit());
  }
  Statement count(*database, "SELECT count(*), max(n) FROM t");
  REQUIRE(*count.next());
  CHECK(count.integer(0) == 1);
  CHECK(count.integer(1) == 2);
}

TEST_CASE("a statement that is wrong says so when it is run") {
  const Folder folder;
  const std::string path = (folder.path / "t.db").string();
  std::ofstream(path).close();
  auto database = Database::open(path);
  REQUIRE(database);
  CHECK_FALSE(Statement(*database, "SELECT * FROM missing").run());
  const auto many = Statement(*database, "SELECT ?").bind("a").bind("b").run();
  CHECK_FALSE(many);
}

TEST_CASE("opening and asking for a finished job is quick") {
  const Folder folder;
  { REQUIRE(opened(folder.file())->remember(a_finished_job("in1", "2025-04-01T10:15:00Z"))); }
  double best = 1;
  for (int i = 0; i < 20; ++i) {
    const auto start = std::chrono::steady_clock::now();
    {
      auto state = opened(folder.file());
      CHECK(state->finished("in1")->has_value());
    }
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  MESSAGE("milliseconds: " << best * 1000);
  CHECK(best < 0.02);
}

namespace {

std::vector<std::string> names_in(const fs::path& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename().string());
  std::sort(names.begin(), names.end());
  return names;
}

// Opens the file, writes, moves what it wrote out of the log and closes it, over and over, as runs of short jobs do.
[[noreturn]] void keep_writing(const std::string& path) {
  for (int n = 0;; ++n) {
    auto database = Database::open(path);
    if (!database) continue;
    // Pages that belong together: each holds the number of the round.
    (void)database->execute("BEGIN IMMEDIATE; UPDATE pages SET n = n + 1; COMMIT; PRAGMA wal_checkpoint(PASSIVE)");
    (void)database->execute("BEGIN IMMEDIATE; UPDATE pages SET n = n + 1; COMMIT");
  }
}

}  // namespace

TEST_CASE("a file to which others write is read as it was at one moment") {
  const Folder folder;
  { auto made = opened(folder.file()); }
  sql(folder.file(), "CREATE TABLE pages (id INTEGER PRIMARY KEY, n INTEGER, room BLOB);"
                     "INSERT INTO pages WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < 60) SELECT i, 0, randomblob(3000) FROM s");
  const pid_t writer = fork();
  if (writer == 0) keep_writing(folder.file());
  int torn = 0, unread = 0;
  std::int64_t last = 0;
  bool forward = true;
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(3);
  while (std::chrono::steady_clock::now() < until) {
    auto database = Database::open_copy(folder.file());
    if (!database) {
      ++unread;
      continue;
    }
    Statement s(*database, "SELECT min(n), max(n), (SELECT count(*) FROM pragma_integrity_check WHERE integrity_check <> 'ok') FROM pages");
    auto row = s.next();
    torn += !row || s.integer(0) != s.integer(1) || s.integer(2) != 0;
    forward = forward && s.integer(0) >= last;
    last = s.integer(0);
  }
  kill(writer, SIGKILL);
  waitpid(writer, nullptr, 0);
  CHECK(torn == 0);
  CHECK(unread == 0);
  CHECK(forward);
  CHECK(last > 0);
}

TEST_CASE("a file is read with its log, and nothing is made beside it") {
  const Folder folder;
  auto open_one = opened(folder.file());
  REQUIRE(open_one->begin_run(a_run("R1")));
  REQUIRE(fs::file_size(folder.file() + "-wal") > 0);
  const fs::path elsewhere = folder.path / "elsewhere";
  fs::create_directory(elsewhere);
  for (const char* end : {"", "-wal"}) fs::copy_file(folder.file() + end, (elsewhere / "state.db").string() + end);
  auto state = read_state((elsewhere / "state.db").string());
  REQUIRE(state);
  CHECK((*state)->verify()->runs == 1);
  CHECK(names_in(elsewhere) == std::vector<std::string>{"state.db", "state.db-wal"});
}
