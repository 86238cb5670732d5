// The texts that a run reads: the job itself and the modules of the standard library.
//
// Nodes of the syntax tree hold views into these texts, so a Sources outlives every tree made from it and a text never
// moves once it has been added.
#pragma once
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/span.h"

namespace bfl {

struct Position {
  std::size_t line = 1;    // 1-based
  std::size_t column = 1;  // 1-based, in bytes
};

class SourceFile {
 public:
  SourceFile(std::string path, std::string text);
  const std::string& path() const { return path_; }  // as the user wrote it; `std/text.bfl` for library modules
  std::string_view text() const { return text_; }
  Position position(std::uint32_t offset) const;
  std::string_view line(std::size_t number) const;  // 1-based, without its line end
  std::size_t line_count() const { return starts_.size(); }

 private:
  std::string path_;
  std::string text_;
  std::vector<std::uint32_t> starts_;
};

class Sources {
 public:
  std::uint32_t add(std::string path, std::string text);  // the index that spans carry
  const SourceFile& file(std::uint32_t index) const { return *files_.at(index); }
  std::size_t size() const { return files_.size(); }
  std::string_view slice(Span span) const;

 private:
  std::vector<std::shared_ptr<const SourceFile>> files_;  // copies of a Sources share the texts
};

}  // namespace bfl
