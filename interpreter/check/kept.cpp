// Relations that bfl keeps in tables of its own: snapshots, and what a step did (`fresh.inserted`).
//
// Each becomes a table of the source's catalogue, so that names, effects, edges and statements treat it as any other. Its
// columns are of types and forms in which every value comes back exactly.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/column_types.h"
#include "interpreter/check/kept_name.h"
#include "interpreter/check/row_keys.h"
#include "interpreter/check/sensitive.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::Effect;
using program::EffectKind;
using program::InputKind;
using program::Step;
using program::StepKind;
using program::TableRef;

namespace {

BlockPtr broken_block() {
  auto block = std::make_shared<Block>();
  block->broken = true;
  return block;
}

// The stored column that an expression hands on as it is, and its source.
std::pair<const Column*, int> stored_column(const program::Program& program, const Expr& expr) {
  const Expr* at = &expr;
  while (at->kind == ExprKind::column) {
    const program::InputName& input = program.inputs[at->input];
    if (input.table && program.table(*input.table).query >= 0) return {};  // SQL gives values, of no stored form
    if (input.table) return {&program.table(*input.table).columns[static_cast<std::size_t>(at->column)], input.table->source};
    const auto sub = input.sub.lock();
    if (!sub || static_cast<std::size_t>(at->column) >= sub->fields.size()) return {};
    at = sub->fields[static_cast<std::size_t>(at->column)].expr.get();
  }
  return {};
}

// Where the engine has a place for what bfl keeps.
void place(Table& kept, const std::string& engine) {
  kept.schema = engine == "postgres" ? "bfl" : "";
  kept.relation = engine == "postgres" ? kept.name : "";
}

bool does(StepKind kind, EffectKind effect) {
  switch (effect) {
    case EffectKind::inserted: return program::adds_rows(kind);
    case EffectKind::updated: return kind == StepKind::update || kind == StepKind::upsert;
    case EffectKind::deleted: return kind == StepKind::remove || kind == StepKind::update;
  }
  return false;
}

}  // namespace

std::string kept_name(const std::string& job, std::string_view relation) {
  Hasher hasher;
  hasher.field(job).field(relation);
  std::string name = fmt::format("bfl_kept_{}_{}", hex(hasher.finish()).substr(0, 8), relation.substr(0, 40));
  std::replace(name.begin(), name.end(), '.', '_');
  return name;
}

// References to tables are held while expressions are read, and reading one may make a table: there is room from the start.
void Checker::reserve_kept_tables() {
  std::size_t most = 0;
  for (NodeId node = 0; node < script_.nodes.size(); ++node) {
    const ast::Node& at = script_[node];
    if (at.kind == NodeKind::step) most += at.word == "snapshot";
    most += at.kind == NodeKind::sql;
    if (at.kind != NodeKind::member) continue;
    most += std::find(std::begin(effect_names), std::end(effect_names), at.text) != std::end(effect_names);
    const NodeId left = at.first_child;
    if (left != ast::no_node && script_[left].text == "from" && (script_[left].kind == NodeKind::member || script_[left].kind == NodeKind::name)) from_names_.push_back(at.text);
  }
  if (most == 0) return;
  for (Catalogue& catalogue : program.catalogues) catalogue.tables.reserve(catalogue.tables.size() + most);
  std::sort(from_names_.begin(), from_names_.end());
  from_names_.erase(std::unique(from_names_.begin(), from_names_.end()), from_names_.end());
}

BlockPtr Checker::kept_block(TableRef ref, NodeId node) {
  auto block = std::make_shared<Block>();
  block->relation->inputs.push_back({.id = fresh_input({}, ref, nullptr), .kind = InputKind::anchor, .alias = {}, .table = ref, .span = at(node).span});
  block->subs.push_back(nullptr);
  block->relation->span = at(node).span;
  block->let = table(ref).kept;
  return block;
}

BlockPtr Checker::snapshot_block(NodeId step, NodeId node) {
  const Snapshot* made = made_snapshot(step);
  return made ? kept_block(made->table, node) : broken_block();
}

