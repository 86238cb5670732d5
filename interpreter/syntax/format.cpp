#include "interpreter/syntax/format.h"

#include <algorithm>
#include <numeric>

#include "interpreter/base/diagnostic.h"
#include "interpreter/syntax/layout.h"
#include "interpreter/syntax/parse.h"

namespace bfl::syntax {

namespace {

using ast::NodeId, ast::NodeKind, ast::Op;

struct Range {
  std::uint32_t first, last;  // tokens
};

constexpr std::uint32_t widest_alignment = 24;

// Which operators make one chain: those of equal rank. Comparisons make none.
int rank(Op op) {
  switch (op) {
    case Op::or_: return 1;
    case Op::and_: return 2;
    case Op::coalesce: return 3;
    case Op::add: case Op::subtract: return 4;
    case Op::multiply: case Op::divide: return 5;
    default: return 0;
  }
}

class Formatter {
 public:
  Formatter(const ast::File& file, const Tokens& tokens) : file_(file), tokens_(tokens), brackets_(tokens.list.size()) {
    const auto count = static_cast<std::uint32_t>(tokens.list.size());
    layout_.gaps.resize(count);
    layout_.forced.resize(count);
    std::vector<std::uint32_t> open;
    for (std::uint32_t i = 0; i < count; ++i) {
      layout_.gaps[i].space = spaced(i);
      const std::string_view word = tokens.list[i].text;
      if (word == "(" || word == "[" || word == "{") open.push_back(i);
      if ((word == ")" || word == "]" || word == "}") && !open.empty()) {
        brackets_[open.back()] = i;
        brackets_[i] = open.back();
        open.pop_back();
      }
    }
  }

  Layout run() {
    nest({0, static_cast<std::uint32_t>(tokens_.list.size()) - 1}, 0);
    lines(children(file_.root), 0, true);
    ends_line(static_cast<std::uint32_t>(tokens_.list.size()) - 1, 0);
    layout_.gaps.back().blank = true;
    in_order();
    return std::move(layout_);
  }

 private:
  // Where things stand ------------------------------------------------------------------------------------------------
  std::string_view word(std::uint32_t token) const { return tokens_.list[token].text; }
  std::vector<NodeId> children(NodeId id) const {
    std::vector<NodeId> list;
    for (const NodeId child : ast::children(file_, id)) list.push_back(child);
    return list;
  }
  Range whole(NodeId id) const { return {tokens_.at(file_[id].span.begin), tokens_.before(file_[id].span.end)}; }
  // Without the parentheses around it.
  Range range(NodeId id) const {
    Range r = whole(id);
    while (word(r.first) == "(" && brackets_[r.first] == r.last && r.last > r.first + 1) {
      const bool inner = word(r.first + 1) == "(" && brackets_[r.first + 1] == r.last - 1;
      if (file_[id].kind == NodeKind::tuple && !inner) break;
      r = {r.first + 1, r.last - 1};
    }
    return r;
  }
  std::uint32_t first(NodeId id) const { return whole(id).first; }

  // The blank between two tokens of one line.
  bool spaced(std::uint32_t i) const {
    if (i == 0) return false;
    const std::string_view before = word(i - 1), next = word(i);
    if (next.empty() || next == "," || next == ")" || next == "]" || next == "." || next == ".." || next == ":" || next == "?") return false;
    return before != "(" && before != "[" && before != "." && before != ".." && !(before == "{" && next == "}");
  }

  // Gaps and groups ---------------------------------------------------------------------------------------------------
  void nest(Range r, std::uint32_t level) {
    for (std::uint32_t i = r.first + 1; i <= r.last; ++i) layout_.gaps[i].nest = layout_.gaps[i].comment_nest = level + 1;
  }
  std::uint32_t group(std::uint32_t from, std::uint32_t to) {
    layout_.groups.push_back({from, to});
    return static_cast<std::uint32_t>(layout_.groups.size()) - 1;
  }
  void may_break(std::uint32_t token, std::uint32_t group, std::uint32_t level) {
    Gap& gap = layout_.gaps[token];
    gap.group = group;
    gap.nest = gap.comment_nest = level;
  }
  void breaks_as_written(std::uint32_t token) {
    if (tokens_.list[token].lines != 0 && tokens_.list[token].comments == 0) layout_.forced[token] = true;
  }
  void ends_line(std::uint32_t token, std::uint32_t level) {
    Gap& gap = layout_.gaps[token];
    gap.always = true;
    gap.nest = gap.comment_nest = level;
  }
  void closes(std::uint32_t token, std::uint32_t group, std::uint32_t level) {
    may_break(token, group, level);
    layout_.gaps[token].comment_nest = level + 1;
  }
  void blank(std::uint32_t token) { layout_.gaps[token].blank = true; }

