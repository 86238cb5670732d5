#include <doctest/doctest.h>

#include <algorithm>

#include "interpreter/base/signed_note.h"
#include "interpreter/lint/levels.h"
#include "interpreter/lint/postgres_sql.h"
#include "interpreter/project/kept_catalogue.h"
#include "interpreter/project/project.h"
#include "interpreter/project/toml.h"

using namespace bfl;

namespace {

// The files of a job, the one that is the furthest out first.
project::Project read(const std::vector<std::string>& texts, Diagnostics& diagnostics) {
  project::Project made;
  for (const std::string& text : texts) project::read(made, made.texts.add("bfl.toml", text), "/place", diagnostics);
  return made;
}
project::Project read(const std::string& text, Diagnostics& diagnostics) { return read(std::vector{text}, diagnostics); }

std::string slice(const project::Project& project, Span span) { return std::string(project.texts.slice(span)); }

// Every field of a catalogue that the file keeps, otherwise than it is by itself.
Catalogue strange() {
  Catalogue catalogue;
  catalogue.engine = "postgres";
  catalogue.read_only = true;
  Table parent;
  parent.name = "odd \"name\", with: a colon";
  parent.schema = "other";
  parent.relation = "r";
  parent.strict = parent.without_rowid = parent.inherited = true;
  parent.estimated_rows = 1'234'567;
  for (int storage = 0; storage <= static_cast<int>(Storage::unknown); ++storage) {
    Column column;
    column.name = "c" + std::to_string(storage);
    column.type = {static_cast<Kind>(storage % 12), storage % 2 == 0};
    column.storage = static_cast<Storage>(storage);
    column.declared = "NUMERIC(10,2)";
    column.base = "numeric";
    column.collation = "\"C\"";
    column.scale = storage;
    column.time_separator = 'T';
    column.time_suffix = "+00:00";
    column.generated = column.identity = column.has_default = true;
    column.binary_collation = false;
    parent.columns.push_back(column);
  }
  parent.columns.push_back({.name = "größe", .type = array_of(array_of({Kind::text, true}).with_null()).with_null()});
  parent.keys = {{"primary key", {0, 1}, true, true, true}, {"by, \"expression\"", {2}, false, false, false}};
  parent.indexes = {{0, 1}, {2}, {-1, 3}};
  parent.triggers = {{"noted", "UPDATE", "CREATE TRIGGER noted AFTER UPDATE OF c1, c2 ON odd FOR EACH ROW EXECUTE FUNCTION secret('s')"}};
  Table view;
  view.name = "seen";
  view.view = view.virtual_table = true;
  view.columns.push_back({.name = "id", .type = {Kind::integer, false}});
  view.rowid_alias = 0;
  catalogue.foreign_keys.push_back({"seen", {"id"}, parent.name, {"c0"}, "CASCADE", "SET NULL"});
  catalogue.tables = {view, parent};
  return catalogue;
}

}  // namespace

TEST_CASE("a section is read with the places of its settings") {
  Diagnostics diagnostics;
  const auto made = read("# größer\n[lint]\nL107 = \"error\"\nmissing-test = { reason = \"später\", level = \"off\" }\n", diagnostics);
  CHECK(diagnostics.errors() == 0);
  REQUIRE(made.lint.size() == 2);
  CHECK((made.lint[0].rule == "L107" && made.lint[0].severity == Severity::error && slice(made, made.lint[0].span) == "L107"));
  CHECK((!made.lint[1].severity && made.lint[1].reason == "später" && slice(made, made.lint[1].span) == "missing-test"));
}

