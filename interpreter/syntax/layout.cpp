#include "interpreter/syntax/layout.h"

#include <algorithm>

namespace bfl::syntax {

namespace {

std::uint32_t width(std::string_view text) {
  return static_cast<std::uint32_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

class Printer {
 public:
  Printer(const Tokens& tokens, Layout& layout) : tokens_(tokens), layout_(layout), musts_(tokens.list.size() + 1) {
    for (std::size_t i = 0; i < tokens.list.size(); ++i) {
      const bool must = layout.gaps[i].always || layout.forced[i] || tokens.list[i].comments != 0;
      musts_[i + 1] = musts_[i] + (must ? 1 : 0);
    }
  }

  std::string run() {
    std::size_t next_group = 0;
    const auto count = static_cast<std::uint32_t>(tokens_.list.size());
    for (std::uint32_t i = 0; i < count; ++i) {
      gap(i);
      std::erase_if(open_, [&](std::uint32_t g) { return layout_.groups[g].last <= i; });
      for (; next_group < layout_.groups.size() && layout_.groups[next_group].first == i; ++next_group) {
        const auto id = static_cast<std::uint32_t>(next_group);
        Group& group = layout_.groups[id];
        const bool within_flat = !open_.empty() && !layout_.groups[open_.back()].broken;
        const bool must = musts_[group.last + 1] - musts_[group.first + 1] != 0;
        decided_ = id + 1;
        group.broken = must || (!within_flat && !fits(i, group.last));
        open_.push_back(id);
      }
      text(tokens_.list[i].text);
    }
    while (!out_.empty() && (out_.back() == '\n' || out_.back() == ' ')) out_.pop_back();
    return out_.empty() ? out_ : out_ + '\n';
  }

 private:
  void text(std::string_view what) {
    out_ += what;
    const auto line = what.rfind('\n');
    column_ = line == std::string_view::npos ? column_ + width(what) : width(what.substr(line + 1));
  }
  void new_line(bool blank, std::uint32_t nest) {
    if (!out_.empty()) out_ += blank ? "\n\n" : "\n";
    out_.append(std::size_t{nest} * indent_width, ' ');
    column_ = nest * indent_width;
  }

  void gap(std::uint32_t i) {
    const Gap& gap = layout_.gaps[i];
    const Token& token = tokens_.list[i];
    if (token.comments != 0) {
      for (std::uint32_t c = token.comment; c < token.comment + token.comments; ++c) {
        const Between& comment = tokens_.comments[c];
        if (comment.lines == 0) text("  ");
        else new_line(blank_before_comment(gap, i, c) && comment.lines > 1, gap.comment_nest);
        text(comment.text);
      }
      return new_line(gap.blank && token.lines > 1, gap.nest);
    }
    if (gap.always || breaks(i)) return new_line(gap.blank && token.lines > 1, gap.nest);
    if (gap.space) text(" ");
    if (gap.pad != 0 && layout_.groups[gap.pad_group].broken) text(std::string(gap.pad, ' '));
  }
  // Not right behind an opening bracket; before a closing one its comments may stand apart.
  bool blank_before_comment(const Gap& gap, std::uint32_t i, std::uint32_t comment) const {
    if (comment != tokens_.list[i].comment) return true;
    const std::string_view before = i == 0 ? "" : tokens_.list[i - 1].text;
    return (gap.blank || gap.comment_nest != gap.nest) && before != "{" && before != "(" && before != "[";
  }
  bool breaks(std::uint32_t i) const {
    const Gap& gap = layout_.gaps[i];
    if (gap.group == no_group || !layout_.groups[gap.group].broken) return false;
    const Group& group = layout_.groups[gap.group];
    if (!group.fill || layout_.forced[i] || i == group.first + 1 || i == group.last) return true;
    std::uint32_t end = i;  // up to the next gap of the group
    while (end < group.last && layout_.gaps[end + 1].group != gap.group) ++end;
    return musts_[end + 1] - musts_[i + 1] != 0 || column_ + (gap.space ? 1 : 0) + flat(i, end) + 1 > line_width;
  }

  std::uint32_t flat(std::uint32_t first, std::uint32_t last) const {
    std::uint32_t sum = 0;
    for (std::uint32_t i = first; i <= last && sum <= line_width; ++i)
      sum += width(tokens_.list[i].text) + (i != first && layout_.gaps[i].space ? 1 : 0);
    return sum;
  }
  // Whether the tokens fit on the line, with what must follow them there.
  bool fits(std::uint32_t first, std::uint32_t last) const {
    std::uint32_t column = column_;
    for (std::uint32_t i = first; i < tokens_.list.size(); ++i) {
      if (i > last && may_end_line(i)) return true;
      const std::string_view word = tokens_.list[i].text;
      column += (i != first && layout_.gaps[i].space ? 1 : 0) + width(word.substr(0, word.find('\n')));
      if (column > line_width) return false;
      if (word.find('\n') != std::string_view::npos) return true;
    }
    return true;
  }
  bool may_end_line(std::uint32_t i) const {
    const Gap& gap = layout_.gaps[i];
    if (gap.always || tokens_.list[i].comments != 0) return true;
    return gap.group != no_group && (gap.group >= decided_ || layout_.groups[gap.group].broken);
  }

  const Tokens& tokens_;
  Layout& layout_;
  std::vector<std::uint32_t> musts_;  // how many gaps before a token are line ends in any case
  std::vector<std::uint32_t> open_;
  std::uint32_t decided_ = 0;
  std::uint32_t column_ = 0;
  std::string out_;
};

}  // namespace

std::string print(const Tokens& tokens, Layout& layout) { return Printer(tokens, layout).run(); }

}  // namespace bfl::syntax
