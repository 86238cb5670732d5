// The syntax tree: what the text says, before any name means anything.
//
// One node type for everything, kept in one flat vector per file and linked by index: parsing 10,000 steps costs a few
// large allocations, and formatter, checker and digest walk the same shape. The grammar does not know the kinds of steps
// or the words of their clauses: a step is a verb, a name and its clauses; meaning is given in check/.
// Rejected: a class per construct with owning pointers (an allocation a node, ten times slower), PEGTL's parse_tree.
//
// What each kind holds (text, then children in order; `?` may be absent, then it is simply not there):
//
// items       (children of `file`)
//   job        text = name; children: entry*, clause*   owner "…"  ticket "…"  why "…"  retry …  pace …  approve …  rollback …  promote …  atomic
//   entry      text = word; children: one expression    one line of a job block, or of any `{ word value }` block
//   use        text = module as written, `std.text` or the content of "lib/x.bfl"
//   param      text = name; flags secret; children: type, expression? default
//   source     text = name; children: call (sqlite(...), env(...) inside), column_decl*
//   column_decl  text = `table.column` path; children: type; or flags secret, of `sensitive`, and no type
//   program    text = name; children: array (the command), column_decl* (gives), assign* (env), entry* (within, batch, file)
//   let        text = name; children: relation
//   fn         text = name; flags native; children: fn_param*, type (result), expression? (absent when native)
//   fn_param   text = name; children: type
//   recipe     text = name; children: fn_param* (text = `$name`), items
//   apply      text = name of the recipe; children: argument*, alias (the prefix)
//   for_       text = name; children: array, items          syntax/expand.h puts the items that they mean in their place
//   step       text = name; word = verb (`check`, `update`, `verify`, …); children: relation? (after `of`), clause*, body?
//              A step may also be written by other verbs; check/ says which it knows.
// relations
//   relation   children: an operand (name or member: `wrong`, `shop.orders`; or a parenthesised relation), alias?, clause*
//   alias      text = the name behind `as`
//   sql        the relation of a `let` as SQL: name (the source), clause key?, fn_param* (columns), clause reads?, then a string
//              or named_arg* (text = engine; children: string)
// clauses     (of relations and of steps alike; word = the clause word)
//   clause     word = where | skip | derive | join | group | order | limit | keep | after | expect | chunk | once | …
//              children by word:
//                where E                       expression
//                skip where E "reason"         expression, string?
//                derive { a = E … }            assign*
//                join one|optional|many R as r on E [else skip "…"]
//                                              op = JoinKind; relation, expression (on) or using, else_skip?
//                group by k = E, k { n = E … } by (assign* or expression*)?, assign*
//                expand x at i in E            name, name?, expression
//                union R                       relation
//                order by E [desc], E          order_key*
//                limit E                       expression
//                keep { a, b = E }             assign* or expression*
//                after NAME, NAME              name*
//                expect changed <= 5% of R     expression (a comparison), relation?
//                into T, from R, on S          name or member; relation; name or member       of insert, upsert, sql
//                follow one R as h on C on loop skip   op = JoinKind; relation, expression, clause on (text = skip)?
//                cluster g by E, E             text = g; expression*
//                window g (partition by … order by … running)  text = g; clause*
//                chunk 5_000 [by a, b]         expression?, by?
//                once [per E, E]               by?
//                through P(a, b)               call
//                rollout by hash { 1% then … }  text = hash, or empty; clause* (percent, then clauses verify name*, assert, wait)
//                atomic, when E "reason", key (a, b), cascades to t, pace …: whatever stands there, as expressions
//   by         children: expression* or assign*
//   using      children: name*
//   else_skip  children: string?
//   assign     text = name; children: expression        a = E
//   order_key  op = Descending or Ascending; children: expression
//   over       children: clause* (partition by …, order by …, running) or a name      window of a call: last child of the call
// bodies
//   body       children: statement*
//   statement  word = set | assert | …; children by word:
//                set c = E                     assign
//                assert E "message"            expression, string?
//                a clause in a body            a statement with the word and the children of that clause
//                match E { "a" {…} else skip } expression, case_arm (values, body)*, case_else (else_skip, or nothing for `error`)?
//                unique E within a order by k else C   expression, by, clause (order), expression
//                on duplicate (a) keep first by k delete others   using, clause keep (text = first or last; order_key*), clause delete?
//                given T [..], expect T [..]   name or member, expression       in a `test "title" {…}`, whose text is the raw title
// types
//   type       text = name; flags nullable (`text?`), array (`[int]`), element_nullable (`[int?]`)
// expressions
//   null_, true_, false_
//   integer, decimal   text as written, underscores and all
//   string     text = raw source including quotes and prefix; flags raw, triple
//   fstring    children: string pieces (kind string_piece, raw text) and expressions
//   date, timestamp, duration, size, percent      text as written
//   name       text (backticks removed)
//   member     text = member name; children: operand    a.b
//   call       text = function name as written; children: argument*, over?
//              An argument is an expression, a relation (`shop.orders where …`), or a pick: expression + clauses (below)
//   pick       children: expression, clause*            `E from R where …`, `x where C order by K`: the first clause of the
//                                                       former has word `from` and a relation as its child
//              `where C` alone is a pick without expression. A path with clauses (`x where C`, `x as y`) is always a `relation`:
//              only check/ knows whether x is a column or a relation
//   named_arg  text = name; children: argument          by: order_id
//   unary      op; children: operand
//   binary     op; children: left, right                comparisons, arithmetic, and, or, ??, in
//   case_      children: subject?, case_arm*, case_else?  flags has_subject
//   case_arm   children: condition or value(s), result  (last child is the result)
//   case_else  children: result
//   array      children: expression*
//   object     children: object_entry*
//   object_entry  text = raw key string; children: expression
//   tuple      children: expression*                    (a, b) in (…)
//   error      a stretch that did not parse; a diagnostic says why
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/source.h"
#include "interpreter/base/span.h"

