#include "interpreter/run/workers.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <thread>
#include <utility>

#include "interpreter/run/crew_size.h"
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
  CrewSize size;                     // workers with a chunk under way
  std::size_t taken = 0;             // lanes
  std::int64_t in_flight = 0;        // chunks
  std::size_t at_work = 0;           // workers
  double looked_at = 0;              // for how many they should be
  std::int64_t failed_before = 0;    // transactions, then
  bool stopping = false;
  Worker* failed = nullptr;          // the first, and with what
  Error error{};
  std::size_t failed_lane = 0;
  std::condition_variable changed{};

  // Everything here is under Context::shared.
  bool may_go_on() const {
    const std::int64_t left = context.chunks_left();
    return !stopping && !context.stopping() && context.diary_works() && (left < 0 || in_flight < left);
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
        if (in_flight >= static_cast<std::int64_t>(size.wanted())) {
          changed.wait_for(lock, std::chrono::milliseconds(100));
          continue;
        }
        ++in_flight;
        lock.unlock();
        auto committed = commit_or_set_aside(*worker.writing, lane, worker.next);
        lock.lock();
        --in_flight;
        changed.notify_all();
        lanes[mine] = lane;
        if (committed) continue;
        stopping = true;
        context.leaving = true;
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

// Transactions of the run so far.
std::int64_t failures_of(const Context& context) {
  std::lock_guard lock(context.whole.mutex);
  return context.whole.breaker.ever_failed();
}

// At most once a second.
void look(Writing& writing, Crew& crew) {
  constexpr double seconds_between_looks = 1;
  Context& context = writing.context;
  const double now = context.clock.seconds();
  if (now - crew.looked_at < seconds_between_looks) return;
  crew.looked_at = now;
  const std::int64_t failed = failures_of(context);
  const bool changed = crew.size.look({now, std::exchange(context.most_waiting, 0), failed - std::exchange(crew.failed_before, failed)});
  if (!changed) return;
  writing.beside = static_cast<int>(crew.size.wanted());
  Event event = context.event(EventKind::workers_changed, writing.step);
  event.reason = fmt::format("{} at work: {}", crew.size.wanted(), crew.size.why());
  event.beside = writing.beside;
  context.tell(event);
}

// The run's own connection keeps the lease while the workers are at work.
std::optional<StepEnd> watch_over(Writing& writing, Crew& crew, std::vector<Worker>& workers) {
  Context& context = writing.context;
  std::optional<StepEnd> end;
  std::unique_lock lock(context.shared);
  while (crew.at_work > 0) {
    // The last chunks that a limit allows may still fail: whether it is reached is seen when they are done.
    if (!end && context.chunks_left() != 0) {
      lock.unlock();
      end = context.pause(writing.step, writing.source, true);
      lock.lock();
    }
    if (end) crew.stopping = true;
    look(writing, crew);
    if (context.stop.level.load() > 1)
      for (Worker& worker : workers) worker.target->interrupt();
    crew.changed.wait_for(lock, std::chrono::milliseconds(100));
  }
  return end;
}

}  // namespace

int source_setting(const program::Program& program, int source, std::string_view name, int otherwise) {
  const auto at = static_cast<std::size_t>(source);
  if (source < 0 || at >= program.sources.size() || program.catalogues[at].engine != "postgres") return otherwise;
  for (const auto& [setting, value] : program.sources[at].settings)
    if (setting == name) return std::atoi(value.c_str());
  return otherwise;
}

int workers_of(const Writing& writing) {
  if (writing.context.dialect(writing.source) != lower::Dialect::postgres) return 1;
  return writing.context.options.workers > 0 ? writing.context.options.workers : source_setting(writing.context.program, writing.source, "workers", 1);
}

int at_once_of(const Writing& writing) { return source_setting(writing.context.program, writing.source, "at_once", 0); }

Result<bool> walk_beside(Writing& writing, std::vector<ledger::Lane> lanes, const Beside& beside, std::optional<StepEnd>& end) {
  const auto wanted = std::min(static_cast<std::size_t>(workers_of(writing)), lanes.size());
  std::vector<Worker> workers;
  for (std::size_t i = 0; i < wanted; ++i) {
    auto target = writing.target.another();
    if (!target && target.error().kind == ErrorClass::refused) return target.error();
    if (!target) {  // most likely the server has no room for one more session: those that there are do the work
      Event event = writing.context.event(EventKind::workers_changed, writing.step);
      event.reason = fmt::format("{} of {}: {}{}{}", workers.size(), wanted, target.error().message, target.error().detail.empty() ? "" : ": ", target.error().detail);
      writing.context.tell(event);
      break;
    }
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
  if (workers.empty()) return false;
  Crew crew{writing.context, std::move(lanes), CrewSize(workers.size(), writing.context.clock.seconds())};
  crew.looked_at = writing.context.clock.seconds();
  crew.failed_before = failures_of(writing.context);
  writing.context.most_waiting = 0;
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
