// Names: what they stand for at a place, and what was probably meant where they stand for nothing.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/listed.h"

namespace bfl::check {

using program::Input;
using program::InputKind;
using program::TableRef;

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  const std::string meant = nearest(word, known);
  return meant.empty() ? std::string() : fmt::format("did you mean `{}`?", meant);
}

std::string listed(std::string_view beginning, const std::vector<std::string>& names) {
  constexpr std::size_t most = 12;
  std::string text(beginning);
  for (std::size_t i = 0; i < names.size() && i < most; ++i) text += fmt::format("{} `{}`", i ? "," : "", names[i]);
  return text + (names.size() > most ? ", …" : "");
}

Diagnostic& Checker::error(Code code, Span span, std::string message, std::string help) {
  if (quiet_ > 0) return ignored_ = {};
  if (origin_)  // a mistake in a recipe is said once, with the first place of use
    for (const Diagnostic& known : diagnostics_.all())
      if (known.code == code && known.span == span && known.message == message) return ignored_ = {};
  return placed(diagnostics_.error(code, span, std::move(message), std::move(help)));
}

const ast::Origin* Checker::origin_of(NodeId item) const {
  const auto& all = script_.origins;
  const auto found = std::lower_bound(all.begin(), all.end(), item, [](const ast::Origin& origin, NodeId id) { return origin.item < id; });
  return found != all.end() && found->item == item ? &*found : nullptr;
}

Diagnostic& Checker::placed(Diagnostic& found) const {
  if (origin_)
    for (const ast::Use& use : origin_->uses) found.labels.push_back({use.span, use.text});
  return found;
}

Diagnostic& Checker::warning(Code code, Span span, std::string message, std::string help) {
  if (quiet_ > 0) return ignored_ = {};
  return placed(diagnostics_.warning(code, span, std::move(message), std::move(help)));
}

// The text of the script on one line.
std::string Checker::slice(Span span) const {
  std::string line;
  bool blank = false;
  for (char c : texts_.slice(span)) {
    const bool space = c == ' ' || c == '\n' || c == '\t' || c == '\r';
    if (!space && blank && !line.empty()) line += ' ';
    blank = space;
    if (!space) line += c;
  }
  return line;
}

std::string Checker::shown(TableRef ref) const {
  return program.shown(ref);
}

int Checker::column_index(TableRef ref, std::string_view column) {
  auto& columns = source_names_[static_cast<std::size_t>(ref.source)].columns[ref.table].columns;
  const Table& of = table(ref);
  if (columns.empty())
    for (std::size_t i = 0; i < of.columns.size(); ++i) columns.emplace(of.columns[i].name, static_cast<int>(i));
  const auto found = columns.find(column);
  return found == columns.end() ? -1 : found->second;
}

ExprPtr Checker::column(program::InputId input, TableRef ref, int index, bool nullable, Span span) {
  const Column& of = table(ref).columns[static_cast<std::size_t>(index)];
  if (of.storage == Storage::unknown) {
    error(Code::untyped_column, span,
          of.declared.empty() ? fmt::format("`{}.{}` has no declared type", shown(ref), of.name)
                              : fmt::format("the type of `{}.{}`, declared `{}`, is not known", shown(ref), of.name, of.declared),
          fmt::format("say it at the source: {{ column {}.{}: text }}", table(ref).name, of.name));
    return nullptr;
  }
  return make({.kind = ExprKind::column, .type = of.type.with_null(of.type.nullable || nullable), .span = span, .input = input, .column = index});
}

std::string_view Checker::keep_name(const std::string& name) { return *kept_names_.insert(name).first; }

int Checker::expose(Block& block, const std::string& field, const ExprPtr& expr, Span span) {
  auto [entry, fresh] = block.fields.emplace(field, static_cast<int>(block.relation->fields.size()));
  if (fresh) block.relation->fields.push_back({.name = field, .expr = expr, .span = span});
  return entry->second;
}

