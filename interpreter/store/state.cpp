#include "interpreter/store/state.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "interpreter/store/schema.h"
#include "interpreter/store/sqlite.h"

namespace bfl::store {
namespace {

// Marks a file as bfl's: "bflS".
constexpr std::int64_t application_id = 0x62666c53;

Result<std::int64_t> pragma(Database& database, std::string_view name) {
  Statement statement(database, fmt::format("PRAGMA {}", name));
  auto row = statement.row();
  if (!row) return row.error();
  return *row ? statement.integer(0) : 0;
}

Result<bool> is_empty(Database& database) {
  Statement statement(database, "SELECT 1 FROM sqlite_schema LIMIT 1");
  auto row = statement.row();
  if (!row) return row.error();
  return !*row;
}

Result<void> create(Database& database) {
  Transaction transaction(database);
  if (auto begun = transaction.begun(); !begun) return begun;
  auto empty = is_empty(database);
  if (!empty) return empty.error();
  if (*empty) {  // not made by another process meanwhile
    if (auto made = database.execute(schema); !made) return made;
    const std::string marks = fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", application_id, format_version);
    if (auto marked = database.execute(marks.c_str()); !marked) return marked;
  }
  return transaction.commit();
}

Result<void> recognise(Database& database, const std::string& path) {
  auto empty = is_empty(database);
  if (!empty) return empty.error();
  if (*empty) return create(database);
  auto id = pragma(database, "application_id");
  if (!id) return id.error();
  if (*id != application_id)
    return Error{ErrorClass::refused, fmt::format("`{}` is a database, but not a state file of bfl", path), {}, "give another path with `--state PATH`"};
  auto version = pragma(database, "user_version");
  if (!version) return version.error();
  if (*version > format_version)
    return Error{ErrorClass::refused, fmt::format("the state file has format {}, which is newer than this bfl (up to {})", *version, format_version), {},
                 "use the newer bfl, or another file with `--state PATH`"};
  return {};
}

class SqliteState final : public State {
 public:
  explicit SqliteState(Database database) : database_(std::move(database)) {}

  Result<void> begin_run(const RunRecord& run) override {
    Statement s(database_, "INSERT INTO run VALUES (?,?,?,?,?,?,?,?,?,?,?)");
    return s.bind(run.id).bind(run.job).bind(run.path).bind(run.script_digest).bind(run.version).bind(run.who).bind(run.host)
        .bind(run.pid).bind(run.started).bind(run.finished).bind(std::int64_t{run.exit_code}).run();
  }

  Result<void> end_run(const std::string& run, const std::string& finished, int exit_code) override {
    if (auto flushed = flush(); !flushed) return flushed;
    Statement s(database_, "UPDATE run SET finished = ?, exit_code = ? WHERE id = ?");
    return s.bind(finished).bind(std::int64_t{exit_code}).bind(run).run();
  }

  Result<void> append(const JournalEntry& e) override {
    // Entries about single steps come in thousands when nothing is to do: they share a transaction until a chunk, or the
    // end of the run, makes them durable.
    if (!open_) {
      if (auto begun = database_.execute("BEGIN IMMEDIATE"); !begun) return begun;
      open_ = true;
    }
    if (!insert_)
      insert_ = std::make_unique<Statement>(database_,
          "INSERT INTO journal (run, job, step, kind, time, reason, query, from_key, to_key, chunk, rows_read, rows_changed, conflicts, seconds)"
          " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)");
    auto done = insert_->bind(e.run).bind(e.job).bind(e.step).bind(e.kind).bind(e.time).bind(e.reason).bind(e.query).bind(e.from_key)
        .bind(e.to_key).bind(e.chunk).bind(e.rows_read).bind(e.rows_changed).bind(e.conflicts).bind(e.seconds).run();
    if (!done) return done;
    return e.chunk >= 0 || ++waiting_ >= 1000 ? flush() : Result<void>{};
  }

  Result<void> flush() override {
    if (!open_) return {};
    waiting_ = 0;
    auto done = database_.execute("COMMIT");
    if (!done) (void)database_.execute("ROLLBACK");
    open_ = false;
    return done;
  }

  Result<std::vector<RunRecord>> runs(std::size_t limit) override {
    Statement s(database_, "SELECT id, job, path, script_digest, version, who, host, pid, started, finished, exit_code FROM run ORDER BY id DESC LIMIT ?");
    s.bind(static_cast<std::int64_t>(limit));
    std::vector<RunRecord> all;
    for (;;) {
      auto row = s.row();
      if (!row) return row.error();
      if (!*row) return all;
      RunRecord r;
      r.id = s.text(0), r.job = s.text(1), r.path = s.text(2), r.script_digest = s.text(3), r.version = s.text(4);
      r.who = s.text(5), r.host = s.text(6), r.pid = s.integer(7), r.started = s.text(8), r.finished = s.text(9);
      r.exit_code = static_cast<int>(s.integer(10));
      all.push_back(std::move(r));
    }
  }