  // Each with a line of its own: items of a file.
  void lines(const std::vector<NodeId>& list, std::uint32_t level, bool outermost = false) {
    for (const NodeId id : list) {
      ends_line(first(id), level);
      if (outermost || id != list.front()) blank(first(id));
      walk(id, level);
    }
  }

  // `{ … }`: on one line, or each part on its own.
  std::uint32_t braces(std::uint32_t open, const std::vector<NodeId>& parts, std::uint32_t level, bool one_line) {
    const std::uint32_t close = brackets_[open];
    const std::uint32_t own = group(open, close);
    nest({open, close}, level);
    if (close > open + 1) {
      may_break(open + 1, own, level + 1);
      breaks_as_written(open + 1);
    }
    closes(close, own, level);
    if (!one_line && !parts.empty()) layout_.forced[close] = true;
    for (const NodeId part : parts) {
      const std::uint32_t token = first(part);
      may_break(token, own, level + 1);
      if (part != parts.front()) {
        blank(token);
        if (word(token - 1) != ",") layout_.forced[token] = true;
      }
      walk(part, level + 1);
    }
    return own;
  }
  void align(std::uint32_t own, const std::vector<NodeId>& parts, std::uint32_t (Formatter::*value)(NodeId) const) {
    std::vector<std::pair<std::uint32_t, std::uint32_t>> places;  // the token, and how much stands before it
    std::uint32_t most = 0;
    for (const NodeId part : parts) {
      const std::uint32_t token = (this->*value)(part);
      if (token == 0 || token != first(part) + 1) continue;  // no plain name before it
      const auto length = static_cast<std::uint32_t>(word(token - 1).size());
      places.push_back({token, length});
      most = std::max(most, length);
    }
    if (most > widest_alignment) return;
    for (const auto& [token, length] : places) {
      layout_.gaps[token].pad = most - length;
      layout_.gaps[token].pad_group = own;
    }
  }
  std::uint32_t equals_of(NodeId id) const { return file_[id].kind == NodeKind::assign ? first(id) + 1 : 0; }
  std::uint32_t value_of(NodeId id) const { return file_[id].kind == NodeKind::entry ? first(id) + 1 : 0; }

  // `( … )`, `[ … ]`: elements with commas between them.
  void list(std::uint32_t open, const std::vector<NodeId>& parts, std::uint32_t level, bool fill) {
    const std::uint32_t close = brackets_[open];
    nest({open, close}, level);
    if (parts.empty()) return;
    const std::uint32_t own = group(open, close);
    layout_.groups[own].fill = fill;
    breaks_as_written(open + 1);
    for (const NodeId part : parts) {
      may_break(first(part), own, level + 1);
      if (part != parts.front()) blank(first(part));
      walk(part, level + 1);
    }
    closes(close, own, level);
  }
  void filled(const std::vector<NodeId>& parts, std::uint32_t level) {  // without brackets: `order by a, b`
    if (parts.empty()) return;
    const std::uint32_t own = group(first(parts.front()), whole(parts.back()).last);
    layout_.groups[own].fill = true;
    for (const NodeId part : parts) {
      if (part != parts.front()) may_break(first(part), own, level + 1);
      walk(part, level + 1);
    }
  }

  // Nodes -------------------------------------------------------------------------------------------------------------
  void walk_all(const std::vector<NodeId>& list, std::uint32_t level) {
    for (const NodeId id : list) walk(id, level);
  }

