#include "interpreter/notify/metrics.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <thread>
#include <utility>

#include "interpreter/base/secrets.h"

namespace bfl::notify {
namespace {

using run::Event;
using run::EventKind;

constexpr int look_ms = 100, answer_ms = 2'000;
constexpr auto between_files = std::chrono::seconds(1);

double now_seconds() { return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count(); }

std::string quoted(std::string_view value) {
  std::string out;
  for (const char c : value) {
    if (c == '\\' || c == '"') out += '\\';
    if (c == '\n') out += "\\n";
    else out += c;
  }
  return out;
}

struct OfStep {
  std::int64_t changed = 0, walked = 0, conflicts = 0, quarantined = 0, chunks = 0, retries = 0, left_out = 0, expected = -1, done = 0;
  double seconds = 0;
};
// A row of the exposition: of a step, or of the run.
struct Family {
  const char *name, *kind, *help;
  double (*value)(const OfStep&);
};
constexpr Family families[] = {
    {"bfl_rows_changed_total", "counter", "Rows changed.", [](const OfStep& s) { return static_cast<double>(s.changed); }},
    {"bfl_rows_walked_total", "counter", "Rows that the chunks have walked over.", [](const OfStep& s) { return static_cast<double>(s.walked); }},
    {"bfl_rows_conflict_total", "counter", "Rows left as they are because somebody else had changed them.", [](const OfStep& s) { return static_cast<double>(s.conflicts); }},
    {"bfl_rows_quarantined_total", "counter", "Rows put in quarantine.", [](const OfStep& s) { return static_cast<double>(s.quarantined); }},
    {"bfl_rows_left_out_total", "counter", "Rows that clauses leave out.", [](const OfStep& s) { return static_cast<double>(s.left_out); }},
    {"bfl_chunks_total", "counter", "Chunks committed.", [](const OfStep& s) { return static_cast<double>(s.chunks); }},
    {"bfl_chunk_seconds_total", "counter", "Time that the committed chunks took.", [](const OfStep& s) { return s.seconds; }},
    {"bfl_chunk_retries_total", "counter", "Chunks tried again.", [](const OfStep& s) { return static_cast<double>(s.retries); }},
    {"bfl_step_rows_estimated", "gauge", "Rows that the step will walk over, about; -1: not known.", [](const OfStep& s) { return static_cast<double>(s.expected); }},
    {"bfl_step_rows_done", "gauge", "Rows that the step has walked over, earlier runs included.", [](const OfStep& s) { return static_cast<double>(s.done); }},
};

}  // namespace

struct Metrics::Kept {
  std::string version, file;
  int listening = -1;
  mutable std::mutex mutex{};
  std::condition_variable wake{};
  std::string job{}, run{}, step{};
  double started = 0, finished = 0;
  int exit_code = -1;
  bool held = false, changed = false;
  std::map<std::string, OfStep> steps{};
  std::atomic<bool> stopping{false};
  std::thread writer{}, server{};
  Result<void> written{};

  std::string text() const {
    std::lock_guard lock(mutex);
    const std::string of_run = fmt::format("job=\"{}\",run=\"{}\"", quoted(job), quoted(run));
    std::string out;
    const auto family = [&out](const char* name, const char* kind, const char* help) { out += fmt::format("# HELP {0} {2}\n# TYPE {0} {1}\n", name, kind, help); };
    const auto one = [&](const char* name, const char* help, const std::string& value) {
      family(name, "gauge", help);
      out += fmt::format("{}{{{}}} {}\n", name, of_run, value);
    };
    family("bfl_run_info", "gauge", "The run, the version of bfl, and the step under way.");
    out += fmt::format("bfl_run_info{{{},version=\"{}\",step=\"{}\"}} 1\n", of_run, quoted(version), quoted(step));
    one("bfl_run_started_timestamp_seconds", "When the run began.", fmt::format("{:.3f}", started));
    one("bfl_run_held_back", "1 while the run waits: paused, or by its pace.", held ? "1" : "0");
    if (exit_code >= 0) {
      one("bfl_run_finished_timestamp_seconds", "When the run ended.", fmt::format("{:.3f}", finished));
      one("bfl_run_exit_code", "How the run ended: 0 done, 1 failed, 3 rows left, 75 stopped and resumable.", std::to_string(exit_code));
    }
    for (const Family& each : families) {
      if (steps.empty()) break;
      family(each.name, each.kind, each.help);
      for (const auto& [name, of] : steps) out += fmt::format("{}{{{},step=\"{}\"}} {}\n", each.name, of_run, quoted(name), each.value(of));
    }
    return without_secrets(std::move(out));
  }

  // The collector reads whole files alone: a new one takes the place of the old.
  Result<void> write_file() const {
    const std::string beside = file + ".tmp";
    std::FILE* out = std::fopen(beside.c_str(), "we");
    const std::string content = text();
    bool sound = out && std::fwrite(content.data(), 1, content.size(), out) == content.size();
    if (out) sound = std::fclose(out) == 0 && sound;
    if (sound && std::rename(beside.c_str(), file.c_str()) == 0) return {};
    const int problem = errno;
    (void)std::remove(beside.c_str());
    return Error{ErrorClass::fatal, fmt::format("metrics cannot be written to `{}`: {}", file, std::strerror(problem))};
  }

