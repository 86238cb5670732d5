#include "interpreter/connect/postgres_error.h"

#include <cctype>
#include <string>

namespace bfl::connect::postgres {
namespace {

// Codes come before their classes; what is in none of them is `fatal`.
constexpr ErrorRow rows[] = {
    {"40003", ErrorClass::unknown_commit, "whether the statement was completed is not known"},
    {"40002", ErrorClass::data, "a constraint that is checked at the end of a transaction"},
    {"40", ErrorClass::transient, "serialization failure, deadlock: the transaction is rolled back, and may pass the next time"},
    {"08007", ErrorClass::unknown_commit, "whether the transaction was committed is not known"},
    {"55P03", ErrorClass::transient, "a lock was not had within lock_timeout"},
    {"55006", ErrorClass::transient, "the object is in use"},
    {"55P02", ErrorClass::fatal, "a setting that cannot be changed now"},
    {"55", ErrorClass::data, "an object is not in the state that the statement needs"},
    {"57014", ErrorClass::transient, "statement_timeout, or somebody cancelled the statement"},
    {"57P05", ErrorClass::transient, "the session was idle too long and was ended; a new one is made"},
    {"57P01", ErrorClass::transient, "the server is shut down, or ended the session; a new one is made"},
    {"57P02", ErrorClass::transient, "the server crashed; a new connection is made"},
    {"57P03", ErrorClass::transient, "the server takes no connections yet: it is starting up"},
    {"57P04", ErrorClass::fatal, "the database was dropped"},
    {"57", ErrorClass::transient, "an operator intervened"},
    {"53300", ErrorClass::transient, "too many connections: one may become free"},
    {"53200", ErrorClass::transient, "the server is out of memory for now"},
    {"53", ErrorClass::fatal, "the disk is full, or a limit of the configuration is reached: waiting mends neither"},
    {"08P01", ErrorClass::fatal, "client and server do not understand each other"},
    {"08", ErrorClass::transient, "the connection broke; a new one is made"},
    {"25P04", ErrorClass::transient, "the transaction took longer than transaction_timeout and was ended"},
    {"25P03", ErrorClass::transient, "the transaction was idle too long and was ended"},
    {"25006", ErrorClass::permission, "a replica, or a role whose transactions may only read"},
    {"25", ErrorClass::fatal, "the transaction is in a state in which the statement cannot be carried out"},
    {"22001", ErrorClass::data, "a text that is too long for its column", "shorten it: `left(x, 100)`, or leave such rows out with a `where`"},
    {"22003", ErrorClass::data, "a number that is too large for its column", "leave such rows out with a `where`, or widen the column first"},
    {"22", ErrorClass::data, "overflow, conversion, division by zero, a text too long: a row does not fit"},
    {"23502", ErrorClass::data, "null for a column that may not be null", "say what it is then, `value ?? fallback`, or leave such rows out with a `where`"},
    {"23503", ErrorClass::data, "a reference to a row that is not there, or to one that would go", "leave out the rows whose parent is missing, `join one PARENT as p on … else skip \"…\"`, or add the parents in a step before"},
    {"23505", ErrorClass::data, "another row has these values under a unique key", "leave out the rows whose value is there already, `where x not in (x from TABLE)`, or give each a free one: `unique x order by … else f\"{wanted}-{n}\"`"},
    {"23514", ErrorClass::data, "a value that a check of the table does not allow", "write a value that the check allows, or leave such rows out with a `where`"},
    {"23", ErrorClass::data, "a constraint: not null, unique, foreign key, check, exclusion"},
    {"27", ErrorClass::data, "a trigger changed the row that was being changed"},
    {"44", ErrorClass::data, "the row is outside of the view through which it is written"},
    {"21", ErrorClass::data, "a subquery gave several rows where one was due"},
    {"09", ErrorClass::data, "an exception within a trigger of the user's"},
    {"20", ErrorClass::data, "no case fits, in a function of the user's"},
    {"P0", ErrorClass::data, "raised by PL/pgSQL: a trigger or function of the user's refuses the row"},
    {"2F", ErrorClass::data, "an exception within a function of the user's"},
    {"38", ErrorClass::data, "an exception within an external function"},
    {"39", ErrorClass::data, "an external function was called wrongly"},
    {"42501", ErrorClass::permission, "a missing right, or row-level security"},
    {"42P01", ErrorClass::stale_schema, "the table is not there any more"},
    {"42703", ErrorClass::stale_schema, "the column is not there any more"},
    {"42704", ErrorClass::stale_schema, "a type or another object is not there any more"},
    {"42883", ErrorClass::stale_schema, "the function is not there any more"},
    {"42", ErrorClass::fatal, "the statement itself is wrong"},
    {"28", ErrorClass::permission, "the server does not accept who connects"},
    {"0L", ErrorClass::permission, "who grants a right may not"},
    {"0P", ErrorClass::permission, "the role is not valid"},
    {"0A", ErrorClass::fatal, "the server does not have the feature"},
    {"03", ErrorClass::fatal, "the statement is not complete"},
    {"0F", ErrorClass::fatal, "a locator of a large object is not valid"},
    {"0Z", ErrorClass::fatal, "diagnostics were asked for outside of a handler, in a function of the user's"},
    {"10", ErrorClass::data, "an XPath or XQuery expression that cannot be evaluated"},
    {"0B", ErrorClass::fatal, "a transaction cannot begin here"},
    {"2D", ErrorClass::fatal, "a transaction cannot end here"},
    {"3B", ErrorClass::fatal, "a savepoint is not there"},
    {"24", ErrorClass::fatal, "a cursor is not in the state that is needed"},
    {"26", ErrorClass::fatal, "a prepared statement is not there: a pooler gave it to another session"},
    {"34", ErrorClass::fatal, "a cursor is not there"},
    {"2B", ErrorClass::fatal, "other objects depend on a privilege"},
    {"3D", ErrorClass::fatal, "there is no such database"},
    {"3F", ErrorClass::stale_schema, "the schema is not there any more"},
    {"54000", ErrorClass::data, "a value that is too large for an index or for a row", "shorten it, or leave such rows out with a `where`"},
    {"54", ErrorClass::fatal, "a limit of the server: the statement is too complex, or has too many columns or arguments"},
    {"72", ErrorClass::transient, "a snapshot became too old; the next transaction takes a new one"},
    {"58", ErrorClass::fatal, "the server's own files cannot be read or written"},
    {"F0", ErrorClass::fatal, "the server's configuration file is wrong"},
    {"HV", ErrorClass::fatal, "a foreign data wrapper failed"},
    {"XX", ErrorClass::fatal, "an internal error of the server, or damaged data"},
};

}  // namespace

ErrorClass class_of(std::string_view sqlstate) {
  if (sqlstate.empty()) return ErrorClass::transient;
  for (const ErrorRow& row : rows)
    if (sqlstate.starts_with(row.code)) return row.kind;
  return ErrorClass::fatal;
}

std::string_view help_with(std::string_view sqlstate) {
  for (const ErrorRow& row : rows)
    if (!sqlstate.empty() && sqlstate.starts_with(row.code)) return row.help;
  return {};
}

std::span<const ErrorRow> error_rows() { return rows; }

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