// How a value of this type lies in a kept table; nothing for types that no column can hold.
std::optional<Column> Checker::kept_column(const std::string& name, const ExprPtr& expr, int source) const {
  const std::string& engine = program.catalogues[static_cast<std::size_t>(source)].engine;
  Column column;
  const auto [stored, from] = stored_column(program, *expr);
  const bool same = stored && program.catalogues[static_cast<std::size_t>(from)].engine == engine;
  if (same) column = *stored;
  column.name = name;
  column.type = expr->type;
  column.generated = column.identity = column.has_default = false;
  column.binary_collation = true;
  if (same) return column;
  if (engine == "postgres") return kept_in_postgres(std::move(column));
  column.time_separator = 'T';
  column.time_suffix = "Z";
  switch (expr->type.kind) {
    case Kind::integer:
    case Kind::duration: column.declared = "INTEGER"; break;
    case Kind::boolean: column.declared = "INTEGER", column.storage = Storage::boolean_integer; break;
    case Kind::floating: column.storage = Storage::real_or_nan; break;
    case Kind::decimal: column.declared = "TEXT", column.storage = Storage::decimal_text; break;
    case Kind::text: column.declared = "TEXT"; break;
    case Kind::bytes: column.declared = "BLOB"; break;
    case Kind::date:
    case Kind::timestamp: column.declared = "TEXT", column.storage = Storage::iso_text; break;
    case Kind::uuid: column.declared = "TEXT", column.storage = Storage::uuid_text; break;
    case Kind::json: column.declared = "TEXT", column.storage = Storage::json_text; break;
    case Kind::array: column.declared = "TEXT"; break;
    case Kind::null: return std::nullopt;
  }
  return column;
}

