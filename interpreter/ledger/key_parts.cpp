#include "interpreter/ledger/key_parts.h"

namespace bfl::ledger {

std::string key_part(std::string_view value) {
  const bool plain = value.find_first_of(",\"") == std::string_view::npos && !value.starts_with(' ') && !value.ends_with(' ');
  if (plain) return std::string(value);
  std::string quoted = "\"";
  for (const char c : value) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

std::optional<std::vector<std::string>> key_parts(std::string_view typed) {
  std::vector<std::string> parts;
  for (bool more = true; more;) {
    std::string part;
    if (typed.starts_with('"')) {
      typed.remove_prefix(1);
      for (;;) {
        const std::size_t quote = typed.find('"');
        if (quote == std::string_view::npos) return std::nullopt;
        part += typed.substr(0, quote);
        typed.remove_prefix(quote + 1);
        if (!typed.starts_with('"')) break;
        part += '"';
        typed.remove_prefix(1);
      }
      if (!typed.empty() && typed.front() != ',') return std::nullopt;
    } else {
      part = typed.substr(0, typed.find(','));
      typed.remove_prefix(part.size());
    }
    parts.push_back(std::move(part));
    more = !typed.empty();
    if (more) typed.remove_prefix(typed.starts_with(", ") ? 2 : 1);
  }
  return parts;
}

}  // namespace bfl::ledger
