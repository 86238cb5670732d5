// Deletes: which rows, and what goes with them.
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::Step;
using program::TableRef;

void Checker::remove(Step& step, const StepParts& parts) {
  const std::size_t errors = diagnostics_.errors();
  BlockPtr block = anchored_rows(step, parts);
  if (!block || block->broken || diagnostics_.errors() != errors) return;
  step.relation = block->relation;
  choose_walk(step);
  for (NodeId clause : parts.clauses)
    if (at(clause).word == "cascades") cascades(step, clause);
  forbid_triggers(step);
  effects(step);
  if (diagnostics_.errors() == errors) classify(step, *block);
}

// `cascades to T, U`: each refers to the step's table or to one that stands before it.
void Checker::cascades(Step& step, NodeId clause) {
  const auto& foreign_keys = program.catalogues[static_cast<std::size_t>(step.target.source)].foreign_keys;
  for (NodeId path : ast::children(*file_, clause)) {
    const auto ref = written_path(path);
    if (!ref) continue;
    const auto refers_to = [&](TableRef parent) {
      return ref->source == parent.source && std::any_of(foreign_keys.begin(), foreign_keys.end(), [&](const ForeignKey& key) { return key.table == table(*ref).name && key.parent == table(parent).name; });
    };
    if (*ref == step.target || (!refers_to(step.target) && std::none_of(step.cascades.begin(), step.cascades.end(), refers_to))) {
      error(Code::unknown_clause, at(path).span, fmt::format("no foreign key of `{}` refers to `{}`{}", shown(*ref), shown(step.target), step.cascades.empty() ? "" : " or to a table before it"),
            "`cascades to` names tables whose rows go with the rows that they refer to");
      continue;
    }
    if (!table(*ref).identity()) {
      error(Code::no_row_identity, at(path).span, fmt::format("`{}` has no unique key by which its rows could be found again", shown(*ref)), "delete its rows in a step of their own, before this one");
      continue;
    }
    if (std::find(step.cascades.begin(), step.cascades.end(), *ref) == step.cascades.end()) step.cascades.push_back(*ref);
  }
}

}  // namespace bfl::check
