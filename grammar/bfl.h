// The grammar of bfl as PEGTL rules, bottom-up: tokens, literals, expressions, relations, clauses, steps, items.
//
// No actions and no wording here: the tree is built in interpreter/syntax/, the phrases of "… is expected" are in expected.h,
// the words in keywords.def. GRAMMAR.md says the same for people.
//
// Each token takes the white space behind it. Every choice is made on what stands next, by a token or a short look ahead, and
// then it is final (`must`, `if_must`): nothing that may be long is ever matched twice, so parsing takes linear time, and the
// place where it fails is the place of the mistake. Rules that begin with `sql_` take a habit of other languages, so that it
// can be explained.
#pragma once
#include <tao/pegtl.hpp>

namespace bfl::grammar {

using namespace tao::pegtl;  // NOLINT: rules are meant to read as a grammar

// White space and words -----------------------------------------------------------------------------------------------
struct comment : seq<one<'#'>, star<not_one<'\n'>>> {};
struct blank : one<' ', '\n', '\t', '\r'> {};
struct ws : star<sor<plus<blank>, comment>> {};
struct letter : ranges<'a', 'z', 'A', 'Z', '_'> {};
struct word_end : not_at<ranges<'a', 'z', 'A', 'Z', '0', '9', '_'>> {};
struct word : seq<letter, star<ranges<'a', 'z', 'A', 'Z', '0', '9', '_'>>> {};

// The first letter apart: most attempts end there, without a call.
template <class String>
struct spelled;
template <char First, char... Rest>
struct spelled<string<First, Rest...>> : seq<one<First>, string<Rest...>> {};

namespace kw {
#define BFL_KEYWORD(id, text, role) struct id : seq<spelled<TAO_PEGTL_STRING(text)>, word_end, ws> {};
#include "grammar/keywords.def"
#undef BFL_KEYWORD
}  // namespace kw

struct reserved_initial : at<one<'a', 'c', 'f', 'i', 'n', 'o', 't'>> {};
struct reserved_word : sor<kw::and_, kw::or_, kw::not_, kw::null_, kw::true_, kw::false_, kw::in_, kw::case_> {};
struct reserved : seq<reserved_initial, reserved_word> {};
struct closing_backtick : one<'`'> {};
struct backticked : if_must<one<'`'>, star<not_one<'`', '\n'>>, closing_backtick> {};
struct plain_letter : ranges<'a', 'z', 'A', 'Z', '_', '_', '$'> {};  // `$x`: what a recipe or a loop puts there
struct plain : seq<not_at<reserved>, plain_letter, star<ranges<'a', 'z', 'A', 'Z', '0', '9', '_', '_', '$'>>> {};
struct name_text : sor<plain, backticked> {};      // without the white space behind it
struct label : seq<name_text, ws> {};              // the name that a construct gives or points at
struct name : seq<name_text, ws> {};               // a name that is an operand

// Marks ---------------------------------------------------------------------------------------------------------------
struct comma : seq<one<','>, ws> {};
struct colon : seq<one<':'>, ws> {};
struct question : seq<one<'?'>, ws> {};
struct dot : seq<one<'.'>, ws> {};
struct open_paren : seq<one<'('>, ws> {};
struct close_paren : seq<one<')'>, ws> {};
struct open_bracket : seq<one<'['>, ws> {};
struct close_bracket : seq<one<']'>, ws> {};
struct open_brace : seq<one<'{'>, ws> {};
struct close_brace : seq<one<'}'>, ws> {};
struct becomes : seq<one<'='>, not_at<one<'=', '>'>>, ws> {};
struct arrow : seq<string<'-', '>'>, ws> {};
struct gives : seq<string<'=', '>'>, ws> {};
struct sql_semicolon : seq<one<';'>, ws> {};
struct separator : sor<comma, sql_semicolon> {};

// Literals ------------------------------------------------------------------------------------------------------------
struct digits : seq<digit, star<sor<digit, one<'_'>>>> {};
struct date_shape : seq<rep<4, digit>, one<'-'>, rep<2, digit>, one<'-'>, rep<2, digit>> {};
struct zone : sor<one<'Z'>, seq<one<'+', '-'>, rep<2, digit>, one<':'>, rep<2, digit>>> {};
struct clock_shape : seq<rep<2, digit>, one<':'>, rep<2, digit>, opt<one<':'>, rep<2, digit>, opt<one<'.'>, plus<digit>>>> {};
struct moment : seq<date_shape, opt<one<'T'>, clock_shape, opt<zone>>, word_end> {};
struct date_like : seq<rep<4, digit>, one<'-'>, plus<digit>, one<'-'>, plus<digit>, star<sor<word, digit, one<':'>>>> {};
struct duration_unit : sor<string<'m', 's'>, string<'u', 's'>, one<'s', 'm', 'h', 'd', 'w'>> {};
struct size_unit : sor<seq<one<'K', 'M', 'G', 'T'>, opt<one<'i'>>, one<'B'>>, one<'B'>> {};
struct number_end : not_at<sor<letter, one<'%'>, seq<one<'.'>, digit>>> {};
struct integer : seq<digits, number_end> {};
struct decimal : seq<digits, one<'.'>, digits, number_end> {};
struct duration : seq<digits, duration_unit, word_end> {};
struct size : seq<digits, size_unit, word_end> {};
struct percent : seq<digits, opt<one<'.'>, digits>, one<'%'>> {};
struct number_like : seq<digits, star<sor<word, digit, seq<one<'.'>, digit>, one<'%'>>>> {};
struct number : seq<sor<moment, date_like, integer, decimal, duration, size, percent, number_like>, ws> {};

struct escape : seq<one<'\\'>, not_one<'\n'>> {};
struct closing_quote : one<'"'> {};
struct triple_mark : string<'"', '"', '"'> {};
struct triple_tail : until<triple_mark, sor<escape, any>> {};
struct raw_triple_tail : until<triple_mark> {};
struct line_tail : seq<star<sor<not_one<'"', '\\', '\n'>, escape>>, closing_quote> {};
struct raw_line_tail : seq<star<not_one<'"', '\n'>>, closing_quote> {};
struct quoted_text : sor<if_must<triple_mark, triple_tail>, if_must<one<'"'>, line_tail>> {};
struct raw_text : seq<one<'r'>, sor<if_must<triple_mark, raw_triple_tail>, if_must<one<'"'>, raw_line_tail>>> {};
struct string_text : sor<quoted_text, raw_text> {};
struct text_literal : seq<string_text, ws> {};
struct sql_text : seq<one<'\''>, star<not_one<'\'', '\n'>>, opt<one<'\''>>> {};
struct expression;
struct piece_character : sor<not_one<'"', '\\', '\n', '{', '}'>, escape, two<'{'>, two<'}'>> {};
struct piece : plus<piece_character> {};
struct hole_close : one<'}'> {};
struct hole : if_must<open_brace, expression, hole_close> {};
struct f_content : star<sor<piece, hole>> {};
struct f_mark : string<'f', '"'> {};
struct f_end : seq<closing_quote> {};
struct f_text : if_must<f_mark, f_content, f_end> {};
struct f_literal : seq<f_text, ws> {};

// Expressions ---------------------------------------------------------------------------------------------------------
struct argument;
struct over_clause;
struct argument_list : list_must<argument, comma> {};
struct call_close : close_paren {};
struct call_tail : seq<if_must<open_paren, opt<argument_list>, call_close>, opt<over_clause>> {};
struct referred : seq<name_text> {};
struct reference : seq<referred, sor<call_tail, ws>> {};
struct paren : if_must<open_paren, argument_list, close_paren> {};
struct array_items : list_tail<expression, comma> {};
struct array : if_must<open_bracket, opt<array_items>, close_bracket> {};
struct object_key : seq<sor<string_text, name_text>, ws> {};
struct object_entry : if_must<object_key, colon, expression> {};
struct object_entries : list_tail<object_entry, comma> {};
struct object : if_must<open_brace, opt<object_entries>, close_brace> {};
struct case_else_mark : seq<kw::else_, gives> {};
struct case_else : if_must<case_else_mark, expression> {};
struct case_arm_ahead : not_at<sor<one<'}'>, case_else_mark>> {};
struct case_arm : seq<case_arm_ahead, if_must<expression, star<if_must<comma, expression>>, gives, expression>> {};
struct case_subject : seq<not_at<one<'{'>>, must<expression>> {};
struct case_arms : seq<star<case_arm, opt<comma>>, opt<case_else, opt<comma>>> {};
struct case_of : if_must<kw::case_, opt<case_subject>, open_brace, case_arms, close_brace> {};
struct true_literal : kw::true_ {};
struct false_literal : kw::false_ {};
struct null_literal : kw::null_ {};
struct word_literal : seq<at<one<'t', 'f', 'n', 'c'>>, sor<true_literal, false_literal, null_literal, case_of>> {};
struct prefixed_text : seq<at<one<'r', 'f'>, one<'"'>>, sor<text_literal, f_literal>> {};
struct sql_text_literal : seq<sql_text, ws> {};
struct primary : sor<prefixed_text, reference, number, text_literal, word_literal, paren, array, object, sql_text_literal> {};
struct member_name : label {};
struct member : if_must<dot, member_name> {};
struct postfix : seq<primary, star<member>> {};
struct sql_comment : two<'-'> {};
struct minus : seq<one<'-'>, not_at<one<'>'>>, ws> {};
struct sql_bang : seq<one<'!'>, not_at<one<'='>>, ws> {};
struct unary;
struct sign : seq<minus> {};
struct negation : if_must<sign, unary> {};
struct bang_negation : if_must<sql_bang, unary> {};
struct unary : sor<postfix, sql_comment, negation, bang_negation> {};
struct times_mark : seq<one<'*'>, ws> {};
struct over_mark : seq<one<'/'>, ws> {};
struct plus_mark : seq<one<'+'>, ws> {};
struct next_arm : seq<minus, digits, ws, gives> {};     // `-2 => …` on the line below an arm is no subtraction
struct binary_minus : seq<at<one<'-'>>, not_at<next_arm>, sor<sql_comment, minus>> {};
struct times : if_must<times_mark, unary> {};
struct divided : if_must<over_mark, unary> {};
struct product : seq<unary, star<sor<times, divided>>> {};
struct added : if_must<plus_mark, product> {};
struct subtracted : if_must<binary_minus, product> {};
struct sum : seq<product, star<sor<added, subtracted>>> {};
struct fall_back : if_must<seq<two<'?'>, ws>, sum> {};
struct fallback : seq<sum, star<fall_back>> {};
struct equal : if_must<seq<two<'='>, ws>, fallback> {};
struct not_equal : if_must<seq<string<'!', '='>, ws>, fallback> {};
struct less_equal : if_must<seq<string<'<', '='>, ws>, fallback> {};
struct greater_equal : if_must<seq<string<'>', '='>, ws>, fallback> {};
struct less : if_must<seq<one<'<'>, ws>, fallback> {};
struct greater : if_must<seq<one<'>'>, ws>, fallback> {};
struct inside : if_must<kw::in_, fallback> {};
struct not_in_mark : seq<kw::not_, kw::in_> {};
struct not_inside : if_must<not_in_mark, fallback> {};
struct sql_equal : if_must<becomes, fallback> {};
struct sql_not_equal : if_must<seq<string<'<', '>'>, ws>, fallback> {};
struct sql_is : seq<istring<'i', 's'>, word_end, ws> {};
struct sql_not : seq<istring<'n', 'o', 't'>, word_end, ws> {};
struct sql_null : seq<istring<'n', 'u', 'l', 'l'>, word_end, ws> {};
struct sql_is_null : seq<sql_is, sql_null> {};
struct sql_is_not_null : seq<sql_is, sql_not, sql_null> {};
struct sql_like : seq<opt<one<'i', 'I'>>, istring<'l', 'i', 'k', 'e'>, word_end, ws> {};
struct sql_between : seq<istring<'b', 'e', 't', 'w', 'e', 'e', 'n'>, word_end, ws> {};
struct sql_operator : seq<opt<sql_not>, sor<sql_like, sql_between, sql_is>> {};
struct comparing : sor<equal, not_equal, less_equal, greater_equal, sql_not_equal, less, greater, sql_equal> {};
struct comparing_by_word : sor<inside, not_inside, sql_is_null, sql_is_not_null, sql_operator> {};
struct comparison_initial : at<one<'=', '!', '<', '>'>> {};
struct comparison_word_initial : at<one<'i', 'n', 'l', 'b', 'I', 'N', 'L', 'B'>> {};
struct comparison_tail : sor<seq<comparison_initial, comparing>, seq<comparison_word_initial, comparing_by_word>> {};
struct chained : seq<comparison_initial, not_at<string<'=', '>'>>> {};
struct comparison : seq<fallback, opt<comparison_tail, opt<chained>>> {};
struct negated;
struct inverted : if_must<kw::not_, negated> {};
struct negated : sor<inverted, comparison> {};
struct sql_and : seq<two<'&'>, ws> {};
struct sql_or : seq<two<'|'>, ws> {};
struct both : if_must<sor<kw::and_, sql_and>, negated> {};
struct conjunction : seq<negated, star<both>> {};
struct either : if_must<sor<kw::or_, sql_or>, conjunction> {};
struct expression : seq<conjunction, star<either>> {};

// Lists inside clauses ------------------------------------------------------------------------------------------------
struct name_list : list_must<name, comma> {};
struct names_in_parens : if_must<open_paren, name_list, close_paren> {};
struct names : sor<names_in_parens, name_list> {};
struct expressions : list_must<expression, comma> {};
struct assign : seq<label, must<becomes>, must<expression>> {};
struct assign_ahead : at<name_text, ws, becomes> {};
struct field : if_then_else<assign_ahead, assign, expression> {};
struct assigns : if_must<open_brace, star<assign, opt<comma>>, close_brace> {};
struct fields : if_must<open_brace, star<field, opt<comma>>, close_brace> {};
struct ascending : kw::asc {};
struct descending : kw::desc {};
struct order_key : seq<expression, opt<sor<descending, ascending>>> {};
struct order_keys : list_must<order_key, comma> {};
struct reason : seq<text_literal> {};

// Relations -----------------------------------------------------------------------------------------------------------
struct relation;
struct relation_clause;
struct path : seq<name, star<member>> {};
struct relation_paren : if_must<open_paren, relation, close_paren> {};
struct relation_operand : sor<relation_paren, array, path> {};
struct alias : if_must<kw::as, label> {};
struct relation : seq<relation_operand, opt<alias>, star<relation_clause>> {};
struct joined : seq<relation_operand, opt<alias>> {};

struct where_clause : if_must<kw::where, expression> {};
struct skip_clause : if_must<kw::skip, kw::where, expression, opt<reason>> {};
struct derive_clause : if_must<kw::derive, assigns> {};
struct join_one : kw::one_ {};
struct join_optional : kw::optional {};
struct join_many : kw::many {};
struct join_kind : sor<join_one, join_optional, join_many> {};
struct on_condition : if_must<kw::on, expression> {};
struct using_columns : if_must<kw::using_, names_in_parens> {};
struct join_condition : sor<on_condition, using_columns> {};
struct else_skip_mark : seq<kw::else_, kw::skip> {};
struct else_skip : seq<else_skip_mark, opt<reason>> {};
struct join_clause : if_must<kw::join, join_kind, joined, join_condition, opt<else_skip>> {};
struct group_keys : list_must<field, comma> {};
struct group_by : if_must<kw::by, group_keys> {};
struct whole_group : at<one<'{'>> {};
struct group_rows : sor<group_by, whole_group> {};
struct group_clause : if_must<kw::group, group_rows, assigns> {};
struct order_clause : if_must<kw::order, kw::by, order_keys> {};
struct limit_clause : if_must<kw::limit, expression> {};
struct distinct_clause : kw::distinct {};
struct expand_place : if_must<kw::at_, name> {};
struct expand_clause : if_must<kw::expand, name, opt<expand_place>, kw::in_, expression> {};
struct keep_clause : if_must<kw::keep, fields> {};
struct union_clause : if_must<kw::union_, joined> {};
struct loop_rule : sor<kw::error, kw::skip, kw::stop> {};
struct loop_ahead : at<kw::on, kw::loop, loop_rule> {};
struct loop_clause : seq<loop_ahead, kw::on, kw::loop, loop_rule> {};
struct follow_each : kw::each {};
struct follow_kind : sor<join_one, join_many, follow_each> {};
struct follow_clause : if_must<kw::follow, follow_kind, joined, on_condition, opt<loop_clause>> {};
struct cluster_clause : if_must<kw::cluster, label, kw::by, expressions> {};
struct partition_clause : if_must<kw::partition, kw::by, expressions> {};
struct running_clause : kw::running {};
struct window_content : seq<opt<partition_clause>, opt<order_clause>, opt<running_clause>> {};
struct window_parens : if_must<open_paren, window_content, close_paren> {};
struct window_clause : if_must<kw::window, label, window_parens> {};
struct window_or_name : sor<window_parens, name> {};
struct over_clause : if_must<kw::over, window_or_name> {};
struct relation_clause_word : sor<where_clause, join_clause, derive_clause, keep_clause, group_clause, order_clause, skip_clause,
                                  window_clause, limit_clause, distinct_clause, expand_clause, union_clause, follow_clause,
                                  cluster_clause> {};
struct relation_clause : seq<at<letter>, relation_clause_word> {};

// What may stand as an argument: an expression, a relation, or a pick (`E from R`, `x where C`, `where C`).
struct from_clause : if_must<kw::from, relation> {};
struct named_ahead : at<name_text, ws, one<':'>> {};
struct named_argument : seq<named_ahead, label, colon, must<argument>> {};
struct operand_ahead : at<sor<letter, digit, one<'"', '`', '(', '[', '{', '-', '!', '\''>>> {};
struct condition_ahead : at<kw::where, not_at<sor<kw::and_, kw::or_, kw::in_, kw::where>>, operand_ahead> {};
struct bare_condition : seq<condition_ahead, where_clause, star<relation_clause>> {};
struct pick : seq<expression, opt<alias>, opt<from_clause>, star<relation_clause>> {};
struct argument : sor<bare_condition, named_argument, pick> {};

// Clauses of steps ----------------------------------------------------------------------------------------------------
struct of_rows : if_must<kw::of, relation> {};
struct into_clause : if_must<kw::into, path> {};
struct on_clause : if_must<kw::on, path> {};
struct share_of : if_must<kw::of, relation> {};
struct expect_clause : if_must<kw::expect, expression, opt<share_of>> {};
struct by_columns : if_must<kw::by, expressions> {};
struct chunk_size : seq<not_at<kw::by>, must<expression>> {};
struct chunk_clause : if_must<kw::chunk, opt<chunk_size>, opt<by_columns>> {};
struct per_values : if_must<kw::per, expressions> {};
struct once_clause : if_must<kw::once, opt<per_values>> {};
struct after_clause : if_must<kw::after, name_list> {};
struct when_clause : if_must<kw::when, expression, opt<reason>> {};
struct atomic_clause : kw::atomic {};
struct key_clause : if_must<kw::key, names> {};
struct paths : list_must<path, comma> {};
struct cascades_clause : if_must<kw::cascades, kw::to, paths> {};
struct at_most : seq<string<'<', '='>, ws> {};
struct range_mark : seq<two<'.'>, ws> {};
struct time_of_day : seq<rep<2, digit>, one<':'>, rep<2, digit>, word_end> {};
struct day_time : seq<time_of_day, ws> {};
struct zone_name : seq<text_literal> {};
struct pause_rule : if_must<kw::pause, kw::when, expression> {};
struct stop_rule : if_must<kw::stop, kw::when, expression> {};
struct rows_word : seq<spelled<TAO_PEGTL_STRING("rows")>, word_end> {};
struct rate_rule : seq<at<rows_word>, must<expression>> {};
struct window_rule : if_must<kw::window, day_time, range_mark, day_time, opt<zone_name>> {};
struct pace_rule : sor<pause_rule, stop_rule, rate_rule, window_rule> {};
struct pace_rules : star<sor<separator, seq<not_at<one<'}'>>, must<pace_rule>>>> {};
struct pace_clause : if_must<kw::pace, open_brace, pace_rules, close_brace> {};
struct wait_bound : seq<number> {};
struct backoff : if_must<kw::backoff, wait_bound, range_mark, wait_bound> {};
struct retry_times : seq<number> {};
struct retry_clause : if_must<kw::retry, kw::transient, retry_times, kw::times, opt<backoff>> {};
struct quarantine_clause : if_must<kw::quarantine, at_most, expression> {};
struct stage_share : seq<number> {};
struct guard_names : seq<not_at<kw::then_>, at<letter>, name_list> {};
struct then_verify : if_must<kw::verify, opt<guard_names>> {};
struct then_assert : if_must<kw::assert_, expression, opt<reason>> {};
struct wait_for_approval : if_must<kw::for_, kw::approval> {};
struct wait_length : sor<wait_for_approval, number> {};
struct then_wait : if_must<kw::wait_, wait_length> {};
struct stage_guard : sor<then_verify, then_assert, then_wait> {};
struct stage_guards : star<if_must<kw::then_, stage_guard>> {};
struct stage : seq<stage_share, stage_guards> {};
struct stages : star<sor<separator, seq<not_at<one<'}'>>, must<stage>>>> {};
struct by_hash : if_must<kw::by, kw::hash> {};
struct rollout_clause : if_must<kw::rollout, opt<by_hash>, open_brace, stages, close_brace> {};
struct reads_clause : if_must<kw::reads, expressions> {};
struct writes_clause : if_must<kw::writes, expressions> {};
struct done_clause : if_must<kw::done, kw::when, expression> {};
struct through_clause : if_must<kw::through, expression> {};
struct header_clause : sor<expect_clause, chunk_clause, once_clause, after_clause, when_clause, atomic_clause, key_clause, cascades_clause, through_clause,
                           pace_clause, retry_clause, quarantine_clause, rollout_clause, reads_clause, writes_clause, done_clause> {};
struct step_clause : seq<at<letter>, sor<header_clause, into_clause, from_clause, on_clause>> {};

// Bodies --------------------------------------------------------------------------------------------------------------
struct body;
struct set_statement : if_must<kw::set, assign> {};
struct assert_statement : if_must<kw::assert_, expression, opt<reason>> {};
struct match_values : list_must<expression, comma> {};
struct match_arm : seq<not_at<one<'}'>>, must<match_values>, must<body>> {};
struct else_error : kw::error {};
struct else_skipped : if_must<kw::skip, opt<reason>> {};
struct match_else_outcome : sor<else_skipped, else_error> {};
struct match_else : if_must<kw::else_, match_else_outcome> {};
struct match_arms : star<sor<seq<at<kw::else_>, match_else>, match_arm>> {};
struct match_statement : if_must<kw::match_, expression, open_brace, match_arms, close_brace> {};
struct unique_columns : seq<name_list> {};
struct unique_scope : if_must<kw::within, unique_columns> {};
struct unique_statement : if_must<kw::unique, expression, opt<unique_scope>, order_clause, kw::else_, expression> {};
struct duplicate_choice : sor<kw::first, kw::last> {};
struct duplicate_kept : if_must<kw::keep, duplicate_choice, kw::by, order_keys> {};
struct others_deleted : if_must<kw::delete_, kw::others> {};
struct others_skipped : if_must<kw::skip, kw::others, opt<reason>> {};
struct duplicate_fate : sor<others_deleted, others_skipped> {};
struct duplicate_columns : seq<names_in_parens> {};
struct duplicate_statement : if_must<kw::on, kw::duplicate, duplicate_columns, duplicate_kept, opt<duplicate_fate>> {};
struct statement
    : sor<set_statement, assert_statement, relation_clause, header_clause, match_statement, unique_statement, duplicate_statement> {};
struct statements : star<sor<separator, seq<not_at<one<'}'>>, must<statement>>>> {};
struct body : if_must<open_brace, statements, close_brace> {};

// Items ---------------------------------------------------------------------------------------------------------------
struct entry_word : label {};
struct entry : seq<entry_word, must<expression>> {};
struct pace_ahead : at<kw::pace, one<'{'>> {};
struct retry_ahead : at<kw::retry, kw::transient> {};
struct approve_ahead : at<kw::approve, digit> {};
struct signatures : seq<number> {};
struct not_author : if_must<kw::not_, kw::author> {};
struct approve_clause : if_must<kw::approve, signatures, opt<not_author>> {};
struct rollback_ahead : at<kw::rollback, kw::when> {};
struct rollback_clause : if_must<kw::rollback, kw::when, expression> {};
struct promote_ahead : at<kw::promote, not_at<one<'"'>>> {};
struct promote_clause : if_must<kw::promote, expression, arrow, expression> {};
struct job_clause : sor<atomic_clause, seq<promote_ahead, promote_clause>, seq<pace_ahead, pace_clause>, seq<retry_ahead, retry_clause>, seq<approve_ahead, approve_clause>, seq<rollback_ahead, rollback_clause>> {};
struct entries : if_must<open_brace, star<sor<job_clause, entry>, opt<separator>>, close_brace> {};
struct job : if_must<kw::job, label, opt<entries>> {};
struct module_name : seq<word, star<one<'.'>, word>> {};
struct module : seq<sor<string_text, module_name>, ws> {};
struct use : if_must<kw::use, module> {};
struct type_name : label {};
struct array_mark : seq<open_bracket> {};
struct element_nullable_mark : seq<question> {};
struct array_type : if_must<array_mark, type_name, opt<element_nullable_mark>, close_bracket> {};
struct nullable_mark : question {};
struct type : seq<sor<array_type, type_name>, opt<nullable_mark>> {};
struct default_value : if_must<becomes, expression> {};
struct secret_mark : seq<kw::secret, at<sor<ranges<'a', 'z', 'A', 'Z'>, one<'['>>>> {};
struct param : if_must<kw::param, label, colon, opt<secret_mark>, type, opt<default_value>> {};
struct column_path : seq<name_text, star<one<'.'>, name_text>, ws> {};
struct column_decl : if_must<kw::column, column_path, colon, type> {};
struct sensitive_mark : seq<kw::sensitive> {};
struct sensitive_decl : if_must<sensitive_mark, column_path> {};
struct source_part : sor<column_decl, sensitive_decl> {};
struct column_decls : if_must<open_brace, star<source_part, opt<comma>>, close_brace> {};
struct source : if_must<kw::source, label, becomes, expression, opt<column_decls>> {};
struct given_column : if_must<kw::gives_, label, colon, type> {};
struct variable : if_must<kw::env, label, becomes, expression> {};
struct program_part : sor<given_column, variable, entry> {};
struct program_parts : if_must<open_brace, star<program_part, opt<separator>>, close_brace> {};
struct program : if_must<kw::program, label, becomes, expression, program_parts> {};
struct fn_param : seq<label, must<colon>, must<type>> {};
struct sql_mark : seq<kw::sql, at<kw::on>> {};
struct sql_columns : if_must<open_brace, star<fn_param, opt<comma>>, close_brace> {};
struct engine_name : seq<sor<string<'s', 'q', 'l', 'i', 't', 'e'>, string<'p', 'o', 's', 't', 'g', 'r', 'e', 's'>>, word_end, ws> {};
struct engine_text : if_must<engine_name, text_literal> {};
struct sql_texts : sor<text_literal, plus<engine_text>> {};
struct sql_relation : if_must<sql_mark, kw::on, name, opt<key_clause>, sql_columns, opt<reads_clause>, sql_texts> {};
struct let_content : sor<sql_relation, relation> {};
struct let : if_must<kw::let, label, becomes, let_content> {};
struct fn_param_list : list_must<fn_param, comma> {};
struct fn_params : if_must<open_paren, opt<fn_param_list>, close_paren> {};
struct fn_head : seq<must<label>, must<fn_params>, must<arrow>, must<type>> {};
struct fn : if_must<kw::fn, fn_head, becomes, expression> {};
struct native_mark : seq<kw::native> {};
struct native_fn : if_must<native_mark, kw::fn, fn_head> {};
struct given_statement : if_must<kw::given, path, expression> {};
struct expect_statement : if_must<kw::expect, path, expression> {};
struct test_statement : sor<given_statement, expect_statement> {};
struct test_body : if_must<open_brace, star<sor<separator, seq<not_at<one<'}'>>, must<test_statement>>>>, close_brace> {};
struct test_title : seq<string_text, ws> {};
struct test_mark : seq<kw::test> {};
struct test : if_must<test_mark, test_title, test_body> {};
struct snapshot_mark : seq<kw::snapshot> {};
struct snapshot : if_must<snapshot_mark, label, becomes, relation, star<step_clause>> {};
struct verb : seq<plain, ws> {};
struct statement_text : sor<text_literal, plus<engine_text>> {};
struct step : seq<verb, must<label>, opt<of_rows>, star<step_clause>, opt<statement_text>, opt<body>> {};
struct item;
struct items : star<sor<separator, seq<not_at<one<'}'>>, must<item>>>> {};
struct items_block : if_must<open_brace, items, close_brace> {};
struct recipe : if_must<kw::recipe, label, fn_params, items_block> {};
struct apply_arguments : if_must<open_paren, opt<argument_list>, close_paren> {};
struct apply : if_must<kw::apply, label, apply_arguments, alias> {};
struct loop_values : array {};
struct loop_item : if_must<kw::for_, label, kw::in_, loop_values, items_block> {};
struct known_step : sor<kw::check, kw::update, kw::insert, kw::upsert, kw::delete_, kw::sql, kw::verify> {};
struct item : sor<job, use, param, source, program, let, fn, native_fn, snapshot, test, recipe, apply, loop_item, step, sql_semicolon> {};
struct byte_order_mark : opt<string<'\xef', '\xbb', '\xbf'>> {};
struct opening : seq<byte_order_mark, ws> {};
struct file : seq<opening, until<eof, must<item>>> {};

}  // namespace bfl::grammar