  Result<std::vector<JournalEntry>> journal(const std::string& run) override {
    Statement s(database_, "SELECT run, job, step, kind, time, reason, query, from_key, to_key, seq, chunk, rows_read, rows_changed, conflicts, seconds"
                           " FROM journal WHERE ?1 = '' OR run = ?1 ORDER BY seq");
    s.bind(run);
    std::vector<JournalEntry> all;
    for (;;) {
      auto row = s.row();
      if (!row) return row.error();
      if (!*row) return all;
      JournalEntry e;
      e.run = s.text(0), e.job = s.text(1), e.step = s.text(2), e.kind = s.text(3), e.time = s.text(4), e.reason = s.text(5);
      e.query = s.text(6), e.from_key = s.text(7), e.to_key = s.text(8), e.seq = s.integer(9), e.chunk = s.integer(10);
      e.rows_read = s.integer(11), e.rows_changed = s.integer(12), e.conflicts = s.integer(13), e.seconds = s.real(14);
      all.push_back(std::move(e));
    }
  }

  Result<std::optional<FinishedJob>> finished(const std::string& inputs) override {
    Statement s(database_, "SELECT inputs, job, target_path, target_identity, schema_version, revision, steps, finished FROM finished WHERE inputs = ?");
    auto row = s.bind(inputs).row();
    if (!row) return row.error();
    if (!*row) return std::optional<FinishedJob>{};
    FinishedJob job;
    job.inputs = s.text(0), job.job = s.text(1), job.target_path = s.text(2), job.target_identity = s.text(3);
    job.schema_version = s.integer(4), job.revision = s.integer(5), job.steps = s.integer(6), job.finished = s.text(7);
    return std::optional<FinishedJob>(std::move(job));
  }

  Result<void> remember(const FinishedJob& job) override {
    if (auto flushed = flush(); !flushed) return flushed;
    Statement s(database_, "INSERT OR REPLACE INTO finished VALUES (?,?,?,?,?,?,?,?)");
    return s.bind(job.inputs).bind(job.job).bind(job.target_path).bind(job.target_identity).bind(job.schema_version).bind(job.revision)
        .bind(job.steps).bind(job.finished).run();
  }

  Result<void> forget(const std::string& job) override {
    if (auto flushed = flush(); !flushed) return flushed;
    Statement s(database_, "DELETE FROM finished WHERE job = ?");
    return s.bind(job).run();
  }

  Result<std::optional<std::int64_t>> known_seq(const std::string& target, std::int64_t step_row) override {
    Statement s(database_, "SELECT seq FROM known WHERE target = ? AND step = ?");
    auto row = s.bind(target).bind(step_row).row();
    if (!row) return row.error();
    return *row ? std::optional<std::int64_t>(s.integer(0)) : std::nullopt;
  }

  Result<void> note_seq(const std::string& target, std::int64_t step_row, std::int64_t seq) override {
    Statement s(database_, "INSERT INTO known VALUES (?,?,?) ON CONFLICT DO UPDATE SET seq = excluded.seq");
    return s.bind(target).bind(step_row).bind(seq).run();
  }

 private:
  Database database_;
  std::unique_ptr<Statement> insert_;  // before database_ in destruction: declared after it
  bool open_ = false;
  int waiting_ = 0;
};

}  // namespace

Result<std::unique_ptr<State>> open_state(const std::string& path) {
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::error_code failed;
  if (!folder.empty() && !std::filesystem::exists(folder, failed)) {
    std::filesystem::create_directories(folder.parent_path().empty() ? "." : folder.parent_path(), failed);
    if (mkdir(folder.c_str(), 0700) != 0 && !std::filesystem::exists(folder))
      return Error{ErrorClass::permission, fmt::format("the folder of the state file `{}` cannot be made", path), {},
                   "make the folder writable, or give another path with `--state PATH`"};
  }
  // The diary names rows and people: nobody else reads it. SQLite gives its -wal and -shm files the mode of the file.
  const mode_t before = umask(0077);
  auto database = Database::open(path);
  if (!database) {
    umask(before);
    return database.error();
  }
  // NORMAL: the target is the truth, a lost tail of the diary costs nothing but its lines.
  auto ready = database->execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL");
  if (ready) ready = recognise(*database, path);
  umask(before);
  if (!ready) return ready.error();
  return std::unique_ptr<State>(std::make_unique<SqliteState>(std::move(*database)));
}

}  // namespace bfl::store
