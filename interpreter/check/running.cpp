// Clauses that say how a run goes about its work, and under which conditions: `retry`, `pace`, `approve`, `promote`, `rollback`, `quarantine`. What they say is in
// no memo key.
#include <algorithm>
#include <filesystem>

#include "interpreter/base/address.h"
#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"
#include "interpreter/eval/evaluate.h"

namespace bfl::check {

using program::SignalKind;

namespace {

enum class Measure : std::uint8_t { duration, number, truth };
enum class Subject : std::uint8_t { server, table, statement, path, address, query };  // what is asked; the first two of PostgreSQL
struct SignalRow {
  std::string_view name;
  SignalKind kind;
  Measure measure;
  Subject subject;
  std::string_view example;
};
constexpr SignalRow signals[] = {
    {"replica_lag", SignalKind::replica_lag, Measure::duration, Subject::server, "replica_lag(shop) > 5s"},
    {"active_sessions", SignalKind::active_sessions, Measure::number, Subject::server, "active_sessions(shop) > 50"},
    {"lock_waits", SignalKind::lock_waits, Measure::number, Subject::server, "lock_waits(shop) > 0"},
    {"blocked", SignalKind::blocked, Measure::number, Subject::server, "blocked(shop) > 0"},
    {"oldest_transaction", SignalKind::oldest_transaction, Measure::duration, Subject::server, "oldest_transaction(shop) > 10m"},
    {"archive_backlog", SignalKind::archive_backlog, Measure::number, Subject::server, "archive_backlog(shop) > 42"},
    {"autovacuum", SignalKind::autovacuum, Measure::truth, Subject::table, "autovacuum(shop.orders)"},
    {"query", SignalKind::query, Measure::number, Subject::statement, "query(shop, \"select count(*) from queue\") > 1_000"},
    {"file", SignalKind::file, Measure::truth, Subject::path, "file(\"hold\")"},
    {"http", SignalKind::http, Measure::number, Subject::address, "http(\"https://queue.example.com/health\", \"/queue/depth\") > 1_000"},
    {"prometheus", SignalKind::prometheus, Measure::number, Subject::query, "prometheus(\"http://prometheus:9090\", \"max(pg_replication_lag_seconds)\") > 5"},
};

std::optional<program::CompareOp> comparison_of(ast::Op op) {
  switch (op) {
    case ast::Op::equal: return program::CompareOp::equal;
    case ast::Op::not_equal: return program::CompareOp::not_equal;
    case ast::Op::less: return program::CompareOp::less;
    case ast::Op::less_equal: return program::CompareOp::less_equal;
    case ast::Op::greater: return program::CompareOp::greater;
    case ast::Op::greater_equal: return program::CompareOp::greater_equal;
    default: return std::nullopt;
  }
}

}  // namespace

// retry transient 5 times backoff 200ms..30s
std::optional<program::Retry> Checker::retry(NodeId clause) {
  program::Retry made;
  for (NodeId part : ast::children(*file_, clause)) {
    if (at(part).kind != NodeKind::clause) {
      const auto times = whole_number(part, "the number of repetitions", 0, 1'000);
      if (!times) return std::nullopt;
      made.times = *times;
      continue;
    }
    const NodeId first = ast::child_at(*file_, part, 0), longest = ast::child_at(*file_, part, 1);
    for (const auto& [node, place] : {std::pair(first, &made.first), std::pair(longest, &made.longest)}) {
      const auto wait = duration(node, "a wait");
      if (!wait) return std::nullopt;
      *place = *wait;
    }
    if (made.first > made.longest) {
      error(Code::value_out_of_range, at(part).span, "the longest wait is shorter than the first one", "write the shorter one first: `backoff 200ms..30s`");
      return std::nullopt;
    }
  }
  return made;
}

// approve 2 not author
std::optional<program::Approval> Checker::approval(NodeId clause) {
  program::Approval made{.span = at(clause).span};
  for (NodeId part : ast::children(*file_, clause)) {
    if (at(part).kind == NodeKind::clause) {
      made.not_author = true;
      continue;
    }
    const auto signatures = whole_number(part, "the number of signatures", 1, 20);
    if (!signatures) return std::nullopt;
    made.signatures = *signatures;
  }
  return made;
}

// promote staging -> production
std::optional<program::Promotion> Checker::promotion(NodeId clause) {
  program::Promotion made{.from = {}, .to = {}, .span = at(clause).span};
  for (NodeId part : ast::children(*file_, clause)) {
    if (at(part).kind != NodeKind::name) {
      error(Code::unknown_clause, at(part).span, "no name of an environment", "write `promote staging -> production`, as `[environments]` of bfl.toml calls them");
      return std::nullopt;
    }
    (made.from.empty() ? made.from : made.to) = at(part).text;
  }
  if (made.from == made.to) {
    error(Code::unknown_clause, made.span, fmt::format("`{}` is promoted to itself", made.from), "name the environment that comes first, and the one that it is promoted to");
    return std::nullopt;
  }
  return made;
}

// rollback when verify_failed or conflicts > 5 or quarantined > 1%
std::optional<program::Rollback> Checker::rollback(NodeId clause) {
  const NodeId written = at(clause).first_child;
  if (written == ast::no_node) return std::nullopt;
  program::Rollback made{.text = slice(at(written).span), .span = at(clause).span};
  if (!rollback_rule(made, written)) return std::nullopt;
  return made;
}

bool Checker::rollback_rule(program::Rollback& rollback, NodeId rule) {
  if (at(rule).kind == NodeKind::binary && at(rule).op == ast::Op::or_) {
    bool sound = true;
    for (NodeId part : ast::children(*file_, rule)) sound = rollback_rule(rollback, part) && sound;
    return sound;
  }
  if (at(rule).kind == NodeKind::name && at(rule).text == "verify_failed") return rollback.verify_failed = true;
  const NodeId left = at(rule).kind == NodeKind::binary && at(rule).op == ast::Op::greater ? ast::child_at(*file_, rule, 0) : ast::no_node;
  const std::string_view counted = left != ast::no_node && at(left).kind == NodeKind::name ? at(left).text : std::string_view();
  if (counted != "conflicts" && counted != "quarantined") {
    error(Code::unknown_clause, at(rule).span, "nothing by which a run undoes itself", "write `verify_failed`, `conflicts > 5`, `conflicts > 1%`, `quarantined > 5` or `quarantined > 1%`, several of them with `or`");
    return false;
  }
  program::Rollback::Bound& most = counted == "conflicts" ? rollback.conflicts : rollback.quarantined;
  const NodeId bound = ast::child_at(*file_, rule, 1);
  if (at(bound).kind != NodeKind::percent) {
    const auto rows = whole_number(bound, "a number of rows", 0, INT64_MAX - 1);
    if (rows) most.rows = *rows;
    return rows.has_value();
  }
  std::string digits(at(bound).text);
  std::erase(digits, '_');
  digits.pop_back();
  most.percent = Decimal::parse(digits);
  if (most.percent && most.percent->compare(100) <= 0) return true;
  error(Code::value_out_of_range, at(bound).span, fmt::format("a share of {}, expected 0% to 100%", at(bound).text));
  return false;
}

// What is never so undoes nothing, though it is written.
void Checker::rollback_can_be() {
  const auto& steps = program.steps;
  const auto& rollback = program.rollback;
  if (!rollback || !rollback->quarantined.any() || std::any_of(steps.begin(), steps.end(), [](const program::Step& step) { return step.quarantine.has_value(); })) return;
  error(Code::unknown_clause, rollback->span, "no row of this job is ever in quarantine", "give the steps whose rows may be set aside `quarantine <= 100`, or leave `quarantined` out");
}

// A row is set aside alone, and only where nothing else goes with it.
void Checker::quarantine_fits(const program::Step& step, const StepParts& parts) {
  if (!step.quarantine) return;
  const char* why = step.atomic               ? "a step that says `atomic` changes all of its rows or none"
                    : !step.cascades.empty()  ? "rows that go with others, `cascades to`, cannot be set aside without them"
                    : step.duplicates         ? "rows that are merged, `on duplicate`, cannot be set aside without each other"
                                              : nullptr;
  if (!why) return;
  const auto clause = std::find_if(parts.clauses.begin(), parts.clauses.end(), [&](NodeId part) { return at(part).word == "quarantine"; });
  error(Code::unknown_clause, at(*clause).span, fmt::format("`{}` has no quarantine: {}", step.name, why), "leave `quarantine` out; rows that do not fit are left out by `skip where C \"reason\"`");
}

// Microseconds, up to so many days.
std::optional<std::int64_t> Checker::duration(NodeId node, std::string_view what, int most_days) {
  constexpr std::int64_t day = 86'400'000'000;
  auto value = constant(node, {Kind::duration}, what);
  if (!value || !*value) return std::nullopt;
  const std::int64_t micros = (*value)->value.as<Duration>().micros;
  if (micros > 0 && micros <= most_days * day) return micros;
  error(Code::value_out_of_range, at(node).span, fmt::format("{} of {}, expected up to {}", what, slice(at(node).span), most_days == 1 ? std::string("a day") : fmt::format("{} days", most_days)),
        fmt::format("write a duration above nothing and no longer than `{}`: `30s`, `10m`, `2h`", most_days == 1 ? "24h" : fmt::format("{}d", most_days)));
  return std::nullopt;
}

// pace { rows <= 2_000/s  pause when replica_lag(shop) > 5s  stop when …  window 22:00..06:00 "Europe/Berlin" }
std::optional<program::Pace> Checker::pace(NodeId clause) {
  program::Pace made{.span = at(clause).span};
  bool sound = true;
  for (NodeId rule : ast::children(*file_, clause)) {
    const std::string_view word = at(rule).word;
    if (word == "window") {
      sound = window(made, rule) && sound;
    } else if (word == "rows") {
      const NodeId written = at(rule).first_child, quotient = written == ast::no_node ? ast::no_node : ast::child_at(*file_, written, 1);
      const bool shaped = quotient != ast::no_node && at(written).op == ast::Op::less_equal && at(quotient).op == ast::Op::divide &&
                          at(ast::child_at(*file_, written, 0)).kind == NodeKind::name && at(ast::child_at(*file_, quotient, 1)).kind == NodeKind::name;
      const std::string_view unit = shaped ? at(ast::child_at(*file_, quotient, 1)).text : std::string_view();
      const double seconds = unit == "s" ? 1 : unit == "m" ? 60 : unit == "h" ? 3600 : 0;
      if (seconds == 0) {
        error(Code::unknown_clause, at(rule).span, "no rate that can be kept", "write `rows <= 2_000/s`: a number of rows for each `s`, `m` or `h`");
        sound = false;
        continue;
      }
      const auto rows = whole_number(ast::child_at(*file_, quotient, 0), "a number of rows", 1, 1'000'000'000);
      if (rows) made.rows_a_second = static_cast<double>(*rows) / seconds;
      sound = sound && rows;
    } else {
      sound = pace_rule(made, rule) && sound;
    }
  }
  return sound ? std::optional(std::move(made)) : std::nullopt;
}

bool Checker::pace_rule(program::Pace& pace, NodeId rule) {
  const NodeId written = at(rule).first_child;
  if (written == ast::no_node) return false;
  program::PaceRule made{.stops = at(rule).word == "stop", .text = slice(at(written).span), .span = at(written).span};
  const auto op = at(written).kind == NodeKind::binary ? comparison_of(at(written).op) : std::nullopt;
  const NodeId call = op ? ast::child_at(*file_, written, 0) : written;
  if (!signal(made, call)) return false;
  const SignalRow& row = *std::find_if(std::begin(signals), std::end(signals), [&](const SignalRow& known) { return known.kind == made.signal; });
  if ((row.measure == Measure::truth) == op.has_value()) {
    error(Code::unknown_clause, at(written).span, op ? fmt::format("`{}` is so or not: there is nothing to compare", row.name) : fmt::format("`{}` is compared with a bound", row.name),
          fmt::format("write `{} when {}`", at(rule).word, row.example));
    return false;
  }
  if (op) {
    made.op = *op;
    const NodeId bound = ast::child_at(*file_, written, 1);
    if (row.measure == Measure::duration) {
      const auto value = duration(bound, "a bound");
      if (!value) return false;
      made.bound = static_cast<double>(*value) / 1e6;
    } else {
      const Within no_scope(scope_, static_cast<Scope*>(nullptr));
      const auto value = constant(bound, {Kind::decimal}, "a bound");
      if (!value || !*value) return false;
      made.bound = (*value)->value.as<Decimal>().to_double();
    }
  }
  pace.rules.push_back(std::move(made));
  return true;
}

// What is watched: a call of a name that only stands here.
bool Checker::signal(program::PaceRule& rule, NodeId call) {
  const auto known = std::find_if(std::begin(signals), std::end(signals), [&](const SignalRow& row) { return at(call).kind == NodeKind::call && row.name == at(call).text; });
  if (known == std::end(signals)) {
    std::vector<std::string> names;
    std::string list = "it is one of";
    for (const SignalRow& row : signals) {
      names.emplace_back(row.name);
      list += fmt::format("{} `{}`", &row == std::begin(signals) ? "" : ",", row.name);
    }
    const std::string meant = at(call).kind == NodeKind::call ? did_you_mean(at(call).text, names) : std::string();
    error(Code::unknown_clause, at(call).span, "nothing that can be watched", meant.empty() ? list : meant);
    return false;
  }
  rule.signal = known->kind;
  std::vector<NodeId> arguments;
  for (NodeId argument : ast::children(*file_, call)) arguments.push_back(argument);
  const auto misused = [&] {
    error(Code::wrong_arguments, at(call).span, fmt::format("`{}` is not called like this", known->name), fmt::format("write `{}`", known->example));
    return false;
  };
  const Subject subject = known->subject;
  const std::size_t least = subject == Subject::statement || subject == Subject::query ? 2 : 1, most = subject == Subject::address ? 2 : least;
  if (arguments.size() < least || arguments.size() > most) return misused();
  // A text that is known before the run: parameters may be parts of it, secret ones too.
  const auto text = [&](NodeId argument, std::string& into) {
    const Within no_scope(scope_, static_cast<Scope*>(nullptr));
    const ExprPtr written = expression(argument);
    if (!written) return false;
    bool moving = written->type.kind != Kind::text;
    for_each(*written, [&](const Expr& part) { moving |= part.kind == ExprKind::clock; });
    const auto value = !moving ? eval::constant(written, eval::Context{}) : eval::Outcome{};
    if (!std::holds_alternative<Value>(value) || std::get<Value>(value).is_null()) return misused();
    into = std::get<Value>(value).as<std::string>();
    return true;
  };
  switch (subject) {
    case Subject::path:
      if (!text(arguments[0], rule.statement)) return false;
      if (std::filesystem::path(rule.statement).is_relative()) rule.statement = (std::filesystem::path(settings_.job_directory) / rule.statement).string();
      return true;
    case Subject::address:
    case Subject::query: {
      if (!text(arguments[0], rule.address) || (arguments.size() > 1 && !text(arguments[1], rule.statement))) return false;
      const bool web = rule.address.starts_with("http://") || rule.address.starts_with("https://"), pointer = rule.statement.empty() || rule.statement.starts_with('/');
      if (!web || (subject == Subject::address && !pointer)) {
        error(Code::wrong_arguments, at(arguments[web ? 1 : 0]).span, web ? "no place in a JSON document" : "no address that can be asked",
              web ? "write `/queue/depth`: keys and positions, each behind a `/`" : fmt::format("write `{}`", known->example));
        return false;
      }
      if (at(arguments[0]).kind == NodeKind::string && holds_secret(rule.address)) {
        error(Code::secret_in_source, at(arguments[0]).span, "the address holds a secret", "write `param key: secret text = env(\"NAME\")` and `f\"https://…?key={key}\"`");
        return false;
      }
      // The rest of an address may be a secret, and what is held back by it is told to whoever looks.
      if (at(arguments[0]).kind != NodeKind::name) {
        const std::string written = slice(at(arguments[0]).span);
        const auto found = rule.text.find(written);
        if (found != std::string::npos) rule.text.replace(found, written.size(), fmt::format("\"{}\"", host_of(rule.address)));
      }
      return true;
    }
    case Subject::table: {
      const auto table = written_path(arguments[0]);
      if (!table) return false;
      rule.table = table;
      rule.source = table->source;
      break;
    }
    case Subject::server:
    case Subject::statement: {
      const NodeId source = arguments[0];
      const auto found = at(source).kind == NodeKind::name ? names_.find(at(source).text) : names_.end();
      if (found == names_.end() || found->second.kind != Declared::source) return misused();
      found->second.used = true;
      rule.source = static_cast<int>(found->second.index);
      if (subject == Subject::statement && !text(arguments[1], rule.statement)) return false;
    }
  }
  const std::string& engine = program.catalogues[static_cast<std::size_t>(rule.source)].engine;
  if (engine == "csv" || (subject != Subject::statement && engine != "postgres")) {
    error(Code::wrong_arguments, at(call).span, fmt::format("`{}` is not known of {}", known->name, engine == "csv" ? "a CSV file" : "a SQLite database"),
          "watch a `file(\"PATH\")` or, of a database, a `query(SOURCE, \"SELECT …\")`");
    return false;
  }
  return true;
}

// window 22:00..06:00 "Europe/Berlin"
bool Checker::window(program::Pace& pace, NodeId rule) {
  program::DailyWindow made{.text = slice(at(rule).span)};
  int* const ends[] = {&made.from, &made.to};
  std::size_t given = 0;
  for (NodeId part : ast::children(*file_, rule)) {
    if (at(part).kind == NodeKind::time_of_day && given < 2) {
      const std::string_view text = at(part).text;
      const int hours = (text[0] - '0') * 10 + text[1] - '0', minutes = (text[3] - '0') * 10 + text[4] - '0';
      if (hours > 24 || minutes > 59 || (hours == 24 && minutes > 0)) {
        error(Code::value_out_of_range, at(part).span, fmt::format("`{}` is no time of day", text), "write `00:00` to `24:00`");
        return false;
      }
      *ends[given++] = hours * 60 + minutes;
      continue;
    }
    const ExprPtr zone = expression(part);
    if (!zone || zone->kind != ExprKind::literal || zone->type.kind != Kind::text) return false;
    made.zone = zone->value.as<std::string>();
    if (!settings_.zone_names) continue;
    const std::vector<std::string>& known = settings_.zone_names();
    if (std::binary_search(known.begin(), known.end(), made.zone)) continue;
    const std::string meant = did_you_mean(made.zone, known);
    error(Code::unknown_zone, at(part).span, fmt::format("there is no time zone `{}`", made.zone), meant.empty() ? "zones have names like `Europe/London`, `America/New_York`, `UTC`" : meant);
    return false;
  }
  if (made.from == made.to) {
    error(Code::value_out_of_range, at(rule).span, "a window that is never open", "leave it out, or give it another end");
    return false;
  }
  pace.window = std::move(made);
  return true;
}

}  // namespace bfl::check
