// The example shop as a catalogue, and a job checked against it: what the tests of the front end share.
#pragma once
#include <string>

#include "interpreter/check/check.h"
#include "interpreter/syntax/parse.h"

namespace bfl::test {

inline Column column(std::string name, Kind kind, bool nullable = false, Storage storage = Storage::native, std::string declared = "") {
  Column made;
  made.name = std::move(name);
  made.type = {kind, nullable};
  made.storage = storage;
  made.declared = std::move(declared);
  return made;
}

inline Table table(std::string name, std::vector<Column> columns, std::vector<int> key) {
  Table made;
  made.name = std::move(name);
  made.columns = std::move(columns);
  if (!key.empty()) made.keys.push_back({.name = "primary key", .columns = key, .primary = true, .not_null = true});
  return made;
}

inline Catalogue shop_catalogue() {
  constexpr auto money = Storage::decimal_numeric;
  Catalogue shop;
  shop.engine = "sqlite";
  shop.tables.push_back(table("customers", {column("id", Kind::integer), column("email", Kind::text), column("name", Kind::text), column("country", Kind::text)}, {0}));
  shop.tables.push_back(table("products", {column("id", Kind::integer), column("sku", Kind::text), column("name", Kind::text), column("price", Kind::decimal, false, money)}, {0}));
  shop.tables.push_back(table("orders",
                              {column("id", Kind::integer), column("customer_id", Kind::integer), column("created_at", Kind::timestamp, false, Storage::iso_text),
                               column("subtotal", Kind::decimal, false, money), column("tax", Kind::decimal, false, money), column("total", Kind::decimal, true, money),
                               column("country", Kind::text, true), column("line_count", Kind::integer), column("note", Kind::text, true)},
                              {0}));
  shop.tables.push_back(table("lines", {column("order_id", Kind::integer), column("position", Kind::integer), column("product_id", Kind::integer), column("quantity", Kind::integer)}, {0, 1}));
  shop.tables.back().without_rowid = true;
  shop.tables.push_back(table("loose", {column("id", Kind::integer), column("v", Kind::null, true, Storage::unknown), column("doc", Kind::text, true, Storage::native, "TEXT"),
                                        column("score", Kind::floating), column("g", Kind::integer)},
                              {0}));
  shop.tables.back().columns[4].generated = true;
  shop.tables.push_back(table("heap", {column("a", Kind::text), column("b", Kind::text)}, {}));
  shop.tables.push_back(table("totals", {column("id", Kind::integer), column("total", Kind::decimal, true)}, {}));
  shop.tables.back().view = true;
  shop.tables.push_back(table("watched", {column("id", Kind::integer), column("a", Kind::text), column("b", Kind::text)}, {0}));
  shop.tables.back().triggers.push_back({"noisy", "UPDATE", "CREATE TRIGGER noisy AFTER UPDATE OF a ON watched BEGIN SELECT 1; END"});
  shop.tables.push_back(table("Mixed Case", {column("Key", Kind::text), column("group", Kind::integer)}, {0}));
  shop.tables[1].keys.push_back({.name = "sku", .columns = {1}, .not_null = true});
  shop.foreign_keys.push_back({"orders", {"customer_id"}, "customers", {"id"}, "NO ACTION", "NO ACTION"});
  shop.foreign_keys.push_back({"lines", {"order_id"}, "orders", {"id"}, "CASCADE", "NO ACTION"});
  return shop;
}

struct Checked {
  Sources texts;
  Diagnostics diagnostics{200};
  program::Program program;
  std::string drawn() const { return render(diagnostics, texts); }
  bool has(Code code) const {
    for (const Diagnostic& found : diagnostics.all())
      if (found.code == code) return true;
    return false;
  }
  const Diagnostic* first(Code code) const {
    for (const Diagnostic& found : diagnostics.all())
      if (found.code == code) return &found;
    return nullptr;
  }
  const program::Step& step(std::size_t index = 0) const { return program.steps.at(index); }
};

// A whole job: `job` and `source` are put in front unless the script begins with them.
inline std::unique_ptr<Checked> check_job(std::string script, check::Settings settings = {}, Catalogue catalogue = shop_catalogue()) {
  auto result = std::make_unique<Checked>();
  if (script.find("source ") == std::string::npos) script = "source shop = sqlite(\"shop.db\")\n" + script;
  if (script.find("job ") == std::string::npos) script = "job example { why \"an example\" }\n" + script;
  const auto source = result->texts.add("job.bfl", std::move(script));
  const ast::File file = syntax::parse(result->texts, source, result->diagnostics);
  if (result->diagnostics.has_errors()) return result;
  auto library = check::load_library(result->texts);
  auto sources = check::sources_of(file, result->texts, settings, result->diagnostics);
  if (result->diagnostics.has_errors()) return result;
  std::vector<Catalogue> catalogues(sources.size(), catalogue);
  result->program = check::check(file, result->texts, library, std::move(sources), std::move(catalogues), settings, result->diagnostics);
  return result;
}

}  // namespace bfl::test