  void keep_file() {
    std::unique_lock lock(mutex);
    while (!stopping.load()) {
      wake.wait_for(lock, between_files, [this] { return stopping.load(); });
      if (!std::exchange(changed, false)) continue;
      lock.unlock();
      (void)write_file();  // what is still wrong at the end is said then
      lock.lock();
    }
  }

  void serve() {
    while (!stopping.load()) {
      pollfd looked{listening, POLLIN, 0};
      if (poll(&looked, 1, look_ms) <= 0) continue;
      const int caller = accept4(listening, nullptr, nullptr, SOCK_CLOEXEC);
      if (caller < 0) continue;
      answer(caller);
      (void)close(caller);
    }
  }

  void answer(int caller) const {
    char asked[2'048];
    std::size_t count = 0;
    for (pollfd looked{caller, POLLIN, 0}; count < sizeof asked && poll(&looked, 1, answer_ms) > 0;) {
      const ssize_t more = recv(caller, asked + count, sizeof asked - count, 0);
      if (more <= 0) return;
      count += static_cast<std::size_t>(more);
      if (std::string_view(asked, count).find("\r\n\r\n") != std::string_view::npos) break;
    }
    const std::string_view request(asked, count);
    const bool found = request.starts_with("GET /metrics ") || request.starts_with("GET / ");
    const std::string body = found ? text() : "metrics are at /metrics\n";
    const std::string reply = fmt::format("HTTP/1.1 {}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{}",
                                          found ? "200 OK" : "404 Not Found", body.size(), body);
    for (std::size_t at = 0; at < reply.size();) {
      pollfd looked{caller, POLLOUT, 0};
      if (poll(&looked, 1, answer_ms) <= 0) return;
      const ssize_t sent = send(caller, reply.data() + at, reply.size() - at, MSG_NOSIGNAL | MSG_DONTWAIT);
      if (sent <= 0) return;
      at += static_cast<std::size_t>(sent);
    }
  }

  Result<void> listen_on(const std::string& place) {
    auto at_place = place_of(place);
    if (!at_place) return at_place.error();
    const auto& [address, port] = *at_place;
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_port = htons(port);
    (void)inet_pton(AF_INET, address.c_str(), &at.sin_addr);
    listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    const int yes = 1;
    if (listening >= 0) (void)setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (listening < 0 || bind(listening, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0 || listen(listening, 8) != 0)
      return Error{ErrorClass::fatal, fmt::format("metrics cannot be served on {}:{}: {}", address, port, std::strerror(errno))};
    return {};
  }
};

Metrics::Metrics() : kept_(std::make_unique<Kept>()) {}

Result<std::unique_ptr<Metrics>> Metrics::open(const Places& places, const std::string& version) {
  std::unique_ptr<Metrics> made(new Metrics);
  Kept& kept = *made->kept_;
  kept.version = version;
  kept.file = places.file;
  if (!places.listen.empty())
    if (auto listening = kept.listen_on(places.listen); !listening) return listening.error();
  if (!places.file.empty()) kept.writer = std::thread([&kept] { kept.keep_file(); });
  if (kept.listening >= 0) kept.server = std::thread([&kept] { kept.serve(); });
  return made;
}

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
  kept_->stopping = true;
  kept_->wake.notify_all();
  for (std::thread* thread : {&kept_->writer, &kept_->server})
    if (thread->joinable()) thread->join();
  if (kept_->listening >= 0) (void)close(kept_->listening);
}

void Metrics::on(const Event& event) {
  Kept& kept = *kept_;
  std::lock_guard lock(kept.mutex);
  kept.changed = true;
  if (event.kind == EventKind::run_started) {
    kept.job = event.job;
    kept.run = event.run;
    kept.started = now_seconds();
  }
  if (event.kind == EventKind::run_finished) {
    kept.exit_code = event.exit_code;
    kept.finished = now_seconds();
    kept.step.clear();
  }
  if (event.step.empty()) return;
  OfStep& step = kept.steps[event.step];
  switch (event.kind) {
    case EventKind::step_started: case EventKind::step_resumed: kept.step = event.step; break;
    case EventKind::step_finished: step.done = std::max(step.done, event.rows_done); break;
    case EventKind::chunk_committed:
      ++step.chunks;
      step.changed += event.rows_changed;
      step.walked += event.rows_read;
      step.conflicts += event.conflicts;
      step.seconds += event.seconds;
      step.expected = event.rows_total;
      step.done = event.rows_done;
      break;
    case EventKind::chunk_retried: ++step.retries; break;
    case EventKind::row_quarantined: ++step.quarantined; break;
    case EventKind::rows_left_out: step.left_out += event.rows_left_out; break;
    case EventKind::held_back: kept.held = true; break;
    case EventKind::goes_on: kept.held = false; break;
    default: break;
  }
}

Result<void> Metrics::finish() { return kept_->file.empty() ? Result<void>{} : kept_->write_file(); }

std::string Metrics::text() const { return kept_->text(); }

}  // namespace bfl::notify
