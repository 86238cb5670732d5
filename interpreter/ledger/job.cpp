// Holding a job: taking it over, staying alive, letting go.
#include <chrono>
#include <fmt/format.h>

#include "interpreter/base/fault_points.h"
#include "interpreter/base/secrets.h"
#include "interpreter/ledger/evict.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

using connect::RawRow;

namespace {

// A commit that meets a reader's lock may be sent again while its transaction is open.
constexpr int commit_attempts = 5;

std::string named(std::string_view who, const Process& process) { return fmt::format("{}@{} pid {}", who, process.host, process.pid); }

}  // namespace

Writer::Writer(connect::Connector& target, std::string job, Runner runner)
    : target_(target), sql_(target), job_(std::move(job)), runner_(std::move(runner)) {
  for (std::string* told : {&runner_.who, &runner_.parameters, &runner_.why, &runner_.ticket, &runner_.owner}) *told = without_secrets(std::move(*told));
}

std::unique_ptr<Writer> Writer::beside(connect::Connector& target) const {
  std::unique_ptr<Writer> made(new Writer(target, job_, runner_));
  made->turn_ = turn_;
  made->epoch_ = epoch_;
  made->clock_ = clock_;
  made->facts_ = facts_;
  return made;
}

Result<void> Writer::transact(const std::function<Result<void>()>& body) {
  // A deadlock or a lock that could not be had in time: the whole of it once more.
  constexpr int attempts = 4;
  for (int attempt = 1;; ++attempt) {
    bool begun = false;
    auto result = transact_once(body, begun);
    if (result || !begun || result.error().kind != ErrorClass::transient || attempt == attempts) return result;
  }
}

Result<void> Writer::transact_once(const std::function<Result<void>()>& body, bool& begun_once) {
  if (auto begun = target_.begin_write(connect::WriteKind::own); !begun) return begun;
  begun_once = true;
  fault_point("own_begun");
  auto result = body();
  fault_point("own_done");
  if (result) result = target_.commit();
  for (int again = 1; !result && again < commit_attempts && result.error().kind == ErrorClass::transient && target_.in_transaction();
       ++again) {
    if (auto committed = target_.commit(); committed || committed.error().kind != ErrorClass::transient) result = committed;
  }
  fault_point("own_committed");
  if (!result && target_.in_transaction()) target_.rollback();
  return result;
}

Result<void> Writer::guarded(const std::function<Result<void>()>& body) {
  std::lock_guard mine_now(*turn_);
  return transact([&]() -> Result<void> {
    const auto began = std::chrono::steady_clock::now();
    bool mine = false;
    auto read = sql_.query("SELECT 1 FROM bfl_job WHERE name = ?1 AND epoch = ?2 FOR UPDATE", {text(job_), number(epoch_)},
                           [&](RawRow) { return !(mine = true); });
    if (!read) return read;
    if (!mine) return superseded();
    auto done = body();
    // Nobody could keep the lease meanwhile: whoever waits for this row must not find that it has run out.
    if (done && std::chrono::steady_clock::now() - began > std::chrono::microseconds(lease_micros / 3)) return extend_lease();
    return done;
  });
}

// Why the fence does not move. A target that was put back to an older state knows nothing of this run's epoch, or stands
// where this run has been before.
Error Writer::superseded() {
  std::int64_t epoch = -1;
  auto read = sql_.query("SELECT epoch FROM bfl_job WHERE name = ?1", {text(job_)}, [&](RawRow row) {
    epoch = row[0].integer;
    return false;
  });
  if (!read) return read.error();
  if (epoch <= epoch_)
    return {ErrorClass::refused, "the target was put back to an older state while this run was at work", {},
            "see which state is the right one, and run again"};
  auto by = holder(target_, job_);
  const std::string who = by && *by ? fmt::format("by {} ", (*by)->name) : "";
  return {ErrorClass::held, fmt::format("`{}` was taken over {}while this run was at work", job_, who), {},
          "what this run committed stays; the other run goes on behind it"};
}

// A lock that a session holds on bfl's tables: a run whose process is gone or stands still, and whose session the server has kept.
Error Writer::kept_out(Error error) {
  if (error.kind != ErrorClass::transient) return error;
  if (const std::string holds = writer_of_file(target_); !holds.empty()) error.help = fmt::format("{} is writing to it: wait for it, or end it", holds);
  if (target_.engine() != "postgres") return error;
  auto read = sql_.query(
      "SELECT CAST(a.pid AS BIGINT), CAST(coalesce(a.usename, '') AS TEXT), CAST(coalesce(CAST(a.client_addr AS TEXT), 'a local socket') AS TEXT)"
      " FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid WHERE l.relation = CAST('bfl.lane' AS regclass)"
      " AND l.mode = 'RowExclusiveLock' AND l.granted AND l.pid <> pg_backend_pid() ORDER BY a.xact_start LIMIT 1",
      {}, [&](RawRow row) {
        error.detail = fmt::format("session {} of {} from {} holds rows of bfl's tables{}{}", row[0].integer, row[1].bytes, row[2].bytes,
                                   error.detail.empty() ? "" : "\n", error.detail);
        error.help = fmt::format("if its run is gone, `bfl run --evict` ends it, or on the server `SELECT pg_terminate_backend({})`", row[0].integer);
        return false;
      });
  (void)read;  // without an answer the error says less
  return error;
}