// The fields that tell the rows of the block apart, when they are all kept: by them rows are found, and joined one by one.
std::vector<int> Checker::unique_fields(const Block& block) const {
  const program::Relation& relation = *block.relation;
  std::vector<int> found;
  for (const RowKey& key : row_keys(program, relation)) {
    const auto at = std::find_if(relation.fields.begin(), relation.fields.end(), [&](const program::Field& field) { return key.is(*field.expr); });
    if (at == relation.fields.end()) return {};
    found.push_back(static_cast<int>(at - relation.fields.begin()));
  }
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

// A `let` may speak of a snapshot before its own step is read: it is made when first asked for.
const Checker::Snapshot* Checker::made_snapshot(NodeId step) {
  Snapshot& made = snapshots_[step];
  if (made.state == DefinitionState::open) {
    diagnostics_.error(Code::recursive_definition, script_[step].name_span, fmt::format("the relation `{}` uses itself", script_[step].text), "a relation is made of tables and other relations");
    made.state = DefinitionState::broken;
  }
  if (made.state == DefinitionState::broken) return nullptr;
  if (made.state == DefinitionState::good) return &made;

  made.state = DefinitionState::open;
  const Within in_file(file_, &script_);
  const Within no_scope(scope_, static_cast<Scope*>(nullptr));
  const Within no_environment(environment_, static_cast<const Environment*>(nullptr));
  const Within loud(quiet_, 0);
  const Within fresh_count(expanded_, std::size_t{0});
  const Within none(live_, std::vector<LiveRead>{});
  const std::size_t errors = diagnostics_.errors();
  const StepParts parts = parts_of(step);
  BlockPtr block = relation(parts.relation, nullptr);
  Snapshot& now = snapshots_[step];  // reading the relation may have made others
  const auto fail = [&] {
    now.state = DefinitionState::broken;
    return nullptr;
  };
  if (block->broken || diagnostics_.errors() != errors || now.state == DefinitionState::broken) return fail();
  if (!block->relation->limit) block->relation->order.clear();

  // In the first source that it reads and that can keep it.
  const auto keeps = [&](int index) { return !program.catalogues[static_cast<std::size_t>(index)].read_only; };
  int source = 0;
  bool known = false;
  for_each(*block->relation, Seeing{[](const Expr&) {}, [&](const program::Relation& inner) {
                                      for (const auto& input : inner.inputs)
                                        if (input.table && !known && keeps(input.table->source)) source = input.table->source, known = true;
                                    }});
  for (std::size_t i = 0; i < program.catalogues.size() && !known; ++i)
    if (keeps(static_cast<int>(i))) source = static_cast<int>(i), known = true;
  if (!known) {
    error(Code::not_writable, script_[step].name_span, fmt::format("no source of the job can keep `{}`: they can only be read", script_[step].text), "read the rows with a `let`");
    return fail();
  }
  Table kept;
  std::string name(script_[step].text);
  kept.name = kept_name(program.job, name);
  kept.kept = name;
  place(kept, program.catalogues[static_cast<std::size_t>(source)].engine);
  for (const std::string& field : names_of(*block)) {
    ExprPtr value;
    {
      const Within silent(quiet_, quiet_ + 1);
      value = bare(*block, field, script_[step].name_span).expr;
    }
    if (!value) continue;  // a column of a table whose type nobody knows: it cannot be read either
    if (value->type.kind == Kind::null) value = convert(value, {Kind::text, true});
    auto column = kept_column(field, value, source);
    if (!column) {
      error(Code::type_mismatch, script_[step].name_span, fmt::format("`{}` is {}, which no column can keep", field, with_article(value->type.with_null(false))), "say what is needed of it: `keep { … }`");
      return fail();
    }
    column->type.nullable = may_be_null(value, *block);
    expose(*block, field, value, script_[step].name_span);
    kept.columns.push_back(std::move(*column));
  }
  // In the order of the fields: some may have been there already.
  std::vector<Column> columns;
  for (const program::Field& field : block->relation->fields)
    for (Column& column : kept.columns)
      if (column.name == field.name) columns.push_back(std::move(column));
  kept.columns = std::move(columns);
  if (kept.columns.empty()) {
    error(Code::empty_step, script_[step].name_span, fmt::format("`{}` keeps no column", name), "say which: `keep { … }`");
    return fail();
  }
  std::optional<program::Through> through_program;
  for (NodeId clause : parts.clauses) {
    if (at(clause).word != "through") continue;
    through_program = through(clause, *block);
    if (!through_program) return fail();
    for (const auto& given : through_program->program->gives) {
      auto column = kept_column(given.name, make({.kind = ExprKind::literal, .type = given.type, .span = at(clause).span}), source);
      if (!column) return fail();
      kept.columns.push_back(std::move(*column));
    }
  }
  mark_kept(kept, *block->relation, through_program);
  if (std::vector<int> key = unique_fields(*block); !key.empty()) {
    const bool not_null = std::none_of(key.begin(), key.end(), [&](int c) { return kept.columns[static_cast<std::size_t>(c)].type.nullable; });
    kept.indexes.push_back(key);
    kept.keys.push_back({.name = "key", .columns = std::move(key), .primary = true, .not_null = not_null});
  }

  Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(source)];
  catalogue.tables.push_back(std::move(kept));
  now.table = {source, static_cast<int>(catalogue.tables.size() - 1)};
  now.relation = block->relation;
  now.through = std::move(through_program);
  now.live = std::move(live_);
  now.state = DefinitionState::good;
  return &now;
}

void Checker::snapshot(Step& step, const StepParts& parts) {
  const Snapshot* made = made_snapshot(parts.node);
  if (!made) return;
  step.relation = made->relation;
  step.target = made->table;
  step.through = made->through;
  effects(step);
}

