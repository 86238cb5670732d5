// Writes one statement: expressions and blocks as SQLite SQL, with the binds and fused functions that they need.
//
// Its frame is frame.cpp. Seven files: native.cpp (what SQLite says exactly as bfl means it), expression.cpp (everything else, fused), block.cpp
// (relations), window.cpp, follow.cpp, membership.cpp (`in` over a relation),
// row_names.cpp (what tells a row when a function fails at it). Inputs have program-wide ids, so that `t<id>` is an alias that nothing can capture;
// an input is in scope once its block's body has been written.
#pragma once
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "interpreter/lower/frame.h"
#include "interpreter/lower/sql.h"

namespace bfl::lower {

// A value in SQL, and how it is to be read.
struct Sql {
  std::string text;
  Wire wire;
};

// One side of a comparison that SQLite makes exactly as bfl does.
struct Operand {
  std::string text;
  Wire wire;
  bool binary = true;  // collation
  bool fails = false;  // evaluating it may raise
};

// A condition in SQL: true exactly when bfl's is; elsewhere false or null.
struct Predicate {
  std::string text;
  bool fails = false;
};

class Writer : public Frame {
 public:
  explicit Writer(const program::Program& program) : program_(program) {}

  // Expressions.
  std::string bind(Value value, const Wire& wire);
  Sql value(const program::ExprPtr& expr);                               // in whatever form is cheapest
  std::string value_as(const program::ExprPtr& expr, const Wire& wire);  // in this form
  std::string sortable(const program::ExprPtr& expr) override;           // in a form that SQLite sorts and groups as bfl does
  std::string condition(const program::ExprPtr& expr) override;          // true exactly when `expr` is; lazy, as a whole
  std::string join_condition(const program::ExprPtr& on) override;       // the same, but index-friendly like a `where`
  void split(const program::ExprPtr& condition, Conjuncts& into) override;
  std::string join(const Conjuncts& conjuncts) override;
  std::string fused(const program::ExprPtr& expr, const Wire& result);
  std::optional<Predicate> native(const program::ExprPtr& expr);

  // SELECT f AS c0, … FROM …; `as`: each field in this form. `read_as`: the alias under which fields are read, if they are; others are
  // not computed.
  std::string block(const program::Relation& relation, std::vector<Wire>* fields, const std::vector<Wire>* as = nullptr, std::string_view read_as = {});
  Sql subquery(const program::Expr& expr);
  std::optional<Sql> membership(const program::Relation& relation);  // `exists`, as IN where that is better
  Sql aggregate(const program::Aggregate& aggregate, const program::ExprPtr& operand, const Type& result, bool over_window = false);
  Sql window(const program::Expr& expr);
  Sql fold(const program::Aggregate& given, const Type& type);

  // Scope.
  void see_table(program::InputId id, const Table& table, const std::string& alias);
  void see_hole(program::InputId id, std::vector<Sql> columns);  // columns that exist as SQL only
  program::InputId fresh() { return next_hole_++; }
  const Table& table(program::TableRef ref) const { return program_.table(ref); }
  std::string anchor_column(const program::Relation& relation, int column) override;  // -1: the rowid

  std::string raw(const program::RawSql& sql);  // with its parameters bound, on lines of its own

  Statement finish(std::string text, std::vector<Wire> columns = {});
  std::size_t binds() const { return statement_.binds.size(); }

  const program::Step* walking = nullptr;  // set before writing: the walk whose index must be used

 private:
  struct View {
    std::string alias;
    const Table* table = nullptr;
    std::vector<Sql> columns;
  };
  std::optional<Operand> operand(const program::ExprPtr& expr, const Wire* other);
  std::optional<Predicate> native_form(const program::ExprPtr& expr);
  void forget_binds(std::size_t kept);  // of an attempt that came to nothing: a statement must not hold constants that it does not name
  std::optional<Predicate> native_compare(const program::Expr& expr);
  std::optional<Predicate> native_in_list(const program::Expr& expr);
  std::optional<Predicate> native_connective(const program::Expr& expr);
  bool split_arithmetic(const program::ExprPtr& expr, Conjuncts& into);
  void hint(const program::ExprPtr& expr, Conjuncts& into);
  bool misleads(const program::Expr& column, bool equality) const;
  std::optional<Sql> structural(const program::ExprPtr& expr);
  program::ExprPtr with_holes(const program::ExprPtr& expr);
  std::string label(const program::Expr& slot) const;
  std::string call(Fused function, std::vector<Sql> arguments, std::string_view shape, const std::vector<program::ExprPtr>& read = {});
  void name_row(Fused& function, std::vector<Sql>& arguments, const std::vector<program::ExprPtr>& read);  // row_names.cpp
  std::string raise(const program::Relation& relation, const program::Input& input, std::string_view found) override;
  std::string input_from(const program::Input& input, bool marked) override;
  std::string united(const program::Input& input, std::vector<Wire>& wires);
  std::string follow_block(const program::Relation& relation, std::vector<Wire>* fields);
  std::string is_missing(const program::Input& input) override;
  std::string group_key(const program::ExprPtr& expr) override { return sortable(expr); }
  std::string_view truth(bool value) const override { return value ? "1" : "0"; }

  const program::Program& program_;
  Statement statement_;
  std::map<program::InputId, View> views_;
  program::InputId next_hole_ = 0xF0000000;
};

// Around a field that is computed if the statement reads it: the column by which it would, and the field.
inline constexpr char if_read = '\x01', then_computed = '\x02', end_of_read = '\x03';
std::string only_what_is_read(std::string text);  // of a whole statement: without the marks, what is not read is never computed

// Storage affinity as SQLite derives it from a declared type.
enum class Affinity : std::uint8_t { integer, text, blob, real, numeric };
Affinity affinity(const std::string& declared);
std::string rowid_name(const Table& table);  // `_rowid_`, or what no column shadows

}  // namespace bfl::lower
