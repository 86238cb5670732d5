// The kinds of actions that parse.cpp gives to the rules of the grammar. Included there only.
//
// An action of PEGTL sees a construct when it has ended, and cannot take back what a rule that failed has left behind. So a rule
// that becomes a node has an action with its own match(): it opens a frame before, and closes or takes it back behind.
#pragma once
#include <optional>
#include <string>
#include <type_traits>

#include "grammar/bfl.h"
#include "grammar/expected.h"
#include "interpreter/syntax/builder.h"
#include "interpreter/syntax/literal.h"
#include "interpreter/syntax/mistake.h"
#include "interpreter/syntax/parse.h"

namespace bfl::syntax::actions {

namespace g = bfl::grammar;
namespace p = tao::pegtl;
using ast::NodeKind;
using ast::Op;

inline std::uint32_t offset(const Builder& b, const char* at) { return static_cast<std::uint32_t>(at - b.text.data()); }

template <class Rule>
inline constexpr Expected expected_kind = Expected::something;
template <> inline constexpr Expected expected_kind<g::closing_backtick> = Expected::backtick;
template <> inline constexpr Expected expected_kind<g::item> = Expected::item;
template <> inline constexpr Expected expected_kind<g::closing_quote> = Expected::string_end;
template <> inline constexpr Expected expected_kind<g::line_tail> = Expected::string_end;
template <> inline constexpr Expected expected_kind<g::raw_line_tail> = Expected::string_end;
template <> inline constexpr Expected expected_kind<g::triple_tail> = Expected::string_end;
template <> inline constexpr Expected expected_kind<g::raw_triple_tail> = Expected::string_end;
template <> inline constexpr Expected expected_kind<g::f_end> = Expected::string_end;

template <class Rule>
struct control : p::normal<Rule> {
  template <class In>
  [[noreturn]] static void raise(const In& in, Builder& b) {
    static_assert(!g::expected<Rule>.empty(), "a rule that must match needs a phrase in grammar/expected.h");
    fail_expected(b, offset(b, in.current()), g::expected<Rule>, expected_kind<Rule>);
  }
};

// The character that a rule begins with, if there is but one: an action looks at it before it opens a frame.
template <class Rule, class = void>
inline constexpr char initial = 0;
template <char First, char... Rest>
inline constexpr char initial<p::internal::string<First, Rest...>> = First;
template <class Peek, char First>
inline constexpr char initial<p::internal::one<p::internal::result_on_found::success, Peek, First>> = First;
template <class First, class... Rest>
inline constexpr char initial<p::internal::seq<First, Rest...>> = initial<First>;
template <class Condition, class... Rest>
inline constexpr char initial<p::internal::if_must<false, Condition, Rest...>> = initial<Condition>;
template <class Rule>
inline constexpr char initial<Rule, std::enable_if_t<!std::is_same_v<Rule, typename Rule::rule_t>>> = initial<typename Rule::rule_t>;

static_assert(initial<g::where_clause> == 'w' && initial<g::member> == '.' && initial<g::call_tail> == '(' && initial<g::pick> == 0);

template <class Rule, class In>
bool cannot_begin(const In& in) {
  if constexpr (initial<Rule> == 0) return false;
  return in.empty() || in.peek_char() != initial<Rule>;
}

// Runs the grammar rule below an action that has its own match().
#define BFL_MATCH_RULE p::match<Rule, A, M, Action, Control>(in, b)
#define BFL_ACTION_MATCH                                                                                                  \
  template <typename Rule, p::apply_mode A, p::rewind_mode M, template <typename...> class Action,                      \
            template <typename...> class Control, typename In>                                                           \
  [[nodiscard]] static bool match(In& in, Builder& b)

struct Deeper {
  Deeper(Builder& builder, const char* at) : b(builder) {
    if (++b.depth > max_nesting) {
      const std::uint32_t place = offset(b, at);
      --b.depth;
      b.fail(place, Code::nesting_too_deep, b.span(place, place + 1), "found more than 128 levels of nesting",
             "give parts a name with `let`, `derive` or `fn`");
    }
  }
  ~Deeper() { --b.depth; }
  Deeper(const Deeper&) = delete;
  Builder& b;
};

enum class Nesting : bool { flat, deeper };

// Opens a frame around a rule. What becomes of the frame when the rule has matched is said by Finish::finish(frame, b).
template <class Finish, Nesting Nest = Nesting::flat>
struct framed : p::maybe_nothing {
  BFL_ACTION_MATCH {
    if constexpr (A == p::apply_mode::nothing) {
      return BFL_MATCH_RULE;
    } else {
      if (cannot_begin<Rule>(in)) return false;
      Frame frame;
      b.open(frame, offset(b, in.current()));
      bool matched = false;
      if constexpr (Nest == Nesting::deeper) {
        const Deeper deeper(b, in.current());
        matched = BFL_MATCH_RULE;
      } else {
        matched = BFL_MATCH_RULE;
      }
      if (!matched) {
        b.take_back(frame);
        return false;
      }
      b.close(frame);
      Finish::finish(frame, b);
      return true;
    }
  }
};

// The frame becomes a node.
template <NodeKind Kind, Nesting Nest>
struct composes : framed<composes<Kind, Nest>, Nest> {
  static void finish(Frame& frame, Builder& b) {
    if constexpr (Kind == NodeKind::clause || Kind == NodeKind::statement || Kind == NodeKind::over) {
      frame.word = b.word_at(frame.begin);
      if (frame.name_span.end == 0) frame.name_span = b.span(frame.begin, frame.begin + static_cast<std::uint32_t>(frame.word.size()));
    }
    if constexpr (Kind == NodeKind::body) {  // clauses that stand in a body are its statements
      for (std::size_t i = frame.base; i < b.pending.size(); ++i) {
        ast::Node& node = b.file.nodes[b.pending[i].id];
        if (node.kind == NodeKind::clause) node.kind = NodeKind::statement;
      }
    }
    b.finish(frame, Kind);
  }
};

template <NodeKind Kind>
using node = composes<Kind, Nesting::flat>;
template <NodeKind Kind>
using deep_node = composes<Kind, Nesting::deeper>;
using clause = node<NodeKind::clause>;
using statement = node<NodeKind::statement>;

// `left op right`: the rule begins at its operator, both operands wait.
template <Op Operator, std::uint32_t Length>
struct folds : p::maybe_nothing {
  BFL_ACTION_MATCH {
    if (cannot_begin<Rule>(in)) return false;
    const std::uint32_t begin = offset(b, in.current());
    if (!BFL_MATCH_RULE) return false;
    if constexpr (A == p::apply_mode::action) b.fold_binary(Operator, b.span(begin, begin + Length));
    return true;
  }
};

// Prefix operators nest by recursion, so they count as nesting.
template <Op Operator, std::uint32_t Length>
struct prefixes : framed<prefixes<Operator, Length>, Nesting::deeper> {
  static void finish(Frame& frame, Builder& b) {
    frame.op = Operator;
    frame.name_span = b.span(frame.begin, frame.begin + Length);
    b.finish(frame, NodeKind::unary);
  }
};

template <NodeKind Kind>
struct literal : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin()), end = offset(b, in.end());
    const std::string_view raw = b.text.substr(begin, end - begin);
    std::optional<LiteralMistake> mistake;
    if constexpr (Kind == NodeKind::integer) mistake = check_integer(raw, b.negated == begin && begin != 0);
    if constexpr (Kind == NodeKind::duration || Kind == NodeKind::size) mistake = check_amount(raw);
    if constexpr (Kind == NodeKind::date) mistake = check_moment(raw);
    if (mistake) b.report(Kind == NodeKind::integer ? Code::integer_too_large : Code::invalid_literal, begin, *mistake);
    b.leaf(Kind == NodeKind::date && raw.size() > 10 ? NodeKind::timestamp : Kind, begin, end);
  }
};

template <std::uint16_t Flag>
struct flags : p::maybe_nothing {
  static void apply0(Builder& b) { b.frame->flags |= Flag; }
};

template <Op Operator>
struct sets_op : p::maybe_nothing {
  static void apply0(Builder& b) { b.frame->op = Operator; }
};

// Takes the name just matched as the text of the construct.
struct names_frame : p::maybe_nothing {
  static void apply0(Builder& b) {
    b.frame->text = b.name();
    b.frame->name_span = b.name_span();
    if (b.backticked()) b.frame->flags |= ast::flag::backticked;
  }
};

struct opens : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) { b.openings.push_back(offset(b, in.begin())); }
};
struct closes : p::maybe_nothing {
  static void apply0(Builder& b) { b.openings.pop_back(); }
};

template <class Rule>
struct action : p::nothing<Rule> {};

}  // namespace bfl::syntax::actions