TEST_CASE("what is wrong with the file is found where it is, behind characters of several bytes as well") {
  for (const auto& [text, code, place] : std::vector<std::tuple<std::string, Code, std::string>>{
           {"[lint]\n\"größe\" = {} x", Code::bad_toml, "x"},
           {"größe = 1", Code::bad_toml, "ö"},
           {"[other]\na = 1", Code::unknown_setting, "other"},
           {"[lint]\nL107 = { level = \"note\", größer = 1 }", Code::bad_toml, "ö"},
           {"[lint]\nL107 = { level = \"note\", b = 1 }", Code::unknown_setting, "b"},
           {"[lint]\nL107 = 1.5", Code::bad_setting, "1.5"},
           {"[lint]\nL107 = 2025-01-01", Code::bad_setting, "2025-01-01"},
           {"[lint]\nL107 = []", Code::bad_setting, "[]"},
           {"[lint]\nL107 = { level = true }", Code::bad_setting, "true"},
           {"lint = 3", Code::bad_setting, "3"}}) {
    CAPTURE(text);
    Diagnostics diagnostics;
    const auto made = read(text, diagnostics);
    REQUIRE(diagnostics.errors() == 1);
    CHECK(diagnostics.all()[0].code == code);
    CHECK(slice(made, diagnostics.all()[0].span).starts_with(place));
    CHECK(!diagnostics.all()[0].help.empty());
  }
}

TEST_CASE("a policy raises rules as it likes, and lowers them with a reason") {
  for (const lint::Rule& rule : lint::rules())
    for (const std::string_view level : {"error", "warning", "note", "off"}) {
      Diagnostics diagnostics;
      const std::string name(rule.name), to(level);
      const auto bare = lint::levels_of(read("[lint]\n" + name + " = \"" + to + "\"\n", diagnostics), diagnostics);
      const int wanted = level == "error" ? 0 : level == "warning" ? 1 : level == "note" ? 2 : 3;
      const bool lowered = wanted > static_cast<int>(rule.severity);
      CHECK(diagnostics.errors() == (lowered ? 1 : 0));
      CHECK(bare.contains(&rule) == !lowered);
      Diagnostics fine;
      const auto said = lint::levels_of(read("[lint]\n" + std::string(rule.code) + " = { level = \"" + to + "\", reason = \"so\" }\n", fine), fine);
      CHECK((fine.errors() == 0 && said.contains(&rule) && said.at(&rule).severity.has_value() == (wanted < 3)));
    }
}

TEST_CASE("the policies of several files add up to the stricter") {
  Diagnostics diagnostics;
  const auto made = read({"[policy]\nrows-without-approval = 100\nrequire = [\"ticket\"]\n[lint]\nmissing-test = \"warning\"\n[outside]\nhooks = [\"a\"]\nlineage = \"far\"\n[environments.x]\ns = \"sqlite:a\"\n",
                          "", "[policy]\nrows-without-approval = 10\napprovals = 2\nnot-author = true\nrequire = [\"owner\"]\n[lint]\nL306 = \"error\"\n[outside]\nhooks = [\"b\"]\nlineage = \"near\"\n[environments.x]\nt = \"sqlite:b\"\n"},
                         diagnostics);
  const auto levels = lint::levels_of(made, diagnostics);
  CHECK(diagnostics.errors() == 0);
  CHECK((made.policy.rows_without_approval->value == 10 && made.policy.approvals->value == 2 && made.policy.not_author->value));
  CHECK(made.policy.require->value == std::vector<std::string>{"owner", "ticket"});
  CHECK(levels.at(lint::rule_named("L306")).severity == Severity::error);
  CHECK((made.outside.hooks.size() == 2 && made.outside.lineage.text == "near"));
  CHECK((made.environments.size() == 1 && made.environments[0].places.size() == 2));
}