// A column of the block's own row.
Checker::Lookup Checker::bare(Block& block, std::string_view name, Span span) {
  if (block.broken) return {true, true, nullptr};
  if (const auto derived = block.derived.find(name); derived != block.derived.end()) return {true, true, derived->second};
  if (block.only_derived || block.relation->inputs.empty()) return {true, false, nullptr};
  const Input& input = block.relation->inputs[0];
  if (input.table) {
    const int index = column_index(*input.table, name);
    if (index < 0) return {true, false, nullptr};
    return {true, true, column(input.id, *input.table, index, false, span)};
  }
  Lookup inner = bare(*block.subs[0], name, span);
  if (!inner.found || !inner.expr) return inner;
  const int field = expose(*block.subs[0], std::string(name), inner.expr, span);
  const Type type = inner.expr->type.with_null(may_be_null(inner.expr, *block.subs[0]));
  return {true, true, make({.kind = ExprKind::column, .type = type, .span = span, .input = input.id, .column = field})};
}

// A column of a joined row, or of the block's own row by its alias.
Checker::Lookup Checker::member(Block& block, std::string_view alias, std::string_view name, Span span) {
  for (const Alias& known : block.aliases) {
    if (known.name != alias) continue;
    if (known.own_row) return bare(block, name, span);
    if (block.relation->follow && known.input == 1) return reached(block, name, known.previous, span);
    const Input& input = block.relation->inputs[known.input];
    const bool nullable = input.kind == InputKind::optional;
    if (input.table) {
      const int index = column_index(*input.table, name);
      if (index < 0) return {true, false, nullptr};
      return {true, true, column(input.id, *input.table, index, nullable, span)};
    }
    Block& sub = *block.subs[known.input];
    Lookup inner = bare(sub, name, span);
    if (!inner.found || !inner.expr) return inner;
    const int field = expose(sub, std::string(name), inner.expr, span);
    const Type type = inner.expr->type.with_null(nullable || may_be_null(inner.expr, sub));
    return {true, true, make({.kind = ExprKind::column, .type = type, .span = span, .input = input.id, .column = field})};
  }
  // Behind a `limit` the joined rows are still in sight.
  if (block.subs.empty() || !block.subs[0] || block.only_derived) return {};
  Lookup inner = member(*block.subs[0], alias, name, span);
  if (!inner.found || !inner.expr) return inner;
  const int field = expose(*block.subs[0], fmt::format("{}.{}", alias, name), inner.expr, span);
  const Type type = inner.expr->type.with_null(may_be_null(inner.expr, *block.subs[0]));
  return {true, true, make({.kind = ExprKind::column, .type = type, .span = span, .input = block.relation->inputs[0].id, .column = field})};
}

ExprPtr Checker::parameter(std::string_view name) {
  const auto found = names_.find(name);
  if (found == names_.end() || found->second.kind != Declared::parameter) return nullptr;
  found->second.used = true;
  return found->second.value;
}

