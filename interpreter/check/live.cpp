// A `let` is a view: a step that reads it after a step below the `let` has changed what it looks at sees other rows than the
// reader of the job does. Such a step has to say which it means: the rows as they were (`snapshot`), the table itself, or a `let`
// below the step that changes.
#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::ColumnUse;
using program::Step;

namespace {

// Of the row itself and those joined to it: such a value is as good as the columns that it is made of.
bool of_the_row(const Expr& expr) {
  bool alone = true;
  for_each(expr, [&](const Expr& at) {
    switch (at.kind) {
      case ExprKind::literal: case ExprKind::column: case ExprKind::call: case ExprKind::compare: case ExprKind::and_: case ExprKind::or_: case ExprKind::not_:
      case ExprKind::coalesce: case ExprKind::case_: case ExprKind::in_list: case ExprKind::convert: case ExprKind::array: case ExprKind::object:
      case ExprKind::clock: case ExprKind::local: case ExprKind::bind: break;
      default: alone = false;
    }
  });
  return alone;
}

}  // namespace

// What decides which rows a `let` has, and what it computes over several rows.
void Checker::note_live(std::string_view let, Span span, const Block& block) {
  if (block.broken) return;
  for (const LiveRead& known : live_)
    if (known.let == let) return;
  LiveRead read{.let = let, .span = span};
  const auto see = Seeing{[&](const Expr& expr) {
                            if (expr.kind != ExprKind::column) return;
                            if (const auto& ref = program.inputs[expr.input].table) read.columns.insert({*ref, expr.column});
                          },
                          [&](const program::Relation& relation) {
                            for (const auto& input : relation.inputs) {
                              if (!input.table) continue;
                              read.columns.insert({*input.table, -1});
                              if (const program::Query* query = program.query(*input.table)) read.columns.insert(query->reads.begin(), query->reads.end());
                            }
                          }};
  program::Relation rows = *block.relation;
  if (!rows.grouped) rows.fields.clear();
  for_each(rows, see);
  for (const auto& [name, value] : block.derived)
    if (value && (block.relation->grouped || !of_the_row(*value))) for_each(*value, see);
  live_.push_back(std::move(read));
}

// `step` is the next one: what stands before it is known.
void Checker::forbid_live_reads(const Step& step) {
  if (!program::only_asserts(step.kind)) {
    const auto& reads = step.kind == program::StepKind::snapshot && snapshots_.contains(names_.at(step.name).node) ? snapshots_.at(names_.at(step.name).node).live : live_;
    for (const LiveRead& read : reads) {
      const auto place = steps_above_.find(read.let);
      const std::size_t above = place == steps_above_.end() ? program.steps.size() : place->second;
      const auto changed = std::find_if(read.columns.begin(), read.columns.end(), [&](const ColumnUse& use) {
        const auto writer = written_by_.find(use);
        return writer != written_by_.end() && writer->second >= above;
      });
      if (changed == read.columns.end()) continue;
      const Step& earlier = program.steps[written_by_.at(*changed)];
      const std::string what = changed->column < 0 ? fmt::format("which rows `{}` has", shown(changed->table))
                                                   : fmt::format("`{}.{}`", shown(changed->table), table(changed->table).columns[static_cast<std::size_t>(changed->column)].name);
      error(Code::live_relation, step.name_span, fmt::format("`{}` reads `{}` after `{}` has changed what it looks at: {}", step.name, read.let, earlier.name, what),
            fmt::format("keep it as it was: `snapshot {} = …`; or move the `let` below `{}`, to see what that has made of it", read.let, earlier.name))
          .labels.push_back({earlier.name_span, "changed here"});
      break;
    }
  }
  for (const ColumnUse& use : step.writes)
    if (table(use.table).kept.empty()) written_by_[use] = program.steps.size();
}

}  // namespace bfl::check
