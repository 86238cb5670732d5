// Which rule of grammar/bfl.h becomes which node, and the loop over the items of a file.
//
// Rejected: PEGTL's contrib/parse_tree (an allocation a node, a tenth of the speed).
#include "interpreter/syntax/parse.h"

#include "interpreter/syntax/actions.h"
#include "interpreter/syntax/habits.h"
#include "interpreter/syntax/text.h"

namespace bfl::syntax {

namespace actions {

// Tokens --------------------------------------------------------------------------------------------------------------
template <> struct action<g::ws> : p::maybe_nothing {
  BFL_ACTION_MATCH {
    if constexpr (A == p::apply_mode::action) b.token_end = offset(b, in.current());
    return BFL_MATCH_RULE;
  }
};
template <> struct action<g::comment> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    std::uint32_t end = offset(b, in.end());
    if (b.text[end - 1] == '\r') --end;
    if (b.file.comments.empty() || b.file.comments.back().span.begin < begin) b.file.comments.push_back({b.span(begin, end)});
  }
};
struct matched_name : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    b.name_begin = offset(b, in.begin());
    b.name_end = offset(b, in.end());
  }
};
template <> struct action<g::plain> : matched_name {};
template <> struct action<g::backticked> : matched_name {};
template <> struct action<g::string_text> : p::maybe_nothing {
  BFL_ACTION_MATCH {
    const std::uint32_t begin = offset(b, in.current());
    b.literal_begin = begin;
    if (!BFL_MATCH_RULE) return false;
    if constexpr (A == p::apply_mode::action) {
      b.name_begin = begin;
      b.name_end = offset(b, in.current());
      const std::string_view raw = b.text.substr(begin, b.name_end - begin);
      if (raw[0] == '"') b.check_text_escapes(raw, begin);
    }
    return true;
  }
};
template <> struct action<g::label> : names_frame {};
template <> struct action<g::member_name> : names_frame {};
template <> struct action<g::type_name> : names_frame {};
template <> struct action<g::entry_word> : p::maybe_nothing {
  static void apply0(Builder& b) {
    b.frame->word = b.frame->text = b.name();
    b.frame->name_span = b.name_span();
  }
};
struct pushes_name : p::maybe_nothing {
  static void apply0(Builder& b) { b.name_leaf(); }
};
template <> struct action<g::name> : pushes_name {};
template <> struct action<g::referred> : pushes_name {};
template <> struct action<g::open_paren> : opens {};
template <> struct action<g::open_bracket> : opens {};
template <> struct action<g::open_brace> : opens {};
template <> struct action<g::close_paren> : closes {};
template <> struct action<g::call_close> : closes {};
template <> struct action<g::close_bracket> : closes {};
template <> struct action<g::close_brace> : closes {};

