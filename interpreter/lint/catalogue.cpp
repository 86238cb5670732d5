// The rules that need a checked program: what the database says about tables, and what the steps come to.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "interpreter/check/visit.h"
#include "interpreter/lint/subject.h"

namespace bfl::lint {

using program::CompareOp, program::Expr, program::ExprKind, program::Input, program::Program, program::Step, program::StepKind;

namespace {

const Expr& bare(const Expr& e) { return e.kind == ExprKind::convert ? bare(*e.args[0]) : e; }

// What has to be true: `a and b` as a, b.
void conjuncts(const Expr& e, std::vector<const Expr*>& into) {
  if (e.kind != ExprKind::and_) return into.push_back(&e);
  for (const auto& part : e.args) conjuncts(*part, into);
}

bool is_null(const Expr& e) { return e.kind == ExprKind::literal && e.value.is_null(); }

// Steps, lets and the like may come from modules; what is shown there cannot be mended in this file.
bool here(const Subject& subject, Span span) { return span.file == subject.file.source && span.end > span.begin; }

std::string column_name(const Program& program, program::TableRef table, int column) {
  return program.table(table).columns[static_cast<std::size_t>(column)].name;
}

bool leads_an_index(const Table& table, int column) {
  const auto leads = [&](const std::vector<int>& columns) { return !columns.empty() && columns.front() == column; };
  return table.rowid_alias == column || std::any_of(table.indexes.begin(), table.indexes.end(), leads) ||
         std::any_of(table.keys.begin(), table.keys.end(), [&](const Key& key) { return leads(key.columns); });
}

}  // namespace

void null_passed_over(const Subject& subject, Findings& findings) {
  const Program& program = *subject.program;
  std::set<std::uint32_t> said;
  for (const Step& step : program.steps) {
    if (!program::writes_anchor(step.kind) || !step.relation) continue;
    std::vector<const Expr*> all;
    for (const auto& filter : step.relation->filters)
      if (!filter.skip) conjuncts(*filter.condition, all);
    const auto asked_for_null = [&](const Expr& column) {
      return std::any_of(all.begin(), all.end(), [&](const Expr* e) {
        return e->kind == ExprKind::compare && e->op == CompareOp::not_equal && std::any_of(e->args.begin(), e->args.end(), [](const auto& a) { return is_null(bare(*a)); }) &&
               std::any_of(e->args.begin(), e->args.end(), [&](const auto& a) { return bare(*a).kind == ExprKind::column && bare(*a).input == column.input && bare(*a).column == column.column; });
      });
    };
    for (const Expr* e : all) {
      if (e->kind != ExprKind::compare || e->op == CompareOp::equal || e->op == CompareOp::not_equal || !here(subject, e->span)) continue;
      for (const auto& side : e->args) {
        const Expr& column = bare(*side);
        if (column.kind != ExprKind::column || !column.type.nullable || asked_for_null(column) || !said.insert(e->span.begin).second) continue;
        findings.add(e->span, fmt::format("`{}` may be null, and such rows are not chosen", subject.sources.slice(column.span)), "add `where … != null` to say so, or take them: `… or … == null`");
      }
    }
  }
}

void key_column_set(const Subject& subject, Findings& findings) {
  const Program& program = *subject.program;
  for (const Step& step : program.steps) {
    if (step.kind != StepKind::update) continue;
    for (const auto& assignment : step.assignments)
      for (const Key& key : program.table(step.target).keys)
        if (key.primary && std::find(key.columns.begin(), key.columns.end(), assignment.column) != key.columns.end() && here(subject, assignment.span))
          findings.add(assignment.span, fmt::format("`{}` is part of the primary key of `{}`", column_name(program, step.target, assignment.column), program.shown(step.target)),
                       "where it has to be, give everything that refers to the rows the new key as well");
  }
}

void unique_column_set(const Subject& subject, Findings& findings) {
  const Program& program = *subject.program;
  for (const Step& step : program.steps) {
    if (step.kind != StepKind::update || step.duplicates || step.free_name) continue;
    for (const auto& assignment : step.assignments)
      for (const Key& key : program.table(step.target).keys)
        if (!key.primary && std::find(key.columns.begin(), key.columns.end(), assignment.column) != key.columns.end() && here(subject, assignment.span))
          findings.add(assignment.span, fmt::format("`{}` is unique in `{}`: two rows may come to one value", column_name(program, step.target, assignment.column), program.shown(step.target)),
                       "say what happens then: `unique … else …`, or `on duplicate (…) keep first by …`");
  }
}

void join_without_index(const Subject& subject, Findings& findings) {
  const Program& program = *subject.program;
  std::set<std::uint32_t> said;
  const auto look = [&](const Input& input) {
    if (!input.table || !input.on || !here(subject, input.span)) return;
    const Table& table = program.table(*input.table);
    if (program.catalogues[static_cast<std::size_t>(input.table->source)].engine == "csv" || !table.kept.empty() || table.view) return;
    if (table.estimated_rows && *table.estimated_rows < 1'000) return;
    std::vector<const Expr*> parts;
    conjuncts(*input.on, parts);
    int column = -1;
    for (const Expr* part : parts) {
      if (part->kind != ExprKind::compare || part->op != CompareOp::equal) continue;
      for (const auto& side : part->args) {
        const Expr& e = bare(*side);
        if (e.kind != ExprKind::column || e.input != input.id) continue;
        if (leads_an_index(table, e.column)) return;
        column = e.column;
      }
    }
    if (column >= 0 && said.insert(input.span.begin).second)
      findings.add(input.span, fmt::format("no index of `{}` begins with `{}`", program.shown(*input.table), column_name(program, *input.table, column)),
                   "join on an indexed column, or have the index made before the run");
  };
  for (const Step& step : program.steps)
    if (step.relation)
      check::for_each(*step.relation, check::Seeing{[](const Expr&) {}, [&](const program::Relation& relation) {
                                                      for (const Input& input : relation.inputs) look(input);
                                                    }});
}

void atomic_on_large_table(const Subject& subject, Findings& findings) {
  const Program& program = *subject.program;
  for (const Step& step : program.steps) {
    if (!(step.atomic || program.atomic) || !program::changes_rows(step.kind) || !here(subject, step.name_span)) continue;
    const auto rows = program.table(step.target).estimated_rows;
    if (rows && *rows > 100'000)
      findings.add(step.name_span, fmt::format("`{}` is {}one transaction over a table of about {} rows", step.name, step.atomic ? "" : "a part of ", *rows), "leave `atomic` out: chunks are exactly once as well");
  }
}

void verify_of_other_rows(const Subject& subject, Findings& findings) {
  const Program& program = *subject.program;
  std::set<program::ColumnUse> written;
  for (const Step& step : program.steps)
    if (program::changes_rows(step.kind)) written.insert(step.writes.begin(), step.writes.end());
  if (written.empty()) return;
  for (const Step& step : program.steps) {
    if (step.kind != StepKind::verify || !here(subject, step.name_span)) continue;
    const bool touches = std::any_of(step.reads.begin(), step.reads.end(), [&](const program::ColumnUse& read) {
      return std::any_of(written.begin(), written.end(), [&](const program::ColumnUse& write) {
        return read.table == write.table && (read.column == write.column || write.column == -1);
      });
    });
    if (!touches) findings.add(step.name_span, fmt::format("`{}` reads nothing that the job changes", step.name), "ask about the columns that the steps set");
  }
}

void unverified_column(const Subject& subject, Findings& findings) {
  const Program& program = *subject.program;
  std::set<program::ColumnUse> read;
  bool verifies = false;
  for (const Step& step : program.steps) {
    if (step.kind != StepKind::verify) continue;
    verifies = true;
    read.insert(step.reads.begin(), step.reads.end());
  }
  if (!verifies) return;
  for (const Step& step : program.steps) {
    if (step.kind != StepKind::update) continue;
    for (const auto& assignment : step.assignments)
      if (!read.contains({step.target, assignment.column}) && here(subject, assignment.span))
        findings.add(assignment.span, fmt::format("no `verify` reads `{}.{}`", program.shown(step.target), column_name(program, step.target, assignment.column)), "let a verification ask about it");
  }
}

void unrounded_decimal(const Subject& subject, Findings& findings) {
  const Program& program = *subject.program;
  for (const Step& step : program.steps)
    for (const auto& assignment : step.assignments) {
      const Column& column = program.table(step.target).columns[static_cast<std::size_t>(assignment.column)];
      const Expr& value = bare(*assignment.value);
      if (column.scale < 0 || value.kind != ExprKind::call || value.native == nullptr || !here(subject, assignment.span)) continue;
      const bool quotient = value.native->name == "/";
      const bool product = value.native->name == "*" && value.args.size() == 2 && bare(*value.args[0]).type.kind == Kind::decimal && bare(*value.args[1]).type.kind == Kind::decimal;
      if (quotient || product)
        findings.add(assignment.span, fmt::format("the {} may have more than the {} digits that `{}` has behind the point", quotient ? "quotient" : "product", column.scale, column.name),
                     fmt::format("write `round(…, {})`", column.scale));
    }
}

}  // namespace bfl::lint