ExprPtr Checker::name(NodeId node) {
  const std::string_view text = at(node).text;
  if (environment_) {
    const auto& parameters = environment_->function->parameters;
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (parameters[i].name == text) {
        note_argument(*environment_->function, text, to_string(parameters[i].type), at(node).span);
        return environment_->arguments[i];
      }
  }
  const auto declared = names_.find(text);
  const bool is_parameter = declared != names_.end() && declared->second.kind == Declared::parameter && file_ == &script_;
  if (scope_ && scope_->group) {
    if (const auto found = scope_->group->names->find(text); found != scope_->group->names->end()) {
      note_column(*scope_->block, {}, text, found->second, at(node).span);
      return found->second;
    }
    if (Lookup row = bare(*scope_->block, text, at(node).span); row.found) {
      if (is_parameter) return error(Code::ambiguous_name, at(node).span, fmt::format("`{}` is both a column and a parameter", text), "rename the parameter"), nullptr;
      if (row.expr)
        error(Code::aggregate_misplaced, at(node).span, fmt::format("`{}` may differ from row to row within a group", text),
              fmt::format("say which one: `max({0})` or `first({0} order by …)`, or group by it", text));
      return nullptr;
    }
  } else if (scope_) {
    Lookup row = bare(*scope_->block, text, at(node).span);
    if (row.found) {
      if (is_parameter && scope_->block->broken) {  // what it is can no longer be told
        declared->second.used = true;
        note_item(SymbolKind::parameter, declared->second.node, at(node).span);
      } else {
        note_column(*scope_->block, {}, text, row.expr, at(node).span);
      }
      if (is_parameter && !scope_->block->broken) {
        declared->second.used = true;
        error(Code::ambiguous_name, at(node).span, fmt::format("`{}` is both a column and a parameter", text),
              "rename the parameter, or give the relation an alias with `as` and write `alias." + std::string(text) + "` for the column")
            .labels.push_back({script_[declared->second.node].name_span, "the parameter"});
        return nullptr;
      }
      return row.expr;
    }
  }
  if (is_parameter) {
    declared->second.used = true;
    note_item(SymbolKind::parameter, declared->second.node, at(node).span);
    return declared->second.value;
  }
  unknown_name(node);
  return nullptr;
}

std::vector<std::string> Checker::names_of(const Block& block) const {
  std::vector<std::string> known;
  for (const auto& [derived, expr] : block.derived) known.emplace_back(derived);
  if (block.only_derived || block.relation->inputs.empty()) return known;
  const Input& input = block.relation->inputs[0];
  if (input.table)
    for (const Column& of : table(*input.table).columns) known.push_back(of.name);
  else for (std::string& inner : names_of(*block.subs[0])) known.push_back(std::move(inner));
  return known;
}

void Checker::unknown_name(NodeId node) {
  const std::string_view text = at(node).text;
  const Span span = at(node).span;
  if (!heard()) {
    error(Code::unknown_name, span, {});
    return;
  }
  if (text == "now" || text == "current_timestamp" || text == "current_date") {
    error(Code::unknown_name, span, fmt::format("unknown name `{}`", text), text == "current_date" ? "write `date_of(now())`" : "write `now()`");
    return;
  }
  std::vector<std::string> known;
  if (environment_)
    for (const auto& parameter : environment_->function->parameters) known.emplace_back(parameter.name);
  if (heard(names_.size()))
    for (const auto& [name, declared] : names_)
      if (declared.kind == Declared::parameter) known.emplace_back(name);
  std::sort(known.begin(), known.end());

  // The name as a column of some other row in sight.
  for (Scope* scope = scope_; scope; scope = scope->outer) {
    for (const Alias& alias : scope->block->aliases)
      if ((!alias.own_row || scope != scope_) && member(*scope->block, alias.name, text, span).found) {
        error(Code::unknown_name, span, fmt::format("unknown name `{}`", text), fmt::format("a bare name is a column of the current row: write `{}.{}`", alias.name, text));
        return;
      }
    if (scope != scope_ && bare(*scope->block, text, span).found) {
      error(Code::unknown_name, span, fmt::format("`{}` is a column of the enclosing row, which has no alias", text),
            fmt::format("give the enclosing relation an alias with `as` and write `alias.{}`", text));
      return;
    }
  }
  if (const auto declared = names_.find(text); declared != names_.end() && (declared->second.kind == Declared::let || declared->second.kind == Declared::snapshot)) {
    declared->second.used = true;
    error(Code::unknown_name, span, fmt::format("`{}` is a relation, expected a value", text), fmt::format("write `count({0})`, `exists({0})` or `sum(COLUMN from {0})`", text));
    return;
  }
  if (!scope_ && !environment_) {
    const std::string meant = did_you_mean(text, known);
    error(Code::unknown_name, span, fmt::format("unknown name `{}`: there is no row here", text),
          meant.empty() ? "columns are seen inside a relation: `count(TABLE where …)`, `sum(COLUMN from TABLE)`" : meant);
    return;
  }
  const bool column = scope_ && !scope_->block->relation->inputs.empty();
  if (scope_) {
    const auto columns = names_of(*scope_->block);
    known.insert(known.begin(), columns.begin(), columns.end());
  }
  std::string help = did_you_mean(text, known);
  if (help.empty() && column) {
    help = listed("the columns here are", names_of(*scope_->block));
  }
  error(Code::unknown_name, span, fmt::format("unknown name `{}`", text), std::move(help));
}

