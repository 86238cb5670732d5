// What may stand at a place. It works on the words around the place, not on the tree: where somebody types, there mostly is none.
#include <algorithm>
#include <set>

#include "interpreter/lsp/features.h"

namespace bfl::lsp {

using check::SymbolKind;

namespace {

struct Keyword { std::string_view text, role; };
constexpr Keyword keywords[] = {
#define BFL_KEYWORD(id, text, role) {text, #role},
#include "grammar/keywords.def"
#undef BFL_KEYWORD
};

bool is_name(char c) { return is_word_character(c) || c == '$'; }

std::string_view word_before(std::string_view text, std::size_t& end) {
  std::size_t begin = end;
  while (begin > 0 && is_name(text[begin - 1])) --begin;
  const std::string_view word = text.substr(begin, end - begin);
  end = begin;
  return word;
}

void skip_blanks(std::string_view text, std::size_t& end) {
  while (end > 0 && (text[end - 1] == ' ' || text[end - 1] == '\n' || text[end - 1] == '\t' || text[end - 1] == '\r')) --end;
}

// In a comment, or in a text of one line.
bool in_text(std::string_view text, std::size_t offset) {
  const std::size_t begin = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;
  bool quoted = false;
  for (std::size_t i = begin; i < offset; ++i) {
    if (quoted && text[i] == '\\') ++i;
    else if (text[i] == '"') quoted = !quoted;
    else if (!quoted && text[i] == '#') return true;
  }
  return quoted;
}

// The item around the place: from the line that begins with a word to the next that does.
std::string_view item_at(std::string_view text, std::size_t offset) {
  const auto begins = [&](std::size_t line) { return line < text.size() && is_name(text[line]); };
  std::size_t begin = offset == 0 ? 0 : text.rfind('\n', offset - 1) + 1;
  while (begin > 0 && !begins(begin)) begin = text.rfind('\n', begin - 2 < begin ? begin - 2 : 0) + 1;
  std::size_t end = offset;
  while (end < text.size() && !(text[end] == '\n' && begins(end + 1))) ++end;
  return text.substr(begin, end - begin);
}

class Completing {
 public:
  Completing(const Document& document, const Library& library) : document_(document), library_(library), text_(document.text) {}

  std::vector<Completion> at(std::uint32_t offset) {
    if (in_text(text_, offset)) return {};
    std::size_t end = offset;
    word_before(text_, end);
    item_ = item_at(text_, offset);
    if (end > 0 && text_[end - 1] == '.') {
      std::size_t before = end - 1;
      behind_point(word_before(text_, before));
      return std::move(found_);
    }
    std::size_t before = end;
    skip_blanks(text_, before);
    const std::string_view last = word_before(text_, before);
    static constexpr std::string_view before_rows[] = {"of", "into", "from", "one", "many", "optional", "union"};
    if (last == "after") {
      steps();
    } else if (std::find(std::begin(before_rows), std::end(before_rows), last) != std::end(before_rows)) {
      relations();
    } else if (last == "use") {
      std::set<std::string> modules;
      for (const check::FunctionDoc& doc : library_.docs) modules.insert("std." + doc.module);
      for (const std::string& module : modules) add(module, CompletionKind::keyword);
    } else {
      columns_in_sight();
      aliases();
      parameters();
      relations();
      functions();
      for (const Keyword& keyword : keywords) add(std::string(keyword.text), CompletionKind::keyword, std::string(keyword.role));
    }
    return std::move(found_);
  }

 private:
  void add(std::string label, CompletionKind kind, std::string detail = {}, std::string documentation = {}) {
    if (known_.insert(label).second) found_.push_back({std::move(label), kind, std::move(detail), std::move(documentation)});
  }
  const program::Program* program() const { return document_.good ? &document_.good->program : nullptr; }

  const Table* table_named(std::string_view path) const {
    if (!program()) return nullptr;
    for (std::size_t s = 0; s < program()->catalogues.size(); ++s)
      for (const Table& table : program()->catalogues[s].tables)
        if ((table.kept.empty() ? program()->sources[s].name + "." + table.name : table.kept) == path) return &table;
    return nullptr;
  }
  // Every `source.table` and every name of a relation in a stretch of the text, those of the relations included.
  void rows_of(std::string_view stretch, std::vector<const Table*>& tables, std::set<std::string>& seen, int depth) const {
    for (std::size_t i = 0; i < stretch.size();) {
      if (!is_name(stretch[i])) {
        ++i;
        continue;
      }
      std::size_t end = i;
      while (end < stretch.size() && (is_name(stretch[end]) || stretch[end] == '.')) ++end;
      const std::string word(stretch.substr(i, end - i));
      i = end;
      if (!seen.insert(word).second) continue;
      if (const Table* table = table_named(word)) tables.push_back(table);
      else if (depth < 6) rows_of(definition_of(word), tables, seen, depth + 1);
    }
  }
  std::string_view definition_of(std::string_view name) const {
    if (!document_.good) return {};
    const ast::File& tree = document_.good->tree;
    for (ast::NodeId item : ast::children(tree, tree.root))
      if (tree[item].text == name && tree[item].kind == ast::NodeKind::let) return document_.good->texts.slice(tree[item].span);
    return {};
  }

