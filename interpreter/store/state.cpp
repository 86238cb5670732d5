#include "interpreter/store/state.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "interpreter/base/digest.h"
#include "interpreter/base/secrets.h"
#include "interpreter/store/schema.h"
#include "interpreter/store/sqlite.h"

namespace bfl::store {
namespace {

constexpr std::size_t most_pending = 500;
constexpr int finished_kept_per_job = 20;  // jobs that are run with ever new parameters must not fill the file

// Told in thousands when nothing is to do; they wait for the next entry that matters, or for the end.
bool may_wait(const std::string& kind) { return kind == "step_reused" || kind == "step_blocked" || kind == "assertion_passed"; }

// 128 bits in hex, over fields that cannot run into each other.
std::string digest_of(std::initializer_list<std::string_view> fields) {
  Hasher hasher;
  for (const std::string_view field : fields) hasher.field(field);
  return hex(hasher.finish()).substr(0, 32);
}
std::string digest_of(const std::string& previous, const JournalEntry& e) {
  return digest_of({previous, e.run, e.job, e.step, e.kind, e.time, e.reason, e.query, e.from_key, e.to_key,
                    fmt::format("{} {} {} {} {}", e.chunk, e.rows_read, e.rows_changed, e.conflicts, e.seconds)});
}
std::string begun_digest(const RunRecord& r) {
  return digest_of({r.id, r.job, r.path, r.script_digest, r.version, r.who, r.host, r.started, std::to_string(r.pid)});
}
std::string ended_digest(const std::string& run, const std::string& finished, std::int64_t exit_code) {
  return digest_of({run, finished, std::to_string(exit_code)});
}
std::string digest_of(const FinishedJob& j) {
  return digest_of({j.inputs, j.job, j.target_path, j.target_identity, fmt::format("{} {} {}", j.schema_version, j.revision, j.steps), j.finished});
}
std::string known_digest(const std::string& target, std::int64_t step_row, std::int64_t seq) {
  return digest_of({target, fmt::format("{} {}", step_row, seq)});
}

class SqliteState final : public State {
 public:
  explicit SqliteState(Database database)
      : database_(std::move(database)),
        insert_(database_,
                "INSERT INTO journal (run, job, step, kind, time, reason, query, from_key, to_key, chunk, rows_read, rows_changed, conflicts, seconds, digest)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
        last_(database_, "SELECT digest FROM journal ORDER BY seq DESC LIMIT 1"),
        note_(database_, "INSERT INTO known_chunk VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET seq = excluded.seq, digest = excluded.digest WHERE excluded.seq > seq") {}
  ~SqliteState() override { (void)flush(); }  // nobody is left to tell

  Result<void> begin_run(const RunRecord& run) override {
    return Statement(database_, "INSERT INTO run VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '')")
        .bind(run.id).bind(run.job).bind(run.path).bind(run.script_digest).bind(run.version).bind(run.who).bind(run.host).bind(run.pid)
        .bind(run.started).bind(run.finished).bind(std::int64_t{run.exit_code}).bind(begun_digest(run)).run();
  }

  Result<void> end_run(const std::string& run, const std::string& finished, int exit_code) override {
    if (auto flushed = flush(); !flushed) return flushed;
    return Statement(database_, "UPDATE run SET finished = ?, exit_code = ?, ended_digest = ? WHERE id = ?")
        .bind(finished).bind(std::int64_t{exit_code}).bind(ended_digest(run, finished, exit_code)).bind(run).run();
  }

  // Kept in memory while they wait, not in an open transaction: that would lock other processes out.
  Result<void> append(const JournalEntry& entry) override {
    JournalEntry& kept = pending_.emplace_back(entry);
    for (std::string* text : {&kept.reason, &kept.query, &kept.from_key, &kept.to_key}) *text = without_secrets(std::move(*text));
    return may_wait(entry.kind) && pending_.size() < most_pending ? Result<void>{} : flush();
  }

  Result<void> flush() override {
    if (pending_.empty()) return {};
    auto transaction = Transaction::begin(database_);
    if (!transaction) return transaction.error();
    // Under the write lock: of two processes that write one after the other, the second hangs on the first.
    auto any = last_.next();
    if (!any) return any.error();
    std::string digest = *any ? last_.text(0) : "";
    if (*any)
      if (auto end = last_.run(); !end) return end;
    for (const JournalEntry& e : pending_) {
      digest = digest_of(digest, e);
      auto done = insert_.bind(e.run).bind(e.job).bind(e.step).bind(e.kind).bind(e.time).bind(e.reason).bind(e.query).bind(e.from_key)
          .bind(e.to_key).bind(e.chunk).bind(e.rows_read).bind(e.rows_changed).bind(e.conflicts).bind(e.seconds).bind(digest).run();
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
    auto kept = Statement(database_, "INSERT OR REPLACE INTO finished VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(job.inputs).bind(job.job).bind(job.target_path).bind(job.target_identity).bind(job.schema_version).bind(job.revision)
        .bind(job.steps).bind(job.finished).bind(digest_of(job)).run();
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
    return note_.bind(target).bind(step_row).bind(seq).bind(known_digest(target, step_row, seq)).run();
  }

  Result<std::vector<Known>> known() override {
    std::vector<Known> all;
    Statement s(database_, "SELECT target, step_row, seq FROM known_chunk ORDER BY target, step_row");
    for (;;) {
      auto more = s.next();
      if (!more) return more.error();
      if (!*more) return all;
      all.push_back({s.text(0), s.integer(1), s.integer(2)});
    }
  }

  Result<void> forget_target(const std::string& target) override {
    auto transaction = Transaction::begin(database_);
    if (!transaction) return transaction.error();
    if (auto gone = Statement(database_, "DELETE FROM known_chunk WHERE target = ?").bind(target).run(); !gone) return gone;
    if (auto gone = Statement(database_, "DELETE FROM finished WHERE target_identity = ?").bind(target).run(); !gone) return gone;
    return transaction->commit();
  }

  Result<Proven> verify() override {
    if (auto flushed = flush(); !flushed) return flushed.error();
    Proven proven;
    for (const auto part : {&SqliteState::verify_journal, &SqliteState::verify_runs, &SqliteState::verify_caches})
      if (auto done = (this->*part)(proven); !done) return done.error();
    return proven;
  }

 private:
  static void damaged(Proven& proven, std::string place, std::string what) {
    constexpr std::size_t most = 50;
    if (proven.damages.size() < most) proven.damages.push_back({std::move(place), std::move(what)});
  }

  Result<void> verify_journal(Proven& proven) {
    Statement s(database_, "SELECT run, job, step, kind, time, reason, query, from_key, to_key, seq, chunk, rows_read, rows_changed, conflicts, seconds, digest FROM journal ORDER BY seq");
    std::string previous;
    std::int64_t first = 1;
    Statement pruned(database_, "SELECT 1 FROM sqlite_schema WHERE name = 'begins_behind'");
    auto there = pruned.next();
    if (!there) return there.error();
    if (*there) {
      Statement begins(database_, "SELECT seq, digest FROM begins_behind");
      if (auto row = begins.next(); !row) return row.error();
      first = begins.integer(0) + 1;
      previous = begins.text(1);
    }
    for (std::int64_t expected = first;; ++expected) {
      auto more = s.next();
      if (!more || !*more) return more ? Result<void>{} : Result<void>{more.error()};
      JournalEntry e;
      int column = 0;
      for (std::string* text : {&e.run, &e.job, &e.step, &e.kind, &e.time, &e.reason, &e.query, &e.from_key, &e.to_key}) *text = s.text(column++);
      for (std::int64_t* number : {&e.seq, &e.chunk, &e.rows_read, &e.rows_changed, &e.conflicts}) *number = s.integer(column++);
      e.seconds = s.real(column++);
      const std::string digest = s.text(column);
      ++proven.entries;
      if (e.seq != expected) damaged(proven, fmt::format("journal, seq {}", e.seq), fmt::format("expected seq {}", expected));
      expected = e.seq;
      if (digest.empty() && previous.empty()) continue;  // of before there were digests
      if (digest != digest_of(previous, e)) damaged(proven, fmt::format("journal, seq {}", e.seq), "it does not give its digest");
      previous = digest;
    }
  }

  Result<void> verify_runs(Proven& proven) {
    auto all = runs(static_cast<std::size_t>(-1) >> 1);
    if (!all) return all.error();
    for (const RunRecord& run : *all) {
      Statement s(database_, "SELECT begun_digest, ended_digest, exit_code FROM run WHERE id = ?");
      if (auto found = s.bind(run.id).next(); !found) return found.error();
      const std::string begun = s.text(0), ended = s.text(1);
      ++proven.runs;
      if (!begun.empty() && begun != begun_digest(run)) damaged(proven, fmt::format("run, id {}", run.id), "what it says of its beginning does not give its digest");
      const std::int64_t exit_code = s.integer(2);
      const bool open = run.finished.empty() && exit_code == -1;
      if (!begun.empty() && (open ? !ended.empty() : ended != ended_digest(run.id, run.finished, exit_code)))
        damaged(proven, fmt::format("run, id {}", run.id), "what it says of its end does not give its digest");
    }
    return {};
  }

  Result<void> verify_caches(Proven& proven) {
    Statement jobs(database_, "SELECT inputs, job, target_path, target_identity, schema_version, revision, steps, finished, digest FROM finished");
    for (;;) {
      auto more = jobs.next();
      if (!more) return more.error();
      if (!*more) break;
      const FinishedJob job{jobs.text(0), jobs.text(1), jobs.text(2), jobs.text(3), jobs.integer(4), jobs.integer(5), jobs.integer(6), jobs.text(7)};
      if (const std::string digest = jobs.text(8); !digest.empty() && digest != digest_of(job)) damaged(proven, fmt::format("finished, inputs {}", job.inputs), "it does not give its digest");
    }
    Statement chunks(database_, "SELECT target, step_row, seq, digest FROM known_chunk");
    for (;;) {
      auto more = chunks.next();
      if (!more) return more.error();
      if (!*more) return {};
      if (const std::string digest = chunks.text(3); !digest.empty() && digest != known_digest(chunks.text(0), chunks.integer(1), chunks.integer(2)))
        damaged(proven, fmt::format("known_chunk, target {}, step {}", chunks.text(0), chunks.integer(1)), "it does not give its digest");
    }
  }

  Database database_;
  Statement insert_, last_, note_;  // of every chunk
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
  if (marks->version > pruned_version)
    return Error{ErrorClass::refused, fmt::format("the state file `{}` has format {}, this bfl knows formats up to {}", database.path(), marks->version, pruned_version),
                 {}, "use the bfl that wrote it or a newer one, or another file with `--state PATH`"};
  if (marks->version >= format_version) return {};
  auto transaction = Transaction::begin(database);
  if (!transaction) return transaction.error();
  marks = marks_of(database);  // another process may have done it meanwhile
  if (!marks) return marks.error();
  if (marks->version == 1)
    if (auto brought = database.execute(to_format_2); !brought) return brought;
  return transaction->commit();
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

Result<std::unique_ptr<State>> read_state(const std::string& path) {
  auto database = Database::open_copy(path);
  if (!database) return database.error();
  const auto marks = marks_of(*database);
  if (!marks) return marks.error();
  if (marks->application != application_id) return Error{ErrorClass::fatal, fmt::format("`{}` is no state file of bfl", path)};
  if (marks->version < format_version || marks->version > pruned_version)
    return Error{ErrorClass::refused, fmt::format("the state file `{}` has format {}, and is read as it is only in the formats {} to {}", path, marks->version, format_version, pruned_version)};
  return std::unique_ptr<State>(std::make_unique<SqliteState>(std::move(*database)));
}

}  // namespace bfl::store
