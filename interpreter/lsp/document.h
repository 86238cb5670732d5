// An open text, its analysis, and the last one that could be resolved: while somebody types, most texts do not parse.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include "interpreter/lsp/analysis.h"
#include "interpreter/lsp/position.h"

namespace bfl::lsp {

class Document {
 public:
  Document(std::string at, std::string of, std::int64_t number) : path(std::move(at)), text(std::move(of)), version(number) {}
  void replace(Place from, Place to, std::string_view with);
  void set(std::shared_ptr<const Analysis> analysis);

  std::string path, text;
  std::int64_t version = 0;
  bool stale = true;                        // the text is newer than `now`
  std::shared_ptr<const Analysis> now, good;  // good: null until one was resolved

  // A place of the text in the last good one, and back; nothing where the text between has changed.
  std::optional<std::uint32_t> in_good(std::uint32_t offset) const;
  std::optional<Span> from_good(Span span) const;
  // What stands at a place of the text, or null.
  const check::Symbol* symbol_at(std::uint32_t offset, Span* where = nullptr, std::uint32_t* number = nullptr) const;

 private:
  void compare() const;
  mutable std::size_t same_before_ = 0, same_behind_ = 0;  // bytes that the text shares with the good one
  mutable bool compared_ = false;
};

}  // namespace bfl::lsp
