#include "interpreter/run/planned.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "interpreter/run/writing.h"

namespace bfl::run {
namespace {

// Parts of a memo key, as people know them. What a step means follows from the script and its parameters; the target is compared as a
// whole; how rows are walked does not matter to a plan.
const char* part_named(const std::string& component) {
  if (component == "schema") return "the schema of the tables";
  if (component == "content") return "the content of the files";
  if (component == "semantics") return "what this version of bfl makes";
  return nullptr;
}

}  // namespace

std::string help_to_plan(const std::string& job_file) { return fmt::format("make a plan of what there is now: `bfl plan {} -o FILE`", job_file); }

std::string statement_of(const program::Program& program, const program::Step& step) {
  const lower::Dialect dialect = lower::dialect_of(program.catalogues[static_cast<std::size_t>(step.target.source)]);
  const lower::Statement statement = lower::raw_step(program, step, dialect).change;
  std::string text = statement.text;
  for (std::size_t i = 0; i < statement.binds.size(); ++i) {
    const bool clock = std::find(statement.clocks.begin(), statement.clocks.end(), i) != statement.clocks.end();
    text += fmt::format("\n{}{} = {}", dialect == lower::Dialect::postgres ? "$" : "?", i + 1, clock ? "now()" : to_literal(statement.binds[i]));
  }
  if (step.done_when) text += "\ndone when " + step.done_text;
  return text;
}

std::vector<std::string> changed_since(const KeptPlan& kept, const program::Program& program, const plan::Plan& plan, const std::vector<std::string>& identities,
                                       const std::string& script) {
  std::vector<std::string> changes;
  const PlanFacts& facts = kept.facts();
  if (facts.job != program.job) return {fmt::format("it is a plan of `{}`, and not of `{}`", facts.job, program.job)};
  for (const program::Parameter& parameter : program.parameters) {
    if (parameter.secret || parameter.is_clock) continue;
    const std::string now = to_literal(parameter.value);
    for (const PlannedParameter& then : facts.parameters)
      if (then.name == parameter.name && then.value != now) changes.push_back(fmt::format("`{}` was {}, and is {}", parameter.name, then.value, now));
  }
  for (std::size_t i = 0; i < program.sources.size(); ++i)
    for (const PlannedSource& then : facts.sources) {
      if (then.name != program.sources[i].name) continue;
      // Before the first run a database has no identity: its place stands for it.
      const bool same = then.identity.empty() ? then.shown == program.sources[i].shown : then.identity == identities[i] || program.catalogues[i].read_only;
      if (!same) changes.push_back(fmt::format("`{}` is another database than the plan was made from", then.name));
    }
  if (facts.script != script) changes.push_back("the script was changed");
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const program::Step& step = program.steps[i];
    if (program::only_asserts(step.kind)) continue;
    const PlannedStep* then = kept.step(step.name);
    if (!then) {
      changes.push_back(fmt::format("`{}` is not in it", step.name));
      continue;
    }
    for (const plan::KeyComponent& component : plan.steps[i].key.components) {
      const char* part = part_named(component.name);
      const auto before = then->components.find(component.name);
      if (part && (before == then->components.end() || before->second != component.digest)) changes.push_back(fmt::format("{} of `{}` changed", part, step.name));
    }
    // Values that are secret are in no text of the plan; what the step means hangs on them.
    for (const plan::KeyComponent& component : plan.steps[i].key.components)
      if (const auto before = then->components.find("meaning"); then->planned == Planned::statement && component.name == "meaning" && (before == then->components.end() || before->second != component.digest))
        changes.push_back(fmt::format("what `{}` means is another", step.name));
    if (then->planned == Planned::statement && then->statement != statement_of(program, step)) changes.push_back(fmt::format("the statement of `{}` is another", step.name));
  }
  return changes;
}