// Literals ------------------------------------------------------------------------------------------------------------
template <> struct action<g::moment> : literal<NodeKind::date> {};
template <> struct action<g::integer> : literal<NodeKind::integer> {};
template <> struct action<g::decimal> : literal<NodeKind::decimal> {};
template <> struct action<g::duration> : literal<NodeKind::duration> {};
template <> struct action<g::size> : literal<NodeKind::size> {};
template <> struct action<g::percent> : literal<NodeKind::percent> {};
template <> struct action<g::date_like> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin()), end = offset(b, in.end());
    b.diagnostics.error(Code::invalid_literal, b.span(begin, end), "found `" + in.string() + "`, which looks like a date but is none",
                        "write a date as `2025-03-01`, and a subtraction with spaces around `-`");
    b.leaf(NodeKind::date, begin, end);
  }
};
template <> struct action<g::number_like> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin()), end = offset(b, in.end());
    b.diagnostics.error(Code::invalid_literal, b.span(begin, end), "found `" + in.string() + "`, which is no number, duration or size",
                        "write `42`, `12.50`, `250ms`, `64MiB` or `5%`; a name that begins with a digit takes backticks");
    b.leaf(NodeKind::integer, begin, end);
  }
};
template <> struct action<g::text_literal> : p::maybe_nothing {
  static void apply0(Builder& b) {
    ast::Node& leaf = b.leaf(NodeKind::string, b.name_begin, b.name_end);
    if (leaf.text[0] == 'r') leaf.flags |= ast::flag::raw;
    if (leaf.text.substr(leaf.text[0] == 'r' ? 1 : 0).starts_with("\"\"\"")) leaf.flags |= ast::flag::triple;
  }
};
template <> struct action<g::f_mark> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) { b.literal_begin = offset(b, in.begin()); }
};
template <> struct action<g::f_end> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) { b.token_end = offset(b, in.end()); }
};
template <> struct action<g::f_text> : framed<action<g::f_text>> {
  static void finish(Frame& frame, Builder& b) {
    frame.text = b.text.substr(frame.begin, b.token_end - frame.begin);
    b.finish(frame, NodeKind::fstring);
  }
};
template <> struct action<g::piece> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    ast::Node& leaf = b.leaf(NodeKind::string_piece, offset(b, in.begin()), offset(b, in.end()));
    b.check_text_escapes(leaf.text, leaf.span.begin);
  }
};
template <> struct action<g::hole> : p::maybe_nothing {
  BFL_ACTION_MATCH {
    if constexpr (A == p::apply_mode::nothing) {
      return BFL_MATCH_RULE;
    } else {
      const std::uint32_t begin = b.literal_begin;
      const Deeper deeper(b, in.current());
      const bool matched = BFL_MATCH_RULE;
      b.literal_begin = begin;
      return matched;
    }
  }
};
template <> struct action<g::hole_close> : closes {};
template <> struct action<g::true_literal> : p::maybe_nothing {
  static void apply0(Builder& b) { b.leaf(NodeKind::true_, b.token_end - 4, b.token_end); }
};
template <> struct action<g::false_literal> : p::maybe_nothing {
  static void apply0(Builder& b) { b.leaf(NodeKind::false_, b.token_end - 5, b.token_end); }
};
template <> struct action<g::null_literal> : p::maybe_nothing {
  static void apply0(Builder& b) { b.leaf(NodeKind::null_, b.token_end - 4, b.token_end); }
};

