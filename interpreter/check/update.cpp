// Updates: which rows, which columns, what they become, and along which key the table is walked.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/kinds.h"
#include "interpreter/check/row_keys.h"
#include "interpreter/check/triggers.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::Step;
using program::TableRef;

// The rows that are changed or deleted, and their table; nothing when that cannot be told.
BlockPtr Checker::anchored_rows(Step& step, const StepParts& parts) {
  const std::string_view verb = at(parts.node).word;
  if (parts.relation == ast::no_node) {
    error(Code::empty_step, step.name_span, fmt::format("`{}` does not say which rows it {}s", step.name, verb == "update" ? "change" : verb), fmt::format("write `{} {} of RELATION{}`", verb, step.name, verb == "update" ? " { … }" : ""));
    return nullptr;
  }
  const std::size_t errors = diagnostics_.errors();
  BlockPtr block = relation(parts.relation, nullptr);
  for (NodeId clause : parts.clauses)
    if (is_relation_clause(at(clause).word)) apply_clause(block, clause, nullptr);
  // Of rows that nobody knows, because their source is not known, the values are still read.
  const bool unknown = [&] { for (std::size_t i = 0; i < program.catalogues.size(); ++i) if (!known(i)) return true; return false; }();
  if (block->broken && diagnostics_.errors() == errors && errors == 0 && !unknown) return nullptr;
  if (!block->broken && !writable_table(step, *block, at(parts.relation).span)) return nullptr;
  // A grouping is never anchored, so that only a limit stays: its rows are read through a block around it.
  if (!block->relation->limit) block->relation->order.clear();
  if (block->broken) return block;
  const program::Relation* inner = block->relation.get();
  while (inner->inputs[0].sub) inner = inner->inputs[0].sub.get();
  step.target = *inner->inputs[0].table;
  return block;
}

void Checker::update(Step& step, const StepParts& parts) {
  const std::size_t errors = diagnostics_.errors();
  BlockPtr block = anchored_rows(step, parts);
  if (!block) return;
  for (NodeId statement : parts.statements) prepare_windows(block, statement);
  assignments(step, *block, parts);
  for (NodeId statement : parts.statements)
    if (at(statement).word == "match" && !block->broken) match(step, block, statement);
  for (NodeId statement : parts.statements) {
    if (block->broken || diagnostics_.errors() != errors) break;
    if (at(statement).word == "on") duplicates(step, *block, statement);
    if (at(statement).word == "unique") free_name(step, *block, statement);
  }
  if (block->broken || diagnostics_.errors() != errors) return;
  step.relation = block->relation;
  choose_walk(step);
  forbid_triggers(step);
  effects(step);
  if (diagnostics_.errors() == errors && !exhausted()) classify(step, *block);
}

bool Checker::writable_table(const Step& step, const Block& block, Span span) {
  const program::Relation& relation = *block.relation;
  const std::string_view verb = step.kind == program::StepKind::update ? "update" : "delete";
  if (!relation.anchored) {
    const program::Relation* first = &relation;
    while (!first->inputs.empty() && first->inputs[0].sub) first = first->inputs[0].sub.get();
    const bool kept = !first->inputs.empty() && first->inputs[0].table && !table(*first->inputs[0].table).kept.empty() && block.unanchored_by != "sql";
    std::string name = block.let.empty() ? slice(span) : std::string(block.let);
    if (name.size() > 40) name = "RESULT";
    Diagnostic& wrong = error(Code::not_anchored, span, fmt::format("rows of this relation are not rows of one table, because of `{}`", kept ? "snapshot" : block.unanchored_by),
                              fmt::format("{2} the table itself and join the result by its key: `{3} {0} of TABLE join one {1} as r on r.KEY == KEY`, or `where id in (id from {1})`", step.name, name,
                                          verb == "update" ? "update" : "delete rows of", verb));
    wrong.label = fmt::format("{} rows of one table", verb == "update" ? "an update changes" : "a delete takes");
    return false;
  }
  const program::Relation* inner = &relation;
  while (inner->inputs[0].sub) inner = inner->inputs[0].sub.get();
  const Table& target = table(*inner->inputs[0].table);
  if (program.catalogues[static_cast<std::size_t>(inner->inputs[0].table->source)].read_only) {
    error(Code::not_writable, span, fmt::format("`{}` can only be read", shown(*inner->inputs[0].table)),
          program.catalogues[static_cast<std::size_t>(inner->inputs[0].table->source)].engine == "postgres"
              ? "this server takes no writes: connect to the primary one, or as a role whose transactions may write"
              : "update a table of a database, and join this one");
    return false;
  }
  if (target.view || target.virtual_table) {
    error(Code::not_writable, span, fmt::format("`{}` is a {}, which has no rows of its own to change", shown(*inner->inputs[0].table), target.view ? "view" : "virtual table"),
          target.view ? fmt::format("{} the tables that it is made of", verb == "update" ? "update" : "delete rows of") : "");
    return false;
  }
  return true;
}

