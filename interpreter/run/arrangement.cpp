// Which database computes a step, and what is shipped there.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "interpreter/check/visit.h"
#include "interpreter/lower/rewrite.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {
namespace {

using program::Expr;
using program::ExprKind;
using program::ExprPtr;
using program::Input;
using program::Program;
using program::Relation;
using program::Step;
using program::TableRef;

// A place where a table is read, and the filters that its rows must pass there before anything else is done with them.
struct Place {
  program::InputId input = 0;
  std::vector<ExprPtr> filters;
};

struct Use {
  std::set<int> columns;
  std::set<int> sought;  // compared with values from elsewhere: by an index of its own a row is found at once
  std::vector<Place> places;
  bool image = false;
  std::vector<int> identity;

  void whole() { places.push_back({}); }  // rows that no filter of the text tells
};

using Uses = std::map<TableRef, Use>;

// Looks at rows of this input alone, and never fails: asked early, of rows that the step might not look at, it does no harm.
bool can_go_ahead(const Expr& expr, program::InputId input) {
  bool good = true;
  check::for_each(expr, [&](const Expr& at) {
    switch (at.kind) {
      case ExprKind::subquery: case ExprKind::aggregate: case ExprKind::window: good = false; break;
      case ExprKind::column: good &= at.input == input; break;
      case ExprKind::call: good &= !at.native->can_fail; break;
      case ExprKind::case_: good &= at.args.size() % 2 == 1; break;  // without `else` it may
      default: break;
    }
  });
  return good;
}

// What rows of an input must fulfil whatever else they meet. Of the first input these are the filters right behind it: the
// first that looks further ends them, since the order of the text decides what is seen to fail. Of a joined one, parts of `on`.
std::vector<ExprPtr> own_filters(const Relation& relation, std::size_t index) {
  const Input& input = relation.inputs[index];
  std::vector<ExprPtr> filters;
  if (index == 0) {
    for (const program::Filter& filter : relation.filters) {
      if (filter.after_inputs > 1 || filter.skip || !can_go_ahead(*filter.condition, input.id)) break;
      filters.push_back(filter.condition);
    }
  } else if (input.on) {
    const bool several = input.on->kind == ExprKind::and_;
    for (const ExprPtr& part : several ? input.on->args : std::vector<ExprPtr>{input.on})
      if (can_go_ahead(*part, input.id)) filters.push_back(part);
  }
  return filters;
}

void add_columns(const Table& table, const std::vector<std::string>& names, Use& use) {
  for (const std::string& name : names)
    if (const int column = table.column_index(name); column >= 0) use.columns.insert(column), use.sought.insert(column);
}

// The rows that a step changes, and what hangs on them.
void add_written(const Program& program, const Step& step, Uses& uses) {
  if (step.kind == program::StepKind::snapshot) return;
  if (program::adds_rows(step.kind)) {
    if (step.key.empty()) return;
    Use& use = uses[step.target];
    use.columns.insert(step.key.begin(), step.key.end());
    use.whole();
    use.image = step.kind == program::StepKind::upsert;
    if (use.image)
      for (const auto& assignment : step.assignments) use.columns.insert(assignment.column);
    return;
  }
  Use& use = uses[step.target];
  use.image = true;
  use.identity = step.walk.empty() ? std::vector<int>{-1} : step.walk;
  use.columns.insert(step.walk.begin(), step.walk.end());
  for (const auto& assignment : step.assignments) use.columns.insert(assignment.column);
  if (step.kind != program::StepKind::remove) return;
  for (const ForeignKey& key : program.catalogues[static_cast<std::size_t>(step.target.source)].foreign_keys) {
    const auto& tables = program.catalogues[static_cast<std::size_t>(step.target.source)].tables;
    const auto find = [&](const std::string& name) {
      return static_cast<int>(std::find_if(tables.begin(), tables.end(), [&](const Table& table) { return table.name == name; }) - tables.begin());
    };
    const TableRef child{step.target.source, find(key.table)}, parent{step.target.source, find(key.parent)};
    const auto goes = [&](TableRef ref) { return ref == step.target || std::find(step.cascades.begin(), step.cascades.end(), ref) != step.cascades.end(); };
    if (child == parent || !goes(parent) || child.table == static_cast<int>(tables.size())) continue;
    Use& of = uses[child];
    add_columns(program.table(child), key.columns, of);
    of.whole();
    add_columns(program.table(parent), key.parent_columns, uses[parent]);
  }
  for (const TableRef ref : step.cascades) {
    Use& of = uses[ref];
    of.image = true;
    of.identity = program.table(ref).identity()->columns;
    of.columns.insert(of.identity.begin(), of.identity.end());
  }
}

Uses uses_of(const Program& program, const Step& step) {
  Uses uses;
  const auto see = check::Seeing{
      [&](const Expr& expr) {
        if (expr.kind == ExprKind::compare && expr.op == program::CompareOp::equal)
          for (const ExprPtr& side : expr.args)
            if (side->kind == ExprKind::column && program.inputs[side->input].table) uses[*program.inputs[side->input].table].sought.insert(side->column);
        if (expr.kind != ExprKind::column) return;
        if (const auto& ref = program.inputs[expr.input].table) uses[*ref].columns.insert(expr.column);
      },
      [&](const Relation& relation) {
        for (std::size_t i = 0; i < relation.inputs.size(); ++i) {
          const Input& input = relation.inputs[i];
          if (!input.table) continue;
          uses[*input.table].places.push_back({input.id, own_filters(relation, i)});
        }
      }};
  for (const auto& assertion : step.assertions) check::for_each(*assertion.condition, see);
  if (step.relation) check::for_each(*step.relation, see);
  for (const auto& assignment : step.assignments) check::for_each(*assignment.value, see);
  for (const ExprPtr& expr : step.once_per) check::for_each(*expr, see);
  for (const program::Effect& effect : step.effects)
    for (const program::Field& field : effect.from) check::for_each(*field.expr, see);
  if (step.when) check::for_each(*step.when, see);
  if (step.duplicates)
    for (const program::OrderKey& key : step.duplicates->order) check::for_each(*key.expr, see);
  if (step.free_name)
    for (const program::OrderKey& key : step.free_name->order) check::for_each(*key.expr, see);
  if (!program::only_asserts(step.kind) && step.relation) add_written(program, step, uses);
  return uses;
}

// The columns by which messages name a row.
void add_key(const Table& table, std::set<int>& columns) {
  if (const Key* key = table.identity()) columns.insert(key->columns.begin(), key->columns.end());
  if (columns.empty()) columns.insert(0);
}

// In place of a column, the same column of another input.
ExprPtr seen_as(const ExprPtr& expr, program::InputId input) {
  return lower::rewrite(expr, [&](const ExprPtr& at) -> ExprPtr {
    return at->kind == ExprKind::column ? lower::column_of(input, at->column, at->type) : nullptr;
  });
}

Shipment shipment_of(const Program& program, TableRef ref, Use use) {
  Shipment shipment{.table = ref, .columns = {}, .sought = {}, .image = use.image, .identity = std::move(use.identity), .rows = nullptr};
  add_key(program.table(ref), use.columns);
  shipment.columns.assign(use.columns.begin(), use.columns.end());
  shipment.sought.assign(use.sought.begin(), use.sought.end());
  Relation rows;
  const program::InputId input = use.places.empty() ? 0 : use.places[0].input;
  rows.inputs.push_back({.id = input, .alias = {}, .table = ref});
  // A row is of use if any of the places takes it. One place: its filters one by one, so that the first that fails is the one.
  const bool all = !use.places.empty() && std::all_of(use.places.begin(), use.places.end(), [](const Place& place) { return !place.filters.empty(); });
  if (all && use.places.size() == 1) {
    for (const ExprPtr& filter : use.places[0].filters) rows.filters.push_back({.condition = filter});
  } else if (all) {
    std::vector<ExprPtr> any;
    for (const Place& place : use.places) {
      std::vector<ExprPtr> every;
      for (const ExprPtr& filter : place.filters) every.push_back(seen_as(filter, input));
      any.push_back(lower::all_of(std::move(every)));
    }
    rows.filters.push_back({.condition = lower::any_of(std::move(any))});
  }
  rows.anchored = true;
  // What the source has no exact words for is asked of all rows, here.
  const lower::Dialect dialect = lower::dialect_of(program.catalogues[static_cast<std::size_t>(ref.source)]);
  const bool sql = program.catalogues[static_cast<std::size_t>(ref.source)].engine != "csv";
  shipment.filtered = all && sql && lower::stored_rows(program, rows, shipment.asked(program.table(ref)), dialect);
  if (!shipment.filtered) rows.filters.clear();
  shipment.rows = std::make_shared<Relation>(std::move(rows));
  return shipment;
}

// The form that keeps every value of a type, whatever engine it comes from.
void keep_exactly(Column& column) {
  const char* declared = "TEXT";
  switch (column.type.kind) {
    case Kind::integer:
    case Kind::duration: declared = "INTEGER", column.storage = Storage::native; break;
    case Kind::boolean: declared = "INTEGER", column.storage = Storage::boolean_integer; break;
    case Kind::floating: declared = "REAL", column.storage = Storage::real_or_nan; break;
    case Kind::bytes: declared = "BLOB", column.storage = Storage::native; break;
    case Kind::decimal: column.storage = Storage::decimal_text, column.scale = -1; break;
    case Kind::date:
    case Kind::timestamp: column.storage = Storage::iso_text, column.time_separator = 'T', column.time_suffix = "Z"; break;
    case Kind::uuid: column.storage = Storage::uuid_text; break;
    default: column.storage = Storage::native; break;
  }
  column.declared = declared;
}

// The table as it lies in the database that computes.
Table moved(const Table& table, const Shipment& shipment, bool same_engine) {
  Table there = table;
  there.schema = "temp";
  there.relation = fmt::format("s{}_{}", shipment.table.source, table.name);
  there.view = there.virtual_table = there.without_rowid = there.strict = false;
  const bool is_query = std::exchange(there.query, -1) >= 0;  // here its rows lie in a table
  there.rowid_alias = -1;
  there.triggers.clear();
  const auto shipped = [&](int column) { return std::binary_search(shipment.columns.begin(), shipment.columns.end(), column); };
  const auto whole = [&](const std::vector<int>& columns) { return !columns.empty() && std::all_of(columns.begin(), columns.end(), shipped); };
  std::erase_if(there.keys, [&](const Key& key) { return !whole(key.columns); });
  std::erase_if(there.indexes, [&](const std::vector<int>& index) { return !whole(index); });
  for (const int column : shipment.sought)
    if (std::none_of(there.indexes.begin(), there.indexes.end(), [&](const std::vector<int>& index) { return index[0] == column; }))
      there.indexes.push_back({column});
  if (shipment.image)
    for (there.image = "bfl_image"; there.column_index(there.image) >= 0;) there.image += '_';
  for (Column& column : there.columns) {
    if (!same_engine || is_query) keep_exactly(column);
    column.generated = column.has_default = false;
    column.binary_collation = true;
  }
  return there;
}

// A PostgreSQL source that holds all that the step reads and has words for all that it computes.
std::optional<int> said_by_its_source(const Program& program, const Step& step, const Uses& uses) {
  if (uses.empty()) return std::nullopt;
  const bool writes = !program::only_asserts(step.kind) && step.relation;
  const int source = writes ? step.target.source : uses.begin()->first.source;
  if (program.catalogues[static_cast<std::size_t>(source)].engine != "postgres") return std::nullopt;
  if (std::any_of(uses.begin(), uses.end(), [&](const auto& use) { return use.first.source != source; })) return std::nullopt;
  for (const auto& assertion : step.assertions)
    if (!lower::scalar_in(program, assertion.condition, lower::Dialect::postgres)) return std::nullopt;
  if (writes && !(lower::intents(program, step, lower::Dialect::postgres, false) && lower::recompute(program, step, lower::Dialect::postgres)))
    return std::nullopt;
  return source;
}

// A database that computes: SQLite. Of several, the one that holds the most rows.
int home_of(const Program& program, const Step& step, const Uses& uses) {
  const auto computes = [&](int source) { return program.catalogues[static_cast<std::size_t>(source)].engine == "sqlite"; };
  if (!program::only_asserts(step.kind) && step.relation) return computes(step.target.source) ? step.target.source : -1;
  std::map<int, std::int64_t> rows;
  for (const auto& [ref, use] : uses)
    if (computes(ref.source)) rows[ref.source] += program.table(ref).estimated_rows.value_or(0) + 1;
  const auto most = std::max_element(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  if (most != rows.end()) return most->first;
  return uses.empty() && computes(std::max(step.keeper, 0)) ? std::max(step.keeper, 0) : -1;
}

}  // namespace

std::vector<int> Shipment::asked(const Table& from) const {
  if (!image) return columns;
  std::vector<int> all = identity;
  for (std::size_t i = 0; i < from.columns.size(); ++i) all.push_back(static_cast<int>(i));
  return all;
}

Arrangement arrange(const Program& program, const Step& step, const KeptAside& aside, bool names_rows) {
  Arrangement made;
  made.given = &program;
  Uses uses = uses_of(program, step);
  const bool all_there = std::none_of(uses.begin(), uses.end(), [&](const auto& use) { return aside.contains(use.first); });
  if (const auto source = all_there && !names_rows ? said_by_its_source(program, step, uses) : std::nullopt) {
    made.home = *source;
    for (const auto& [ref, use] : uses)
      if (program.query(ref)) made.asked.push_back(ref);
    return made;
  }
  made.home = home_of(program, step, uses);
  for (auto& [ref, use] : uses)
    if (ref.source != made.home || program.query(ref)) made.shipments.push_back(shipment_of(program, ref, std::move(use)));
  const bool writes = !program::only_asserts(step.kind) && step.relation;
  const bool elsewhere = writes && step.target.source != made.home;
  if (made.shipments.empty() && !elsewhere && !names_rows) return made;
  made.moved = std::make_unique<Program>();
  made.moved->job = program.job;
  made.moved->sources = program.sources;
  made.moved->catalogues = program.catalogues;
  made.moved->inputs = program.inputs;
  made.moved->queries = program.queries;
  made.moved->names_rows = names_rows;
  // What is to be written is computed in forms that keep every value, too.
  const auto keep_all = [&](TableRef ref) {
    for (Column& column : made.moved->catalogues[static_cast<std::size_t>(ref.source)].tables[static_cast<std::size_t>(ref.table)].columns) keep_exactly(column);
  };
  if (elsewhere) {
    keep_all(step.target);
    for (const program::Effect& effect : step.effects) keep_all(effect.table);
  }
  for (const Shipment& shipment : made.shipments) {
    Catalogue& catalogue = made.moved->catalogues[static_cast<std::size_t>(shipment.table.source)];
    Table& table = catalogue.tables[static_cast<std::size_t>(shipment.table.table)];
    table = moved(table, shipment, catalogue.engine == "sqlite");
  }
  return made;
}

std::vector<std::string> shown(const Arrangement& arrangement) {
  std::vector<std::string> lines;
  for (const Shipment& shipment : arrangement.shipments) {
    const Table& table = arrangement.given->table(shipment.table);
    lines.push_back(fmt::format("{}.{} ({}){}", arrangement.given->sources[static_cast<std::size_t>(shipment.table.source)].name, table.name, table.names_of(shipment.columns),
                                shipment.filtered ? ", filtered there" : ""));
  }
  return lines;
}

}  // namespace bfl::run
