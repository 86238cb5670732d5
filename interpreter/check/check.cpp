#include "interpreter/check/check.h"

#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

Checker::Checker(const ast::File& script, const Sources& texts, const Library& library, const Settings& settings, Diagnostics& diagnostics, Symbols* symbols)
    : script_(script), texts_(texts), library_(library), settings_(settings), diagnostics_(diagnostics), symbols_(symbols), file_(&script),
      allowed_(300'000 + 4 * script.nodes.size()), allowed_in_all_(400'000 + 40 * script.nodes.size()) {
}

void Checker::run() {
  reserve_kept_tables();  // first: names point into the tables
  for (std::size_t i = 0; i < program.catalogues.size(); ++i) {
    SourceNames& names = source_names_.emplace_back();
    const Catalogue& catalogue = program.catalogues[i];
    for (std::size_t t = 0; t < catalogue.tables.size(); ++t) names.tables.emplace(catalogue.tables[t].name, static_cast<int>(t));
    for (std::size_t k = 0; k < catalogue.foreign_keys.size(); ++k) {
      names.keys_of_child[catalogue.foreign_keys[k].table].push_back(k);
      names.keys_of_parent[catalogue.foreign_keys[k].parent].push_back(k);
    }
  }
  declare();
  note_items();

  // Definitions are checked where they stand, used or not: their mistakes are reported there.
  for (const auto& [name, all] : functions_)
    for (const Function& function : all) {
      expanded_ = 0;
      const Within from(origin_, origin_of(function.node));
      check_definition(function);
    }
  for (NodeId item : ast::children(script_, script_.root)) {
    const Within from(origin_, origin_of(item));
    if (at(item).kind == NodeKind::step && at(item).word != "test") step(item);
    if (at(item).kind == NodeKind::let && names_.contains(at(item).text) && names_.at(at(item).text).node == item) {
      steps_above_[at(item).text] = program.steps.size();
      define(item);
    }
  }
  for (NodeId item : ast::children(script_, script_.root))
    if (at(item).kind == NodeKind::step && at(item).word == "test") test(item);
  if (!exhausted() && !too_large_reported_) report_unused();  // what was not read to the end may be used there
  choose_keepers();
  read_in_order();
  find_rollout_guards();
  check_atomic(program, diagnostics_);
  rollback_can_be();

  // What is behind a view is not known: whoever reads one depends on all that the job writes in its source.
  std::set<program::ColumnUse> written;
  const auto reads_view = [&](const program::Step& made) {
    return std::any_of(made.reads.begin(), made.reads.end(), [&](const program::ColumnUse& use) { return use.column < 0 && !program.query(use.table) && (table(use.table).view || table(use.table).virtual_table); });
  };
  for (const auto& made : program.steps) written.insert(made.writes.begin(), made.writes.end());
  for (auto& made : program.steps)
    if (reads_view(made)) made.reads.insert(written.begin(), written.end());
}

// Where the ledger of each step lies: a step that writes has its own in its target; what only reads is noted where the job writes.
void Checker::choose_keepers() {
  const auto keeps = [&](int source) { return !program.catalogues[static_cast<std::size_t>(source)].read_only; };
  std::set<int> written;
  for (const program::Step& step : program.steps)
    if (!program::only_asserts(step.kind) && (step.relation || step.sql)) written.insert(step.target.source);
  int other = written.empty() ? -1 : *written.begin();
  for (std::size_t i = 0; other < 0 && i < program.catalogues.size(); ++i)
    if (keeps(static_cast<int>(i))) other = static_cast<int>(i);
  for (program::Step& step : program.steps) {
    step.keeper = other;
    if (!program::only_asserts(step.kind) && (step.relation || step.sql)) step.keeper = step.target.source;
    else
      for (const program::ColumnUse& use : step.reads)
        if (written.empty() ? keeps(use.table.source) : written.contains(use.table.source)) {
          step.keeper = use.table.source;
          break;
        }
  }
}

void Checker::define(NodeId let) {
  Declared& declared = names_.at(at(let).text);
  const bool used = declared.used;
  expanded_ = 0;
  if (declared.state == DefinitionState::fresh) use_let(at(let).text, let);
  declared.used = used;
}

program::Program check(const ast::File& file, const Sources& texts, std::shared_ptr<const Library> library, std::vector<program::Source> sources,
                       std::vector<Catalogue> catalogues, const Settings& settings, Diagnostics& diagnostics, Symbols* symbols) {
  Checker checker(file, texts, *library, settings, diagnostics, symbols);
  checker.program.sources = std::move(sources);
  checker.program.catalogues = std::move(catalogues);
  checker.run();
  diagnostics.sort_by_position();
  if (symbols) symbols->sort();
  return std::move(checker.program);
}

}  // namespace bfl::check
