#include "interpreter/project/toml.h"

#include <algorithm>

#define TOML_EXCEPTIONS 0
#include <toml++/toml.h>

namespace bfl::project {
namespace {

// toml++ counts columns in characters; spans count bytes.
std::uint32_t offset_of(const SourceFile& file, const toml::source_position& at) {
  if (at.line == 0 || at.line > file.line_count()) return static_cast<std::uint32_t>(file.text().size());
  const std::string_view line = file.line(at.line);
  std::size_t byte = 0;
  for (toml::source_index column = 1; column < at.column && byte < line.size(); ++column)
    do ++byte;
    while (byte < line.size() && (line[byte] & 0xc0) == 0x80);
  return static_cast<std::uint32_t>(line.data() - file.text().data()) + static_cast<std::uint32_t>(byte);
}

class Reading {
 public:
  Reading(const SourceFile& file, std::uint32_t number) : file_(file), number_(number) {}

  Span span(const toml::source_region& region) const {
    const std::uint32_t begin = offset_of(file_, region.begin);
    return {begin, std::max(begin, offset_of(file_, region.end)), number_};
  }

  Setting setting(const toml::node& node) const {
    Setting made;
    made.span = span(node.source());
    if (const auto* table = node.as_table()) {
      made.kind = SettingKind::table;
      for (const auto& [key, value] : *table) {
        Setting member = setting(value);
        member.key = key.str();
        member.key_span = span(key.source());
        made.members.push_back(std::move(member));
      }
      // toml++ sorts by key.
      std::sort(made.members.begin(), made.members.end(), [](const Setting& a, const Setting& b) { return a.key_span.begin < b.key_span.begin; });
    } else if (const auto* list = node.as_array()) {
      made.kind = SettingKind::list;
      for (const toml::node& element : *list) made.members.push_back(setting(element));
    } else if (const auto* text = node.as_string()) {
      made.kind = SettingKind::text;
      made.text = text->get();
    } else if (const auto* integer = node.as_integer()) {
      made.kind = SettingKind::integer;
      made.integer = integer->get();
    } else if (const auto* boolean = node.as_boolean()) {
      made.kind = SettingKind::boolean;
      made.boolean = boolean->get();
    } else {
      made.kind = node.is_floating_point() ? SettingKind::real : SettingKind::moment;
    }
    return made;
  }

 private:
  const SourceFile& file_;
  std::uint32_t number_;
};

}  // namespace

const Setting* Setting::find(std::string_view name) const {
  const auto found = std::find_if(members.begin(), members.end(), [&](const Setting& member) { return member.key == name; });
  return found == members.end() ? nullptr : &*found;
}

std::string_view name_of(SettingKind kind) {
  switch (kind) {
    case SettingKind::text: return "a text";
    case SettingKind::integer: return "a whole number";
    case SettingKind::real: return "a number";
    case SettingKind::boolean: return "true or false";
    case SettingKind::moment: return "a date or a time";
    case SettingKind::list: return "a list";
    case SettingKind::table: return "a table";
  }
  return {};
}

std::optional<Setting> read_toml(const Sources& sources, std::uint32_t number, Diagnostics& diagnostics) {
  const SourceFile& file = sources.file(number);
  const Reading reading(file, number);
  const toml::parse_result parsed = toml::parse(file.text());
  if (parsed) return reading.setting(parsed.table());
  const std::string_view said = parsed.error().description();
  Span where = reading.span(parsed.error().source());
  if (where.end == where.begin && where.begin < file.text().size())  // the character that is in the way
    do ++where.end;
    while (where.end < file.text().size() && (file.text()[where.end] & 0xc0) == 0x80);
  diagnostics.error(Code::bad_toml, where, "this is no TOML", "write `name = \"text\"` under a line `[section]`").notes.emplace_back(said);
  return std::nullopt;
}

}  // namespace bfl::project