// Expressions ---------------------------------------------------------------------------------------------------------
// The name before the `(` becomes the call.
template <> struct action<g::call_tail> : framed<action<g::call_tail>, Nesting::deeper> {
  static void finish(Frame& frame, Builder& b) {
    b.finish_as(frame, b.pending[frame.base - 1].id, NodeKind::call);
  }
};
// `(a)` is `a` with a wider span; `(a, b)` is a tuple.
template <> struct action<g::paren> : framed<action<g::paren>, Nesting::deeper> {
  static void finish(Frame& frame, Builder& b) {
    if (b.pending.size() - frame.base > 1) return b.finish(frame, NodeKind::tuple);
    b.file.nodes[b.pending.back().id].span = b.span(frame.begin, b.token_end);
  }
};
template <> struct action<g::array> : deep_node<NodeKind::array> {};
template <> struct action<g::object> : deep_node<NodeKind::object> {};
template <> struct action<g::object_entry> : node<NodeKind::object_entry> {};
template <> struct action<g::object_key> : p::maybe_nothing {
  static void apply0(Builder& b) {
    b.frame->text = b.text.substr(b.name_begin, b.name_end - b.name_begin);
    b.frame->name_span = b.name_span();
  }
};
template <> struct action<g::case_of> : deep_node<NodeKind::case_> {};
template <> struct action<g::case_subject> : flags<ast::flag::has_subject> {};
template <> struct action<g::case_arm> : node<NodeKind::case_arm> {};
template <> struct action<g::case_else> : node<NodeKind::case_else> {};
template <> struct action<g::member> : framed<action<g::member>> {
  static void finish(Frame& frame, Builder& b) {
    --frame.base;  // the operand before the `.`
    frame.begin = b.file.nodes[b.pending[frame.base].id].span.begin;
    b.finish(frame, NodeKind::member);
  }
};
template <> struct action<g::sign> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) { b.negated = offset(b, in.end()); }
};
template <> struct action<g::negation> : prefixes<Op::negate, 1> {};
template <> struct action<g::bang_negation> : prefixes<Op::not_, 1> {};
template <> struct action<g::inverted> : prefixes<Op::not_, 3> {};
template <> struct action<g::times> : folds<Op::multiply, 1> {};
template <> struct action<g::divided> : folds<Op::divide, 1> {};
template <> struct action<g::added> : folds<Op::add, 1> {};
template <> struct action<g::subtracted> : folds<Op::subtract, 1> {};
template <> struct action<g::fall_back> : folds<Op::coalesce, 2> {};
template <> struct action<g::equal> : folds<Op::equal, 2> {};
template <> struct action<g::not_equal> : folds<Op::not_equal, 2> {};
template <> struct action<g::less_equal> : folds<Op::less_equal, 2> {};
template <> struct action<g::greater_equal> : folds<Op::greater_equal, 2> {};
template <> struct action<g::less> : folds<Op::less, 1> {};
template <> struct action<g::greater> : folds<Op::greater, 1> {};
template <> struct action<g::inside> : folds<Op::in, 2> {};
template <> struct action<g::not_inside> : folds<Op::not_in, 3> {};
template <> struct action<g::both> : folds<Op::and_, 3> {};
template <> struct action<g::either> : folds<Op::or_, 2> {};

