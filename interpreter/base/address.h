// Addresses of the web, as far as people may see them.
#pragma once
#include <string>
#include <string_view>

namespace bfl {

// "https://hooks.example.com": the rest of an address may be a secret.
std::string host_of(std::string_view address);

}  // namespace bfl
