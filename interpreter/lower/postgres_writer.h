// Writes one statement in PostgreSQL's SQL.
//
// Values are written in one form for each kind: int as bigint, decimal as numeric, float as double precision, text as text,
// timestamp as `timestamp` in UTC, duration as bigint microseconds, json as jsonb. A condition is true exactly when bfl's is,
// elsewhere false or null; a value of type bool is what bfl says it is. SQL may evaluate what bfl would not reach: whatever
// can fail stands behind a CASE.
//
// Its frame is frame.cpp. Three files: postgres_expression.cpp, postgres_native.cpp (the functions of the library), postgres_block.cpp (relations). Beside
// them postgres_update.cpp (what an update's relation comes to) and postgres_row.cpp (one row read, changed, added, removed).
#pragma once
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/lower/frame.h"
#include "interpreter/lower/sql.h"

namespace bfl::lower::postgres {

// A native function in SQL: `%1` … are the arguments. Arguments marked `#1` must be written constants.
struct NativeSql {
  std::string_view signature, text;
  bool can_fail = false;
};
const NativeSql* native_sql(std::string_view signature);
std::string division(const std::string& a, const std::string& b);  // of numerics, by the language's rule
std::string quotient(const std::string& a, const std::string& b);  // the same of two aggregates, the second never negative
std::string later(std::size_t number);  // the place of a later parameter, counted from 1
std::string raised(const std::string& message_sql, std::string_view type);  // fails with that message when it is evaluated

std::string relation_name(const Table& table);
Wire wire_of_value(const Type& type);

std::string listed(const std::vector<std::string>& parts, std::string_view between = ", ");
std::string tuple(const std::vector<std::string>& parts);
// What crosses the wire of a column, and a value that comes back as it was read.
std::string read_column(const std::string& text, const Column& column);
std::string given(const Column& column, std::size_t number);

// Rows of a table, found again by columns; -1: by the place of the row (`ctid`), which says so for as long as nobody changes it.
struct Rows {
  const Table& table;
  std::vector<int> key;

  std::string name() const { return relation_name(table); }
  std::vector<std::string> key_names(std::string_view alias) const;
  std::vector<std::string> key_parameters(std::size_t first) const;  // later parameters, in the form of the key's columns
  std::vector<std::string> key_read(std::string_view alias) const;
  std::vector<std::string> all_read(std::string_view alias) const;
  std::vector<Wire> key_wires() const;
  std::vector<Wire> column_wires() const;
  // Each equals its parameter; of columns that may be null, null equals null.
  std::string by_key(std::string_view alias, std::size_t first) const;
};

class Writer : public Frame {
 public:
  explicit Writer(const program::Program& program) : program_(program) {}

  std::string bind(Value value, const Wire& wire);
  std::string value(const program::ExprPtr& expr);
  std::string condition(const program::ExprPtr& expr) override;
  std::string as_stored(const program::ExprPtr& expr, const Column& column);  // for an assignment: fails rather than be rounded
  std::string sortable(const program::ExprPtr& expr) override;
  bool can_fail(const program::Expr& expr) const;
  static std::string_view type_name(Kind kind);

  void split(const program::ExprPtr& condition, Conjuncts& into) override;
  std::string join(const Conjuncts& conjuncts) override;

  std::string body(const program::Relation& relation, const std::vector<std::string>& more_plain = {}, const program::ExprPtr& more = nullptr);
  std::string block(const program::Relation& relation);  // SELECT f AS c0, … FROM …

  void see_table(program::InputId id, const Table& table, const std::string& alias);
  void see_columns(program::InputId id, std::vector<std::string> columns);  // that exist as SQL only, in the form of values
  program::InputId fresh() { return next_++; }
  const Table& table(program::TableRef ref) const { return program_.table(ref); }
  std::string anchor_column(const program::Relation& relation, int column) override;  // as it is stored

  std::string raw(const program::RawSql& sql);  // with its parameters bound, on lines of its own
  std::string query(const program::Query& of);  // SELECT each of its columns as the declared type

  void refuse(std::string_view what);  // no exact words for this
  Result<Statement> finish(std::string text, std::vector<Wire> columns = {}, std::vector<Wire> parameters = {});
  std::string numbered(std::string text) const;  // with the numbers of later parameters

 private:
  struct View {
    std::string alias;
    const Table* table = nullptr;
    std::vector<std::string> columns;  // as stored
  };
  struct Side {
    std::string text;
    bool nullable = true, null = false;
    std::string collation{};  // of a text column that is written as stored
    bool column = false;
  };
  Side side(const program::ExprPtr& expr, const Column* other);
  const Column* stored_column(const program::Expr& expr) const;
  std::string stored(const program::Expr& column);
  void must_say(const Column& column);  // refuses what its SQL does not hold as bfl reads it
  std::string column_value(const program::Expr& column);
  std::string compared(const program::Expr& expr);
  std::string equality(const program::ExprPtr& a, const program::ExprPtr& b, bool negated);
  std::string call(const program::Expr& expr);
  std::string subquery(const program::Expr& expr);
  std::string aggregate(const program::Aggregate& aggregate, const program::ExprPtr& operand, const Type& result);
  std::string input_from(const program::Input& input, bool marked) override;
  std::string is_missing(const program::Input& input) override { return alias_of(input.id) + ".bfl_present IS NULL"; }
  std::string raise(const program::Relation& relation, const program::Input& input, std::string_view found) override;
  std::string join_condition(const program::ExprPtr& on) override { return condition(on); }
  std::string group_key(const program::ExprPtr& expr) override { return group_keys_[expr.get()] = value(expr); }
  std::string_view truth(bool value) const override { return value ? "true" : "false"; }

  const program::Program& program_;
  Statement statement_;
  std::size_t binds_ = 0;
  std::map<program::InputId, View> views_;
  std::map<const program::Expr*, std::string> group_keys_;  // as they stand in GROUP BY: the server knows them again by their very parameters
  std::map<std::uint32_t, std::string> locals_;
  program::InputId next_ = 0xF0000000;
  std::string refused_;
};

}  // namespace bfl::lower::postgres
