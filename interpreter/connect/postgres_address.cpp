#include "interpreter/connect/postgres_address.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "interpreter/base/variable.h"
#include "interpreter/connect/postgres_library.h"

namespace bfl::connect::postgres {
namespace {

using Words = std::map<std::string, std::string>;

// What is said to be empty is said.
Words taken(const Library& library, PQconninfoOption* options) {
  Words words;
  for (const PQconninfoOption* option = options; option && option->keyword; ++option)
    if (option->val) words[option->keyword] = option->val;
  library.PQconninfoFree(options);
  return words;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

// libpq fills in a service for whoever asks what its defaults are where the environment names it, and is silent where there is none of that
// name: then they are what they are without.
Result<Words> defaults_of(const Library& library, const Words& said) {
  const auto named = said.find("service"), file = said.find("servicefile");
  const std::string service = named == said.end() ? variable("PGSERVICE") : named->second, services = file == said.end() ? variable("PGSERVICEFILE") : file->second;
  Words plain;
  {
    const Variable none("PGSERVICE", nullptr);
    plain = taken(library, library.PQconndefaults());
  }
  if (service.empty()) return plain;
  const Variable with("PGSERVICE", service.c_str()), in("PGSERVICEFILE", services.empty() ? nullptr : services.c_str());
  Words filled = taken(library, library.PQconndefaults());
  for (Words* words : {&plain, &filled}) words->erase("service"), words->erase("servicefile");
  if (plain == filled) return Error{ErrorClass::fatal, "the service that the address names is not known"};
  return filled;
}

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
  std::string plain = url;
  for (const std::string_view scheme : {"postgres:", "postgresql:"})
    if (url.starts_with(scheme) && !url.substr(scheme.size()).starts_with("//")) plain = url.substr(scheme.size());
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
  auto defaults = defaults_of(**found, *words);
  if (!defaults) return defaults.error();
  const auto is = [&](const char* word) -> const std::string& { return words->contains(word) ? (*words)[word] : (*defaults)[word]; };
  // An address goes before the name that stands in its place.
  const std::string &addresses = is("hostaddr"), &names = is("host");
  const std::vector<std::string> by_address = parts_of(addresses), by_name = parts_of(names), ports = parts_of(is("port"));
  const std::size_t servers = addresses.empty() ? by_name.size() : by_address.size();
  if ((!addresses.empty() && !names.empty() && by_name.size() != servers) || (ports.size() != 1 && ports.size() != servers))
    return Error{ErrorClass::fatal, "the address of the server cannot be read: it names as many hosts as ports, or one port for all"};
  std::string place;
  for (std::size_t i = 0; i < servers; ++i) {
    const std::string& host = !addresses.empty() && !by_address[i].empty() ? by_address[i] : names.empty() ? names : by_name[i];
    const std::string& port = ports[ports.size() == 1 ? 0 : i];
    place += as_called(host) + ':' + (port.empty() ? "5432" : port) + '\n';
  }
  const std::string& database = is("dbname");
  if (database.empty() && is("user").empty()) return Error{ErrorClass::fatal, "the address of the server names no database"};
  return place + (database.empty() ? is("user") : database);
}

}  // namespace bfl::connect::postgres
