#include "interpreter/connect/postgres_error.h"

#include <cctype>
#include <string>

namespace bfl::connect::postgres {
namespace {

struct Row {
  std::string_view state;  // five characters, or the two of a class
  ErrorClass kind;
};

// Codes come before their classes. Classes that are not here are `fatal`.
constexpr Row rows[] = {
    {"40003", ErrorClass::unknown_commit},  // statement_completion_unknown
    {"40002", ErrorClass::data},            // transaction_integrity_constraint_violation
    {"40", ErrorClass::transient},          // serialization_failure, deadlock_detected, rollback
    {"55P03", ErrorClass::transient},       // lock_not_available: lock_timeout
    {"55006", ErrorClass::transient},       // object_in_use
    {"55P02", ErrorClass::fatal},           // cant_change_runtime_param
    {"55", ErrorClass::data},               // object_not_in_prerequisite_state
    {"57014", ErrorClass::transient},       // query_canceled: statement_timeout, or somebody's cancel
    {"57P05", ErrorClass::transient},       // idle_session_timeout
    {"57P01", ErrorClass::transient},       // admin_shutdown
    {"57P02", ErrorClass::transient},       // crash_shutdown
    {"57P03", ErrorClass::transient},       // cannot_connect_now: starting up
    {"57P04", ErrorClass::fatal},           // database_dropped
    {"57", ErrorClass::transient},          // operator_intervention
    {"53300", ErrorClass::transient},       // too_many_connections
    {"53200", ErrorClass::transient},       // out_of_memory of the server
    {"53", ErrorClass::fatal},              // disk full, configuration limit
    {"08P01", ErrorClass::fatal},           // protocol_violation
    {"08", ErrorClass::transient},          // the connection broke
    {"25P03", ErrorClass::transient},       // idle_in_transaction_session_timeout
    {"25006", ErrorClass::permission},      // read_only_sql_transaction: a replica, or default_transaction_read_only
    {"25", ErrorClass::fatal},              // invalid_transaction_state
    {"22", ErrorClass::data},               // data exceptions: overflow, conversion, division by zero
    {"23", ErrorClass::data},               // integrity constraints
    {"27", ErrorClass::data},               // triggered_data_change_violation
    {"44", ErrorClass::data},               // with check option
    {"21", ErrorClass::data},               // cardinality_violation: a subquery gave several rows
    {"P0", ErrorClass::data},               // raised by PL/pgSQL: a trigger or function of the user's
    {"2F", ErrorClass::data},               // sql_routine_exception
    {"38", ErrorClass::data},               // external_routine_exception
    {"39", ErrorClass::data},               // external_routine_invocation_exception
    {"42501", ErrorClass::permission},      // insufficient_privilege, and row-level security
    {"42P01", ErrorClass::stale_schema},    // undefined_table
    {"42703", ErrorClass::stale_schema},    // undefined_column
    {"42704", ErrorClass::stale_schema},    // undefined_object: a type that was dropped
    {"42", ErrorClass::fatal},              // the statement itself is wrong
    {"28", ErrorClass::permission},         // invalid authorization
    {"0L", ErrorClass::permission},         // invalid grantor
    {"0P", ErrorClass::permission},         // invalid role
    {"3D", ErrorClass::fatal},              // no such database
    {"3F", ErrorClass::stale_schema},       // no such schema
    {"54", ErrorClass::fatal},              // program limits: statement too complex
    {"58", ErrorClass::fatal},              // I/O errors of the server
    {"F0", ErrorClass::fatal},              // configuration file
    {"HV", ErrorClass::fatal},              // foreign data wrappers
    {"XX", ErrorClass::fatal},              // internal errors, corruption
};

}  // namespace

ErrorClass class_of(std::string_view sqlstate) {
  if (sqlstate.empty()) return ErrorClass::transient;
  for (const Row& row : rows)
    if (sqlstate.starts_with(row.state)) return row.kind;
  return ErrorClass::fatal;
}

bool leaves_commit_open(std::string_view sqlstate, std::string_view severity) {
  if (sqlstate.empty() || severity == "FATAL" || severity == "PANIC") return true;
  return sqlstate == "40003" || sqlstate.starts_with("08") || sqlstate.starts_with("57P0");
}

std::string worded(std::string_view message) {
  for (const std::string_view head : {"ERROR:", "FATAL:", "PANIC:"})
    if (message.starts_with(head)) message.remove_prefix(head.size());
  while (!message.empty() && (message.front() == ' ' || message.front() == '\n')) message.remove_prefix(1);
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ' || message.back() == '.')) message.remove_suffix(1);
  std::string text(message);
  // A name or an abbreviation keeps its capitals.
  if (text.size() > 1 && std::isupper(static_cast<unsigned char>(text[0])) && !std::isupper(static_cast<unsigned char>(text[1])))
    text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

}  // namespace bfl::connect::postgres