void Checker::assignments(Step& step, Block& block, const StepParts& parts) {
  std::unordered_map<int, Span> seen;
  bool any = false;
  for (NodeId statement : parts.statements) {
    any |= at(statement).word == "match";
    if (at(statement).word != "set") continue;
    any = true;
    assign(step, block, statement, seen);
  }
  if (!any && parts.statements.empty()) error(Code::empty_step, step.name_span, fmt::format("`{}` sets nothing", step.name), "write `set COLUMN = VALUE` in its braces");
}

void Checker::assign(Step& step, Block& block, NodeId statement, std::unordered_map<int, Span>& seen) {
  const NodeId written = ast::child(*file_, statement, NodeKind::assign);
  if (written == ast::no_node) return;
  const NodeId value_node = at(written).first_child;
  ExprPtr value;
  {
    Scope inside{.block = &block, .outer = nullptr};
    const Within scope(scope_, &inside);
    value = expression(value_node);
  }
  if (block.broken) return;
  const std::string_view name = at(written).text;
  const Span name_span = at(written).name_span;
  const Table& target = table(step.target);
  const int index = column_index(step.target, name);
  if (index < 0) {
    std::vector<std::string> known;
    for (const Column& of : target.columns) known.push_back(of.name);
    if (block.derived.contains(name)) {
      error(Code::not_writable, name_span, fmt::format("`{}` is derived by the relation, not stored in `{}`", name, shown(step.target)), "set a column of the table");
    } else {
      error(Code::unknown_column, name_span, fmt::format("`{}` has no column `{}`", shown(step.target), name), did_you_mean(name, known));
    }
    return;
  }
  if (const auto [before, fresh] = seen.emplace(index, name_span); !fresh) {
    error(Code::duplicate_assignment, name_span, fmt::format("`{}` is set twice", name), "all `set`s happen at once, from the values before: keep one of them")
        .labels.push_back({before->second, "first here"});
    return;
  }
  note_stored(step.target, index, name_span);
  const Column& column = target.columns[static_cast<std::size_t>(index)];
  if (column.generated) {
    error(Code::not_writable, name_span, fmt::format("`{}` is a generated column", name), "set the columns that it is computed from");
    return;
  }
  if (column.identity && step.kind == program::StepKind::update) {
    error(Code::not_writable, name_span, fmt::format("`{}` is numbered by the database", name), "its numbers stay: GENERATED ALWAYS AS IDENTITY");
    return;
  }
  if (!column.writable) {
    error(Code::database_error, name_span, fmt::format("the connection has no right to set `{}` of `{}`", name, shown(step.target)), fmt::format("GRANT SELECT, UPDATE ON {} TO the role, or connect as another one", target.name));
    return;
  }
  if (column.storage == Storage::unknown) {
    error(Code::untyped_column, name_span, fmt::format("the type of `{}.{}`{} is not known", shown(step.target), name, column.declared.empty() ? "" : fmt::format(", declared `{}`,", column.declared)),
          fmt::format("say it at the source: {{ column {}.{}: text }}", target.name, name));
    return;
  }
  if (!value) return;
  if (!distance(value->type, column.type)) {
    const Kind from = value->type.kind, to = column.type.kind;
    std::string help;
    if (to == Kind::text && from != Kind::array) help = from == Kind::json ? "write `json_text(…)`" : "write `to_text(…)`, or f\"{…}\"";
    else if (to == Kind::text && value->type.element->kind == Kind::text) help = "write `concat_with(…, \", \")`";
    else if (to == Kind::integer && is_number(from)) help = "say how it is rounded: `to_int(round(…))`";
    else if (from == Kind::array && to == Kind::array && value->type.element->nullable && !column.type.element->nullable) help = "leave out what is null: `list(… where … != null order by …)`";
    else if (to == Kind::json) help = "write `json_parse(…)` for a document, `to_json(…)` for a value";
    else if (from == Kind::text) help = fmt::format("write `to_{}(…)`", kind_name(to));
    else if (to == Kind::decimal && from == Kind::floating) help = "write `to_decimal(…)`";
    else if (to == Kind::date && from == Kind::timestamp) help = "write `date_of(…)`";
    error(Code::type_mismatch, at(value_node).span, fmt::format("`{}` is {}, the value is {}", name, with_article(column.type.with_null(false)), with_article(value->type.with_null(false))), std::move(help));
    return;
  }
  if (!column.type.nullable && may_be_null(value, block)) {
    error(Code::null_into_not_null, at(value_node).span, fmt::format("`{}` may not be null, and this value may be", name),
          value->kind == ExprKind::literal ? "write a value" : fmt::format("say what it is then: `{} ?? …`, or leave such rows out with a `where`", slice(at(value_node).span)));
    return;
  }
  step.assignments.push_back({.column = index, .value = convert(std::move(value), column.type), .span = at(written).span});
  if (!step.assignments.back().value) step.assignments.pop_back();
}

