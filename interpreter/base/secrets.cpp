#include "interpreter/base/secrets.h"

#include <algorithm>
#include <map>
#include <vector>

#include "interpreter/base/digest.h"
#include "interpreter/base/json.h"
#include "interpreter/base/value.h"

namespace bfl {
namespace {

constexpr int rounds = 50'000;  // of a digest: some 20 ms

std::vector<std::string>& known() {
  static std::vector<std::string> forms;
  return forms;
}

void know(std::string_view form) {
  if (form.size() < shortest_secret || std::find(known().begin(), known().end(), form) != known().end()) return;
  known().emplace_back(form);
}

void hide(std::string& text, std::string_view secret) {
  constexpr std::string_view shown = "***";
  const std::string_view head = secret.substr(0, shortest_secret);
  for (std::size_t at = text.find(head); at != std::string::npos; at = text.find(head, at + shown.size())) {
    std::size_t end = at + head.size();
    while (end < text.size() && end - at < secret.size() && text[end] == secret[end - at]) ++end;
    text.replace(at, end - at, shown);
  }
}

}  // namespace

void remember_secret(std::string_view value) {
  std::string json, sql;
  append_json_text(json, value);
  const std::string literal = to_literal(Value(std::string(value)));
  for (const char c : value) sql.append(c == '\'' ? 2 : 1, c);
  know(value);
  know(sql);
  for (const std::string_view quoted : {std::string_view(json), std::string_view(literal)}) know(quoted.substr(1, quoted.size() - 2));
  for (std::size_t begin = 0; begin < value.size();) {
    const std::size_t end = std::min(value.find('\n', begin), value.size());
    know(value.substr(begin, end - begin));
    begin = end + 1;
  }
  // A secret may begin with another one.
  std::stable_sort(known().begin(), known().end(), [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
}

std::string without_secrets(std::string text) {
  for (const std::string& secret : known()) hide(text, secret);
  return text;
}

std::string secret_digest(std::string_view value) {
  static std::map<std::string, std::string, std::less<>> made;
  if (const auto found = made.find(value); found != made.end()) return found->second;
  Hasher hasher;
  Digest digest{};
  for (int round = 0; round < rounds; ++round) digest = hasher.field("bfl secret parameter").field(as_bytes(digest)).field(value).finish();
  return made.emplace(value, hex(digest)).first->second;
}

}  // namespace bfl