// Arguments, relations, clauses ---------------------------------------------------------------------------------------
template <> struct action<g::named_argument> : node<NodeKind::named_arg> {};
template <> struct action<g::bare_condition> : node<NodeKind::pick> {};
template <> struct action<g::pick> : framed<action<g::pick>> {
  static void finish(Frame& frame, Builder& b) {
    if (b.pending.size() - frame.base == 1) return;
    const ast::Node& first = b.file.nodes[b.pending[frame.base].id];
    const ast::Node& second = b.file.nodes[b.pending[frame.base + 1].id];
    const bool path = first.kind == NodeKind::name || first.kind == NodeKind::member || first.kind == NodeKind::relation;
    b.finish(frame, path && second.word != "from" ? NodeKind::relation : NodeKind::pick);
  }
};
template <> struct action<g::relation> : node<NodeKind::relation> {};
template <> struct action<g::joined> : node<NodeKind::relation> {};
template <> struct action<g::relation_paren> : p::maybe_nothing {
  BFL_ACTION_MATCH {
    if constexpr (A == p::apply_mode::nothing) {
      return BFL_MATCH_RULE;
    } else {
      const Deeper deeper(b, in.current());
      return BFL_MATCH_RULE;
    }
  }
};
template <> struct action<g::alias> : node<NodeKind::alias> {};
template <> struct action<g::assign> : node<NodeKind::assign> {};
template <> struct action<g::order_key> : node<NodeKind::order_key> {};
template <> struct action<g::ascending> : sets_op<Op::ascending> {};
template <> struct action<g::descending> : sets_op<Op::descending> {};
template <> struct action<g::join_one> : sets_op<Op::join_one> {};
template <> struct action<g::join_optional> : sets_op<Op::join_optional> {};
template <> struct action<g::join_many> : sets_op<Op::join_many> {};
template <> struct action<g::follow_each> : sets_op<Op::join_each> {};
template <> struct action<g::using_columns> : node<NodeKind::using_> {};
template <> struct action<g::else_skip> : node<NodeKind::else_skip> {};
template <> struct action<g::group_keys> : node<NodeKind::by> {};
template <> struct action<g::over_clause> : node<NodeKind::over> {};
template <> struct action<g::by_columns> : node<NodeKind::by> {};
template <> struct action<g::per_values> : node<NodeKind::by> {};
template <> struct action<g::unique_columns> : node<NodeKind::by> {};
template <> struct action<g::where_clause> : clause {};
template <> struct action<g::skip_clause> : clause {};
template <> struct action<g::derive_clause> : clause {};
template <> struct action<g::join_clause> : clause {};
template <> struct action<g::group_clause> : clause {};
template <> struct action<g::order_clause> : clause {};
template <> struct action<g::limit_clause> : clause {};
template <> struct action<g::distinct_clause> : clause {};
template <> struct action<g::expand_clause> : clause {};
template <> struct action<g::keep_clause> : clause {};
template <> struct action<g::union_clause> : clause {};
template <> struct action<g::follow_clause> : clause {};
template <> struct action<g::loop_clause> : clause {};
template <> struct action<g::loop_rule> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) { b.frame->text = b.word_at(offset(b, in.begin())); }
};
template <> struct action<g::window_clause> : clause {};
template <> struct action<g::cluster_clause> : clause {};
template <> struct action<g::partition_clause> : clause {};
template <> struct action<g::running_clause> : clause {};
template <> struct action<g::from_clause> : clause {};
template <> struct action<g::into_clause> : clause {};
template <> struct action<g::on_clause> : clause {};
template <> struct action<g::expect_clause> : clause {};
template <> struct action<g::chunk_clause> : clause {};
template <> struct action<g::once_clause> : clause {};
template <> struct action<g::after_clause> : clause {};
template <> struct action<g::when_clause> : clause {};
template <> struct action<g::atomic_clause> : clause {};
template <> struct action<g::key_clause> : clause {};
template <> struct action<g::cascades_clause> : clause {};
template <> struct action<g::through_clause> : clause {};
template <> struct action<g::pace_clause> : clause {};
template <> struct action<g::retry_clause> : clause {};
template <> struct action<g::approve_clause> : clause {};
template <> struct action<g::not_author> : clause {};
template <> struct action<g::rollback_clause> : clause {};
template <> struct action<g::promote_clause> : clause {};
template <> struct action<g::quarantine_clause> : clause {};
template <> struct action<g::rollout_clause> : clause {};
template <> struct action<g::by_hash> : p::maybe_nothing {
  static void apply0(Builder& b) { b.frame->text = "hash"; }
};
template <> struct action<g::stage> : clause {};
template <> struct action<g::then_verify> : clause {};
template <> struct action<g::then_assert> : clause {};
template <> struct action<g::then_wait> : clause {};
template <> struct action<g::wait_for_approval> : clause {};
template <> struct action<g::backoff> : clause {};
template <> struct action<g::pause_rule> : clause {};
template <> struct action<g::stop_rule> : clause {};
template <> struct action<g::rate_rule> : clause {};
template <> struct action<g::window_rule> : clause {};
template <> struct action<g::time_of_day> : literal<NodeKind::time_of_day> {};
template <> struct action<g::reads_clause> : clause {};
template <> struct action<g::writes_clause> : clause {};
template <> struct action<g::done_clause> : clause {};

