#include "interpreter/cli/same_place.h"

#include "interpreter/connect/postgres_address.h"

namespace bfl::cli {

bool same_place(const std::string& one, const std::string& other) {
  if (one == other) return true;
  const auto of_server = [](const std::string& url) { return url.starts_with("postgres:") || url.starts_with("postgresql:"); };
  if (!of_server(one) || !of_server(other)) return false;
  const auto here = connect::postgres::place_of(one), there = connect::postgres::place_of(other);
  return here && there && *here == *there;  // what cannot be read leads nowhere
}

}  // namespace bfl::cli
