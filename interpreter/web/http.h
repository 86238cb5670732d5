// One call of an address. libcurl is loaded when the first is made: linking it would cost every run milliseconds.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "interpreter/base/result.h"

namespace bfl::web {

struct Call {
  std::string address;                   // http://… or https://…
  double seconds = 10;                   // for all of it
  std::function<bool()> hurry{};         // looked at about once a second: true ends it
};

// An error of class transient where another try may help (no connection, no answer in time, 429, 5xx), else of class refused; it
// names the host, never the rest of the address, which may be a secret.
Result<void> post(const Call& call, std::string_view json);
// What it answers, up to 1 MiB.
Result<std::string> get(const Call& call);

// A text as a part of an address: everything but letters, digits, `-`, `.`, `_` and `~` by its bytes.
std::string escaped(std::string_view text);

}  // namespace bfl::web