// Bodies and items ----------------------------------------------------------------------------------------------------
template <> struct action<g::body> : deep_node<NodeKind::body> {};
template <> struct action<g::test_body> : node<NodeKind::body> {};
template <> struct action<g::set_statement> : statement {};
template <> struct action<g::assert_statement> : statement {};
template <> struct action<g::match_statement> : statement {};
template <> struct action<g::match_arm> : node<NodeKind::case_arm> {};
template <> struct action<g::match_else> : node<NodeKind::case_else> {};
template <> struct action<g::else_skipped> : node<NodeKind::else_skip> {};
template <> struct action<g::unique_statement> : statement {};
template <> struct action<g::duplicate_statement> : statement {};
template <> struct action<g::duplicate_columns> : node<NodeKind::using_> {};
template <> struct action<g::duplicate_kept> : clause {};
template <> struct action<g::duplicate_choice> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) { b.frame->text = b.word_at(offset(b, in.begin())); }
};
template <> struct action<g::duplicate_fate> : clause {};
template <> struct action<g::given_statement> : statement {};
template <> struct action<g::expect_statement> : statement {};
template <> struct action<g::job> : node<NodeKind::job> {};
template <> struct action<g::entry> : node<NodeKind::entry> {};
template <> struct action<g::use> : node<NodeKind::use> {};
template <> struct action<g::module_name> : matched_name {};
template <> struct action<g::module> : p::maybe_nothing {
  static void apply0(Builder& b) {
    const std::string_view raw = b.text.substr(b.name_begin, b.name_end - b.name_begin);
    b.frame->name_span = b.name_span();
    b.frame->text = raw;
    if (raw.find('"') == std::string_view::npos) return;
    b.file.names.push_back(std::make_unique<std::string>(literal_content(raw, false)));
    b.frame->text = *b.file.names.back();
  }
};
template <> struct action<g::type> : node<NodeKind::type> {};
template <> struct action<g::array_mark> : flags<ast::flag::array> {};
template <> struct action<g::element_nullable_mark> : flags<ast::flag::element_nullable> {};
template <> struct action<g::nullable_mark> : flags<ast::flag::nullable> {};
template <> struct action<g::secret_mark> : flags<ast::flag::secret> {};
template <> struct action<g::param> : node<NodeKind::param> {};
template <> struct action<g::column_decl> : node<NodeKind::column_decl> {};
template <> struct action<g::sensitive_mark> : flags<ast::flag::secret> {};
template <> struct action<g::sensitive_decl> : node<NodeKind::column_decl> {};
template <> struct action<g::column_path> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    b.frame->name_span = b.span(begin, b.token_end);
    b.frame->text = b.text.substr(begin, b.token_end - begin);
    if (b.frame->text.find('`') == std::string_view::npos) return;
    std::string plain(b.frame->text);
    std::erase(plain, '`');
    b.file.names.push_back(std::make_unique<std::string>(std::move(plain)));
    b.frame->text = *b.file.names.back();
  }
};
template <> struct action<g::source> : node<NodeKind::source> {};
template <> struct action<g::given_column> : node<NodeKind::column_decl> {};
template <> struct action<g::variable> : node<NodeKind::assign> {};
template <> struct action<g::program> : node<NodeKind::program> {};
template <> struct action<g::let> : node<NodeKind::let> {};
template <> struct action<g::fn_param> : node<NodeKind::fn_param> {};
template <> struct action<g::fn> : node<NodeKind::fn> {};
template <> struct action<g::native_mark> : flags<ast::flag::native> {};
template <> struct action<g::native_fn> : node<NodeKind::fn> {};
template <> struct action<g::recipe> : deep_node<NodeKind::recipe> {};
template <> struct action<g::apply> : node<NodeKind::apply> {};
template <> struct action<g::loop_values> : deep_node<NodeKind::array> {};
template <> struct action<g::loop_item> : deep_node<NodeKind::for_> {};
template <> struct action<g::sql_relation> : node<NodeKind::sql> {};
template <> struct action<g::engine_text> : node<NodeKind::named_arg> {};
template <> struct action<g::engine_name> : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) {
    const std::uint32_t begin = offset(b, in.begin());
    b.frame->text = b.word_at(begin);
    b.frame->name_span = b.span(begin, begin + static_cast<std::uint32_t>(b.frame->text.size()));
  }
};
struct names_step : p::maybe_nothing {
  template <class In>
  static void apply(const In& in, Builder& b) { b.frame->word = b.word_at(offset(b, in.begin())); }
};
template <> struct action<g::snapshot_mark> : names_step {};
template <> struct action<g::test_mark> : names_step {};
template <> struct action<g::test_title> : p::maybe_nothing {
  static void apply0(Builder& b) {
    b.frame->text = b.text.substr(b.name_begin, b.name_end - b.name_begin);
    b.frame->name_span = b.name_span();
  }
};
template <> struct action<g::verb> : p::maybe_nothing {
  static void apply0(Builder& b) {
    check_verb(b);
    b.frame->word = b.name();
  }
};
template <> struct action<g::snapshot> : node<NodeKind::step> {};
template <> struct action<g::test> : node<NodeKind::step> {};
template <> struct action<g::step> : p::maybe_nothing {
  BFL_ACTION_MATCH {
    try {
      return node<NodeKind::step>::match<Rule, A, M, Action, Control>(in, b);
    } catch (Failure& failure) {
      // The first word is at fault when it is no step that anybody knows.
      const std::string_view word = token_at(b.text, b.item_begin);
      const bool step_like = begins_item(word) || failure.diagnostic.code != Code::unexpected_token || failure.place <= b.item_begin;
      if (!step_like) failure.diagnostic = unknown_item(b, word);
      throw;
    }
  }
};

