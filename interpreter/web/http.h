// One POST to an address. libcurl is loaded when the first is sent: linking it would cost every run milliseconds.
#pragma once
#include <functional>
#include <string>
#include <string_view>

#include "interpreter/base/result.h"

namespace bfl::notify {

struct Post {
  std::string address;                   // http://… or https://…
  std::string_view body;
  std::string_view type = "application/json";
  double seconds = 10;                   // for all of it
  std::function<bool()> hurry{};         // looked at about once a second: true ends it
};

// An error of class transient where another try may help (no connection, no answer in time, 429, 5xx), else of class refused; it
// names the host, never the rest of the address, which may be a secret.
Result<void> post(const Post& post);

std::string host_of(std::string_view address);  // "https://hooks.example.com"

}  // namespace bfl::notify
