#include "interpreter/base/address.h"

namespace bfl {

std::string host_of(std::string_view address) {
  const auto begin = address.find("://");
  std::string_view rest = begin == std::string_view::npos ? address : address.substr(begin + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  return std::string(begin == std::string_view::npos ? "" : address.substr(0, begin + 3)) + std::string(rest);
}

}  // namespace bfl
