#include "interpreter/check/symbols.h"

#include <algorithm>

#include "interpreter/check/checker.h"

namespace bfl::check {

std::uint32_t Symbols::add(const std::string& identity, Symbol symbol) {
  const auto [entry, fresh] = known_.emplace(identity, static_cast<std::uint32_t>(all_.size()));
  if (fresh) {
    all_.push_back(std::move(symbol));
  } else {
    Symbol& known = all_[entry->second];
    if (known.type.empty()) known.type = std::move(symbol.type);
    if (known.detail.empty()) known.detail = std::move(symbol.detail);
    if (known.definition.end == 0) known.definition = symbol.definition;
  }
  return entry->second;
}

void Symbols::use(Span span, std::uint32_t symbol) { uses_.push_back({span, symbol}); }

void Symbols::sort() {
  const auto before = [](const SymbolUse& a, const SymbolUse& b) {
    return a.span.file != b.span.file ? a.span.file < b.span.file : a.span.begin != b.span.begin ? a.span.begin < b.span.begin : a.span.end < b.span.end;
  };
  std::stable_sort(uses_.begin(), uses_.end(), before);
  uses_.erase(std::unique(uses_.begin(), uses_.end(), [](const SymbolUse& a, const SymbolUse& b) { return a.span == b.span; }), uses_.end());
}

const SymbolUse* Symbols::at(std::uint32_t offset, std::uint32_t file) const {
  const SymbolUse* found = nullptr;
  for (const SymbolUse& use : uses_) {
    if (use.span.file != file || use.span.end < offset) continue;
    if (use.span.begin > offset) break;
    found = &use;  // of two that meet here the one that begins
  }
  return found;
}

// What the checker notes of names. Definitions are read silently again at each use: only the first reading, aloud, is noted.
bool Checker::noting() const { return symbols_ && quiet_ == 0; }

void Checker::note(SymbolKind kind, std::string identity, Symbol symbol, Span span) {
  if (!noting() || span.end == 0) return;
  symbol.kind = kind;
  symbols_->use(span, symbols_->add(std::move(identity), std::move(symbol)));
}

// A name that an item of the script introduces.
void Checker::note_item(SymbolKind kind, NodeId item, Span use, std::string type) {
  if (!noting()) return;
  const ast::Node& of = script_[item];
  note(kind, fmt::format("{} {}", static_cast<int>(kind), of.text), {.name = std::string(of.text), .type = std::move(type), .definition = of.name_span}, use);
}

void Checker::note_table(program::TableRef ref, Span source, Span span) {
  if (!noting()) return;
  note_source(static_cast<std::size_t>(ref.source), source);
  const Table& of = table(ref);
  const std::string shape = of.view ? "view" : of.virtual_table ? "virtual table" : "table";
  note(SymbolKind::table, fmt::format("table {} {}", ref.source, of.name), {.name = of.name, .type = shape, .detail = shown(ref)}, span);
}

void Checker::note_source(std::size_t index, Span span) {
  if (const auto found = names_.find(program.sources[index].name); noting() && found != names_.end()) note_item(SymbolKind::source, found->second.node, span);
}

void Checker::note_column(const Block& block, std::string_view alias, std::string_view name, const ExprPtr& expr, Span span) {
  if (!noting()) return;
  const Block* rows = &block;
  program::InputId input = 0;
  bool joined = false;
  for (const Alias& known : block.aliases)
    if (known.name == alias && !alias.empty() && !known.own_row) {
      const program::Input& of = block.relation->inputs[known.input];
      if (!of.table && !block.subs[known.input]) return;
      if (of.table) input = of.id, joined = true;
      else rows = block.subs[known.input].get();
    }
  // Inwards to the relation that introduces the name.
  while (!joined) {
    if (const auto found = rows->introduced.find(name); found != rows->introduced.end()) {
      note(SymbolKind::value, fmt::format("value {} {}", found->second.file, found->second.begin),
           {.name = std::string(name), .type = expr ? to_string(expr->type) : "", .definition = found->second}, span);
      return;
    }
    if (rows->derived.contains(name) && rows->only_derived && rows->subs.empty()) return;
    if (rows->relation->inputs.empty()) return;
    if (rows->relation->inputs[0].table) {
      input = rows->relation->inputs[0].id;
      break;
    }
    if (rows->subs.empty() || !rows->subs[0]) return;
    rows = rows->subs[0].get();
  }
  const auto& ref = program.inputs[input].table;
  if (!ref) return;
  const int index = column_index(*ref, name);
  if (index >= 0) note_stored(*ref, index, span);
}

void Checker::note_stored(program::TableRef ref, int index, Span span) {
  if (!noting()) return;
  const Table& of = table(ref);
  const Column& column = of.columns[static_cast<std::size_t>(index)];
  note(SymbolKind::column, fmt::format("column {} {} {}", ref.source, of.name, column.name),
       {.name = column.name, .type = column.storage == Storage::unknown ? "" : to_string(column.type), .detail = fmt::format("{}.{}{}", shown(ref), column.name, column.declared.empty() ? "" : ", declared `" + column.declared + "`")}, span);
}

void Checker::note_alias(const Alias& alias, Span span) {
  if (!noting() || alias.name.starts_with(' ')) return;
  note(SymbolKind::alias, fmt::format("alias {} {}", alias.span.file, alias.span.begin), {.name = std::string(alias.name), .definition = alias.span}, span);
}

void Checker::introduce(Block& block, NodeId item, const ExprPtr& value) {
  const Span span = at(item).name_span;
  block.introduced[at(item).text] = span;
  if (at(item).kind == NodeKind::assign)
    note(SymbolKind::value, fmt::format("value {} {}", span.file, span.begin), {.name = std::string(at(item).text), .type = value ? to_string(value->type) : "", .definition = span}, span);
}

// Of `keep`: names that it gives, and those of before that it lets through.
void Checker::introduce_kept(Block& block, const std::map<std::string_view, NodeId>& items, const std::map<std::string_view, ExprPtr>& kept) {
  const auto before = std::move(block.introduced);
  block.introduced.clear();
  for (const auto& [name, item] : items) {
    if (at(item).kind == NodeKind::assign) introduce(block, item, kept.at(name));
    else if (const auto known = before.find(name); known != before.end()) block.introduced.insert(*known);
  }
}

void Checker::note_unknown_table(NodeId node, std::size_t source) {
  const auto [named, table] = table_path(node);
  note_source(source, at(named).span);
  note(SymbolKind::table, fmt::format("table {} {}", source, table), {.name = table, .detail = fmt::format("{}.{}", program.sources[source].name, table)}, at(node).name_span);
}

void Checker::note_function(const Function& function, Span span) {
  if (!noting()) return;
  const std::string signature = bfl::check::shown(function);
  Symbol made{.name = std::string(function.name), .type = signature, .detail = function.module.empty() ? "" : "std." + std::string(function.module)};
  if (function.module.empty()) made.definition = script_[function.node].name_span;
  note(SymbolKind::function, "function " + signature, std::move(made), span);
}

void Checker::note_argument(const Function& function, std::string_view name, std::string type, Span span) {
  if (!noting() || !function.module.empty()) return;
  for (NodeId part : ast::children(script_, function.node))
    if (script_[part].kind == NodeKind::fn_param && script_[part].text == name) {
      const Span definition = script_[part].name_span;
      Symbol made{.name = std::string(name), .type = std::move(type), .definition = definition};
      note(SymbolKind::argument, fmt::format("argument {} {}", definition.file, definition.begin), made, definition);
      note(SymbolKind::argument, fmt::format("argument {} {}", definition.file, definition.begin), made, span);
    }
}

void Checker::note_step(std::string_view name, Span span) {
  if (!noting()) return;
  for (NodeId item : ast::children(script_, script_.root))
    if (script_[item].kind == NodeKind::step && script_[item].word != "test" && script_[item].text == name) {
      note_item(script_[item].word == "snapshot" ? SymbolKind::relation : SymbolKind::step, item, span);
      return;
    }
}

void Checker::note_items() {
  if (!noting()) return;
  for (NodeId item : ast::children(script_, script_.root)) {
    const Span name = at(item).name_span;
    switch (at(item).kind) {
      case NodeKind::param: {
        const auto made = std::find_if(program.parameters.begin(), program.parameters.end(), [&](const auto& parameter) { return parameter.name == at(item).text; });
        note_item(SymbolKind::parameter, item, name, made == program.parameters.end() ? "" : to_string(made->type));
        break;
      }
      case NodeKind::source: note_item(SymbolKind::source, item, name); break;
      case NodeKind::let: note_item(SymbolKind::relation, item, name); break;
      case NodeKind::step:
        if (at(item).word == "test") break;
        note_item(at(item).word == "snapshot" ? SymbolKind::relation : SymbolKind::step, item, name, std::string(at(item).word));
        break;
      default: break;
    }
  }
  for (const auto& [name, all] : functions_)
    for (const Function& function : all) note_function(function, script_[function.node].name_span);
}

}  // namespace bfl::check
