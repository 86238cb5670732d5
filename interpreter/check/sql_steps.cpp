// `sql` steps: one statement of the database's own. What it means is not known here: what it writes and reads is declared, and
// what keeps it from running twice is said. That it changes no more than that is seen when it runs (run/raw_write.cpp).
#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

using program::Idempotence;
using program::Step;
using program::TableRef;

void Checker::sql_step(Step& step, const StepParts& parts) {
  const std::size_t errors = diagnostics_.errors();
  NodeId on = ast::no_node, writes = ast::no_node, reads = ast::no_node, done = ast::no_node;
  for (NodeId clause : parts.clauses) {
    const std::string_view word = at(clause).word;
    if (word == "on") on = at(clause).first_child;
    if (word == "writes") writes = clause;
    if (word == "reads") reads = clause;
    if (word == "done") done = at(clause).first_child;
  }
  const std::string example = "write `sql NAME on SOURCE \"\"\"UPDATE …\"\"\" { writes TABLE(COLUMN) done when … }`";
  if (parts.relation != ast::no_node) error(Code::unknown_clause, at(parts.relation).span, "`sql` has no relation of its own", example);
  if (on == ast::no_node || writes == ast::no_node) {
    error(Code::empty_step, step.name_span, fmt::format("`{}` does not say {}", step.name, on == ast::no_node ? "on which source it runs" : "what it writes"), example);
    return;
  }
  if (at(on).kind != NodeKind::name) {
    error(Code::unknown_source, at(on).span, fmt::format("`{}` is no source", slice(at(on).span)), example);
    return;
  }
  const auto source = sql_source(on);
  if (!source) return;
  const std::vector<TableRef> written = sql_tables(writes, *source, step.writes, false);
  if (reads != ast::no_node) sql_tables(reads, *source, step.reads, true);
  for (const TableRef ref : written) {
    const Table& named = table(ref);
    if (named.view || named.virtual_table || program.catalogues[static_cast<std::size_t>(ref.source)].read_only)
      error(Code::not_writable, at(writes).span, fmt::format("`{}` is {}, which no step writes", shown(ref), named.view ? "a view" : named.virtual_table ? "a virtual table" : "in a source that can only be read"));
    else if (!named.identity())
      error(Code::no_row_identity, at(writes).span, fmt::format("`{}` has no unique key by which its rows could be found again", shown(ref)), "create a unique index over NOT NULL columns");
  }
  std::vector<NodeId> texts = parts.statements;
  std::erase_if(texts, [&](NodeId part) { return at(part).kind != NodeKind::string && at(part).kind != NodeKind::named_arg; });
  auto sql = sql_of(texts, *source, step.name_span, false);
  if (done != ast::no_node) {
    const std::size_t live = live_.size();
    step.done_when = condition(done, "the condition of `done when`");
    step.done_text = slice(at(done).span);
    live_.resize(live);  // a question like that of a check: about what there is now
  }
  if (done == ast::no_node && !once_)
    error(Code::not_idempotent, step.name_span, fmt::format("nothing tells that `{}` has run: running it twice might change rows twice", step.name), "say by what its work is seen, `done when CONDITION`, or say `once`");
  if (!sql || written.empty() || diagnostics_.errors() != errors) return;
  step.sql = std::move(*sql);
  step.target = written.front();
  for (std::size_t i = 1; i < written.size(); ++i)
    if (written[i] != step.target && std::find(step.cascades.begin(), step.cascades.end(), written[i]) == step.cascades.end()) step.cascades.push_back(written[i]);
  step.idempotence = once_ ? Idempotence::once : Idempotence::guarded;
  step.atomic = true;
  step.route = program::Route::whole;
  step.route_reason = "the statement and its ledger entry are one transaction";
  effects(step);
  sql_effects(step, written);
}

// What stands in the tables that are written may be read as well, and so may what their keys refer to.
void Checker::sql_effects(Step& step, const std::vector<TableRef>& written) {
  const auto whole = [&](TableRef ref) {
    step.reads.insert({ref, -1});
    for (std::size_t c = 0; c < table(ref).columns.size(); ++c) step.reads.insert({ref, static_cast<int>(c)});
  };
  const auto source = static_cast<std::size_t>(step.target.source);
  for (const TableRef ref : written) {
    whole(ref);
    for (const ForeignKey& key : program.catalogues[source].foreign_keys) {
      const bool child = key.table == table(ref).name, parent = key.parent == table(ref).name;
      if (child == parent) continue;
      const auto other = source_names_[source].tables.find(child ? key.parent : key.table);
      if (other == source_names_[source].tables.end()) continue;
      const TableRef of{step.target.source, other->second};
      step.reads.insert({of, -1});
      for (const std::string& column : child ? key.parent_columns : key.columns)
        if (const int c = column_index(of, column); c >= 0) step.reads.insert({of, c});
    }
  }
}

}  // namespace bfl::check
