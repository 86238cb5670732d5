#include "interpreter/ledger/evict.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <sstream>

#include "interpreter/ledger/holder.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;

constexpr auto between_looks = std::chrono::milliseconds(200);
constexpr int patience = 3;  // looks in a row at which a session is in the way: what only passes is let pass

}  // namespace

Evictor::Evictor(connect::Connector& target, std::string job, std::string host) : job_(std::move(job)), host_(std::move(host)) {
  if (target.engine() != "postgres") return;
  std::int64_t waiting = 0;
  auto own = OwnSql(target).query("SELECT CAST(pg_backend_pid() AS BIGINT)", {}, [&](RawRow row) { return waiting = row[0].integer, true; });
  auto beside = target.another();
  if (!own || !beside || !*beside) return;
  beside_ = std::move(*beside);
  thread_ = std::thread([this, waiting] { watch(waiting); });
}

Evictor::~Evictor() { (void)ended(); }

std::vector<std::string> Evictor::ended() {
  stopping_ = true;
  if (thread_.joinable()) thread_.join();
  return ended_;
}

// A run that is one transaction cannot renew its lease: what its session does on the server tells of it.
bool Evictor::at_work(std::int64_t waiting) {
  bool any = true;
  auto read = OwnSql(*beside_).query(
      "SELECT count(*) FROM pg_stat_activity AS a WHERE a.pid = ANY (pg_blocking_pids(CAST(?1 AS INT)))"
      " AND ((a.state = 'active' AND a.wait_event_type IS DISTINCT FROM 'Lock') OR a.state_change > clock_timestamp() - ?2 * interval '1 microsecond')",
      {number(waiting), number(lease_micros)}, [&](RawRow row) { return any = row[0].integer > 0, true; });
  return !read || any;
}

bool Evictor::nobody_lives(std::int64_t waiting) {
  bool lives = true, over = false;
  auto read = OwnSql(*beside_).query("SELECT holder, host, pid, pid_start, lease_end, CAST(extract(epoch FROM clock_timestamp()) * 1000000 AS BIGINT) FROM bfl_job WHERE name = ?1", {text(job_)}, [&](RawRow row) {
    const Process process{std::string(row[1].bytes), row[2].integer, row[3].integer};
    const bool gone = process.host == host_ && !alive(process);
    lives = !row[0].bytes.empty() && !gone;
    over = row[4].integer <= row[5].integer;
    return true;
  });
  return read && (!lives || (over && !at_work(waiting)));
}

void Evictor::watch(std::int64_t waiting) {
  int seen = 0;
  for (; !stopping_; std::this_thread::sleep_for(between_looks)) {
    bool any = false;
    auto looked = OwnSql(*beside_).query("SELECT count(*) FROM unnest(pg_blocking_pids(CAST(?1 AS INT))) AS blocking", {number(waiting)}, [&](RawRow row) { return any = row[0].integer > 0, true; });
    if (!looked) return;
    seen = any ? seen + 1 : 0;
    if (seen < patience || !nobody_lives(waiting)) continue;
    seen = 0;
    auto done = OwnSql(*beside_).query(
        "SELECT CAST(a.pid AS BIGINT), CAST(coalesce(a.usename, '') AS TEXT), CAST(coalesce(CAST(a.client_addr AS TEXT), 'a local socket') AS TEXT), CAST(CASE WHEN pg_terminate_backend(a.pid) THEN 1 ELSE 0 END AS BIGINT)"
        " FROM pg_stat_activity AS a WHERE a.pid = ANY (pg_blocking_pids(CAST(?1 AS INT)))",
        {number(waiting)}, [&](RawRow row) {
          if (row[3].integer == 1) ended_.push_back(fmt::format("session {} of {} from {}", row[0].integer, row[1].bytes, row[2].bytes));
          return true;
        });
    if (!done) return;  // not a session that this role may end: whoever waits says what is in the way
  }
}

std::string writer_of_file(connect::Connector& target) {
  if (target.engine() != "sqlite") return {};
  std::string path;
  auto read = OwnSql(target).query("SELECT file FROM pragma_database_list WHERE name = 'main'", {}, [&](RawRow row) { return path = std::string(row[0].bytes), true; });
  if (!read || path.empty()) return {};
  std::vector<std::string> inodes;  // never opened here: closing it would take this process's own locks away
  for (const char* ending : {"", "-shm"}) {
    struct stat about {};
    if (stat((path + ending).c_str(), &about) == 0) inodes.push_back(":" + std::to_string(about.st_ino));
  }
  // `1: POSIX  ADVISORY  WRITE 4711 08:01:393219 120 120`
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    std::istringstream fields(line);
    std::string number_, kind, mode, access, pid, place;
    fields >> number_ >> kind >> mode >> access >> pid >> place;
    if (access != "WRITE" || pid == std::to_string(getpid())) continue;
    for (const std::string& inode : inodes) {
      if (!place.ends_with(inode)) continue;
      std::string name;
      std::ifstream("/proc/" + pid + "/comm") >> name;
      return fmt::format("process {}{}", pid, name.empty() ? "" : " (" + name + ")");
    }
  }
  return {};
}

}  // namespace bfl::ledger