BlockPtr Checker::effect_block(NodeId node, std::string_view step_name, std::string_view effect) {
  const std::size_t index = steps_.at(step_name);
  const auto named = std::find(std::begin(effect_names), std::end(effect_names), effect);
  if (named == std::end(effect_names)) {
    std::string help = did_you_mean(effect, {effect_names, effect_names + 3});
    error(Code::unknown_name, at(node).name_span, fmt::format("`{}` is a step, it has no `{}`", step_name, effect), help.empty() ? "what a step did is its `inserted`, `updated` or `deleted`" : std::move(help));
    return broken_block();
  }
  if (index >= program.steps.size()) {
    error(Code::read_too_early, at(node).span, fmt::format("what `{}` did is read before it did it", step_name), fmt::format("move this behind `{}`", step_name));
    return broken_block();
  }
  Step& step = program.steps[index];
  if (step.name != step_name || !step.relation) return broken_block();  // its mistake was reported
  const auto kind = static_cast<EffectKind>(named - std::begin(effect_names));
  if (!does(step.kind, kind)) {
    error(Code::unknown_name, at(node).name_span, fmt::format("`{}` has no rows that are {}", step_name, effect), "an `insert` has `inserted`, an `update` has `updated`, a `delete` has `deleted`");
    return broken_block();
  }
  for (const Effect& known : step.effects)
    if (known.kind == kind) return kept_block(known.table, node);

  Effect made{.kind = kind};
  const Table& target = table(step.target);
  Table kept;
  kept.kept = fmt::format("{}.{}", step_name, effect);
  kept.name = kept_name(program.job, kept.kept);
  place(kept, program.catalogues[static_cast<std::size_t>(step.target.source)].engine);
  kept.columns = target.columns;
  for (Column& column : kept.columns) {
    column.generated = column.identity = column.has_default = false;
    column.binary_collation = true;
  }
  for (const Key& key : target.keys)
    if (key.plain && key.not_null) {
      kept.keys.push_back(key);
      kept.indexes.push_back(key.columns);
    }
  if (const auto rows = from_.find(index); rows != from_.end()) {
    const Within silent(quiet_, quiet_ + 1);
    Tells tells(program, rows->second->relation.get());
    for (std::string_view name : from_names_) {
      const ExprPtr value = bare(*rows->second, name, step.name_span).expr;
      auto column = value ? kept_column(fmt::format("from.{}", name), value, step.target.source) : std::nullopt;
      if (!column) continue;
      column->sensitive = tells(*value);
      kept.columns.push_back(std::move(*column));
      made.from.push_back({.name = std::string(name), .expr = value, .span = step.name_span});
    }
  }
  Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(step.target.source)];
  made.table = {step.target.source, static_cast<int>(catalogue.tables.size())};
  catalogue.tables.push_back(std::move(kept));
  step.writes.insert({made.table, -1});
  for (std::size_t c = 0; c < catalogue.tables.back().columns.size(); ++c) step.writes.insert({made.table, static_cast<int>(c)});
  if (step.route == program::Route::direct) {
    step.route = program::Route::sealed;
    step.route_reason = "a later step reads what it did";
  }
  step.effects.push_back(std::move(made));
  return kept_block(step.effects.back().table, node);
}

// What is kept is there only for steps that stand below.
void Checker::read_in_order() {
  std::map<TableRef, std::size_t> kept_by;
  for (std::size_t i = 0; i < program.steps.size(); ++i) {
    const Step& step = program.steps[i];
    if (step.kind == StepKind::snapshot && step.relation) kept_by.emplace(step.target, i);
    for (const Effect& effect : step.effects) kept_by.emplace(effect.table, i);
  }
  if (kept_by.empty()) return;
  for (std::size_t i = 0; i < program.steps.size(); ++i)
    for (const program::ColumnUse& use : program.steps[i].reads) {
      const auto kept = kept_by.find(use.table);
      if (use.column >= 0 || kept == kept_by.end() || kept->second < i) continue;
      const Step& by = program.steps[kept->second];
      error(Code::read_too_early, program.steps[i].name_span, fmt::format("`{}` reads `{}` before `{}` has kept it", program.steps[i].name, shown(use.table), by.name),
            fmt::format("move `{}` behind `{}`", program.steps[i].name, by.name))
          .labels.push_back({by.name_span, "kept here"});
    }
}

}  // namespace bfl::check