TEST_CASE("a nearer file that loosens is an error at its place, and shows the other's") {
  const std::string around =
      "[policy]\nrows-without-approval = 100\napprovals = 2\nnot-author = true\nrequire = [\"ticket\"]\n[lint]\nmissing-test = \"error\"\n[environments.x]\ns = \"sqlite:a\"\n";
  for (const auto& [text, place] : std::vector<std::pair<std::string, std::string>>{{"[policy]\nrows-without-approval = 101\n", "101"},
                                                                                 {"[policy]\napprovals = 1\n", "1"},
                                                                                 {"[policy]\nnot-author = false\n", "false"},
                                                                                 {"[policy]\nrequire = []\n", "[]"},
                                                                                 {"[lint]\nL306 = \"warning\"\n", "L306"},
                                                                                 {"[lint]\nmissing-test = { level = \"off\", reason = \"so\" }\n", "missing-test"},
                                                                                 {"[environments.x]\ns = \"sqlite:b\"\n", "s"}}) {
    CAPTURE(text);
    Diagnostics diagnostics;
    const auto made = read({around, text, ""}, diagnostics);
    (void)lint::levels_of(made, diagnostics);
    REQUIRE(diagnostics.errors() == 1);
    const Diagnostic& found = diagnostics.all()[0];
    CHECK((found.code == Code::policy_loosened && found.span.file == 1 && slice(made, found.span).starts_with(place) && !found.help.empty()));
    REQUIRE(found.labels.size() == 1);
    CHECK(found.labels[0].span.file == 0);
    CHECK((made.policy.approvals->value == 2 && made.policy.not_author->value && made.policy.rows_without_approval->value == 100));
  }
}

TEST_CASE("who may approve is listed by every file that lists anybody") {
  const auto of = [](const std::string& name, std::uint8_t seed) {
    PublicKey key{name};
    key.bytes[0] = seed;
    return name + " = { key = \"" + key.text() + "\", users = [\"u" + std::to_string(seed) + "\"] }\n";
  };
  Diagnostics fine;
  const auto both = read({"[approvers]\n" + of("ann", 1) + of("bob", 2), "[policy]\n", "[approvers]\n" + of("bob", 2)}, fine);
  CHECK((fine.errors() == 0 && both.approvers.size() == 1 && both.approvers[0].name == "bob"));
  for (const std::string& other : {of("eve", 3), of("bob", 3)}) {
    Diagnostics diagnostics;
    const auto made = read({"[approvers]\n" + of("bob", 2), "[approvers]\n" + other}, diagnostics);
    REQUIRE(diagnostics.errors() == 1);
    CHECK((diagnostics.all()[0].code == Code::policy_loosened && diagnostics.all()[0].labels.size() == 1 && made.approvers.empty()));
  }
}

TEST_CASE("a catalogue that was kept is read as it was") {
  const Catalogue catalogue = strange();
  const std::string text = project::write_catalogue(catalogue);
  const auto read = project::read_catalogue(text);
  REQUIRE(read);
  CHECK(project::write_catalogue(*read) == text);
  CHECK(project::differences(*read, catalogue).empty());
  CHECK(project::differences(catalogue, *read).empty());
  CHECK((read->engine == "postgres" && read->read_only && read->tables.size() == 2 && read->foreign_keys.size() == 1));
  const Table& table = read->tables[1];
  CHECK((table.name == catalogue.tables[1].name && table.estimated_rows == 1'200'000 && table.keys[1].columns == std::vector<int>{2} && table.indexes[2] == std::vector<int>{-1, 3}));
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Column &was = catalogue.tables[1].columns[i], &is = table.columns[i];
    CHECK((was.name == is.name && was.type == is.type && was.storage == is.storage && was.scale == is.scale && was.time_separator == is.time_separator && was.time_suffix == is.time_suffix));
  }
  CHECK(text.find("secret") == std::string::npos);
  CHECK(text.find("UPDATE OF c1, c2") != std::string::npos);
}

