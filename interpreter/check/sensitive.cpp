#include "interpreter/check/sensitive.h"

#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::AggregateKind;
using program::Relation;

namespace {

bool has_sensitive(const Table& table) {
  return std::any_of(table.columns.begin(), table.columns.end(), [](const Column& column) { return column.sensitive; });
}

}  // namespace

Tells::Tells(const program::Program& program, const Relation* within) : program_(program), any_(any_sensitive(program)) {
  if (any_ && within) know(*within);
}

void Tells::know(const Relation& rows) {
  for_each(rows, Seeing{[](const Expr&) {}, [&](const Relation& relation) {
                          for (const program::Input& input : relation.inputs) inputs_[input.id] = &input;
                          if (relation.follow && relation.inputs.size() > 1) same_as_[relation.follow->previous] = relation.inputs[1].id;
                        }});
}

bool Tells::operator()(const Expr& expr) {
  if (!any_ || expr.type.kind == Kind::boolean) return false;
  switch (expr.kind) {
    case ExprKind::column: return column(expr.input, expr.column);
    case ExprKind::local: return slots_.contains(expr.slot);
    case ExprKind::bind:
      if ((*this)(*expr.args[0])) slots_.insert(expr.slot);
      return (*this)(*expr.args[1]);
    case ExprKind::subquery: case ExprKind::aggregate: return aggregate(expr);
    case ExprKind::window:
      if (expr.aggregate) return aggregate(expr);
      break;
    default: break;
  }
  return std::any_of(expr.args.begin(), expr.args.end(), [&](const ExprPtr& part) { return (*this)(*part); });
}

bool Tells::aggregate(const Expr& expr) {
  const auto kind = expr.aggregate ? expr.aggregate->kind : AggregateKind::first;
  if (kind == AggregateKind::count || kind == AggregateKind::count_distinct || kind == AggregateKind::exists || kind == AggregateKind::clusters) return false;
  if (expr.relation) {
    const Relation& rows = *expr.relation;
    know(rows);
    for (std::size_t i = 0; i < rows.fields.size(); ++i)
      if (field(rows, static_cast<int>(i))) return true;
    return false;
  }
  return expr.aggregate && ((expr.aggregate->operand && (*this)(*expr.aggregate->operand)) || (expr.aggregate->start && (*this)(*expr.aggregate->start)));
}

bool Tells::field(const Relation& relation, int column) {
  return static_cast<std::size_t>(column) < relation.fields.size() && (*this)(*relation.fields[static_cast<std::size_t>(column)].expr);
}

bool Tells::column(program::InputId input, int at) {
  const auto [known, fresh] = known_.emplace(std::pair(input, at), false);
  if (!fresh) return known->second;
  const auto of_table = [&](program::TableRef ref) {
    const auto& columns = program_.table(ref).columns;
    if (static_cast<std::size_t>(at) >= columns.size() || !columns[static_cast<std::size_t>(at)].sensitive) return false;
    if (!met_) met_ = program::ColumnUse{ref, at};
    return true;
  };
  bool tells = false;
  if (const auto same = same_as_.find(input); same != same_as_.end()) {
    tells = column(same->second, at);
  } else if (const auto seen = inputs_.find(input); seen != inputs_.end()) {
    const program::Input& of = *seen->second;
    if (of.table) tells = of_table(*of.table);
    if (of.elements) tells = at == 0 && (*this)(*of.elements);
    if (of.sub) tells = field(*of.sub, at);
    for (const auto& more : of.united) tells = field(*more, at) || tells;
  } else if (input < program_.inputs.size()) {
    if (program_.inputs[input].table) tells = of_table(*program_.inputs[input].table);
    else if (const auto sub = program_.inputs[input].sub.lock()) tells = field(*sub, at);
  }
  known_[{input, at}] = tells;
  return tells;
}

bool any_sensitive(const program::Program& program) {
  return std::any_of(program.catalogues.begin(), program.catalogues.end(), [](const Catalogue& catalogue) {
    return std::any_of(catalogue.tables.begin(), catalogue.tables.end(), has_sensitive);
  });
}

bool handles_sensitive(const program::Program& program, const program::Step& step) {
  const auto holds = [&](const program::TableRef& ref) { return has_sensitive(program.table(ref)); };
  for (const auto* uses : {&step.reads, &step.writes})
    for (const program::ColumnUse& use : *uses)
      if (use.column >= 0 && program.table(use.table).columns[static_cast<std::size_t>(use.column)].sensitive) return true;
  if (program::only_asserts(step.kind)) return false;
  return holds(step.target) || std::any_of(step.cascades.begin(), step.cascades.end(), holds);
}

std::vector<std::string> sensitive_columns(const program::Program& program) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < program.catalogues.size(); ++i)
    for (const Table& table : program.catalogues[i].tables)
      for (const Column& column : table.columns)
        if (column.sensitive && table.kept.empty()) names.push_back(program.sources[i].name + "." + table.name + "." + column.name);
  return names;
}

void mark_references(Catalogue& catalogue) {
  const auto column = [&](const std::string& table, const std::string& name) -> Column* {
    for (Table& at : catalogue.tables)
      if (at.name == table)
        if (const int index = at.column_index(name); index >= 0) return &at.columns[static_cast<std::size_t>(index)];
    return nullptr;
  };
  for (bool marked = true; marked;) {
    marked = false;
    for (const ForeignKey& key : catalogue.foreign_keys)
      for (std::size_t i = 0; i < key.columns.size() && i < key.parent_columns.size(); ++i) {
        const Column* parent = column(key.parent, key.parent_columns[i]);
        Column* child = column(key.table, key.columns[i]);
        if (!parent || !child || !parent->sensitive || child->sensitive) continue;
        child->sensitive = marked = true;
      }
  }
}

// What is made of a sensitive value stays among such columns.
void Checker::keep_sensitive(const program::Step& step) {
  if (!some_sensitive_) return;
  Tells tells(program, step.relation.get());
  for (const program::Assignment& assignment : step.assignments) {
    const Column& column = table(step.target).columns[static_cast<std::size_t>(assignment.column)];
    const bool candidate = step.free_name && step.free_name->column == assignment.column && tells(*step.free_name->candidate);
    if (column.sensitive || (!candidate && (!assignment.value || !tells(*assignment.value)))) continue;
    const std::string from = tells.met() ? fmt::format("`{}.{}`", shown(tells.met()->table), table(tells.met()->table).columns[static_cast<std::size_t>(tells.met()->column)].name) : "a sensitive column";
    error(Code::secret_kept, assignment.span.end > assignment.span.begin ? assignment.span : step.name_span,
          fmt::format("`{}` would hold what {} holds, which is sensitive", column.name, from),
          fmt::format("mark it as well, in the braces of its source: `sensitive {}.{}`", table(step.target).name, column.name));
  }
}

// Columns of what is kept, by the values that go into them.
void Checker::mark_kept(Table& kept, const Relation& relation, const std::optional<program::Through>& through) {
  if (!some_sensitive_) return;
  Tells tells(program, &relation);
  for (std::size_t i = 0; i < relation.fields.size() && i < kept.columns.size(); ++i) kept.columns[i].sensitive = tells(*relation.fields[i].expr);
  if (!through) return;
  // What a program gives is made of all that it takes.
  const bool shown_some = std::any_of(through->takes.begin(), through->takes.end(), [&](int field) { return kept.columns[static_cast<std::size_t>(field)].sensitive; });
  for (std::size_t i = relation.fields.size(); i < kept.columns.size(); ++i) kept.columns[i].sensitive = shown_some && kept.columns[i].type.kind != Kind::boolean;
}

}  // namespace bfl::check
