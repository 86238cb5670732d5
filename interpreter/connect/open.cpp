// The table of connectors: a scheme and who opens it.
#include <fmt/format.h>

#include "interpreter/connect/connector.h"
#include "interpreter/connect/sqlite_open.h"

namespace bfl::connect {
namespace {

struct Scheme {
  std::string_view prefix;
  Result<std::unique_ptr<Connector>> (*open)(const std::string& rest, const OpenOptions& options);
};

constexpr Scheme schemes[] = {
    {"sqlite://", sqlite::open},
    {"sqlite:", sqlite::open},
};

}  // namespace

Result<std::unique_ptr<Connector>> open(const std::string& url, const OpenOptions& options) {
  for (const Scheme& scheme : schemes)
    if (url.starts_with(scheme.prefix)) return scheme.open(url.substr(scheme.prefix.size()), options);
  // Of a foreign URL only the scheme is shown: the rest may hold a password.
  if (const auto colon = url.find("://"); colon != std::string::npos)
    return Error{ErrorClass::fatal, fmt::format("no connector for `{}://`", url.substr(0, colon)), {}, "this version opens `sqlite:PATH`"};
  return sqlite::open(url, options);
}

}  // namespace bfl::connect