TEST_CASE("a catalogue of which something was changed differs, and says where") {
  const Catalogue before = strange();
  const auto differs = [&](const auto& change) {
    Catalogue now = before;
    change(now.tables[1]);
    const auto found = project::differences(before, now);
    return found.size() == 1 ? found[0] : std::to_string(found.size());
  };
  CHECK(differs([](Table& t) { t.columns[3].declared = "TEXT"; }).find(".c3` is ") != std::string::npos);
  CHECK(differs([](Table& t) { t.columns[3].has_default = false; }).find("otherwise than before") != std::string::npos);
  CHECK(differs([](Table& t) { t.columns.push_back({.name = "fresh"}); }).find(".fresh` is new") != std::string::npos);
  CHECK(differs([](Table& t) { t.keys[0].not_null = false; }).find("keys, indexes or triggers") != std::string::npos);
  CHECK(differs([](Table& t) { t.triggers.clear(); }).find("keys, indexes or triggers") != std::string::npos);
  CHECK(differs([](Table& t) { t.name = "x"; }) == "2");
  CHECK(differs([](Table& t) { t.estimated_rows = 5, t.columns[2].time_suffix = ""; }) == "0");
}

TEST_CASE("what is no catalogue is refused, whatever it is") {
  for (const std::string text : {"", "{}", "[]", "{\"kept\": 2, \"engine\": \"sqlite\", \"tables\": []}", "{\"kept\": 1, \"engine\": 3, \"tables\": []}",
                                 "{\"kept\": 1, \"engine\": \"sqlite\", \"tables\": [{\"name\": \"t\", \"columns\": [{\"name\": \"a\", \"type\": \"number\"}]}]}",
                                 "{\"kept\": 1, \"engine\": \"sqlite\", \"tables\": [{\"name\": \"t\", \"columns\": [], \"keys\": [{\"name\": \"k\", \"columns\": [\"gone\"]}]}]}"}) {
    CAPTURE(text);
    CHECK(!project::read_catalogue(text));
  }
}

TEST_CASE("PostgreSQL's parser says where a text is wrong, in bytes") {
  const std::string text = "UPDATE orders SET note = 'größer' WHRE id = 1";
  const auto reading = lint::read_postgres_sql(text);
  CHECK(reading.problem == "syntax error at or near \"WHRE\"");
  CHECK(text.substr(reading.offset, 4) == "WHRE");
  CHECK(lint::read_postgres_sql("SELECT 'open").problem.find("unterminated") != std::string::npos);
}

TEST_CASE("what is striking in SQL is seen wherever it stands") {
  const auto sees = [](const std::string& text, lint::Striking what) {
    const auto reading = lint::read_postgres_sql(text);
    CAPTURE(text);
    CHECK(reading.problem.empty());
    return std::count_if(reading.sights.begin(), reading.sights.end(), [&](const lint::Sight& sight) { return sight.what == what; });
  };
  using enum lint::Striking;
  CHECK(sees("WITH gone AS (DELETE FROM a RETURNING id) UPDATE b SET x = 1 WHERE id IN (SELECT id FROM gone)", whole_delete) == 1);
  CHECK(sees("WITH gone AS (DELETE FROM a RETURNING id) UPDATE b SET x = 1 WHERE id IN (SELECT id FROM gone)", whole_update) == 0);
  CHECK(sees("UPDATE b SET x = 1", whole_update) == 1);
  CHECK(sees("CREATE INDEX ON a (b)", other_statement) == 1);
  CHECK(sees("SELECT 1 INTO a", makes_table) == 1);
  CHECK(sees("UPDATE a SET b = coalesce(clock_timestamp(), current_timestamp) WHERE c", clock) == 1);
  CHECK(sees("SELECT a FROM (SELECT a FROM b LIMIT 5) AS c ORDER BY a", limit_without_order) == 1);
  CHECK(sees("SELECT a FROM b ORDER BY a LIMIT 5", limit_without_order) == 0);
  CHECK(sees("SELECT a FROM b WHERE c NOT IN (SELECT d FROM e)", not_in_select) == 1);
  CHECK(sees("SELECT a FROM b WHERE c NOT IN (1, 2)", not_in_select) == 0);
  CHECK(sees("SELECT a FROM b WHERE c <> NULL AND NULL = d", equals_null) == 2);
  CHECK(sees("UPDATE a SET b = NULL WHERE c IS NULL", equals_null) == 0);
}