  void walk(NodeId id, std::uint32_t level) {
    const Range r = range(id);
    switch (file_[id].kind) {
      case NodeKind::job: return job(id, r, level);
      case NodeKind::source: case NodeKind::program: return source(id, r, level);
      case NodeKind::fn: case NodeKind::recipe: return declared(id, r, level);
      case NodeKind::apply: return applied(id, r, level);
      case NodeKind::for_: return repeated(id, r, level);
      case NodeKind::let: return let(id, r, level);
      case NodeKind::step: return step(id, r, level);
      case NodeKind::relation: case NodeKind::pick: return clauses(id, group(r.first, r.last), level);
      case NodeKind::clause: case NodeKind::statement: case NodeKind::over: return clause(id, r, level);
      case NodeKind::body: braces(r.first, children(id), level, children(id).size() < 2); return;
      case NodeKind::binary: return binary(id, r, level);
      case NodeKind::unary:
        if (file_[id].op == Op::negate) layout_.gaps[r.first + 1].space = word(r.first + 1) == "-";  // `--` would be something else
        return walk_all(children(id), level);
      case NodeKind::call: return call(id, r, level);
      case NodeKind::array: return list(r.first, children(id), level, plain(children(id)));
      case NodeKind::tuple: return list(r.first, children(id), level, true);
      case NodeKind::object: braces(r.first, children(id), level, true); return;
      case NodeKind::case_: return chosen(id, r, level);
      case NodeKind::fstring: return;  // one token
      default: return walk_all(children(id), level);
    }
  }

  bool plain(const std::vector<NodeId>& elements) const {
    return std::none_of(elements.begin(), elements.end(), [&](NodeId id) {
      const NodeKind kind = file_[id].kind;
      return kind == NodeKind::object || kind == NodeKind::array || kind == NodeKind::case_ || kind == NodeKind::call;
    });
  }

  void job(NodeId id, Range r, std::uint32_t level) {
    if (word(r.last) != "}") return;
    const auto entries = children(id);
    align(braces(brackets_[r.last], entries, level, entries.size() < 2), entries, &Formatter::value_of);
  }
  void source(NodeId id, Range r, std::uint32_t level) {
    auto parts = children(id);
    walk(parts.front(), level);
    parts.erase(parts.begin());
    if (word(r.last) == "}" && !parts.empty()) braces(brackets_[r.last], parts, level, parts.size() < 2);
  }
  void declared(NodeId id, Range r, std::uint32_t level) {
    std::vector<NodeId> params, rest;
    for (const NodeId child : children(id)) (file_[child].kind == NodeKind::fn_param ? params : rest).push_back(child);
    const std::uint32_t open = tokens_.at(file_[id].name_span.end);
    layout_.gaps[open].space = false;
    list(open, params, level, true);
    if (file_[id].kind == NodeKind::fn) return walk_all(rest, level);
    block(brackets_[r.last], rest, level);
  }
  void block(std::uint32_t open, const std::vector<NodeId>& items, std::uint32_t level) {
    const std::uint32_t close = brackets_[open];
    nest({open, close}, level);
    lines(items, level + 1);
    if (close == open + 1 && tokens_.list[close].comments == 0) return;
    ends_line(close, level);
    layout_.gaps[close].comment_nest = level + 1;
  }
  void applied(NodeId id, Range, std::uint32_t level) {
    auto parts = children(id);
    const std::uint32_t open = tokens_.at(file_[id].name_span.end);
    layout_.gaps[open].space = false;
    parts.pop_back();  // `as PREFIX`
    list(open, parts, level, true);
  }
  void repeated(NodeId id, Range r, std::uint32_t level) {
    auto items = children(id);
    walk(items.front(), level);
    items.erase(items.begin());
    block(brackets_[r.last], items, level);
  }
  void let(NodeId id, Range r, std::uint32_t level) {
    nest(r, level);
    const auto parts = children(id);
    if (!parts.empty() && file_[parts.front()].kind == NodeKind::relation) return clauses(parts.front(), group(r.first, r.last), level);
    if (!parts.empty() && file_[parts.front()].kind == NodeKind::sql) return sql(parts.front(), group(r.first, r.last), level);
    walk_all(parts, level);
  }
  // SQL in a text: what it reads and the text have lines of their own when the text has.
  void sql(NodeId id, std::uint32_t own, std::uint32_t level) {
    std::vector<NodeId> columns;
    for (const NodeId child : children(id)) {
      if (file_[child].kind == NodeKind::fn_param) columns.push_back(child);
      else if (file_[child].word == "reads" || is_text(child)) clause_line(child, own, level);
      else walk(child, level);
    }
    if (!columns.empty()) braces(first(columns.front()) - 1, columns, level, true);
  }
  bool is_text(NodeId id) const { return file_[id].kind == NodeKind::string || file_[id].kind == NodeKind::named_arg; }
  void clause_line(NodeId id, std::uint32_t own, std::uint32_t level) {
    may_break(first(id), own, level + 1);
    breaks_as_written(first(id));
    if (is_text(id) && word(whole(id).last).find('\n') != std::string_view::npos) layout_.forced[first(id)] = true;
    walk(id, level + 1);
  }

