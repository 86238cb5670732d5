#include "interpreter/check/check.h"

#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

Checker::Checker(const ast::File& script, const Sources& texts, const Library& library, const Settings& settings, Diagnostics& diagnostics)
    : script_(script), texts_(texts), library_(library), settings_(settings), diagnostics_(diagnostics), file_(&script) {
  modules_["core"] = true;
}

void Checker::run() {
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

  // Definitions first, used or not: their mistakes are reported where they stand.
  for (NodeId let : lets_) {
    Declared& declared = names_.at(at(let).text);
    const bool used = declared.used;
    expanded_ = 0;
    if (declared.state == DefinitionState::fresh) use_let(at(let).text, let);
    declared.used = used;
  }
  for (const auto& [name, all] : functions_)
    for (const Function& function : all) {
      expanded_ = 0;
      check_definition(function);
    }
  for (NodeId item : ast::children(script_, script_.root))
    if (at(item).kind == NodeKind::step) step(item);
  report_unused();

  // What is behind a view is not known: whoever reads one depends on all that the job writes in its source.
  std::set<program::ColumnUse> written;
  const auto reads_view = [&](const program::Step& made) {
    return std::any_of(made.reads.begin(), made.reads.end(), [&](const program::ColumnUse& use) { return use.column < 0 && (table(use.table).view || table(use.table).virtual_table); });
  };
  for (const auto& made : program.steps) written.insert(made.writes.begin(), made.writes.end());
  for (auto& made : program.steps)
    if (reads_view(made)) made.reads.insert(written.begin(), written.end());
}

program::Program check(const ast::File& file, const Sources& texts, std::shared_ptr<const Library> library, std::vector<program::Source> sources,
                       std::vector<Catalogue> catalogues, const Settings& settings, Diagnostics& diagnostics) {
  Checker checker(file, texts, *library, settings, diagnostics);
  checker.program.sources = std::move(sources);
  checker.program.catalogues = std::move(catalogues);
  checker.run();
  diagnostics.sort_by_position();
  return std::move(checker.program);
}

}  // namespace bfl::check
