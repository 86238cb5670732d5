// Fused functions: expressions and aggregates of bfl as functions that SQL calls, computed by eval/.
#include <fmt/format.h>
#include <sqlite3.h>

#include <new>

#include "interpreter/connect/sqlite_connection.h"
#include "interpreter/connect/sqlite_error.h"
#include "interpreter/connect/sqlite_values.h"

namespace bfl::connect::sqlite {

struct Registered {
  Connection* connection = nullptr;
  lower::Fused fused;
  std::unique_ptr<eval::Compiled> compiled;  // scalar functions
  eval::Context evaluation{};
  // Reused from call to call: SQLite calls a function only once at a time, fused functions never call SQL.
  std::vector<Value> row;
  std::string arena, problem;
};

namespace {

// What is handed to a function in front of what tells its row.
int own_arguments(const Registered& function) { return static_cast<int>(function.fused.arguments.size() - function.fused.keys.size()); }

// `id = 7`
std::string row_of(Registered& function, sqlite3_value** arguments) {
  std::string row, problem;
  for (std::size_t i = 0; i < function.fused.keys.size(); ++i) {
    const auto at = static_cast<std::size_t>(own_arguments(function)) + i;
    Value value;
    const bool read = decode_into(raw_of(arguments[at]), function.fused.arguments[at], value, problem);
    row += fmt::format("{}{} = {}", row.empty() ? "" : ", ", function.fused.keys[i], read ? to_literal(value) : "?");
  }
  return row;
}

void fail(sqlite3_context* context, Registered& function, std::string message, sqlite3_value** arguments = nullptr) {
  sqlite3_result_error(context, message.c_str(), static_cast<int>(message.size()));
  function.connection->report(Error{.kind = ErrorClass::data, .message = std::move(message), .row = arguments ? row_of(function, arguments) : std::string()});
}

bool decode_arguments(sqlite3_context* context, Registered& function, int count, sqlite3_value** arguments) {
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const lower::Wire& wire = function.fused.arguments[at];
    // The commonest case first, without the detour over RawValue.
    if (wire.type.kind == Kind::integer && sqlite3_value_type(arguments[i]) == SQLITE_INTEGER) {
      function.row[at].data = static_cast<std::int64_t>(sqlite3_value_int64(arguments[i]));
      continue;
    }
    if (!decode_into(raw_of(arguments[i]), wire, function.row[at], function.problem)) {
      const bool named = at < function.fused.labels.size() && !function.fused.labels[at].empty();
      fail(context, function, named ? fmt::format("in {}: {}", function.fused.labels[at], function.problem) : function.problem, arguments);
      return false;
    }
  }
  return true;
}

void give(sqlite3_context* context, Registered& function, eval::Outcome outcome, sqlite3_value** arguments = nullptr) {
  if (auto* failure = std::get_if<eval::Failure>(&outcome)) return fail(context, function, std::move(failure->message), arguments);
  const Value& value = std::get<Value>(outcome);
  if (const auto* integer = std::get_if<std::int64_t>(&value.data); integer && function.fused.result.type.kind == Kind::integer)
    return sqlite3_result_int64(context, *integer);
  RawValue raw;
  if (!encode_into(value, function.fused.result, function.arena, raw, function.problem)) return fail(context, function, function.problem, arguments);
  set_result(context, raw);
}

void call(sqlite3_context* context, int, sqlite3_value** arguments) {
  auto& function = *static_cast<Registered*>(sqlite3_user_data(context));
  if (!decode_arguments(context, function, own_arguments(function), arguments)) return;
  if (function.fused.result.type.kind == Kind::integer && function.fused.expr->type.kind == Kind::integer)
    if (const auto number = function.compiled->integer(function.row)) return sqlite3_result_int64(context, *number);
  give(context, function, function.compiled->run(function.row), arguments);
}

// Always fails: joins that must find exactly one row call it when they do not.
void raise(sqlite3_context* context, int, sqlite3_value** arguments) {
  auto& function = *static_cast<Registered*>(sqlite3_user_data(context));
  const int count = own_arguments(function);
  if (!decode_arguments(context, function, count, arguments)) return;
  std::string message = function.fused.raise;
  for (int i = 0; i < count; ++i) {
    const auto at = static_cast<std::size_t>(i);
    message += fmt::format("{}{} = {}", i == 0 ? "" : ", ", function.fused.labels[at], to_literal(function.row[at]));
  }
  fail(context, function, std::move(message), arguments);
}

std::unique_ptr<eval::Accumulator> begin(const Registered& function) {
  const lower::Fused& fused = function.fused;
  if (fused.folds) return eval::fold(fused.expr, fused.so_far, function.evaluation);
  return eval::accumulator(fused.aggregate, fused.result.type, fused.descending);
}

// One group's state lies in SQLite's aggregate context as a pointer; SQLite zeroes it.
void step(sqlite3_context* context, int, sqlite3_value** arguments) {
  auto& function = *static_cast<Registered*>(sqlite3_user_data(context));
  auto** state = static_cast<eval::Accumulator**>(sqlite3_aggregate_context(context, sizeof(eval::Accumulator*)));
  if (!state) return sqlite3_result_error_nomem(context);
  if (!*state) *state = begin(function).release();
  if (!decode_arguments(context, function, own_arguments(function), arguments)) return;
  (*state)->add(function.row);
  if (!function.fused.folds) return;
  const eval::Outcome outcome = (*state)->finish();
  if (const auto* failure = std::get_if<eval::Failure>(&outcome)) fail(context, function, failure->message, arguments);
}

// Over a window: the value so far, and the state lives on.
void current(sqlite3_context* context) {
  auto& function = *static_cast<Registered*>(sqlite3_user_data(context));
  auto** state = static_cast<eval::Accumulator**>(sqlite3_aggregate_context(context, sizeof(eval::Accumulator*)));
  if (!state) return sqlite3_result_error_nomem(context);
  if (!*state) *state = begin(function).release();
  give(context, function, (*state)->finish());
}

// Every window of bfl begins with its partition, so that no row ever leaves it.
void leave(sqlite3_context* context, int, sqlite3_value**) {
  fail(context, *static_cast<Registered*>(sqlite3_user_data(context)), "a row left a window that only grows");
}

void finish(sqlite3_context* context) {
  auto& function = *static_cast<Registered*>(sqlite3_user_data(context));
  auto** state = static_cast<eval::Accumulator**>(sqlite3_aggregate_context(context, 0));
  std::unique_ptr<eval::Accumulator> owned(state ? *state : nullptr);
  if (state) *state = nullptr;
  if (!owned) owned = begin(function);
  give(context, function, owned->finish());
}

}  // namespace

