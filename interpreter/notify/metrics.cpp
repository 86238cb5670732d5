#include "interpreter/notify/metrics.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <prometheus/counter.h>
#include <prometheus/exposer.h>
#include <prometheus/gauge.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <vector>

namespace bfl::notify {
namespace {

using run::Event;
using run::EventKind;

struct Series { const char *name, *help; };
constexpr Series rows_changed{"bfl_rows_changed_total", "Rows changed."};
constexpr Series rows_walked{"bfl_rows_walked_total", "Rows that the chunks have walked over."};
constexpr Series rows_in_conflict{"bfl_rows_conflict_total", "Rows left as they are because somebody else had changed them."};
constexpr Series rows_quarantined{"bfl_rows_quarantined_total", "Rows put in quarantine."};
constexpr Series rows_left_out{"bfl_rows_left_out_total", "Rows that clauses leave out."};
constexpr Series chunks{"bfl_chunks_total", "Chunks committed."};
constexpr Series chunk_seconds{"bfl_chunk_seconds_total", "Time that the committed chunks took."};
constexpr Series chunk_retries{"bfl_chunk_retries_total", "Chunks tried again."};
constexpr Series rows_estimated{"bfl_step_rows_estimated", "Rows that the step will walk over, about; -1: not known."};
constexpr Series rows_done{"bfl_step_rows_done", "Rows that the step has walked over, earlier runs included."};
constexpr Series info{"bfl_run_info", "The run, the version of bfl, and the steps under way, one series each."};
constexpr Series held_back{"bfl_run_held_back", "1 while the run waits: paused, or by its pace."};
constexpr Series started{"bfl_run_started_timestamp_seconds", "When the run began."};
constexpr Series finished{"bfl_run_finished_timestamp_seconds", "When the run ended."};
constexpr Series exit_code{"bfl_run_exit_code", "How the run ended: 0 done, 1 failed, 3 rows left, 75 stopped and resumable."};

constexpr auto between_files = std::chrono::seconds(1);

double now_seconds() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

}  // namespace

struct Metrics::Kept {
  using Labels = prometheus::Labels;

  std::string version, file;
  std::shared_ptr<prometheus::Registry> registry = std::make_shared<prometheus::Registry>();
  std::unique_ptr<prometheus::Exposer> exposer{};
  Labels of_run{};
  std::map<std::string, prometheus::Gauge*> under_way{};  // steps, and the series of `info` of each
  std::set<std::string> waiting{};                        // steps that are held back
  std::mutex mutex{};                      // of what follows
  std::condition_variable wake{};
  bool changed = false, stopping = false;
  std::thread writer{};

  prometheus::Family<prometheus::Gauge>& gauges(const Series& series) { return prometheus::BuildGauge().Name(series.name).Help(series.help).Register(*registry); }

  Labels of_step(const std::string& step) const {
    Labels labels = of_run;
    labels["step"] = step;
    return labels;
  }
  void count(const Series& series, const std::string& step, double more) {
    prometheus::BuildCounter().Name(series.name).Help(series.help).Register(*registry).Add(of_step(step)).Increment(more);
  }
  prometheus::Gauge& gauge(const Series& series, const std::string& step) { return gauges(series).Add(of_step(step)); }
  void show(const Series& series, double value) { gauges(series).Add(of_run).Set(value); }

  // Without any, a row that names none.
  void show_under_way(const std::string& step, bool is) {
    const auto show_one = [&](const std::string& name) {
      Labels labels = of_step(name);
      labels["version"] = version;
      prometheus::Gauge& gauge = gauges(info).Add(labels);
      gauge.Set(1);
      under_way[name] = &gauge;
    };
    const auto hide_one = [&](const std::string& name) {
      const auto known = under_way.find(name);
      if (known == under_way.end()) return;
      gauges(info).Remove(known->second);
      under_way.erase(known);
    };
    if (is && !under_way.contains(step)) show_one(step);
    if (!is) hide_one(step);
    if (under_way.empty()) show_one({});
    if (under_way.size() > 1) hide_one({});
  }

  void show_held(const std::string& step, bool is) {
    if (is) waiting.insert(step);
    else waiting.erase(step);
    show(held_back, waiting.empty() ? 0 : 1);
  }

  std::vector<std::string> steps_under_way() const {
    std::vector<std::string> names;
    for (const auto& [name, gauge] : under_way) names.push_back(name);
    return names;
  }

  void end_step(const std::string& step) {
    show_held(step, false);
    show_under_way(step, false);
  }

