#include "interpreter/store/state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "interpreter/store/schema.h"
#include "interpreter/store/sqlite.h"

namespace bfl::store {
namespace {

constexpr std::size_t most_pending = 500;
constexpr int finished_kept_per_job = 20;  // jobs that are run with ever new parameters must not fill the file

// Told in thousands when nothing is to do; they wait for the next entry that matters, or for the end.
bool may_wait(const std::string& kind) { return kind == "step_reused" || kind == "step_blocked" || kind == "assertion_passed"; }

class SqliteState final : public State {
 public:
  explicit SqliteState(Database database)
      : database_(std::move(database)),
        insert_(database_,
                "INSERT INTO journal (run, job, step, kind, time, reason, query, from_key, to_key, chunk, rows_read, rows_changed, conflicts, seconds)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        note_(database_, "INSERT INTO known_chunk VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET seq = max(seq, excluded.seq)") {}
  ~SqliteState() override { (void)flush(); }  // nobody is left to tell

  Result<void> begin_run(const RunRecord& run) override {
    return Statement(database_, "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(run.id).bind(run.job).bind(run.path).bind(run.script_digest).bind(run.version).bind(run.who).bind(run.host).bind(run.pid)
        .bind(run.started).bind(run.finished).bind(std::int64_t{run.exit_code}).run();
  }

  Result<void> end_run(const std::string& run, const std::string& finished, int exit_code) override {
    if (auto flushed = flush(); !flushed) return flushed;
    return Statement(database_, "UPDATE run SET finished = ?, exit_code = ? WHERE id = ?").bind(finished).bind(std::int64_t{exit_code}).bind(run).run();
  }

  // Kept in memory while they wait, not in an open transaction: that would lock other processes out.
  Result<void> append(const JournalEntry& entry) override {
    pending_.push_back(entry);
    return may_wait(entry.kind) && pending_.size() < most_pending ? Result<void>{} : flush();
  }

  Result<void> flush() override {
    if (pending_.empty()) return {};
    auto transaction = Transaction::begin(database_);
    if (!transaction) return transaction.error();
    for (const JournalEntry& e : pending_) {
      auto done = insert_.bind(e.run).bind(e.job).bind(e.step).bind(e.kind).bind(e.time).bind(e.reason).bind(e.query).bind(e.from_key)
          .bind(e.to_key).bind(e.chunk).bind(e.rows_read).bind(e.rows_changed).bind(e.conflicts).bind(e.seconds).run();
      if (!done) return done;
    }
    auto done = transaction->commit();
    if (done) pending_.clear();
    return done;
  }

  Result<std::vector<RunRecord>> runs(std::size_t limit) override {
    Statement s(database_, "SELECT id, job, path, script_digest, version, who, host, pid, started, finished, exit_code FROM run ORDER BY id DESC LIMIT ?");
    s.bind(static_cast<std::int64_t>(limit));
    std::vector<RunRecord> all;
    for (;;) {
      auto more = s.next();
      if (!more) return more.error();
      if (!*more) return all;
      RunRecord& r = all.emplace_back();
      int column = 0;
      for (std::string* text : {&r.id, &r.job, &r.path, &r.script_digest, &r.version, &r.who, &r.host}) *text = s.text(column++);
      r.pid = s.integer(7), r.started = s.text(8), r.finished = s.text(9), r.exit_code = static_cast<int>(s.integer(10));
    }
  }

  Result<std::vector<JournalEntry>> journal(const std::string& run) override {
    if (auto flushed = flush(); !flushed) return flushed.error();
    const std::string columns = "SELECT run, job, step, kind, time, reason, query, from_key, to_key, seq, chunk, rows_read, rows_changed, conflicts, seconds FROM journal";
    Statement s(database_, columns + (run.empty() ? " ORDER BY seq" : " WHERE run = ? ORDER BY seq"));
    if (!run.empty()) s.bind(run);
    std::vector<JournalEntry> all;
    for (;;) {
      auto more = s.next();
      if (!more) return more.error();
      if (!*more) return all;
      JournalEntry& e = all.emplace_back();
      int column = 0;
      for (std::string* text : {&e.run, &e.job, &e.step, &e.kind, &e.time, &e.reason, &e.query, &e.from_key, &e.to_key}) *text = s.text(column++);
      for (std::int64_t* number : {&e.seq, &e.chunk, &e.rows_read, &e.rows_changed, &e.conflicts}) *number = s.integer(column++);
      e.seconds = s.real(column);
    }
  }

  Result<std::optional<FinishedJob>> finished(const std::string& inputs) override {
    Statement s(database_, "SELECT inputs, job, target_path, target_identity, schema_version, revision, steps, finished FROM finished WHERE inputs = ?");
    auto found = s.bind(inputs).next();
    if (!found) return found.error();
    if (!*found) return std::optional<FinishedJob>{};
    return std::optional(FinishedJob{s.text(0), s.text(1), s.text(2), s.text(3), s.integer(4), s.integer(5), s.integer(6), s.text(7)});
  }

  Result<void> remember(const FinishedJob& job) override {
    auto transaction = Transaction::begin(database_);
    if (!transaction) return transaction.error();
    auto kept = Statement(database_, "INSERT OR REPLACE INTO finished VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(job.inputs).bind(job.job).bind(job.target_path).bind(job.target_identity).bind(job.schema_version).bind(job.revision)
        .bind(job.steps).bind(job.finished).run();
    if (!kept) return kept;
    auto pruned = Statement(database_, "DELETE FROM finished WHERE inputs IN (SELECT inputs FROM finished WHERE job = ? ORDER BY finished DESC LIMIT -1 OFFSET ?)")
        .bind(job.job).bind(std::int64_t{finished_kept_per_job}).run();
    if (!pruned) return pruned;
    return transaction->commit();
  }

  Result<void> forget(const std::string& job) override {
    return Statement(database_, "DELETE FROM finished WHERE job = ?").bind(job).run();
  }

  Result<std::optional<std::int64_t>> known_seq(const std::string& target, std::int64_t step_row) override {
    Statement s(database_, "SELECT seq FROM known_chunk WHERE target = ? AND step_row = ?");
    auto found = s.bind(target).bind(step_row).next();
    if (!found) return found.error();
    return *found ? std::optional(s.integer(0)) : std::nullopt;
  }

  Result<void> note_seq(const std::string& target, std::int64_t step_row, std::int64_t seq) override {
    return note_.bind(target).bind(step_row).bind(seq).run();
  }

 private:
  Database database_;
  Statement insert_, note_;  // of every chunk
  std::vector<JournalEntry> pending_;
};

Error not_creatable(const std::string& path, int reason) {
  const bool denied = reason == EACCES || reason == EPERM || reason == EROFS;
  return {denied ? ErrorClass::permission : ErrorClass::fatal, fmt::format("the state file `{}` cannot be made: {}", path, std::strerror(reason)), {},
          reason == ENOSPC ? "make room on the disk" : "make its folder writable, or give another path with `--state PATH`"};
}

// The folder (0700) and the empty file (0600), where they are missing: the diary names rows and people. SQLite gives the
// files beside it the mode of the file. A file that exists is not opened here: closing it would drop the locks of another
// connection of this process.
Result<void> prepare_file(const std::string& path) {
  std::error_code failed;
  const auto status = std::filesystem::status(path, failed);
  if (std::filesystem::is_regular_file(status)) return {};
  if (std::filesystem::exists(status))
    return Error{ErrorClass::fatal, fmt::format("`{}` is {}, expected a state file", path, std::filesystem::is_directory(status) ? "a folder" : "no regular file"),
                 {}, "give the path of a file with `--state PATH`"};
  const auto folder = std::filesystem::path(path).parent_path();
  if (!folder.empty() && !std::filesystem::exists(folder, failed)) {
    std::filesystem::create_directories(folder.parent_path(), failed);
    if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return not_creatable(path, errno);
  }
  const int file = open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return errno == EEXIST ? Result<void>{} : not_creatable(path, errno);
  close(file);
  return {};
}

struct Marks { std::int64_t application = 0, version = 0, tables = 0; };

Result<Marks> marks_of(Database& database) {
  Statement s(database, "SELECT application_id, user_version, (SELECT count(*) FROM sqlite_schema) FROM pragma_application_id, pragma_user_version");
  auto row = s.next();
  if (!row) return row.error();
  return Marks{s.integer(0), s.integer(1), s.integer(2)};
}

Result<void> create(Database& database) {
  // Switching to WAL does not wait for other processes by itself; they may be creating the same file.
  auto switched = retry_while_locked([&] { return database.execute("PRAGMA journal_mode = WAL"); });
  if (!switched) return switched;
  auto transaction = Transaction::begin(database);
  if (!transaction) return transaction.error();
  auto marks = marks_of(database);
  if (!marks) return marks.error();
  if (marks->tables > 0) return {};  // another process was first
  if (auto made = database.execute(schema); !made) return made;
  const auto stamp = fmt::format("PRAGMA application_id = {}; PRAGMA user_version = {}", application_id, format_version);
  if (auto stamped = database.execute(stamp.c_str()); !stamped) return stamped;
  return transaction->commit();
}

Result<void> recognise(Database& database) {
  auto marks = marks_of(database);
  if (!marks) return marks.error();
  if (marks->application == 0 && marks->version == 0 && marks->tables == 0) return create(database);
  if (marks->application != application_id)
    return Error{ErrorClass::fatal, fmt::format("`{}` is an SQLite database, but no state file of bfl; it was left alone", database.path()), {},
                 "give another path with `--state PATH`"};
  if (marks->version > format_version)
    return Error{ErrorClass::refused, fmt::format("the state file `{}` has format {}, this bfl knows formats up to {}", database.path(), marks->version, format_version),
                 {}, "use the bfl that wrote it or a newer one, or another file with `--state PATH`"};
  return {};
}

}  // namespace

Result<std::unique_ptr<State>> open_state(const std::string& path) {
  if (auto ready = prepare_file(path); !ready) return ready.error();
  auto database = Database::open(path);
  if (!database) return database.error();
  if (auto known = recognise(*database); !known) return known.error();
  // Commits reach the operating system, not the disk: the diary survives a kill; a power cut may cost its last lines, and
  // the target knows better.
  if (auto set = database->execute("PRAGMA synchronous = NORMAL"); !set) return set.error();
  return std::unique_ptr<State>(std::make_unique<SqliteState>(std::move(*database)));
}

}  // namespace bfl::store
