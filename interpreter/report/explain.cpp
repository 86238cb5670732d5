#include "interpreter/report/explain.h"

#include <algorithm>
#include <cctype>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <vector>

#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

constexpr Explanation texts[] = {
#define BFL_EXPLAIN(id, why, failing, mended) {Code::id, why, failing, mended},
#include "interpreter/report/explain_script.def"
#include "interpreter/report/explain_steps.def"
#include "interpreter/report/explain_world.def"
#undef BFL_EXPLAIN
};

struct Row { Code code; std::string_view name; };
constexpr Row rows[] = {
#define BFL_CODE(id, text, title) {Code::id, #id},
#include "interpreter/base/codes.def"
#undef BFL_CODE
};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == '\n') text.remove_prefix(1);
  while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) text.remove_suffix(1);
  return text;
}

// Sessions at a prompt and advice in words are examples as well.
bool is_script(std::string_view example) {
  for (std::string_view word : {"job", "use", "param", "parm", "program", "source", "let", "fn", "check", "update", "updat", "verify", "snapshot", "insert", "upsert", "delete"})
    if (example.starts_with(word) && example.substr(word.size()).starts_with(' ')) return true;
  return false;
}

}  // namespace

const Explanation* explanation(Code code) {
  for (const Explanation& entry : texts)
    if (entry.code == code) return &entry;
  return nullptr;
}

std::optional<Code> code_named(std::string_view text) {
  auto same = [&](std::string_view known) {
    return std::equal(text.begin(), text.end(), known.begin(), known.end(),
                      [](unsigned char a, unsigned char b) { return std::toupper(a) == std::toupper(b); });
  };
  for (const Row& row : rows)
    if (same(code_text(row.code)) || same(row.name)) return row.code;
  return std::nullopt;
}

std::string whole_script(std::string_view example) {
  example = trimmed(example);
  if (!is_script(example)) return {};
  if (example.starts_with("job ")) return std::string(example) + "\n";
  // `use` comes first in a file.
  std::string head;
  while (example.starts_with("use ")) {
    const auto end = std::min(example.find('\n') + 1, example.size());
    head += example.substr(0, end);
    example.remove_prefix(end);
  }
  return fmt::format("{}job example {{ why \"an example\" }}\nsource shop = sqlite(\"shop.db\")\n{}\n", head, example);
}

std::string explain(const Explanation& entry) {
  std::string text = fmt::format("{}: {}\n\n{}\n", code_text(entry.code), code_title(entry.code), trimmed(entry.why));
  if (!trimmed(entry.failing).empty()) text += fmt::format("\nfor example\n\n{}", indented(trimmed(entry.failing)));
  if (!trimmed(entry.mended).empty()) text += fmt::format("\nmended\n\n{}", indented(trimmed(entry.mended)));
  return text;
}

std::string explanation_json(const Explanation& entry) {
  nlohmann::ordered_json object{{"code", code_text(entry.code)}, {"title", code_title(entry.code)}, {"why", trimmed(entry.why)},
                                {"failing", trimmed(entry.failing)}, {"mended", trimmed(entry.mended)},
                                {"failing_script", whole_script(entry.failing)}, {"mended_script", whole_script(entry.mended)}};
  return object.dump(2);
}

std::string list_of_codes() {
  std::string text;
  for (const Row& row : rows) text += fmt::format("{}  {:<22}  {}\n", code_text(row.code), row.name, code_title(row.code));
  return text;
}

}  // namespace bfl::report