namespace bfl::ast {

using NodeId = std::uint32_t;
inline constexpr NodeId no_node = 0xffffffff;

enum class NodeKind : std::uint8_t {
  file, job, entry, use, param, source, column_decl, program, let, fn, fn_param, step,
  recipe, apply, for_, relation, alias, clause, by, using_, else_skip, assign, order_key, over, body, statement, type,
  null_, true_, false_, integer, decimal, string, fstring, string_piece, date, timestamp, time_of_day, duration, size, percent,
  name, member, call, pick, named_arg, unary, binary, case_, case_arm, case_else, array, object, object_entry, tuple, sql, error,
};

enum class Op : std::uint8_t {
  none,
  negate, not_, or_, and_, equal, not_equal, less, less_equal, greater, greater_equal, in, not_in, coalesce,
  add, subtract, multiply, divide,
  join_one, join_optional, join_many, join_each,
  ascending, descending,
};

namespace flag {
inline constexpr std::uint16_t native = 1, nullable = 2, array = 4, raw = 8, triple = 16, has_subject = 32, backticked = 64,
                               element_nullable = 128, secret = 256;
}

struct Node {
  NodeKind kind{};
  Op op = Op::none;
  std::uint16_t flags = 0;
  Span span{};                 // the whole construct
  Span name_span{};            // the name, word or operator within it, for carets
  std::string_view text{};     // into the source, or into File::names when the spelling differs from the source
  std::string_view word{};     // steps, clauses, statements
  NodeId first_child = no_node, next_sibling = no_node;
};

struct Comment {
  Span span;                   // from `#` to the end of the line, without the line end
};

// An item that stands in the text only as what it was made from.
struct Use {
  Span span;                   // of the `apply` or the `for`
  std::string text;            // "applied here", "for r = \"eu\""
};
struct Origin {
  NodeId item = no_node;
  std::vector<Use> uses;       // from the inside out
};

struct File {
  std::uint32_t source = 0;    // index into Sources
  NodeId root = no_node;       // kind file
  std::vector<Node> nodes;
  std::vector<Comment> comments;          // in order of the text
  std::vector<Origin> origins;            // of items that were expanded, by ascending item
  std::vector<std::unique_ptr<std::string>> names;  // texts that do not stand in the source as they are

  const Node& operator[](NodeId id) const { return nodes[id]; }
};

// for (NodeId child : children(file, id)) …
class Children {
 public:
  class Iterator {
   public:
    Iterator(const File* file, NodeId id) : file_(file), id_(id) {}
    NodeId operator*() const { return id_; }
    Iterator& operator++() { id_ = file_->nodes[id_].next_sibling; return *this; }
    friend bool operator!=(const Iterator& a, const Iterator& b) { return a.id_ != b.id_; }
   private:
    const File* file_;
    NodeId id_;
  };
  Children(const File& file, NodeId parent) : file_(&file), first_(parent == no_node ? no_node : file.nodes[parent].first_child) {}
  Iterator begin() const { return {file_, first_}; }
  Iterator end() const { return {file_, no_node}; }
  bool empty() const { return first_ == no_node; }
 private:
  const File* file_;
  NodeId first_;
};
inline Children children(const File& file, NodeId parent) { return {file, parent}; }
NodeId child(const File& file, NodeId parent, NodeKind kind);        // the first of that kind, or no_node
NodeId child_at(const File& file, NodeId parent, std::size_t index);  // or no_node
std::size_t child_count(const File& file, NodeId parent);

// The comment lines directly above an item (no blank line between), without `# `, joined by line ends: its documentation.
std::string documentation(const File& file, const Sources& sources, NodeId item);

// One node a line, indented: for tests and for `bfl check --dump-ast`.
std::string dump(const File& file, NodeId from);

}  // namespace bfl::ast
