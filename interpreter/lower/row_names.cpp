// When a reading has failed it is written once more, with functions that also get what tells the row: the key of each table whose
// columns they read, as far as it comes through the blocks between; else the values that they read. It costs columns that nobody
// else needs, so that no statement has it from the start.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "interpreter/check/sensitive.h"
#include "interpreter/lower/writer.h"

namespace bfl::lower {
namespace {

using program::ExprKind;
using program::ExprPtr;
using program::Input;
using program::InputId;
using program::Program;
using program::Relation;

constexpr std::size_t most_arguments = 100;  // SQLite takes 127
constexpr std::size_t most_values = 4;       // of rows without a key

// None that is sensitive.
std::vector<int> telling(const Table& table) {
  std::vector<int> columns;
  if (const Key* key = table.identity()) columns = key->columns;
  else
    for (std::size_t c = 0; c < std::min(most_values, table.columns.size()); ++c) columns.push_back(static_cast<int>(c));
  std::erase_if(columns, [&](int column) { return table.columns[static_cast<std::size_t>(column)].sensitive; });
  return columns;
}

// The column of a table's key that a field stands for; nothing: none.
const std::string* key_column(const Program& program, const Relation& relation, std::size_t field) {
  if (relation.grouped || relation.follow || field >= relation.fields.size()) return nullptr;
  const program::Expr& expr = *relation.fields[field].expr;
  if (expr.kind != ExprKind::column) return nullptr;
  const auto input = std::find_if(relation.inputs.begin(), relation.inputs.end(), [&](const Input& at) { return at.id == expr.input; });
  if (input == relation.inputs.end() || !input->united.empty()) return nullptr;
  if (input->sub) return key_column(program, *input->sub, static_cast<std::size_t>(expr.column));
  if (!input->table) return nullptr;
  const Table& table = program.table(*input->table);
  const std::vector<int> columns = telling(table);
  if (std::find(columns.begin(), columns.end(), expr.column) == columns.end()) return nullptr;
  return &table.columns[static_cast<std::size_t>(expr.column)].name;
}

}  // namespace

void Writer::name_row(Fused& function, std::vector<Sql>& arguments, const std::vector<ExprPtr>& read) {
  if (!program_.names_rows) return;
  struct Named {
    InputId input;
    std::string label;
    Sql value;
  };
  std::vector<Named> found;
  std::set<InputId> inputs;
  for (const ExprPtr& expr : read) {
    if (expr->kind != ExprKind::column || !inputs.insert(expr->input).second) continue;
    const auto view = views_.find(expr->input);
    if (view == views_.end()) continue;
    const auto take = [&](std::size_t column, const std::string& label) {
      const bool twice = std::any_of(found.begin(), found.end(), [&](const Named& known) { return known.input == expr->input && known.label == label; });
      if (!twice && column < view->second.columns.size()) found.push_back({expr->input, label, view->second.columns[column]});
    };
    if (const Table* table = view->second.table) {
      for (const int column : telling(*table)) take(static_cast<std::size_t>(column), table->columns[static_cast<std::size_t>(column)].name);
    } else if (expr->input < program_.inputs.size()) {
      const auto sub = program_.inputs[expr->input].sub.lock();
      for (std::size_t i = 0; sub && i < sub->fields.size(); ++i)
        if (const std::string* name = key_column(program_, *sub, i)) take(i, *name);
    }
  }
  const bool several = std::any_of(found.begin(), found.end(), [&](const Named& at) { return at.input != found[0].input; });
  for (Named& at : found) {
    if (!several) break;
    const auto view = views_.find(at.input);
    const std::string alias = at.input < program_.inputs.size() ? program_.inputs[at.input].alias : std::string();
    if (!alias.empty()) at.label = alias + "." + at.label;
    else if (view->second.table) at.label = view->second.table->name + "." + at.label;
  }
  if (found.empty() && function.raise.empty()) {
    check::Tells tells(program_);
    for (const ExprPtr& expr : read)
      if (expr->kind == ExprKind::column && !tells(*expr) && expr->input < program_.inputs.size() && views_.contains(expr->input) && found.size() < most_values)
        found.push_back({expr->input, program::to_string(*expr, program_), value(expr)});
  }
  for (Named& at : found) {
    if (arguments.size() >= most_arguments) return;
    arguments.push_back(std::move(at.value));
    function.keys.push_back(std::move(at.label));
  }
}

}  // namespace bfl::lower