Result<std::vector<std::string>> altered_since(const KeptPlan& kept, const std::vector<program::Source>& sources, const std::vector<connect::Connector*>& targets) {
  std::vector<std::string> changes;
  for (const PlannedTable& then : kept.facts().tables)
    for (std::size_t i = 0; i < sources.size(); ++i) {
      if (sources[i].name != then.source) continue;
      auto now = parts_of(*targets[i], then.schema, then.table);
      if (!now) return now.error();
      for (std::string& change : differences(then.name, then.parts, *now)) changes.push_back(std::move(change));
    }
  return changes;
}

Result<std::vector<PlannedTable>> tables_of(const program::Program& program, const std::function<bool(std::size_t step)>& held, const std::vector<connect::Connector*>& targets) {
  std::set<program::TableRef> touched;
  for (std::size_t i = 0; i < program.steps.size(); ++i)
    for (const auto* uses : {&program.steps[i].reads, &program.steps[i].writes})
      for (const program::ColumnUse& use : *uses) {
        if (!held(i) || program::only_asserts(program.steps[i].kind)) continue;
        touched.insert(use.table);
        if (const program::Query* query = program.query(use.table))
          for (const program::ColumnUse& of : query->reads) touched.insert(of.table);
      }
  std::vector<PlannedTable> tables;
  for (const program::TableRef ref : touched) {
    const Table& table = program.table(ref);
    if (!table.kept.empty() || table.query >= 0) continue;
    connect::Connector& source = *targets[static_cast<std::size_t>(ref.source)];
    if (!source.has_sql()) continue;
    PlannedTable& made = tables.emplace_back(PlannedTable{program.sources[static_cast<std::size_t>(ref.source)].name, table.schema, table.relation.empty() ? table.name : table.relation, table.name, {}});
    auto parts = parts_of(source, made.schema, made.table);
    if (!parts) return parts.error();
    made.parts = std::move(*parts);
  }
  return tables;
}

std::vector<std::size_t> begun_from_a_plan(const program::Program& program, const std::vector<Decision>& decisions, const std::vector<std::vector<ledger::Generation>>& generations) {
  std::vector<std::size_t> begun;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    if (program.steps[i].keeper < 0 || decisions[i].kind != DecisionKind::resume) continue;
    for (const ledger::Generation& generation : generations[static_cast<std::size_t>(program.steps[i].keeper)])
      if (generation.step == program.steps[i].name && generation.number == decisions[i].generation && generation.route.starts_with("plan ")) begun.push_back(i);
  }
  return begun;
}

std::vector<std::string> run_since(const KeptPlan& kept, const program::Program& program, const std::vector<Decision>& decisions,
                                   const std::vector<std::vector<ledger::Generation>>& generations) {
  std::vector<std::string> changes;
  std::map<std::string_view, const ledger::Generation*> last;
  for (const auto& list : generations)
    for (const ledger::Generation& generation : list)
      if (const auto [known, fresh] = last.emplace(generation.step, &generation); !fresh && generation.number > known->second->number) known->second = &generation;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const program::Step& step = program.steps[i];
    const PlannedStep* then = kept.step(step.name);
    if (!then || step.keeper < 0) continue;
    const Decision& decision = decisions[i];
    if (then->planned == Planned::done && decision.kind != DecisionKind::reuse) changes.push_back(fmt::format("`{}` was finished, and is not: {}", step.name, decision.why));
    if (then->planned != Planned::rows && then->planned != Planned::statement) continue;
    const auto known = last.find(step.name);
    const ledger::Generation* newest = known == last.end() ? nullptr : known->second;
    const bool own = newest && newest->number == then->generation && newest->route == kept.route() && newest->state != ledger::StepState::undone;
    const bool fresh = decision.kind == DecisionKind::run && decision.generation == then->generation;
    if (own || fresh) continue;
    changes.push_back(newest && newest->route == kept.route() ? fmt::format("`{}` was carried out and undone", step.name) : fmt::format("`{}` has run without it", step.name));
  }
  return changes;
}

bool begun_by(const KeptPlan& kept, const std::vector<std::vector<ledger::Generation>>& generations) {
  for (const auto& list : generations)
    for (const ledger::Generation& generation : list)
      if (generation.route == kept.route()) return true;
  return false;
}

}  // namespace bfl::run
