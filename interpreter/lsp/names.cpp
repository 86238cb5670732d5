// What names stand for: shown where the pointer rests, found, renamed, coloured.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lsp/features.h"
#include "interpreter/syntax/ast.h"

namespace bfl::lsp {

using check::Symbol;
using check::SymbolKind;

namespace {

std::string_view kind_text(SymbolKind kind) {
  switch (kind) {
    case SymbolKind::parameter: return "param";
    case SymbolKind::source: return "source";
    case SymbolKind::table: return "table";
    case SymbolKind::relation: return "relation";
    case SymbolKind::step: return "step";
    case SymbolKind::function: return "fn";
    case SymbolKind::argument: return "argument";
    case SymbolKind::column: return "column";
    case SymbolKind::value: return "value";
    case SymbolKind::alias: return "row";
  }
  return {};
}

// The comment above the item that introduces the name.
std::string documentation_of(const Document& document, const Symbol& symbol) {
  const Analysis& good = *document.good;
  if (symbol.definition.end == 0 || symbol.definition.file != good.file) return {};
  for (ast::NodeId item : ast::children(good.tree, good.tree.root))
    if (good.tree[item].name_span == symbol.definition) return ast::documentation(good.tree, good.texts, item);
  return {};
}

// `1,000`
std::string grouped(std::int64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) text.insert(static_cast<std::size_t>(at), ",");
  return text;
}

std::string columns_of(const Document& document, const Symbol& symbol) {
  for (std::size_t s = 0; s < document.good->program.catalogues.size(); ++s)
    for (const Table& table : document.good->program.catalogues[s].tables) {
      if (table.name != symbol.name || document.good->program.sources[s].name + "." + table.name != symbol.detail) continue;
      std::string text = table.estimated_rows ? fmt::format("about {} rows\n\n", grouped(*table.estimated_rows)) : std::string();
      text += "| column | type | declared |\n|---|---|---|\n";
      for (const Column& column : table.columns)
        text += fmt::format("| `{}` | {} | {} |\n", column.name, column.storage == Storage::unknown ? "?" : to_string(column.type), column.declared);
      return text;
    }
  return {};
}

std::string_view class_text(program::Idempotence idempotence) {
  switch (idempotence) {
    case program::Idempotence::reads: return "reads";
    case program::Idempotence::convergent: return "convergent";
    case program::Idempotence::guarded: return "guarded";
    case program::Idempotence::staged: return "staged";
    case program::Idempotence::once: return "once";
  }
  return {};
}

bool is_plain_name(std::string_view name) {
  static constexpr std::string_view reserved[] = {"true", "false", "null", "and", "or", "not", "in", "case"};
  return !name.empty() && !(name[0] >= '0' && name[0] <= '9') && std::all_of(name.begin(), name.end(), is_word_character) &&
         std::find(std::begin(reserved), std::end(reserved), name) == std::end(reserved);
}

}  // namespace

bool is_word_character(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }

std::optional<Hover> hover(const Document& document, const Library& library, std::uint32_t offset) {
  Span where;
  const Symbol* symbol = document.symbol_at(offset, &where);
  if (!symbol) return std::nullopt;
  std::string text = "```bfl\n";
  std::string more = documentation_of(document, *symbol);
  if (symbol->kind == SymbolKind::function) {
    text += fmt::format("fn {}\n```\n", symbol->type);
    for (const check::FunctionDoc& doc : library.docs)
      if (more.empty() && symbol->definition.end == 0 && doc.name == symbol->name && doc.signature == symbol->type) more = doc.doc;
    if (!symbol->detail.empty()) more += "\n\n`" + symbol->detail + "`";
  } else {
    text += fmt::format("{} {}{}{}\n```\n", symbol->kind == SymbolKind::step ? symbol->type : std::string(kind_text(symbol->kind)), symbol->name,
                        symbol->type.empty() || symbol->kind == SymbolKind::step || symbol->kind == SymbolKind::table || symbol->kind == SymbolKind::relation ? "" : ": ",
                        symbol->kind == SymbolKind::step || symbol->kind == SymbolKind::table || symbol->kind == SymbolKind::relation ? "" : symbol->type);
    if (symbol->kind == SymbolKind::column) text += fmt::format("\n{}\n", symbol->detail);
    if (symbol->kind == SymbolKind::table) text += fmt::format("\n{}\n\n{}", symbol->detail, columns_of(document, *symbol));
    if (symbol->kind == SymbolKind::step && document.good->sound)
      for (const program::Step& step : document.good->program.steps)
        if (step.name == symbol->name && program::changes_rows(step.kind)) text += fmt::format("\n{}{}\n", class_text(step.idempotence), step.route_reason.empty() ? "" : "; " + step.route_reason);
  }
  if (!more.empty()) text += "\n" + more + "\n";
  return Hover{where, std::move(text)};
}

