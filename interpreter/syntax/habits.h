// The actions of the rules that take habits of other languages: most are reported and then read as what was meant, so that
// one run shows them all. Included by parse.cpp only.
#pragma once
#include "interpreter/syntax/actions.h"

namespace bfl::syntax::actions {

inline void habit(Builder& b, Span where, std::string message, std::string help) {
  b.diagnostics.error(Code::sql_habit, where, std::move(message), std::move(help));
}

template <> struct action<g::sql_text> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin()), end = offset(b, in.end());
    const std::string_view raw = b.text.substr(begin, end - begin);
    const bool closed = raw.size() > 1 && raw.back() == '\'';
    habit(b, b.span(begin, end), "found a text in single quotes",
          closed ? "write `\"" + std::string(raw.substr(1, raw.size() - 2)) + "\"`" : "write it in double quotes");
    b.leaf(NodeKind::string, begin, end);
  }
};
template <> struct action<g::sql_comment> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    b.fail(begin, Code::sql_habit, b.span(begin, begin + 2), "found `--`", "a comment begins with `#`; two signs stand apart, `a - -b`");
  }
};
template <> struct action<g::sql_bang> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    habit(b, b.span(begin, begin + 1), "found `!`", "write `not`");
  }
};
template <Op Operator, std::uint32_t Length>
struct sql_folds : p::maybe_nothing {
  BFL_ACTION_MATCH {
    const std::uint32_t begin = offset(b, in.current());
    if (!folds<Operator, Length>::template match<Rule, A, M, Action, Control>(in, b)) return false;
    if constexpr (A == p::apply_mode::action) {
      const std::string word = Operator == Op::equal ? "==" : "!=";
      habit(b, b.span(begin, begin + Length), "found `" + std::string(b.text.substr(begin, Length)) + "` as a comparison",
            "write `" + word + "`");
    }
    return true;
  }
};
template <> struct action<g::sql_equal> : sql_folds<Op::equal, 1> {};
template <> struct action<g::sql_not_equal> : sql_folds<Op::not_equal, 2> {};
template <Op Operator>
struct sql_null_test : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const Span where = b.span(offset(b, in.begin()), b.token_end);
    b.leaf(NodeKind::null_, b.token_end - 4, b.token_end);
    b.fold_binary(Operator, where);
    habit(b, where, "found `" + std::string(b.text.substr(where.begin, where.end - where.begin)) + "`",
          Operator == Op::equal ? "write `== null`" : "write `!= null`");
  }
};
template <> struct action<g::sql_is_null> : sql_null_test<Op::equal> {};
template <> struct action<g::sql_is_not_null> : sql_null_test<Op::not_equal> {};
template <> struct action<g::sql_operator> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    const Span where = b.span(begin, b.token_end);
    const std::string word(b.text.substr(begin, b.token_end - begin));
    b.fail(begin, Code::sql_habit, where, "found `" + word + "`",
           (word.back() | 0x20) == 'n'   ? "write `a >= low and a <= high`"
           : (word.back() | 0x20) == 'e' ? "write `starts_with(a, \"...\")`, `contains(a, \"...\")` or `matches(a, r\"...\")`"
                                         : "write `==` or `!=`");
  }
};
template <> struct action<g::chained> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    b.fail(begin, Code::unexpected_token, b.span(begin, begin + 1), "found a second comparison in a row", "write `a < b and b < c`");
  }
};
template <> struct action<g::sql_and> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    habit(b, b.span(begin, begin + 2), "found `&&`", "write `and`");
  }
};
template <> struct action<g::sql_or> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    habit(b, b.span(begin, begin + 2), "found `||`", "write `or`; to join two texts write `+`");
  }
};
template <> struct action<g::sql_semicolon> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    if (!b.semicolon_reported) habit(b, b.span(begin, begin + 1), "found `;`", "remove it: a line end is enough");
    b.semicolon_reported = true;
  }
};

}  // namespace bfl::syntax::actions