  // The clauses of a relation, in a group that may begin before it: all on one line, or each on its own.
  void clauses(NodeId id, std::uint32_t own, std::uint32_t level) {
    const Range r = range(id);
    nest(r, level);
    for (const NodeId child : children(id)) {
      if (file_[child].kind != NodeKind::clause || first(child) == r.first) {
        walk(child, level);
        continue;
      }
      clause_line(child, own, level);
    }
  }

  void step(NodeId id, Range r, std::uint32_t level) {
    nest(r, level);
    const NodeId body = ast::child(file_, id, NodeKind::body);
    const std::uint32_t own = group(r.first, body == ast::no_node ? r.last : first(body));
    for (const NodeId child : children(id)) {
      const ast::Node& node = file_[child];
      if (node.kind == NodeKind::relation) {
        clauses(child, own, level);
      } else if ((node.kind == NodeKind::clause && node.word != "into") || is_text(child)) {
        clause_line(child, own, level);
      } else if (child == body) {
        if (file_[id].word != "test") may_break(first(body), own, level);
        walk(body, level);
      } else {
        walk(child, level + 1);
      }
    }
  }

  void clause(NodeId id, Range r, std::uint32_t level) {
    const std::string_view what = file_[id].word;
    const auto parts = children(id);
    nest(r, level);
    if (((what == "derive" || what == "keep") && word(r.first + 1) == "{") || what == "group") return assigning(id, r, level);
    if (what == "match") return matching(id, r, level);
    if (what == "pace") return void(braces(r.first + 1, parts, level, parts.size() < 2));
    if (what == "rollout") return void(braces(file_[id].text.empty() ? r.first + 1 : r.first + 3, parts, level, false));
    if (what == "order" || what == "partition" || what == "after" || what == "cascades") return filled(parts, level);
    if (what == "key" && word(r.first + 1) == "(") return list(r.first + 1, parts, level, true);
    if (what == "using") return list(r.first + 1, parts, level, true);
    if (what == "window" || what == "over") return windowed(r, parts, level);
    if (parts.empty()) return;
    const bool several = what == "join" || what == "follow" || what == "unique" || (what == "on" && word(r.first + 1) == "duplicate");
    const std::uint32_t own = group(r.first, r.last);
    for (const NodeId part : parts) {
      const ast::Node& node = file_[part];
      const bool message = node.kind == NodeKind::string && part != parts.front() && (what == "assert" || what == "skip" || what == "when");
      if (several && part != parts.front() && node.kind != NodeKind::alias && node.kind != NodeKind::by) {
        // `on C`, `else E`: the word before an expression begins the line
        const bool worded = node.kind == NodeKind::clause || node.kind == NodeKind::using_ || node.kind == NodeKind::else_skip;
        may_break(worded ? first(part) : first(part) - 1, own, level + 1);
      }
      if (message) may_break(first(part), own, level + 1);
      walk(part, several && part != parts.front() ? level + 1 : level);
    }
  }
  void windowed(Range r, const std::vector<NodeId>& parts, std::uint32_t level) {
    if (word(r.last) != ")") return walk_all(parts, level);
    const std::uint32_t open = brackets_[r.last];
    list(open, parts, level, false);
  }
  void assigning(NodeId id, Range r, std::uint32_t level) {
    auto parts = children(id);
    if (!parts.empty() && file_[parts.front()].kind == NodeKind::by) {
      filled(children(parts.front()), level);
      parts.erase(parts.begin());
    }
    align(braces(brackets_[r.last], parts, level, true), parts, &Formatter::equals_of);
  }
  void matching(NodeId id, Range r, std::uint32_t level) {
    auto arms = children(id);
    walk(arms.front(), level);
    arms.erase(arms.begin());
    braces(brackets_[r.last], arms, level, false);
  }

