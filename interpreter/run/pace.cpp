#include "interpreter/run/pace.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>
#include <utility>

#include "interpreter/eval/time_zone.h"
#include "interpreter/run/web_signal.h"

namespace bfl::run {
namespace {

using program::CompareOp;
using program::SignalKind;

constexpr double seconds_between_looks = 1;
constexpr int seconds_a_look = 5;              // one that takes longer is a signal that cannot be had

// One row with one text. Null, or no row: the signal is not to be had. Sessions whose facts are hidden from the role make it so; of those it is not even told what kind they are.
constexpr const char* others = " FROM pg_stat_activity WHERE datname = current_database() AND coalesce(backend_type, 'client backend') = 'client backend' AND application_name NOT LIKE 'bfl%' AND pid <> pg_backend_pid()";

bool holds(double value, CompareOp op, double bound) {
  switch (op) {
    case CompareOp::equal: return value == bound;
    case CompareOp::not_equal: return value != bound;
    case CompareOp::less: return value < bound;
    case CompareOp::less_equal: return value <= bound;
    case CompareOp::greater: return value > bound;
    case CompareOp::greater_equal: return value >= bound;
  }
  return true;
}

// Ends a statement of an engine within this process when it takes too long, and only that one: it is over when this is.
class TimeLimit {
 public:
  explicit TimeLimit(connect::Connector& source) : thread_([this, &source] {
    std::unique_lock lock(mutex_);
    if (done_.wait_for(lock, std::chrono::seconds(seconds_a_look), [this] { return over_; })) return;
    ended_ = true;
    source.interrupt();
  }) {}
  ~TimeLimit() {
    {
      std::lock_guard lock(mutex_);
      over_ = true;
    }
    done_.notify_one();
    thread_.join();
  }
  TimeLimit(const TimeLimit&) = delete;
  TimeLimit& operator=(const TimeLimit&) = delete;
  bool ended() const { return ended_.load(); }

