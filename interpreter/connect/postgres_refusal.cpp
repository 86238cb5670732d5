#include "interpreter/connect/postgres_refusal.h"

#include <poll.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <string_view>

namespace bfl::connect::postgres {
namespace {

constexpr std::chrono::seconds patience{5};

// "… failed: FATAL:  53300", of the last server that was asked.
std::string sqlstate_in(std::string_view message) {
  constexpr std::size_t length = 5;
  while (!message.empty() && std::isspace(static_cast<unsigned char>(message.back()))) message.remove_suffix(1);
  if (message.size() <= length || message[message.size() - length - 1] != ' ') return {};
  message.remove_prefix(message.size() - length);
  const bool sound = std::all_of(message.begin(), message.end(), [](unsigned char c) { return std::isdigit(c) || std::isupper(c); });
  return sound ? std::string(message) : std::string();
}

}  // namespace

Refusal refusal_of(const Library& library, const char* const* names, const char* const* values) {
  PGconn* const connection = library.PQconnectStartParams(names, values, 1);
  if (!connection) return {};
  library.PQsetErrorVerbosity(connection, PQERRORS_SQLSTATE);
  const auto until = std::chrono::steady_clock::now() + patience;
  PostgresPollingStatusType status = PGRES_POLLING_WRITING;
  while (library.PQstatus(connection) != CONNECTION_BAD && status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now()).count();
    pollfd looked{library.PQsocket(connection), static_cast<short>(status == PGRES_POLLING_READING ? POLLIN : POLLOUT), 0};
    if (left <= 0 || looked.fd < 0 || poll(&looked, 1, static_cast<int>(left)) <= 0) break;
    status = library.PQconnectPoll(connection);
  }
  Refusal refusal{status == PGRES_POLLING_FAILED ? sqlstate_in(library.PQerrorMessage(connection)) : std::string(), status == PGRES_POLLING_OK};
  library.PQfinish(connection);
  return refusal;
}

}  // namespace bfl::connect::postgres
