// The sessions that keep a job's rows from whoever takes it over: a run whose process is gone or stands still, and whose session the
// server has kept.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::ledger {

// While it lives, the sessions for which that of `target` waits are ended, unless the run that holds the job lives: its process is not known
// to be gone, and its lease is not over, or those sessions have been at work within the time of a lease. PostgreSQL only; elsewhere, and where no other connection can be had, it does nothing.
class Evictor {
 public:
  Evictor(connect::Connector& target, std::string job, std::string host);
  ~Evictor();
  Evictor(const Evictor&) = delete;
  Evictor& operator=(const Evictor&) = delete;
  std::vector<std::string> ended();    // `session 4711 of runner from 10.0.0.7`; from then on no more

 private:
  void watch(std::int64_t waiting);
  bool nobody_lives(std::int64_t waiting);
  bool at_work(std::int64_t waiting);

  std::unique_ptr<connect::Connector> beside_{};
  const std::string job_, host_;
  std::vector<std::string> ended_{};   // the thread's, until it has ended
  std::atomic<bool> stopping_{false};
  std::thread thread_{};
};

// Who holds the database file against others, by what the system tells: `process 4711 (sqlite3)`; empty where it does not.
std::string writer_of_file(connect::Connector& target);

}  // namespace bfl::ledger