  // The collector reads whole files alone: a new one takes the place of the old.
  Result<void> write_file() const {
    const std::string beside = file + ".tmp", content = prometheus::TextSerializer().Serialize(registry->Collect());
    std::FILE* out = std::fopen(beside.c_str(), "we");
    bool sound = out && std::fwrite(content.data(), 1, content.size(), out) == content.size();
    if (out) sound = std::fclose(out) == 0 && sound;
    if (sound && std::rename(beside.c_str(), file.c_str()) == 0) return {};
    const int problem = errno;
    (void)std::remove(beside.c_str());
    return Error{ErrorClass::fatal, fmt::format("metrics cannot be written to `{}`: {}", file, std::strerror(problem))};
  }

  void keep_file() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      wake.wait_for(lock, between_files, [this] { return stopping; });
      if (!std::exchange(changed, false)) continue;
      lock.unlock();
      (void)write_file();  // what is still wrong at the end is said then
      lock.lock();
    }
  }
};

Metrics::Metrics() : kept_(std::make_unique<Kept>()) {}

Result<std::unique_ptr<Metrics>> Metrics::open(const Places& places, const std::string& version) {
  std::unique_ptr<Metrics> made(new Metrics);
  Kept& kept = *made->kept_;
  kept.version = version;
  kept.file = places.file;
  if (!places.listen.empty()) {
    auto place = place_of(places.listen);
    if (!place) return place.error();
    const std::string at = fmt::format("{}:{}", place->address, place->port);
    try {
      kept.exposer = std::make_unique<prometheus::Exposer>(at, 1);
    } catch (const std::exception&) {  // which does not say why
      return Error{ErrorClass::fatal, fmt::format("metrics cannot be served on {}", at), {}, "another program listens there, or it is no address of this host"};
    }
    kept.exposer->RegisterCollectable(kept.registry);
  }
  if (!places.file.empty()) kept.writer = std::thread([&kept] { kept.keep_file(); });
  return made;
}

// `9464`: on this host alone.
Result<Metrics::Listening> Metrics::place_of(const std::string& written) {
  const auto colon = written.rfind(':');
  Listening made{colon == std::string::npos ? "127.0.0.1" : written.substr(0, colon)};
  const std::string port = written.substr(colon == std::string::npos ? 0 : colon + 1);
  in_addr ignored{};
  const auto [end, wrong] = std::from_chars(port.data(), port.data() + port.size(), made.port);
  if (wrong != std::errc() || end != port.data() + port.size() || inet_pton(AF_INET, made.address.c_str(), &ignored) != 1)
    return Error{ErrorClass::data, fmt::format("`{}` is no place to listen on", written), {}, "write a port, `9464`, or an address with one, `0.0.0.0:9464`"};
  return made;
}

Metrics::~Metrics() {
  {
    const std::lock_guard lock(kept_->mutex);
    kept_->stopping = true;
  }
  kept_->wake.notify_all();
  if (kept_->writer.joinable()) kept_->writer.join();
}

void Metrics::on(const Event& event) {
  Kept& kept = *kept_;
  {
    const std::lock_guard lock(kept.mutex);
    kept.changed = true;
  }
  const std::string& step = event.step;
  switch (event.kind) {
    case EventKind::run_started:
      kept.of_run = {{"job", event.job}, {"run", event.run}};
      kept.show(started, now_seconds());
      kept.end_step({});
      break;
    case EventKind::run_finished:
      kept.show(finished, now_seconds());
      kept.show(exit_code, event.exit_code);
      for (const std::string& each : kept.steps_under_way()) kept.end_step(each);
      break;
    case EventKind::step_started: case EventKind::step_resumed: kept.show_under_way(step, true); break;
    case EventKind::step_failed: case EventKind::step_left_out: kept.end_step(step); break;
    case EventKind::step_finished: {
      kept.end_step(step);
      prometheus::Gauge& done = kept.gauge(rows_done, step);
      done.Set(std::max(done.Value(), static_cast<double>(event.rows_done)));
      break;
    }
    case EventKind::chunk_committed:
      kept.count(chunks, step, 1);
      kept.count(chunk_seconds, step, event.seconds);
      kept.count(rows_changed, step, static_cast<double>(event.rows_changed));
      kept.count(rows_walked, step, static_cast<double>(event.rows_read));
      kept.count(rows_in_conflict, step, static_cast<double>(event.conflicts));
      kept.gauge(rows_estimated, step).Set(static_cast<double>(event.rows_total));
      kept.gauge(rows_done, step).Set(static_cast<double>(event.rows_done));
      break;
    case EventKind::chunk_retried: kept.count(chunk_retries, step, 1); break;
    case EventKind::row_quarantined: kept.count(rows_quarantined, step, 1); break;
    case EventKind::rows_left_out: kept.count(rows_left_out, step, static_cast<double>(event.rows_left_out)); break;
    case EventKind::held_back: kept.show_held(step, true); break;
    case EventKind::goes_on: kept.show_held(step, false); break;
    default: break;
  }
}

Result<void> Metrics::finish() { return kept_->file.empty() ? Result<void>{} : kept_->write_file(); }

}  // namespace bfl::notify
