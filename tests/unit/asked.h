// A database to ask: any expression of the language, over relations written above it, computed by the real connector.
#pragma once
#include "interpreter/check/check.h"
#include "interpreter/lower/sql.h"
#include "interpreter/syntax/parse.h"
#include "tests/unit/scratch_database.h"

namespace bfl::test {

struct Asked : ScratchDatabase {
  std::string columns;  // column clauses of the source

  explicit Asked(const std::string& sql, std::string declared = {}) : ScratchDatabase(sql), columns(std::move(declared)) {}

  // The value as a literal, or what was said against it. `definitions` are lets and functions.
  std::string ask(const std::string& definitions, const std::string& expression) const {
    Sources texts;
    Diagnostics diagnostics;
    const auto source = texts.add("job.bfl", "job j { why \"a test\" }\nsource db = sqlite(\"here.db\") { " + columns +
                                                 " }\nuse std.text\nuse std.math\nuse std.json\n" + definitions + "\nverify v { assert (" + expression +
                                                 ") != null }");
    check::Settings settings;
    settings.sources["db"] = "sqlite:" + path;
    const ast::File file = syntax::parse(texts, source, diagnostics);
    if (diagnostics.has_errors()) return render(diagnostics, texts);
    auto library = check::load_library(texts);
    auto sources = check::sources_of(file, texts, settings, diagnostics);
    const auto connector = open();
    auto catalogue = connector->catalogue();
    REQUIRE(catalogue);
    const auto program = check::check(file, texts, library, std::move(sources), {*catalogue}, settings, diagnostics);
    if (diagnostics.has_errors()) return render(diagnostics, texts);
    const auto statement = lower::scalar(program, program.steps.at(0).assertions.at(0).condition->args[0], lower::Dialect::sqlite);
    auto prepared = connector->prepare(statement, {});
    if (!prepared) return "error: " + prepared.error().message + " " + prepared.error().detail + "\n" + statement.text;
    std::string found = "no row";
    auto done = (*prepared)->query_raw({}, [&](connect::RawRow row) {
      auto value = connector->decode(row[0], statement.columns[0]);
      found = value ? to_literal(*value) : value.error().message;
      return true;
    });
    return done ? found : "error: " + done.error().message;
  }
};

}  // namespace bfl::test