ExprPtr Checker::member(NodeId node) {
  NodeId left = at(node).first_child;
  const Span span = at(node).span;
  std::string_view text = at(node).text;
  std::string of_cause;  // `n.from.x`: of the row that caused what the step did
  if (left != ast::no_node && at(left).kind == NodeKind::member && at(left).text == "from") {
    of_cause = fmt::format("from.{}", text);
    text = of_cause;
    left = at(left).first_child;
  }
  if (left == ast::no_node || at(left).kind != NodeKind::name) {
    error(Code::unknown_name, span, fmt::format("`{}` is no column", slice(span)), "a column of a joined relation is written `alias.column`");
    return nullptr;
  }
  const std::string_view alias = at(left).text;
  for (Scope* scope = scope_; scope; scope = scope->outer) {
    for (const Alias& known : scope->block->aliases)
      if (known.name == alias) note_alias(known, at(left).span);
    if (scope->block->broken) return nullptr;
    Lookup found = member(*scope->block, alias, text, span);
    if (!found.alias_known) continue;
    if (found.found) note_column(*scope->block, alias, text, found.expr, at(node).name_span);
    if (!found.found) {
      std::vector<std::string> known;
      for (const Alias& entry : scope->block->aliases) {
        if (entry.name != alias) continue;
        if (entry.own_row) known = names_of(*scope->block);
        else if (const auto& input = scope->block->relation->inputs[entry.input]; input.table) {
          for (const Column& of : table(*input.table).columns) known.push_back(of.name);
        } else {
          known = names_of(*scope->block->subs[entry.input]);
        }
      }
      error(Code::unknown_column, at(node).name_span, fmt::format("`{}` has no column `{}`", alias, text), did_you_mean(text, known));
      return nullptr;
    }
    if (found.expr && scope->group) {  // `c.country` where the group is by it
      for (const ExprPtr& key : *scope->group->keys)
        if (key && key->kind == ExprKind::column && key->input == found.expr->input && key->column == found.expr->column) return key;
      error(Code::aggregate_misplaced, span, fmt::format("`{}.{}` may differ from row to row within a group", alias, text),
            fmt::format("say which one: `max({}.{})`, or group by it", alias, text));
      return nullptr;
    }
    return found.expr;
  }
  std::vector<std::string> known;
  for (Scope* scope = scope_; scope; scope = scope->outer)
    for (const Alias& entry : scope->block->aliases) known.emplace_back(entry.name);
  const auto declared = names_.find(alias);
  if (declared != names_.end() && declared->second.kind != Declared::parameter) {
    declared->second.used = true;
    const bool source = declared->second.kind == Declared::source;
    error(Code::unknown_name, span, source ? fmt::format("`{}.{}` is a table, expected a value", alias, text) : fmt::format("`{}` is a relation, not the alias of a row", alias),
          source ? fmt::format("write `count({0}.{1})`, `exists({0}.{1})` or `sum(COLUMN from {0}.{1})`", alias, text)
                 : fmt::format("join it: `join one {0} as r on …`, and write `r.{1}`", alias, text));
    return nullptr;
  }
  error(Code::unknown_name, at(left).span, fmt::format("unknown alias `{}`", alias), did_you_mean(alias, known));
  return nullptr;
}

}  // namespace bfl::check
