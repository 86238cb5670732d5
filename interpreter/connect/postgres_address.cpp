#include "interpreter/connect/postgres_address.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <optional>
#include <vector>

#include "interpreter/connect/postgres_library.h"

namespace bfl::connect::postgres {
namespace {

using Words = std::map<std::string, std::string>;

Words taken(const Library& library, PQconninfoOption* options) {
  Words words;
  for (const PQconninfoOption* option = options; option && option->keyword; ++option)
    if (option->val && *option->val) words[option->keyword] = option->val;
  library.PQconninfoFree(options);
  return words;
}

// libpq fills in a service for whoever asks what its defaults are only where the environment names it.
class NamedService {
 public:
  explicit NamedService(const std::string& name) {
    const char* before = std::getenv(variable);
    if (before) before_ = before;
    changed_ = !name.empty();
    if (changed_) setenv(variable, name.c_str(), 1);
  }
  ~NamedService() {
    if (!changed_) return;
    if (before_) setenv(variable, before_->c_str(), 1);
    else unsetenv(variable);
  }
  NamedService(const NamedService&) = delete;
  NamedService& operator=(const NamedService&) = delete;

 private:
  static constexpr const char* variable = "PGSERVICE";
  std::optional<std::string> before_{};
  bool changed_ = false;
};

std::vector<std::string> parts_of(const std::string& list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    parts.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

// Names of hosts know no case; folders of sockets do.
std::string as_called(std::string host) {
  if (!host.starts_with('/') && !host.starts_with('@')) std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return host;
}

}  // namespace

Result<Words> words_of(const std::string& url) {
  auto found = library();
  if (!found) return found.error();
  const std::string plain = url.starts_with("postgres://") || url.starts_with("postgresql://") ? url : url.substr(url.find(':') + 1);
  char* problem = nullptr;
  PQconninfoOption* parsed = (*found)->PQconninfoParse(plain.c_str(), &problem);
  if (problem) (*found)->PQfreemem(problem);  // it may quote a part of the address, and that may be the password
  if (!parsed) return Error{ErrorClass::fatal, "the address of the server cannot be read"};
  return taken(**found, parsed);
}

Result<std::string> place_of(const std::string& url) {
  auto words = words_of(url);
  if (!words) return words.error();
  auto found = library();
  if (!found) return found.error();
  Words defaults;
  {
    const NamedService service((*words)["service"]);
    defaults = taken(**found, (*found)->PQconndefaults());
  }
  const auto is = [&](const char* word) -> const std::string& { return !(*words)[word].empty() ? (*words)[word] : defaults[word]; };
  const std::string& addresses = is("hostaddr");  // goes before the names
  const std::vector<std::string> hosts = parts_of(addresses.empty() ? is("host") : addresses), ports = parts_of(is("port"));
  std::string place;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    const std::string& port = ports.size() == 1 ? ports[0] : i < ports.size() ? ports[i] : ports.back();  // one port is that of all
    place += as_called(hosts[i]) + ':' + (port.empty() ? "5432" : port) + '\n';
  }
  const std::string& database = is("dbname");
  return place + (database.empty() ? is("user") : database);
}

}  // namespace bfl::connect::postgres