  void columns(std::string_view stretch) {
    std::vector<const Table*> tables;
    std::set<std::string> seen;
    rows_of(stretch, tables, seen, 0);
    for (const Table* table : tables)
      for (const Column& column : table->columns) add(column.name, CompletionKind::column, column.storage == Storage::unknown ? column.declared : to_string(column.type), table->name);
  }
  void columns_in_sight() {
    columns(item_);
    if (!document_.good) return;
    for (const check::Symbol& symbol : document_.good->symbols.all())
      if (symbol.kind == SymbolKind::value) add(symbol.name, CompletionKind::column, symbol.type);
  }

  void behind_point(std::string_view before) {
    if (program())
      for (std::size_t s = 0; s < program()->sources.size(); ++s)
        if (program()->sources[s].name == before) {
          for (const Table& table : program()->catalogues[s].tables)
            if (table.kept.empty()) add(table.name, CompletionKind::table, table.view ? "view" : "table");
          for (const check::Symbol& symbol : document_.good->symbols.all())
            if (symbol.kind == SymbolKind::table && symbol.detail.starts_with(std::string(before) + ".")) add(symbol.name, CompletionKind::table);
          return;
        }
    if (before == "std") {
      for (const check::FunctionDoc& doc : library_.docs) add(doc.module, CompletionKind::source);
      return;
    }
    // `PATH as before`
    for (std::size_t i = item_.find(" as "); i != std::string_view::npos; i = item_.find(" as ", i + 1)) {
      std::size_t end = i + 4;
      while (end < item_.size() && is_name(item_[end])) ++end;
      if (item_.substr(i + 4, end - i - 4) != before) continue;
      std::size_t begin = i;
      while (begin > 0 && (is_name(item_[begin - 1]) || item_[begin - 1] == '.')) --begin;
      columns(item_.substr(begin, i - begin));
      return;
    }
    if (document_.good)
      for (const check::Symbol& symbol : document_.good->symbols.all())
        if (symbol.kind == SymbolKind::step && symbol.name == before)
          for (const char* effect : {"inserted", "updated", "deleted"}) add(effect, CompletionKind::table, "what the step did");
  }

  void aliases() {
    for (std::size_t i = item_.find(" as "); i != std::string_view::npos; i = item_.find(" as ", i + 1)) {
      std::size_t end = i + 4;
      while (end < item_.size() && is_name(item_[end])) ++end;
      if (end > i + 4) add(std::string(item_.substr(i + 4, end - i - 4)), CompletionKind::alias);
    }
  }
  void symbols(SymbolKind kind, CompletionKind as) {
    if (!document_.good) return;
    for (const check::Symbol& symbol : document_.good->symbols.all())
      if (symbol.kind == kind) add(symbol.name, as, symbol.type);
  }
  void steps() { symbols(SymbolKind::step, CompletionKind::step); }
  void parameters() {
    symbols(SymbolKind::parameter, CompletionKind::parameter);
    symbols(SymbolKind::argument, CompletionKind::parameter);
  }
  void relations() {
    symbols(SymbolKind::relation, CompletionKind::relation);
    symbols(SymbolKind::source, CompletionKind::source);
  }
  void functions() {
    if (document_.good)
      for (const check::Symbol& symbol : document_.good->symbols.all())
        if (symbol.kind == SymbolKind::function && symbol.definition.end != 0) add(symbol.name, CompletionKind::function, symbol.type);
    for (const check::FunctionDoc& doc : library_.docs)
      if (doc.signature.find('$') == std::string::npos) add(doc.name, CompletionKind::function, doc.signature, doc.doc);
    for (const char* aggregate : {"count", "exists", "sum", "min", "max", "average", "any", "every", "count_distinct", "first", "last", "list"})
      add(aggregate, CompletionKind::function, "aggregate");
    for (const char* window : {"row_number", "rank", "dense_rank", "lag", "lead"}) add(window, CompletionKind::function, "window");
    add("now", CompletionKind::function, "now() -> timestamp");
  }

  const Document& document_;
  const Library& library_;
  std::string_view text_, item_;
  std::vector<Completion> found_;
  std::set<std::string> known_;
};

}  // namespace

std::vector<Completion> complete(const Document& document, const Library& library, std::uint32_t offset) { return Completing(document, library).at(offset); }

}  // namespace bfl::lsp