  void binary(NodeId id, Range r, std::uint32_t level) {
    const int of = rank(file_[id].op);
    if (of == 0) return walk_all(children(id), level);
    nest(r, level);
    // The left side of a chain leans on itself; a side in parentheses is an operand of its own.
    std::vector<NodeId> parts;
    std::vector<std::uint32_t> signs;
    NodeId at = id;
    while (true) {
      const auto sides = children(at);
      parts.push_back(sides[1]);
      signs.push_back(tokens_.at(file_[at].name_span.begin));
      const NodeId left = sides[0];
      const Range bare = range(left), full = whole(left);
      if (file_[left].kind != NodeKind::binary || rank(file_[left].op) != of || bare.first != full.first) {
        parts.push_back(left);
        break;
      }
      at = left;
    }
    const std::uint32_t own = group(r.first, r.last);
    for (const std::uint32_t sign : signs) may_break(sign, own, level + 1);
    walk(parts.back(), level);
    for (std::size_t i = parts.size() - 1; i-- > 0;) walk(parts[i], level + 1);
  }

  void call(NodeId id, Range r, std::uint32_t level) {
    const std::uint32_t open = r.first + 1;
    layout_.gaps[open].space = false;
    auto parts = children(id);
    const NodeId over = !parts.empty() && file_[parts.back()].kind == NodeKind::over ? parts.back() : ast::no_node;
    if (over != ast::no_node) parts.pop_back();
    if (parts.size() > 1) list(open, parts, level, false);
    else walk_all(parts, level);
    if (over != ast::no_node) walk(over, level);
  }
  void chosen(NodeId id, Range r, std::uint32_t level) {
    auto arms = children(id);
    if ((file_[id].flags & ast::flag::has_subject) != 0) {
      walk(arms.front(), level);
      arms.erase(arms.begin());
    }
    braces(brackets_[r.last], arms, level, true);
  }

  // Groups by their first token, outer ones first.
  void in_order() {
    std::vector<std::uint32_t> order(layout_.groups.size()), place(layout_.groups.size());
    std::iota(order.begin(), order.end(), 0);
    std::stable_sort(order.begin(), order.end(), [&](std::uint32_t a, std::uint32_t b) {
      const Group &x = layout_.groups[a], &y = layout_.groups[b];
      return x.first != y.first ? x.first < y.first : x.last > y.last;
    });
    std::vector<Group> sorted;
    for (const std::uint32_t id : order) {
      place[id] = static_cast<std::uint32_t>(sorted.size());
      sorted.push_back(layout_.groups[id]);
    }
    layout_.groups = std::move(sorted);
    for (Gap& gap : layout_.gaps) {
      if (gap.group != no_group) gap.group = place[gap.group];
      if (gap.pad_group != no_group) gap.pad_group = place[gap.pad_group];
    }
  }

  const ast::File& file_;
  const Tokens& tokens_;
  std::vector<std::uint32_t> brackets_;  // the other one of a pair
  Layout layout_{};
};

}  // namespace

Result<std::string> format(const ast::File& file, const Sources& sources) {
  const Tokens before = tokens(file, sources);
  Layout layout = Formatter(file, before).run();
  std::string text = print(before, layout);
  Sources again;
  Diagnostics mistakes;
  const ast::File parsed = parse(again, again.add(sources.file(file.source).path(), text), mistakes);
  if (mistakes.has_errors() || !same_tokens(before, tokens(parsed, again)))
    return Error{ErrorClass::fatal, "the new layout is not the same text", {}, "this is a bug in bfl: please send the script"};
  return text;
}

Result<std::string> format(std::string_view text) {
  Sources sources;
  Diagnostics mistakes;
  const ast::File file = parse(sources, sources.add("", std::string(text)), mistakes);
  if (mistakes.has_errors()) return Error{ErrorClass::refused, mistakes.all().front().message, {}, mistakes.all().front().help};
  return format(file, sources);
}

}  // namespace bfl::syntax
