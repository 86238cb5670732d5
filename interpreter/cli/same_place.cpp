#include "interpreter/cli/same_place.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <map>
#include <string_view>

namespace bfl::cli {
namespace {

using Words = std::map<std::string, std::string, std::less<>>;  // as libpq calls them

std::string decoded(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool escape = text[i] == '%' && i + 2 < text.size() && std::isxdigit(static_cast<unsigned char>(text[i + 1])) && std::isxdigit(static_cast<unsigned char>(text[i + 2]));
    out += escape ? static_cast<char>(std::strtol(std::string(text.substr(i + 1, 2)).c_str(), nullptr, 16)) : text[i];
    i += escape ? 2 : 0;
  }
  return out;
}

// //USER:PASSWORD@HOST:PORT,HOST:PORT/DATABASE?KEY=VALUE&…
Words words_of_url(std::string_view rest) {
  Words words;
  rest.remove_prefix(2);
  const auto query = std::min(rest.find('?'), rest.size());
  for (std::string_view pairs = rest.substr(std::min(query + 1, rest.size())); !pairs.empty();) {
    const auto end = std::min(pairs.find('&'), pairs.size());
    if (const auto equals = pairs.find('='); equals < end) words[decoded(pairs.substr(0, equals))] = decoded(pairs.substr(equals + 1, end - equals - 1));
    pairs.remove_prefix(std::min(end + 1, pairs.size()));
  }
  rest = rest.substr(0, query);
  const auto slash = std::min(rest.find('/'), rest.size());
  std::string_view database = rest.substr(std::min(slash + 1, rest.size())), hosts = rest.substr(0, slash);
  while (database.ends_with('/')) database.remove_suffix(1);
  if (!database.empty()) words.emplace("dbname", decoded(database));
  if (const auto at = hosts.rfind('@'); at != std::string_view::npos) {
    words.emplace("user", decoded(hosts.substr(0, std::min(hosts.find(':'), at))));
    hosts.remove_prefix(at + 1);
  }
  std::string names, ports;
  while (!hosts.empty()) {
    const std::string_view one = hosts.substr(0, hosts.find(','));
    const auto colon = one.rfind(':');
    const bool has_port = colon != std::string_view::npos && one.find(']', colon) == std::string_view::npos;
    names += (names.empty() ? "" : ",") + decoded(one.substr(0, has_port ? colon : one.size()));
    ports += (ports.empty() ? "" : ",") + std::string(has_port ? one.substr(colon + 1) : "5432");
    hosts.remove_prefix(std::min(one.size() + 1, hosts.size()));
  }
  if (!names.empty()) {
    words.emplace("host", names);
    words.emplace("port", ports);
  }
  return words;
}

// host=db.example.com dbname='my shop'
Words words_of_keywords(std::string_view rest) {
  Words words;
  for (std::size_t at = 0; at < rest.size();) {
    while (at < rest.size() && rest[at] == ' ') ++at;
    std::string name, value;
    for (; at < rest.size() && rest[at] != '='; ++at)
      if (rest[at] != ' ') name += rest[at];
    for (++at; at < rest.size() && rest[at] == ' ';) ++at;
    const bool quoted = at < rest.size() && rest[at] == '\'';
    for (at += quoted ? 1 : 0; at < rest.size() && rest[at] != (quoted ? '\'' : ' '); ++at) {
      if (rest[at] == '\\' && at + 1 < rest.size()) ++at;
      value += rest[at];
    }
    ++at;
    if (!name.empty()) words[name] = value;
  }
  return words;
}

std::string otherwise(const Words& words, std::string_view name, const char* variable, std::string fallback) {
  if (const auto found = words.find(name); found != words.end() && !found->second.empty()) return found->second;
  const char* set = std::getenv(variable);
  return set && *set ? set : std::move(fallback);
}

// Of a server: host, port and database, as libpq finds them. Of anything else the text.
std::string place(const std::string& url) {
  const auto colon = url.find(':');
  const std::string_view scheme = std::string_view(url).substr(0, colon == std::string::npos ? 0 : colon);
  if (scheme != "postgres" && scheme != "postgresql") return url;
  const std::string_view rest = std::string_view(url).substr(colon + 1);
  const Words words = rest.starts_with("//") ? words_of_url(rest) : words_of_keywords(rest);
  std::string host = otherwise(words, "host", "PGHOST", "");
  std::transform(host.begin(), host.end(), host.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const std::string database = otherwise(words, "dbname", "PGDATABASE", otherwise(words, "user", "PGUSER", ""));
  return host + '\n' + otherwise(words, "port", "PGPORT", "5432") + '\n' + database + '\n' + otherwise(words, "service", "PGSERVICE", "");
}

}  // namespace

bool same_place(const std::string& one, const std::string& other) { return one == other || place(one) == place(other); }

}  // namespace bfl::cli