std::optional<Span> definition(const Document& document, std::uint32_t offset) {
  const Symbol* symbol = document.symbol_at(offset);
  return symbol ? document.from_good(symbol->definition) : std::nullopt;
}

std::vector<Span> references(const Document& document, std::uint32_t offset, bool with_definition) {
  std::vector<Span> places;
  std::uint32_t number = 0;
  const Symbol* symbol = document.symbol_at(offset, nullptr, &number);
  if (!symbol) return places;
  for (const check::SymbolUse& use : document.good->symbols.uses())
    if (use.symbol == number && (with_definition || !(use.span == symbol->definition)))
      if (const auto span = document.from_good(use.span)) places.push_back(*span);
  return places;
}

Renaming rename(const Document& document, std::uint32_t offset, std::string_view name) {
  const Symbol* symbol = document.symbol_at(offset);
  if (!symbol) return {{}, {}, "there is no name here that can be changed"};
  if (document.stale || document.now != document.good || document.now->diagnostics.has_errors()) return {{}, {}, "mend what is wrong first: a name may stand where it could not be found"};
  if (symbol->kind == SymbolKind::step) return {{}, {}, "a step's name is its identity in the ledger: renamed, it counts as another step"};
  if (!document.from_good(symbol->definition)) return {{}, {}, fmt::format("`{}` is not defined in this file", symbol->name)};
  if (document.now->unknown_sources && symbol->kind != SymbolKind::argument && symbol->kind != SymbolKind::source && symbol->kind != SymbolKind::relation && symbol->kind != SymbolKind::function)
    return {{}, {}, "without its catalogue not every use of the name is known: read the catalogue first"};
  const std::string written = is_plain_name(name) ? std::string(name) : fmt::format("`{}`", name);
  if (name.empty() || name.find_first_of("`\n") != std::string_view::npos) return {{}, {}, fmt::format("`{}` is no name", name)};
  for (const Symbol& other : document.good->symbols.all())
    if (other.name == name) return {{}, {}, fmt::format("the name `{}` is taken", name)};
  Renaming made{references(document, offset), written, {}};
  for (Span span : made.places) {
    const std::string_view there = std::string_view(document.text).substr(span.begin, span.end - span.begin);
    if (there != symbol->name && there != fmt::format("`{}`", symbol->name)) return {{}, {}, fmt::format("`{}` comes out of a recipe or a loop", symbol->name)};
  }
  return made;
}

std::vector<Token> tokens(const Document& document) {
  std::vector<Token> found;
  if (!document.good) return found;
  const auto kind = [](SymbolKind of) {
    switch (of) {
      case SymbolKind::parameter: case SymbolKind::argument: return TokenKind::parameter;
      case SymbolKind::source: return TokenKind::source;
      case SymbolKind::table: return TokenKind::table;
      case SymbolKind::relation: return TokenKind::relation;
      case SymbolKind::step: return TokenKind::step;
      case SymbolKind::function: return TokenKind::function;
      case SymbolKind::column: case SymbolKind::value: return TokenKind::column;
      case SymbolKind::alias: return TokenKind::alias;
    }
    return TokenKind::column;
  };
  std::uint32_t end = 0;
  for (const check::SymbolUse& use : document.good->symbols.uses()) {
    const auto span = document.from_good(use.span);
    if (!span || span->begin < end) continue;
    const Symbol& symbol = document.good->symbols.all()[use.symbol];
    found.push_back({*span, kind(symbol.kind), use.span == symbol.definition, symbol.kind == SymbolKind::function && symbol.definition.end == 0});
    end = span->end;
  }
  return found;
}

std::vector<Hint> hints(const Document& document) {
  std::vector<Hint> found;
  if (!document.good) return found;
  for (const Symbol& symbol : document.good->symbols.all())
    if (symbol.kind == SymbolKind::value && !symbol.type.empty())
      if (const auto span = document.from_good(symbol.definition)) found.push_back({span->end, ": " + symbol.type, {}});
  if (document.good->sound)
    for (const program::Step& step : document.good->program.steps)
      if (const auto span = document.from_good(step.name_span); span && program::changes_rows(step.kind))
        found.push_back({span->end, " " + std::string(class_text(step.idempotence)), step.route_reason});
  std::sort(found.begin(), found.end(), [](const Hint& a, const Hint& b) { return a.offset < b.offset; });
  return found;
}

}  // namespace bfl::lsp
