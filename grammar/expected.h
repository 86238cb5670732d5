// What is missing when a rule that must match does not: the end of "found … where … is expected".
#pragma once
#include <string_view>

#include "grammar/bfl.h"

namespace bfl::grammar {

template <class Rule>
inline constexpr std::string_view expected{};
// These always match.
template <class... Rules>
inline constexpr std::string_view expected<opt<Rules...>>{"more"};
template <class... Rules>
inline constexpr std::string_view expected<star<Rules...>>{"more"};

#define BFL_EXPECTED(rule, phrase) \
  template <>                      \
  inline constexpr std::string_view expected<rule>{phrase};

// Marks
BFL_EXPECTED(closing_backtick, "a closing backtick")
BFL_EXPECTED(closing_quote, "a closing quote")
BFL_EXPECTED(line_tail, "a closing quote")
BFL_EXPECTED(raw_line_tail, "a closing quote")
BFL_EXPECTED(triple_tail, "`\"\"\"`")
BFL_EXPECTED(raw_triple_tail, "`\"\"\"`")
BFL_EXPECTED(f_content, "a closing quote")
BFL_EXPECTED(f_end, "a closing quote")
BFL_EXPECTED(hole_close, "`}`")
BFL_EXPECTED(open_paren, "`(`")
BFL_EXPECTED(open_brace, "`{`")
BFL_EXPECTED(close_paren, "`,` or `)`")
BFL_EXPECTED(call_close, "`,` or `)`")
BFL_EXPECTED(close_bracket, "`,` or `]`")
BFL_EXPECTED(close_brace, "`}`")
BFL_EXPECTED(colon, "`:`")
BFL_EXPECTED(becomes, "`=`")
BFL_EXPECTED(arrow, "`->`")
BFL_EXPECTED(gives, "`=>`")
// Names
BFL_EXPECTED(label, "a name")
BFL_EXPECTED(name, "a name")
BFL_EXPECTED(member_name, "a name behind the `.`")
BFL_EXPECTED(path, "a name")
BFL_EXPECTED(names, "the name of a column")
BFL_EXPECTED(name_list, "a name")
BFL_EXPECTED(names_in_parens, "`(` and the names of columns")
BFL_EXPECTED(unique_columns, "the name of a column")
// Expressions
BFL_EXPECTED(argument, "an argument")
BFL_EXPECTED(argument_list, "an expression")
BFL_EXPECTED(expression, "an expression")
BFL_EXPECTED(expressions, "an expression")
BFL_EXPECTED(match_values, "a value and `{`, or `else`")
BFL_EXPECTED(conjunction, "an expression")
BFL_EXPECTED(negated, "an expression")
BFL_EXPECTED(fallback, "an expression")
BFL_EXPECTED(sum, "an expression")
BFL_EXPECTED(product, "an expression")
BFL_EXPECTED(unary, "an expression")
BFL_EXPECTED(object_entry, "a key and `:`")
BFL_EXPECTED(case_arms, "an arm, `value => result`")
BFL_EXPECTED(field, "an expression")
BFL_EXPECTED(assigns, "`{` and `name = value`")
BFL_EXPECTED(fields, "`{` and the columns to keep")
BFL_EXPECTED(order_key, "an expression")
BFL_EXPECTED(order_keys, "an expression")
// Relations and clauses
BFL_EXPECTED(let_content, "a relation")
BFL_EXPECTED(kw::on, "`on`")
BFL_EXPECTED(sql_columns, "`{` and the columns with their types")
BFL_EXPECTED(sql_texts, "the SQL as a text, or one for each engine: `sqlite \"…\" postgres \"…\"`")
BFL_EXPECTED(text_literal, "the SQL as a text")
BFL_EXPECTED(paths, "the name of a table")
BFL_EXPECTED(relation, "a relation")
BFL_EXPECTED(joined, "the name of a relation")
BFL_EXPECTED(join_kind, "`one`, `optional` or `many`")
BFL_EXPECTED(join_condition, "`on` or `using`")
BFL_EXPECTED(follow_kind, "`one`, `many` or `each`")
BFL_EXPECTED(on_condition, "`on`")
BFL_EXPECTED(group_rows, "`by` or `{`")
BFL_EXPECTED(group_keys, "an expression")
BFL_EXPECTED(order_clause, "`order by`")
BFL_EXPECTED(window_parens, "`(`")
BFL_EXPECTED(window_content, "`partition by` or `order by`")
BFL_EXPECTED(window_or_name, "`(` or the name of a window")
BFL_EXPECTED(duplicate_choice, "`first` or `last`")
BFL_EXPECTED(duplicate_columns, "`(` and the names of columns")
BFL_EXPECTED(duplicate_kept, "`keep first by` or `keep last by`")
BFL_EXPECTED(at_most, "`<=`")
BFL_EXPECTED(range_mark, "`..`")
BFL_EXPECTED(day_time, "a time of day, `22:00`")
BFL_EXPECTED(wait_bound, "a duration, `200ms`")
BFL_EXPECTED(retry_times, "a number of times")
BFL_EXPECTED(signatures, "a number of signatures")
BFL_EXPECTED(pace_rule, "`rows <=`, `pause when`, `stop when`, `window` or `}`")
BFL_EXPECTED(pace_rules, "`rows <=`, `pause when`, `stop when`, `window` or `}`")
BFL_EXPECTED(stage, "a share of the rows, `1%`, or `}`")
BFL_EXPECTED(stages, "a share of the rows, `1%`, or `}`")
BFL_EXPECTED(stage_guard, "`verify`, `assert` or `wait`")
BFL_EXPECTED(wait_length, "a duration, `10m`, or `for approval`")
BFL_EXPECTED(kw::approval, "`approval`")
BFL_EXPECTED(kw::hash, "`hash`")
BFL_EXPECTED(kw::when, "`when`")
BFL_EXPECTED(kw::transient, "`transient`")
BFL_EXPECTED(kw::author, "`author`")
BFL_EXPECTED(kw::times, "`times`")
BFL_EXPECTED(kw::where, "`where`")
BFL_EXPECTED(kw::by, "`by`")
BFL_EXPECTED(kw::in_, "`in`")
BFL_EXPECTED(kw::to, "`to`")
BFL_EXPECTED(kw::others, "`others`")
BFL_EXPECTED(kw::duplicate, "`duplicate`")
BFL_EXPECTED(kw::else_, "`else`")
// Bodies and items
BFL_EXPECTED(body, "`{`")
BFL_EXPECTED(assign, "`name = value`")
BFL_EXPECTED(statements, "a statement or `}`")
BFL_EXPECTED(statement, "a statement or `}`")
BFL_EXPECTED(match_arms, "a value and `{`, or `else`")
BFL_EXPECTED(match_else_outcome, "`skip` or `error`")
BFL_EXPECTED(test_body, "`{`")
BFL_EXPECTED(test_title, "the title of the test, a text")
BFL_EXPECTED(test_statement, "`given` or `expect`")
BFL_EXPECTED(module, "the name of a module, `std.text`")
BFL_EXPECTED(type, "a type")
BFL_EXPECTED(type_name, "the name of a type")
BFL_EXPECTED(column_path, "`table.column`")
BFL_EXPECTED(program_parts, "`{` and `gives NAME: TYPE`")
BFL_EXPECTED(fn_head, "the name of the function")
BFL_EXPECTED(fn_params, "`(`")
BFL_EXPECTED(fn_param, "the name of a parameter")
BFL_EXPECTED(kw::fn, "`fn`")
BFL_EXPECTED(item, "an item")
BFL_EXPECTED(items_block, "`{` and items")
BFL_EXPECTED(items, "an item or `}`")
BFL_EXPECTED(apply_arguments, "`(` and the arguments")
BFL_EXPECTED(alias, "`as` and a prefix for the names")
BFL_EXPECTED(loop_values, "`[` and the values")

#undef BFL_EXPECTED

}  // namespace bfl::grammar
