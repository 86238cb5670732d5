// Builds the flat tree while the grammar matches. Knows nodes and frames, not the grammar.
//
// A rule that becomes a node opens a Frame (on the native stack, so it ends with the rule, whichever way that ends); names,
// words and flags that are matched inside go to the innermost frame. Finished nodes wait on `pending` until the node above
// takes those that came since its own frame opened. Taking back a rule that failed is one cut of two vectors.
#pragma once
#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/syntax/ast.h"
#include "interpreter/syntax/literal.h"

namespace bfl::syntax {

// Ends the parsing of an item. Thrown and caught inside parse().
struct Failure {
  std::uint32_t place;  // where parsing stopped: recovery begins there
  Diagnostic diagnostic;
};

struct Frame {
  Frame* outer;
  std::uint32_t begin;      // offset of the first token
  std::size_t base;         // height of `pending`
  std::size_t nodes;        // size of the tree
  std::uint32_t token_end;
  ast::Op op = ast::Op::none;
  std::uint16_t flags = 0;
  Span name_span{};
  std::string_view text{}, word{};
};

struct Waiting {
  ast::NodeId id;
  std::uint32_t height;  // of the tree below, so that later stages may walk it by recursion
};

struct Builder {
  Builder(ast::File& target, std::string_view source_text, Diagnostics& sink)
      : file(target), text(source_text), diagnostics(sink) {}

  ast::File& file;
  std::string_view text;
  Diagnostics& diagnostics;
  std::vector<Waiting> pending{};
  std::vector<std::uint32_t> openings{};  // offsets of the brackets that are open
  Frame* frame = nullptr;
  std::uint32_t token_end = 0;            // end of the last token, without the white space behind it
  std::uint32_t literal_begin = 0;        // where the innermost string began
  std::uint32_t negated = 0;              // offset of an operand with a minus before it
  std::uint32_t name_begin = 0, name_end = 0;  // the last name matched, with its backticks
  std::uint32_t item_begin = 0, item_before = 0;
  int depth = 0;
  bool semicolon_reported = false;

  static constexpr std::uint32_t max_height = 1000;

  Span span(std::uint32_t begin, std::uint32_t end) const { return {begin, end, file.source}; }
  Span name_span() const { return span(name_begin, name_end); }
  bool backticked() const { return name_end > name_begin && text[name_begin] == '`'; }
  std::string_view name() const {
    const std::string_view whole = text.substr(name_begin, name_end - name_begin);
    return backticked() ? whole.substr(1, whole.size() - 2) : whole;
  }
  // The word at an offset: clauses and statements begin with theirs.
  std::string_view word_at(std::uint32_t begin) const {
    std::size_t end = begin;
    while (end < text.size() && ((text[end] >= 'a' && text[end] <= 'z') || text[end] == '_')) ++end;
    return text.substr(begin, end - begin);
  }

  [[noreturn]] void fail(std::uint32_t place, Code code, Span where, std::string message, std::string help = {}) const {
    throw Failure{place, {.code = code, .message = std::move(message), .span = where, .help = std::move(help)}};
  }

  void report(Code code, std::uint32_t begin, const LiteralMistake& mistake) const {
    diagnostics.error(code, span(begin + mistake.begin, begin + mistake.end), mistake.message, mistake.help);
  }
  void check_text_escapes(std::string_view raw, std::uint32_t begin) const {
    if (raw.find('\\') == std::string_view::npos) return;
    if (const auto mistake = check_escapes(raw)) report(Code::invalid_literal, begin, *mistake);
  }

  void open(Frame& opened, std::uint32_t begin) {
    opened = {.outer = frame, .begin = begin, .base = pending.size(), .nodes = file.nodes.size(), .token_end = token_end};
    frame = &opened;
  }
  void close(const Frame& closed) { frame = closed.outer; }
  void take_back(const Frame& failed) {
    pending.resize(failed.base);
    file.nodes.resize(failed.nodes);
    token_end = failed.token_end;
    frame = failed.outer;
  }

  ast::Node& leaf(ast::NodeKind kind, std::uint32_t begin, std::uint32_t end) {
    pending.push_back({static_cast<ast::NodeId>(file.nodes.size()), 1});
    return file.nodes.emplace_back(
        ast::Node{.kind = kind, .span = span(begin, end), .name_span = span(begin, end), .text = text.substr(begin, end - begin)});
  }
  void name_leaf() {
    ast::Node& node = leaf(ast::NodeKind::name, name_begin, name_end);
    node.text = name();
    if (backticked()) node.flags = ast::flag::backticked;
  }

  // Links what waits above `base` as children of `parent`; gives the height of the tree below it.
  std::uint32_t adopt(ast::NodeId parent, std::size_t base) {
    std::uint32_t height = 0;
    ast::NodeId next = ast::no_node;
    for (std::size_t i = pending.size(); i-- > base;) {
      file.nodes[pending[i].id].next_sibling = next;
      next = pending[i].id;
      height = std::max(height, pending[i].height);
    }
    file.nodes[parent].first_child = next;
    pending.resize(base);
    return height;
  }
  void wait(ast::NodeId id, std::uint32_t height) {
    if (height > max_height) {
      const Span where = file.nodes[id].span;
      fail(where.end, Code::nesting_too_deep, span(where.begin, std::min(where.end, where.begin + 1)),
           "this expression has more than 1,000 operators in a row", "split it with `derive`, or use `in [...]`");
    }
    pending.push_back({id, height});
  }

  // The node of a frame whose rule has matched.
  void finish(const Frame& done, ast::NodeKind kind) {
    const auto id = static_cast<ast::NodeId>(file.nodes.size());
    const Span whole = span(done.begin, std::max(token_end, done.begin));
    file.nodes.emplace_back(ast::Node{.kind = kind, .op = done.op, .flags = done.flags, .span = whole,
                                      .name_span = done.name_span.end != 0 ? done.name_span : whole, .text = done.text, .word = done.word});
    wait(id, adopt(id, done.base) + 1);
  }
  // The same for a node that stands already: a name that turned out to be a call.
  void finish_as(const Frame& done, ast::NodeId id, ast::NodeKind kind) {
    const std::uint32_t height = adopt(id, done.base) + 1;
    file.nodes[id].kind = kind;
    file.nodes[id].span.end = token_end;
    pending.pop_back();
    wait(id, height);
  }

  void fold_binary(ast::Op op, Span operator_span) {
    const Span left = file.nodes[pending[pending.size() - 2].id].span, right = file.nodes[pending.back().id].span;
    const auto id = static_cast<ast::NodeId>(file.nodes.size());
    file.nodes.emplace_back(ast::Node{.kind = ast::NodeKind::binary, .op = op, .span = join(left, right), .name_span = operator_span});
    wait(id, adopt(id, pending.size() - 2) + 1);
  }
};

}  // namespace bfl::syntax
