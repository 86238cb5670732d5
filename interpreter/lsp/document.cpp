#include "interpreter/lsp/document.h"

#include <algorithm>

namespace bfl::lsp {

void Document::replace(Place from, Place to, std::string_view with) {
  const Lines lines(text);
  const std::uint32_t begin = lines.offset(from), end = std::max(begin, lines.offset(to));
  text.replace(begin, end - begin, with);
  stale = true;
  compared_ = false;
}

void Document::set(std::shared_ptr<const Analysis> analysis) {
  now = std::move(analysis);
  if (now->resolved) good = now;
  stale = compared_ = false;
}

void Document::compare() const {
  if (compared_ || !good) return;
  const std::string& other = good->text;
  const std::size_t most = std::min(text.size(), other.size());
  same_before_ = same_behind_ = 0;
  while (same_before_ < most && text[same_before_] == other[same_before_]) ++same_before_;
  while (same_behind_ < most - same_before_ && text[text.size() - 1 - same_behind_] == other[other.size() - 1 - same_behind_]) ++same_behind_;
  compared_ = true;
}

std::optional<std::uint32_t> Document::in_good(std::uint32_t offset) const {
  if (!good) return std::nullopt;
  compare();
  if (offset <= same_before_) return offset;
  if (text.size() - offset <= same_behind_) return static_cast<std::uint32_t>(good->text.size() - (text.size() - offset));
  return std::nullopt;
}

std::optional<Span> Document::from_good(Span span) const {
  if (!good || span.file != good->file || span.end == 0) return std::nullopt;
  compare();
  if (span.end <= same_before_) return span;
  if (good->text.size() - span.begin > same_behind_) return std::nullopt;
  const auto moved = [&](std::uint32_t offset) { return static_cast<std::uint32_t>(text.size() - (good->text.size() - offset)); };
  return Span{moved(span.begin), moved(span.end), span.file};
}

const check::Symbol* Document::symbol_at(std::uint32_t offset, Span* where, std::uint32_t* number) const {
  const auto there = in_good(offset);
  const check::SymbolUse* use = there ? good->symbols.at(*there, good->file) : nullptr;
  const auto span = use ? from_good(use->span) : std::nullopt;
  if (!span) return nullptr;
  if (where) *where = *span;
  if (number) *number = use->symbol;
  return &good->symbols.all()[use->symbol];
}

}  // namespace bfl::lsp