 private:
  std::mutex mutex_{};
  std::condition_variable done_{};
  bool over_ = false;
  std::atomic<bool> ended_{false};
  std::thread thread_;  // the last: it uses the others
};

bool is_open(const program::DailyWindow& window, Timestamp now) {
  eval::Zone* zone = eval::find_zone(window.zone);
  if (!zone) return false;
  const std::int64_t instant = now.micros / 1'000'000, wall = instant + eval::span_at(*zone, instant).offset;
  const auto minute = static_cast<int>((wall % 86'400 + 86'400) % 86'400 / 60);
  return window.from < window.to ? minute >= window.from && minute < window.to : minute >= window.from || minute < window.to;
}

double said_rate(const program::Program& program, const program::Step& step) {
  double rate = 0;
  for (const auto* pace : {&program.pace, &step.pace})
    if (*pace && (*pace)->rows_a_second) rate = rate > 0 ? std::min(rate, *(*pace)->rows_a_second) : *(*pace)->rows_a_second;
  return rate;
}

}  // namespace

std::optional<ledger::Order> ordered_pace(const std::vector<ledger::Order>& given) {
  std::optional<ledger::Order> order;
  for (const ledger::Order& each : given)
    if (each.kind == "pace" && (!order || !each.job.empty() || order->job.empty())) order = each;
  return order;
}

std::string statement_of(const program::PaceRule& rule, const Table* table) {
  const auto hidden = [](std::string_view value) {
    return fmt::format("SELECT CAST(CASE WHEN bool_or(query = '<insufficient privilege>') THEN NULL ELSE {} END AS TEXT){}", value, others);
  };
  switch (rule.signal) {
    case SignalKind::replica_lag:
      // A replica that has just come has not been measured yet; one that is far behind without a measure is not known.
      return "SELECT CAST(CASE WHEN bool_or(replay_lag IS NULL AND pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) > 16777216) THEN NULL"
             " ELSE max(CASE WHEN replay_lsn >= pg_current_wal_lsn() THEN 0 ELSE coalesce(extract(epoch FROM replay_lag), 0) END) END AS TEXT)"
             " FROM pg_stat_replication WHERE replay_lsn IS NOT NULL";
    case SignalKind::active_sessions: return hidden("count(*) FILTER (WHERE state = 'active')");
    case SignalKind::lock_waits: return hidden("count(*) FILTER (WHERE wait_event_type = 'Lock')");
    case SignalKind::oldest_transaction: return hidden("coalesce(extract(epoch FROM max(clock_timestamp() - xact_start)), 0)");
    case SignalKind::archive_backlog: return "SELECT CAST(count(*) AS TEXT) FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready'";
    case SignalKind::autovacuum: {
      const std::string relation = table->relation.empty() ? table->name : table->relation;
      std::string literal = (table->schema.empty() || table->schema == "main" ? "" : lower::quote_identifier(table->schema) + ".") + lower::quote_identifier(relation);
      for (std::size_t at = literal.find('\''); at != std::string::npos; at = literal.find('\'', at + 2)) literal.insert(at, "'");
      return fmt::format("SELECT CAST(CASE WHEN bool_or(relid IS NULL) THEN NULL ELSE count(*) FILTER (WHERE relid = CAST('{}' AS regclass)) END AS TEXT)"
                         " FROM pg_stat_progress_vacuum WHERE datname = current_database()", literal);
    }
    case SignalKind::query: return fmt::format("SELECT CAST(({}\n) AS TEXT)", rule.statement);
    case SignalKind::blocked: case SignalKind::file: case SignalKind::http: case SignalKind::prometheus: break;
  }
  return {};
}

double rate_of(const program::Program& program, const program::Step& step, const std::optional<ledger::Order>& order) {
  if (order)
    if (const auto rate = rows_a_second(order->reason)) return *rate;
  return said_rate(program, step);
}

Pacer::Pacer(Context& context, const program::Step& step) : context_(context), keeper_(step.keeper) {
  for (const auto* pace : {&context.program.pace, &step.pace}) {
    if (!*pace) continue;
    if ((*pace)->rows_a_second) (pace == &step.pace ? step_says_ : job_says_) = *(*pace)->rows_a_second;
    if ((*pace)->window) windows_.push_back(&*(*pace)->window);
    for (const program::PaceRule& rule : (*pace)->rules) rules_.push_back({&rule});
  }
  rate_ = step_says_;
}

std::optional<double> rows_a_second(std::string_view text) {
  text = text.substr(0, text.find(':'));
  if (text == "none") return 0.0;
  const auto slash = std::min(text.size(), text.find('/'));
  std::string digits(text.substr(0, slash));
  std::erase(digits, '_');
  std::int64_t rows = 0;
  const auto [end, wrong] = std::from_chars(digits.data(), digits.data() + digits.size(), rows);
  const std::string_view unit = text.substr(slash);
  const double seconds = unit == "/s" ? 1 : unit == "/m" ? 60 : unit == "/h" ? 3600 : 0;
  if (wrong != std::errc() || end != digits.data() + digits.size() || rows < 1 || seconds == 0) return std::nullopt;
  return static_cast<double>(rows) / seconds;
}

bool Pacer::set(const std::optional<ledger::Order>& order) {
  {
    // Whichever step of the job hears it first. A debt of another rate would be a wait of another length.
    std::lock_guard lock(context_.whole.mutex);
    WholeRun& whole = context_.whole;
    if (order) whole.rates_ordered[keeper_] = rows_a_second(order->reason).value_or(job_says_);
    else whole.rates_ordered.erase(keeper_);
    double rate = whole.rates_ordered.empty() ? job_says_ : 0;
    for (const auto& [source, ordered] : whole.rates_ordered)
      if (ordered > 0 && (rate <= 0 || ordered < rate)) rate = ordered;
    if (std::exchange(whole.rate, rate) != rate) whole.due = 0;
  }
  if (order.has_value() == order_.has_value() && (!order || order->text() == order_->text())) return false;
  order_ = order;
  std::lock_guard lock(mutex_);
  rate_ = order ? 0 : step_says_;
  due_ = 0;
  return true;
}

double Pacer::rate_of_job() const {
  std::lock_guard lock(context_.whole.mutex);
  return context_.whole.rate;
}

double Pacer::rate() const {
  const double of_job = rate_of_job();
  std::lock_guard lock(mutex_);
  return rate_ > 0 && (of_job <= 0 || rate_ < of_job) ? rate_ : of_job;
}

void Pacer::spent(std::int64_t rows, double began) {
  const auto pay = [&](double rate, double& due) {
    if (rate > 0) due = std::max(due, began) + static_cast<double>(rows) / rate;
  };
  {
    std::lock_guard lock(context_.whole.mutex);
    pay(context_.whole.rate, context_.whole.due);
  }
  std::lock_guard lock(mutex_);
  pay(rate_, due_);
}

double Pacer::debt() const {
  const double now = context_.clock.seconds();
  double debt = 0;
  {
    std::lock_guard lock(context_.whole.mutex);
    if (context_.whole.rate > 0) debt = std::max(debt, context_.whole.due - now);
  }
  std::lock_guard lock(mutex_);
  return rate_ > 0 ? std::max(debt, due_ - now) : debt;
}

bool Pacer::asks_who_is_blocked(int source) const {
  return std::any_of(rules_.begin(), rules_.end(), [&](const Rule& rule) { return rule.rule->signal == SignalKind::blocked && rule.rule->source == source; });
}

void Pacer::blocked(int source, double sessions) {
  std::lock_guard lock(mutex_);
  for (Rule& rule : rules_)
    if (rule.rule->signal == SignalKind::blocked && rule.rule->source == source) rule.blocked = std::max(rule.blocked, sessions);
}

Result<std::optional<double>> Pacer::value_of(Rule& rule) {
  if (rule.rule->signal == SignalKind::blocked) {
    std::lock_guard lock(mutex_);
    return std::optional(std::exchange(rule.blocked, 0));
  }
  WholeRun& whole = context_.whole;
  const double now = context_.clock.seconds();
  {
    // A step beside this one may have asked.
    std::lock_guard lock(whole.mutex);
    const auto asked = whole.asked.find(rule.rule);
    if (asked != whole.asked.end() && now - asked->second.at < seconds_between_looks) return asked->second.value;
  }
  Result<std::optional<double>> value = ask(rule);
  std::lock_guard lock(whole.mutex);
  whole.asked.insert_or_assign(rule.rule, SignalSeen{now, value});
  return value;
}

Result<std::optional<double>> Pacer::ask(Rule& rule) {
  const program::PaceRule& said = *rule.rule;
  if (said.signal == SignalKind::http || said.signal == SignalKind::prometheus)
    return number_told_by(said, seconds_a_look, [this] { return context_.run_ends(); });
  if (said.signal == SignalKind::file) {
    std::error_code wrong;
    const bool there = std::filesystem::exists(said.statement, wrong);
    if (wrong) return Error{ErrorClass::fatal, wrong.message()};
    return std::optional<double>(there);
  }
  connect::Connector& source = context_.target(said.source);
  if (!rule.statement) {
    auto prepared = source.prepare(statement_of(said, said.table ? &context_.program.table(*said.table) : nullptr));
    if (!prepared) return prepared.error();
    rule.statement = std::move(*prepared);
  }
  // In a transaction that only reads, and that is over at once: what somebody asks for here changes nothing.
  if (auto begun = source.begin_read(); !begun) return begun.error();
  const bool server = source.engine() == "postgres";
  if (auto limited = server ? source.execute(fmt::format("SET LOCAL statement_timeout = '{}s'", seconds_a_look)) : Result<void>{}; !limited) {
    source.rollback();
    return limited.error();
  }
  std::optional<TimeLimit> limit;
  if (!server) limit.emplace(source);
  std::optional<double> value;
  auto read = rule.statement->query_raw({}, [&](connect::RawRow row) {
    if (row[0].kind == connect::RawValue::Class::text) {
      const std::string text(row[0].bytes);
      value = number_written(text);
      if (!value && (text == "true" || text == "false")) value = text == "true";
    }
    return false;
  });
  const bool late = limit && limit->ended();
  limit.reset();
  source.rollback();
  if (!read) {
    rule.statement.reset();
    return late && !context_.run_ends() ? Error{ErrorClass::transient, fmt::format("it takes more than {} s", seconds_a_look)} : read.error();
  }
  return value;
}

// Empty: the signal lets the run go on.
std::string Pacer::reason_of(Rule& rule) {
  const program::PaceRule& said = *rule.rule;
  const auto value = value_of(rule);
  if (!value) return fmt::format("`{}` cannot be told: {}", said.text, value.error().message);
  if (!*value) return fmt::format("`{}` cannot be told: no value", said.text);
  const bool truth = said.signal == SignalKind::file || said.signal == SignalKind::autovacuum;
  if (truth) return **value != 0 ? fmt::format("`{}`", said.text) : std::string();
  return holds(**value, said.op, said.bound) ? fmt::format("`{}`: it is {}", said.text, **value) : std::string();
}

const Verdict& Pacer::look() {
  const double now = context_.clock.seconds();
  if (looked_at_ >= 0 && now - looked_at_ < seconds_between_looks) return verdict_;
  looked_at_ = now;
  verdict_ = {};
  for (const program::DailyWindow* window : windows_)
    if (!is_open(*window, context_.clock.now())) verdict_.reason = fmt::format("outside of `{}`", window->text);
  for (Rule& rule : rules_) {
    if (!verdict_.reason.empty() && !rule.rule->stops) continue;
    const std::string reason = reason_of(rule);
    if (reason.empty()) continue;
    verdict_ = {rule.rule->stops, reason};
    if (verdict_.stop) break;
  }
  return verdict_;
}

}  // namespace bfl::run