Result<std::unique_ptr<Writer>> Writer::take_over(connect::Connector& target, const std::string& job, const Runner& runner) {
  std::unique_ptr<Writer> writer(new Writer(target, job, runner));
  std::optional<Evictor> evictor;
  if (runner.evict) evictor.emplace(target, job, runner.process.host);
  auto taken = writer->transact([&]() -> Result<void> {
    std::string who, parameters;
    Process process;
    std::int64_t lease_end = 0, clock = 0;
    // The row is there before it is looked at, so that of two first runs one waits for the other.
    auto made = writer->sql_.run(
        "INSERT INTO bfl_job VALUES (?1, 0, '', '', 0, 0, 0, 0, '') ON CONFLICT (name) DO NOTHING", {text(job)});
    if (!made) return made.error();
    auto read = writer->sql_.query("SELECT epoch, holder, host, pid, pid_start, lease_end, clock, parameters FROM bfl_job WHERE name = ?1 FOR UPDATE", {text(job)},
                                   [&](RawRow row) {
                                     writer->epoch_ = row[0].integer;
                                     who = std::string(row[1].bytes);
                                     process = {std::string(row[2].bytes), row[3].integer, row[4].integer};
                                     lease_end = row[5].integer;
                                     clock = row[6].integer;
                                     parameters = std::string(row[7].bytes);
                                     return false;
                                   });
    if (!read) return read;
    auto server = writer->server_now();
    if (!server) return server.error();
    const Timestamp now = runner.now();
    // On this host the process itself can be asked, so that a killed run is resumed at once; elsewhere its lease must end.
    const bool gone = process == runner.process || (process.host == runner.process.host && !alive(process));
    if (!who.empty() && !gone && lease_end > server->micros)
      return Error{ErrorClass::held,
                   fmt::format("`{}` is being run by {}; its lease ends at {}", job, named(who, process), format_timestamp({lease_end})),
                   {},
                   "wait for it, or stop that process: the next run goes on where it stopped"};
    ++writer->epoch_;
    writer->clock_ = {clock != 0 ? clock : runner.clock.value_or(now).micros};
    auto changed = writer->sql_.run(
        "UPDATE bfl_job SET epoch = ?2, holder = ?3, host = ?4, pid = ?5, pid_start = ?6, lease_end = ?7,"
        " parameters = CASE clock WHEN 0 THEN ?9 ELSE parameters END, clock = ?8 WHERE name = ?1",
        {text(job), number(writer->epoch_), text(writer->runner_.who), text(runner.process.host), number(runner.process.pid),
         number(runner.process.start), number(server->micros + lease_micros), number(writer->clock_.micros), text(writer->runner_.parameters)});
    // From here on no fence of an older epoch moves.
    if (changed)
      changed = writer->sql_.run(
          "UPDATE bfl_lane SET epoch = ?2 WHERE step IN (SELECT id FROM bfl_step WHERE job = ?1 AND state IN ('open', 'staging'))",
          {text(job), number(writer->epoch_)});
    if (!changed) return changed.error();
    // What the row says from now on, so that it can be proved.
    auto identity = ledger::identity(target);
    if (!identity) return identity.error();
    Fields said{{"target", *identity},
                {"pid", std::to_string(runner.process.pid)},
                {"pid_start", std::to_string(runner.process.start)},
                {"clock", format_timestamp(writer->clock_)},
                {"meaning", runner.meaning},
                {"why", writer->runner_.why},
                {"ticket", writer->runner_.ticket},
                {"owner", writer->runner_.owner},
                {"parameters_text", clock == 0 ? writer->runner_.parameters : std::move(parameters)}};
    if (runner.one_transaction) said.emplace("atomic", "yes");
    auto begun = writer->note("begin", std::move(said));
    if (!begun || !evictor) return begun ? Result<void>{} : Result<void>{begun.error()};
    writer->evicted_ = evictor->ended();
    for (const std::string& session : writer->evicted_)
      if (auto noted = writer->note("evict", {{"session", session}}); !noted) return noted.error();
    return {};
  });
  if (!taken) return writer->kept_out(taken.error());
  return writer;
}

// Two machines never agree on the time: a lease is counted by the server's clock where there is a server.
Result<Timestamp> Writer::server_now() {
  if (target_.engine() != "postgres") return runner_.now();
  Timestamp now;
  auto read = sql_.query("SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT)", {}, [&](RawRow row) {
    now.micros = row[0].integer;
    return false;
  });
  if (!read) return read.error();
  return now;
}

Result<void> Writer::extend_lease() {
  auto now = server_now();
  if (!now) return now.error();
  auto beaten = sql_.run("UPDATE bfl_job SET lease_end = ?3 WHERE name = ?1 AND epoch = ?2",
                         {text(job_), number(epoch_), number(now->micros + lease_micros)});
  if (!beaten) return beaten.error();
  return *beaten == 1 ? Result<void>{} : Result<void>{superseded()};
}

Result<bool> Writer::heartbeat() {
  std::unique_lock mine_now(*turn_, std::try_to_lock);
  if (!mine_now) return false;
  auto extended = extend_lease();
  return extended ? Result<bool>(true) : Result<bool>(extended.error());
}

Result<void> Writer::release(bool finished) {
  return transact([&]() -> Result<void> {
    auto released =
        sql_.run("UPDATE bfl_job SET holder = '', lease_end = 0, clock = CASE WHEN CAST(?3 AS BIGINT) = 1 THEN 0 ELSE clock END WHERE name = ?1 AND epoch = ?2",
                 {text(job_), number(epoch_), number(finished ? 1 : 0)});
    if (!released) return released.error();
    if (*released == 0) return {};  // another run has it: its own end is the one that counts
    auto noted = note("end", {{"finished", finished ? "yes" : "no"}});
    return noted ? Result<void>{} : Result<void>{noted.error()};
  });
}

}  // namespace bfl::ledger