#undef BFL_MATCH_RULE
#undef BFL_ACTION_MATCH

}  // namespace actions

namespace {

namespace g = bfl::grammar;
namespace p = tao::pegtl;
using actions::action, actions::control;
using ast::NodeKind;
using Input = p::memory_input<p::tracking_mode::lazy, p::eol::lf_crlf, const char*>;

constexpr std::size_t most_failures = 100;  // a file with more is something else than a script

void parse_items(Builder& b) {
  const char* const begin = b.text.data();
  const char* const end = begin + b.text.size();
  std::uint32_t at = 0;
  for (std::size_t failures = 0; at < b.text.size() && failures < most_failures; ++failures) {
    Input in(begin + at, end, "");
    const std::size_t items = b.pending.size();
    std::size_t whole = items;
    std::size_t nodes = b.file.nodes.size();
    try {
      b.item_before = b.item_begin = at;
      (void)p::parse<g::opening, action, control>(in, b);
      while (!in.empty()) {
        whole = b.pending.size();
        nodes = b.file.nodes.size();
        b.item_before = b.item_begin;
        b.item_begin = actions::offset(b, in.current());
        (void)p::parse<p::must<g::item>, action, control>(in, b);
      }
      return;
    } catch (Failure& failure) {
      b.diagnostics.add(std::move(failure.diagnostic));
      b.pending.resize(whole);
      b.file.nodes.resize(nodes);
      b.openings.clear();
      b.frame = nullptr;
      b.depth = 0;
      // The mistake may be that the item before took the beginning of this one for a name.
      at = next_item(b.text, failure.place < b.item_begin ? b.item_before : b.item_begin, failure.place);
      b.leaf(NodeKind::error, std::min(b.item_begin, at), at);
    }
  }
}

}  // namespace

ast::File parse(const Sources& sources, std::uint32_t source, Diagnostics& diagnostics) {
  ast::File file;
  file.source = source;
  const SourceFile& input = sources.file(source);
  const auto size = static_cast<std::uint32_t>(std::min(input.text().size(), max_file_bytes));
  Builder builder(file, input.text(), diagnostics);
  if (check_text(input, source, diagnostics)) {
    file.nodes.reserve(input.text().size() / 5 + 16);  // address space, not memory: pages are taken as nodes come
    builder.pending.reserve(1024);
    parse_items(builder);
    if (builder.pending.empty() && !diagnostics.has_errors()) {
      diagnostics.error(Code::empty_file, {0, 0, source}, "found no item in the file", "begin with `job NAME { why \"...\" }`");
    }
  }
  file.root = static_cast<ast::NodeId>(file.nodes.size());
  file.nodes.push_back({.kind = NodeKind::file, .span = {0, size, source}, .name_span = {0, 0, source}});
  builder.adopt(file.root, 0);
  return file;
}

}  // namespace bfl::syntax