Result<void> Connection::register_function(const lower::Fused& fused, const eval::Context& context) {
  const auto known = functions_.find(fused.name);
  if (known != functions_.end() && known->second == context.clock) return {};
  const int most = sqlite3_limit(db_.get(), SQLITE_LIMIT_FUNCTION_ARG, -1);
  if (fused.arguments.size() > static_cast<std::size_t>(most))
    return Error{ErrorClass::refused,
                 fmt::format("an expression reads {} columns at once, SQLite takes {}", fused.arguments.size(), most),
                 {},
                 "split the expression over two `derive`s with a `group by`, or over two steps"};

  auto function = std::make_unique<Registered>();
  function->connection = this;
  function->fused = fused;
  function->evaluation = context;
  function->row.resize(fused.arguments.size() - fused.keys.size());
  const bool scalar = !fused.is_aggregate && fused.raise.empty();
  if (scalar) function->compiled = eval::compile(fused.expr, context);

  const auto free = [](void* owned) { delete static_cast<Registered*>(owned); };
  const int arguments = static_cast<int>(fused.arguments.size());
  // A function that raises must be called where it stands, never moved ahead of the row.
  const int flags = SQLITE_UTF8 | (fused.raise.empty() ? SQLITE_DETERMINISTIC : 0);
  // On an error SQLite calls `free` itself.
  const int code = fused.is_aggregate
                       ? sqlite3_create_window_function(db_.get(), fused.name.c_str(), arguments, flags, function.release(), step, finish,
                                                        current, leave, free)
                       : sqlite3_create_function_v2(db_.get(), fused.name.c_str(), arguments, flags, function.release(),
                                                    scalar ? call : raise, nullptr, nullptr, free);
  if (code != SQLITE_OK) return failure(code, {});
  functions_[fused.name] = context.clock;
  return {};
}

}  // namespace bfl::connect::sqlite
