#include "interpreter/run/workers.h"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <thread>

#include "interpreter/run/pace.h"

namespace bfl::run {
namespace {

struct Worker {
  std::unique_ptr<connect::Connector> target;
  std::unique_ptr<ledger::Writer> writer;
  std::unique_ptr<Writing> writing;
  NextChunk next;
  std::thread thread{};
};

struct Crew {
  Context& context;
  std::vector<ledger::Lane> lanes;
  std::size_t taken = 0;             // lanes
  std::int64_t in_flight = 0;        // chunks
  std::size_t at_work = 0;           // workers
  bool stopping = false;
  Worker* failed = nullptr;          // the first, and with what
  Error error{};
  std::size_t failed_lane = 0;
  std::condition_variable changed{};

  // Everything here is under Context::shared.
  bool may_go_on() const {
    return !stopping && context.diary && context.stop.level.load() == 0 && (context.chunks_left < 0 || in_flight < context.chunks_left);
  }

  void work(Worker& worker) {
    std::unique_lock lock(context.shared);
    while (taken < lanes.size() && !stopping) {
      const std::size_t mine = taken++;
      ledger::Lane lane = lanes[mine];
      while (!at_end(lane) && may_go_on()) {
        const double debt = context.pacer ? context.pacer->debt() : 0;
        if (context.held || debt > 0) {
          changed.wait_for(lock, std::chrono::duration<double>(context.held ? 0.05 : std::min(debt, 0.1)));
          continue;
        }
        ++in_flight;
        lock.unlock();
        auto committed = commit_or_set_aside(*worker.writing, lane, worker.next);
        lock.lock();
        --in_flight;
        lanes[mine] = lane;
        if (committed) continue;
        stopping = true;
        if (failed) break;
        failed = &worker;
        error = committed.error();
        failed_lane = mine;
      }
      if (!at_end(lane)) break;  // the next walk goes on with it
    }
    --at_work;
    changed.notify_all();
  }
};

// The run's own connection keeps the lease while the workers are at work.
std::optional<StepEnd> watch_over(Writing& writing, Crew& crew, std::vector<Worker>& workers) {
  Context& context = writing.context;
  std::optional<StepEnd> end;
  std::unique_lock lock(context.shared);
  while (crew.at_work > 0) {
    // The last chunks that a limit allows may still fail: whether it is reached is seen when they are done.
    if (!end && context.chunks_left != 0) end = context.pause(writing.step, writing.source, &lock);
    if (end) crew.stopping = true;
    if (context.stop.level.load() > 1)
      for (Worker& worker : workers) worker.target->interrupt();
    crew.changed.wait_for(lock, std::chrono::milliseconds(100));
  }
  return end;
}

}  // namespace

int workers_of(const Writing& writing) {
  if (writing.context.dialect(writing.source) != lower::Dialect::postgres) return 1;
  if (writing.context.options.workers > 0) return writing.context.options.workers;
  const auto& sources = writing.context.program.sources;
  if (static_cast<std::size_t>(writing.source) >= sources.size()) return 1;
  for (const auto& [name, value] : sources[static_cast<std::size_t>(writing.source)].settings)
    if (name == "workers") return std::atoi(value.c_str());
  return 1;
}

Result<bool> walk_beside(Writing& writing, std::vector<ledger::Lane> lanes, const Beside& beside, std::optional<StepEnd>& end) {
  const auto wanted = std::min(static_cast<std::size_t>(workers_of(writing)), lanes.size());
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < wanted; ++i) {
    auto target = writing.target.another();
    if (!target) return target.error();
    if (!*target) return false;
    Worker& worker = workers.emplace_back();
    worker.target = std::move(*target);
    name_session(writing.context, writing.step, *worker.target);
    worker.writer = writing.writer.beside(*worker.target);
    worker.writing = std::make_unique<Writing>(writing, *worker.target, *worker.writer);
    auto next = beside.prepare(*worker.writing);
    if (!next) return next.error();
    worker.next = std::move(*next);
  }
  Crew crew{writing.context, std::move(lanes)};
  crew.at_work = workers.size();
  writing.beside = static_cast<int>(workers.size());
  for (Worker& worker : workers) worker.thread = std::thread([&crew, &worker] { crew.work(worker); });
  end = watch_over(writing, crew, workers);
  for (Worker& worker : workers) worker.thread.join();
  writing.beside = 1;

  // The step is counted whatever happened, so that what is said of it is right; after a kill the next run does.
  auto counted = writing.writer.recount(writing.id);
  if (!end) end = writing.context.pause(writing.step, writing.source);
  if (!end && crew.failed) {
    writing.undeclared = crew.failed->writing->undeclared;
    writing.in_doubt = crew.failed->writing->in_doubt;
    writing.rows = crew.failed->writing->rows;
    end = beside.failed(writing, crew.error, crew.lanes[crew.failed_lane]);
  }
  if (!end && !counted) return counted.error();
  return true;
}

}  // namespace bfl::run