// Along which unique, not-null key the table is walked.
void Checker::choose_walk(Step& step) {
  const Table& target = table(step.target);
  const bool postgres = program.catalogues[static_cast<std::size_t>(step.target.source)].engine == "postgres";
  const auto walkable = [&](const Key& key, bool by_hand) {
    return key.plain && key.not_null && !key.columns.empty() && std::all_of(key.columns.begin(), key.columns.end(), [&](int c) {
      const Column& column = target.columns[static_cast<std::size_t>(c)];
      return (!column.generated || postgres) && sorts_by_bytes(column) && (by_hand || is_ordered(column.type.kind));
    });
  };
  if (!chunk_by_.empty()) {
    std::vector<int> wanted;
    for (NodeId node : chunk_by_) {
      const int index = at(node).kind == NodeKind::name ? column_index(step.target, at(node).text) : -1;
      if (index < 0) {
        std::vector<std::string> known;
        for (const Column& of : target.columns) known.push_back(of.name);
        error(Code::unknown_column, at(node).span, fmt::format("`{}` has no column `{}`", shown(step.target), slice(at(node).span)), did_you_mean(slice(at(node).span), known));
        return;
      }
      wanted.push_back(index);
    }
    std::vector<int> sorted = wanted;
    std::sort(sorted.begin(), sorted.end());
    std::string choices;
    for (const Key& key : target.keys) {
      if (!walkable(key, true)) continue;
      std::vector<int> columns = key.columns;
      std::sort(columns.begin(), columns.end());
      if (columns == sorted) {
        step.walk = key.columns;
        return;
      }
      choices += fmt::format("{}`by {}`", choices.empty() ? "" : " or ", target.names_of(key.columns));
    }
    // Without any key the columns are what the rows are gone through by; each is known by all that it holds.
    if (choices.empty() && !target.without_rowid) return;
    const Span span = join(at(chunk_by_.front()).span, at(chunk_by_.back()).span);
    error(Code::no_row_identity, span, fmt::format("`{}` is no unique key of `{}` without nulls", slice(span), shown(step.target)),
          choices.empty() ? "create a unique index over NOT NULL columns" : fmt::format("write {}", choices));
    return;
  }
  for (const Key& key : target.keys)
    if (walkable(key, false)) {
      step.walk = key.columns;
      return;
    }
  // Rows that cannot be gone through in the order of a key can be found again by it: such steps are sealed.
  const auto known = [&](const Key& key) {
    return postgres && key.plain && key.not_null && !key.columns.empty() && std::all_of(key.columns.begin(), key.columns.end(), [&](int c) { return target.columns[static_cast<std::size_t>(c)].storage != Storage::unknown; });
  };
  if (const auto key = std::find_if(target.keys.begin(), target.keys.end(), known); key != target.keys.end()) {
    step.walk = key->columns;
    return;
  }
  if (step.atomic && !target.without_rowid) return;  // one transaction: rows are known by their rowid for so long
  Diagnostic& wrong = error(Code::no_row_identity, step.relation->span, fmt::format("`{}` has no unique key to walk: rows cannot be found again by the next chunk", shown(step.target)),
                            "create a unique index over NOT NULL columns and name them with `chunk 1_000 by COLUMNS`; or say by which columns rows are gone through, `chunk by COLUMNS`, or change all in one transaction with `atomic`");
  const auto why = [&](const Key& key) -> std::string {
    if (!key.plain || !key.not_null) return !key.plain ? "it covers only some rows, or expressions" : "its columns may be null";
    for (const int c : key.columns) {
      const Column& column = target.columns[static_cast<std::size_t>(c)];
      if (column.storage == Storage::unknown) return fmt::format("bfl does not know when two values of `{}`, {}, are the same; `column {}.{}: text` in the source says that they are what they are shown as", column.name, column.declared, target.name, column.name);
    }
    return walkable(key, true) ? fmt::format("rows are gone through by it where the step says so: `chunk by {}`", target.names_of(key.columns)) : "it holds reals or compares texts without regard to case";
  };
  for (const Key& key : target.keys) wrong.notes.push_back(fmt::format("the key ({}) does not serve: {}", target.names_of(key.columns), why(key)));
}

