// A text of TOML as a tree in which every key and every value knows its place. toml++ stays behind this door.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/base/diagnostic.h"

namespace bfl::project {

enum class SettingKind : std::uint8_t { text, integer, real, boolean, moment, list, table };

struct Setting {
  SettingKind kind{};
  std::string key{};               // of a table's member
  Span key_span{}, span{};         // span: of the value
  std::string text{};              // text: decoded
  std::int64_t integer = 0;
  bool boolean = false;
  std::vector<Setting> members{};  // of a table in order of the text, or of a list

  const Setting* find(std::string_view name) const;
};

std::string_view name_of(SettingKind kind);  // "a text", "a table"

// The table that the file is; nothing, with a diagnostic, where it is no TOML.
std::optional<Setting> read_toml(const Sources& sources, std::uint32_t file, Diagnostics& diagnostics);

}  // namespace bfl::project
