#include "interpreter/notify/hooks.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "interpreter/base/address.h"
#include "interpreter/base/secrets.h"
#include "interpreter/run/child.h"
#include "interpreter/web/http.h"

namespace bfl::notify {
namespace {

using run::Event;
using run::EventKind;

constexpr std::size_t most_waiting = 500;      // events; of more the newest are not told
constexpr double seconds_a_call = 10;
constexpr int attempts = 3;
constexpr double seconds_between[] = {0.5, 2};

// Those that somebody wants to know of are told without being named.
struct Known {
  EventKind kind;
  bool wanted;
  std::string_view name = run::name_of(kind);
};
constexpr std::string_view conflicts_name = "rows_in_conflict";
const Known known[] = {
    {EventKind::run_started, true},       {EventKind::run_finished, true},     {EventKind::step_started, false},   {EventKind::step_resumed, false},
    {EventKind::step_reused, false},      {EventKind::step_staged, false},     {EventKind::step_finished, false},  {EventKind::step_failed, true},
    {EventKind::step_paused, true},       {EventKind::step_blocked, false},    {EventKind::step_left_out, false},  {EventKind::assertion_passed, false},
    {EventKind::assertion_failed, true},  {EventKind::chunk_committed, false}, {EventKind::chunk_retried, false},  {EventKind::rows_left_out, false},
    {EventKind::row_quarantined, true},   {EventKind::chunk_committed, true, conflicts_name},
    {EventKind::held_back, true},         {EventKind::goes_on, true},          {EventKind::draining, false},
    {EventKind::workers_changed, false},
    {EventKind::approved, false},
    {EventKind::stage_begun, true},      {EventKind::stage_done, true},
    {EventKind::transaction_open, false}, {EventKind::transaction_committed, false}, {EventKind::transaction_taken_back, false},
};

bool is_address(std::string_view to) { return to.starts_with("http://") || to.starts_with("https://"); }

// A command line may hold a password, and so may an address: of either the beginning is enough for people.
std::string shown(const std::string& to) { return is_address(to) ? host_of(to) : to.substr(0, to.find(' ')); }

std::string_view outcome_of(int exit_code) {
  switch (exit_code) {
    case 0: return "done";
    case 1: return "failed";
    case 3: return "rows left";
    case 75: case 130: case 143: return "stopped";
    default: return "refused";
  }
}

std::vector<program::OutsideProgram::Variable> environment() {
  std::vector<program::OutsideProgram::Variable> all;
  for (char** each = environ; *each; ++each) {
    const std::string_view pair = *each;
    const auto equals = pair.find('=');
    if (equals != std::string_view::npos) all.push_back({std::string(pair.substr(0, equals)), std::string(pair.substr(equals + 1)), {}});
  }
  return all;
}

}  // namespace

Result<Hook> hook_of(std::string_view written) {
  const auto equals = written.find('=');
  const std::string_view before = written.substr(0, equals == std::string_view::npos ? 0 : equals);
  const bool named = !before.empty() && before.find_first_not_of("abcdefghijklmnopqrstuvwxyz_,") == std::string_view::npos;
  Hook hook{std::string(named ? written.substr(equals + 1) : written)};
  for (std::string_view rest = named ? before : ""; !rest.empty();) {
    const std::string name(rest.substr(0, rest.find(',')));
    rest.remove_prefix(std::min(rest.size(), name.size() + 1));
    if (std::none_of(std::begin(known), std::end(known), [&](const Known& each) { return each.name == name; })) {
      std::string all;
      for (const Known& each : known) all += fmt::format("{}`{}`", all.empty() ? "" : ", ", each.name);
      return Error{ErrorClass::data, fmt::format("there is no event `{}`", name), {}, "events are " + all};
    }
    hook.events.push_back(name);
  }
  if (hook.to.empty()) return Error{ErrorClass::data, "a hook without a target", {}, "write a command, or an address: `run_finished=https://example.com/hook`"};
  return hook;
}

std::string body_of(const Event& event, std::string_view name, const About& about) {
  nlohmann::ordered_json body{{"event", name}, {"job", event.job}, {"run", event.run}, {"step", event.step}, {"time", event.time}, {"reason", event.reason}};
  for (const auto& [key, value] : {std::pair("trace", &event.trace), {"span", &event.span}, {"why", &about.why}, {"ticket", &about.ticket}, {"owner", &about.owner}, {"who", &about.who}, {"host", &about.host}})
    if (!value->empty()) body[key] = *value;
  body["rows_changed"] = event.rows_changed;
  body["conflicts"] = event.conflicts;
  body["quarantined"] = event.quarantined;
  if (event.rows_left_out) body["rows_left_out"] = event.rows_left_out;
  if (!event.keys.empty()) body["keys"] = event.keys;
  if (event.chunk >= 0) body["chunk"] = event.chunk;
  if (event.rows_total >= 0) body["rows_total"] = event.rows_total;
  if (event.rows_done) body["rows_done"] = event.rows_done;
  if (event.seconds > 0) body["seconds"] = event.seconds;
  if (event.kind == EventKind::run_finished) {
    body["exit_code"] = event.exit_code;
    body["outcome"] = outcome_of(event.exit_code);
  }
  body["bfl"] = about.version;
  return without_secrets(body.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
}

struct Hooks::Teller {
  struct Told {
    std::size_t hook;
    std::string name, body;
  };
  std::vector<Hook> hooks;
  About about;
  std::mutex mutex{};
  std::condition_variable wake{}, drained{};
  std::deque<Told> waiting{};
  std::map<std::string, std::size_t> lost{};   // by what became of them
  bool busy = false, stopping = false;
  std::atomic<bool> hurry{false};
  std::thread thread{};

  void on(const Event& event) {
    for (std::size_t i = 0; i < hooks.size(); ++i)
      for (const Known& each : known) {
        if (each.kind != event.kind || (each.name == conflicts_name && event.conflicts == 0)) continue;
        const std::vector<std::string>& events = hooks[i].events;
        if (events.empty() ? each.wanted : std::find(events.begin(), events.end(), each.name) != events.end()) add({i, std::string(each.name), body_of(event, each.name, about)});
      }
  }

  void add(Told told) {
    std::lock_guard lock(mutex);
    if (waiting.size() >= most_waiting && told.name != "run_finished") {
      ++lost[fmt::format("`{}` is too slow", shown(hooks[told.hook].to))];
      return;
    }
    waiting.push_back(std::move(told));
    if (!thread.joinable()) thread = std::thread([this] { work(); });
    wake.notify_one();
  }

  void work() {
    std::unique_lock lock(mutex);
    for (;;) {
      wake.wait(lock, [this] { return stopping || !waiting.empty(); });
      if (waiting.empty() || hurry.load()) return;
      const Told told = std::move(waiting.front());
      waiting.pop_front();
      busy = true;
      lock.unlock();
      const auto done = tell(told);
      lock.lock();
      busy = false;
      if (!done) ++lost[fmt::format("`{}`: {}", shown(hooks[told.hook].to), without_secrets(done.error().message))];
      if (waiting.empty()) drained.notify_all();
    }
  }

  Result<void> tell(const Told& told) {
    for (int attempt = 0;; ++attempt) {
      const std::string& to = hooks[told.hook].to;
      auto done = is_address(to) ? web::post({to, seconds_a_call, [this] { return hurry.load(); }}, told.body) : run_command(to, told);
      if (done || done.error().kind != ErrorClass::transient || attempt + 1 == attempts) return done;
      std::unique_lock lock(mutex);
      wake.wait_for(lock, std::chrono::duration<double>(seconds_between[attempt]), [this] { return hurry.load(); });
      if (hurry.load()) return done;
    }
  }

  Result<void> run_command(const std::string& command, const Told& told) {
    program::OutsideProgram program;
    program.name = shown(command);
    program.words = {"/bin/sh", "-c", command};
    program.folder = about.folder;
    program.environment = environment();
    program.environment.push_back({"BFL_EVENT", told.name, {}});
    program.limit = {static_cast<std::int64_t>(seconds_a_call * 1e6)};
    auto answer = run::ask(program, told.body, [this] { return hurry.load(); });
    if (answer) return {};
    // What it says of the program stands in front again.
    std::string message = answer.error().message;
    const std::string name = fmt::format("`{}` ", program.name);
    if (message.starts_with(name)) message.erase(0, name.size());
    return Error{ErrorClass::refused, message};
  }
};

Hooks::Hooks(std::vector<Hook> hooks, About about) : teller_(std::make_unique<Teller>(std::move(hooks), std::move(about))) {}

Hooks::~Hooks() {
  {
    std::lock_guard lock(teller_->mutex);
    teller_->stopping = true;
    teller_->hurry = true;
  }
  teller_->wake.notify_all();
  if (teller_->thread.joinable()) teller_->thread.join();
}

void Hooks::on(const Event& event) { teller_->on(event); }

std::vector<std::string> Hooks::finish(double seconds) {
  std::unique_lock lock(teller_->mutex);
  const bool all = teller_->drained.wait_for(lock, std::chrono::duration<double>(seconds), [this] { return teller_->waiting.empty() && !teller_->busy; });
  std::vector<std::string> lines;
  std::size_t late = all ? 0 : teller_->waiting.size() + (teller_->busy ? 1 : 0);
  if (late > 0) lines.push_back(fmt::format("{} event{} not told in time", late, late == 1 ? " was" : "s were"));
  for (const auto& [what, times] : teller_->lost) lines.push_back(fmt::format("hook {}; {} event{} not told", what, times, times == 1 ? " was" : "s were"));
  return lines;
}

}  // namespace bfl::notify