void Checker::forbid_triggers(const Step& step) {
  const Table& target = table(step.target);
  const auto written = [&](const std::string& name) {
    return std::any_of(step.assignments.begin(), step.assignments.end(), [&](const auto& assignment) { return equal_name(target.columns[static_cast<std::size_t>(assignment.column)].name, name); });
  };
  const bool updates = step.kind == program::StepKind::update || step.kind == program::StepKind::upsert;
  const bool inserts = program::adds_rows(step.kind), deletes = step.kind == program::StepKind::remove || step.duplicates;
  for (const Trigger& trigger : target.triggers) {
    if (!(updates && runs_for(trigger, "UPDATE", written)) && !(inserts && runs_for(trigger, "INSERT")) && !(deletes && runs_for(trigger, "DELETE"))) continue;
    error(Code::undeclared_effect, step.relation->span, fmt::format("the trigger `{}` of `{}` would run for each row that the step changes", trigger.name, shown(step.target)),
          "drop the trigger for the time of the job, and do its work in a step of its own");
  }
  if (!updates) return;
  const SourceNames& names = source_names_[static_cast<std::size_t>(step.target.source)];
  const auto keys = names.keys_of_parent.find(target.name);
  if (keys == names.keys_of_parent.end()) return;
  for (std::size_t index : keys->second) {
    const ForeignKey& key = program.catalogues[static_cast<std::size_t>(step.target.source)].foreign_keys[index];
    if (key.on_update != "CASCADE" && key.on_update != "SET NULL" && key.on_update != "SET DEFAULT") continue;
    const auto changed = std::find_if(key.parent_columns.begin(), key.parent_columns.end(), written);
    if (changed == key.parent_columns.end()) continue;
    error(Code::undeclared_effect, step.relation->span, fmt::format("setting `{}` would change `{}` as well: its foreign key says ON UPDATE {}", *changed, key.table, key.on_update),
          "set the children in a step of their own, without the cascade");
  }
}

}  // namespace bfl::check
