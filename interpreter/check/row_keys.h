// What tells the rows of a block apart, as far as the keys of its tables say.
#pragma once
#include <vector>

#include "interpreter/check/program.h"

namespace bfl::check {

// A column of an input, or one of the values by which the block is grouped.
struct RowKey {
  const program::Expr* grouped = nullptr;
  program::InputId input = 0;
  int column = 0;

  bool is(const program::Expr& expr) const {
    return grouped ? &expr == grouped : expr.kind == program::ExprKind::column && expr.input == input && expr.column == column;
  }
};

// Whether an index over the column has its values in the order of what bfl keeps of them, ledger::compare.
bool sorts_by_bytes(const Column& column);

// All of them together: no two rows of the block agree in each. Empty: nothing that is known.
std::vector<RowKey> row_keys(const program::Program& program, const program::Relation& relation);
// Whether no two rows of the block have all of these values in common: they hold everything that tells its rows apart, and all of
// that is integers, which differ in every database and under every collation where they differ in one.
bool rows_differ(const program::Program& program, const program::Relation& relation, const std::vector<program::ExprPtr>& values);

}  // namespace bfl::check
