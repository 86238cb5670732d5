// 8xx: SQL in the text.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "interpreter/check/sql_text.h"
#include "interpreter/lint/postgres_sql.h"
#include "interpreter/lint/subject.h"
#include "interpreter/syntax/parse.h"

namespace bfl::lint {

using ast::NodeId, ast::NodeKind;

namespace {

// A text of SQL of the script, and what its places are there.
struct Written {
  NodeId node = ast::no_node;
  Span inside{};                 // between its quotes
  std::string_view written{};    // what stands there
  bool postgres = false, step = false;
  bool as_written = false;       // nothing in it is escaped: a byte of the text is a byte of the script
  check::SqlText said;
  SqlReading reading;

  Span place(std::size_t offset) const {
    if (!as_written) return inside;
    std::size_t begin = std::min(offset, written.size()), end = begin;
    while (end < written.size() && (std::isalnum(static_cast<unsigned char>(written[end])) != 0 || written[end] == '_' || static_cast<unsigned char>(written[end]) >= 0x80)) ++end;
    if (end == begin && end < written.size()) ++end;
    return {inside.begin + static_cast<std::uint32_t>(begin), inside.begin + static_cast<std::uint32_t>(end), inside.file};
  }
};

// The engine of a source as the script names it; where it does not, as the program knows it.
std::string engine_of(const Subject& subject, std::string_view name) {
  for (const NodeId source : subject.all(NodeKind::source)) {
    if (subject.at(source).text != name) continue;
    for (const NodeId part : subject.children(source))
      if (subject.at(part).kind == NodeKind::call && subject.at(part).text != "env") return std::string(subject.at(part).text);
  }
  if (subject.program != nullptr)
    for (std::size_t i = 0; i < subject.program->sources.size(); ++i)
      if (subject.program->sources[i].name == name) return subject.program->catalogues[i].engine;
  return {};
}

// Parameters are no SQL: in their place stands one of PostgreSQL's, as long as they are.
std::string with_parameters(const check::SqlText& said) {
  std::string text = said.pieces[0];
  for (std::size_t i = 0; i < said.parameters.size(); ++i) {
    std::string mark = "$1";
    mark.resize(said.parameters[i].size() + 1, ' ');
    text += mark + said.pieces[i + 1];
  }
  return text;
}

std::optional<Written> read(const Subject& subject, NodeId node, const std::string& engine, bool step) {
  Written made{.node = node, .inside = subject.at(node).span, .postgres = engine == "postgres", .step = step};
  std::string_view text = subject.text(node);
  const std::size_t raw = text.starts_with('r') ? 1 : 0, quotes = text.substr(raw).starts_with("\"\"\"") ? 3 : 1;
  if (text.size() < raw + 2 * quotes) return std::nullopt;
  text = text.substr(raw + quotes, text.size() - raw - 2 * quotes);
  made.inside.begin += static_cast<std::uint32_t>(raw + quotes);
  made.inside.end -= static_cast<std::uint32_t>(quotes);
  made.written = text;
  made.as_written = raw == 1 || text.find('\\') == std::string_view::npos;
  Diagnostics ignored;
  const auto content = made.as_written ? std::optional<std::string>(text) : syntax::string_content(subject.file, node, ignored);
  if (!content) return std::nullopt;
  made.said = check::read_sql(*content, made.postgres);
  if (made.said.pieces.size() != made.said.parameters.size() + 1 || !made.said.problem.empty()) return std::nullopt;
  made.reading = read_postgres_sql(with_parameters(made.said));
  // What PostgreSQL does not parse of another engine's SQL is no mistake, and nobody's to look at.
  if (!made.postgres && !made.reading.problem.empty()) return std::nullopt;
  return made;
}

std::vector<Written> written(const Subject& subject) {
  std::vector<Written> list;
  const auto take = [&](NodeId holder, std::string_view source, bool step) {
    for (NodeId part : subject.children(holder)) {
      std::string engine = engine_of(subject, source);
      if (subject.at(part).kind == NodeKind::named_arg) {  // postgres: """…"""
        engine = subject.at(part).text;
        part = subject.at(part).first_child;
      }
      if (part == ast::no_node || subject.at(part).kind != NodeKind::string) continue;
      if (auto made = read(subject, part, engine, step)) list.push_back(std::move(*made));
    }
  };
  for (const NodeId relation : subject.all(NodeKind::sql))
    for (const NodeId part : subject.children(relation))
      if (subject.at(part).kind == NodeKind::name) {
        take(relation, subject.at(part).text, false);
        break;
      }
  for (const NodeId step : subject.all(NodeKind::step)) {
    if (subject.at(step).word != "sql") continue;
    std::string source;
    for (const NodeId on : subject.clauses(step, "on"))
      if (subject.at(on).first_child != ast::no_node) source = subject.text(subject.at(on).first_child);
    take(step, source, true);
    for (const NodeId part : subject.children(step))
      if (subject.at(part).kind == NodeKind::body) take(part, source, true);
  }
  return list;
}

// Every sight of a kind, each with its text.
template <class Say>
void each(const Subject& subject, Striking what, const Say& say) {
  for (const Written& text : written(subject))
    for (const Sight& sight : text.reading.sights)
      if (sight.what == what) say(text, sight, text.place(sight.offset));
}

}  // namespace

void sql_unparsed(const Subject& subject, Findings& findings) {
  for (const Written& text : written(subject))
    if (!text.reading.problem.empty()) findings.add(text.place(text.reading.offset), fmt::format("PostgreSQL does not parse this: {}", text.reading.problem), "correct the SQL");
}

void sql_of_every_row(const Subject& subject, Findings& findings) {
  for (const Striking what : {Striking::whole_update, Striking::whole_delete})
    each(subject, what, [&](const Written&, const Sight& sight, Span place) {
      findings.add(place, fmt::format("every row of `{}` {}", sight.name, what == Striking::whole_update ? "is updated" : "is deleted"), "add `WHERE`");
    });
}

void sql_of_schema(const Subject& subject, Findings& findings) {
  each(subject, Striking::other_statement, [&](const Written&, const Sight& sight, Span place) {
    findings.add(place, fmt::format("a statement `{}` neither reads nor changes rows", sight.name), "make it with a migration, before the job");
  });
  each(subject, Striking::makes_table, [&](const Written&, const Sight& sight, Span place) {
    findings.add(place, fmt::format("`SELECT … INTO` makes a table `{}`", sight.name), "keep the rows with `snapshot`, or make the table with a migration");
  });
}

void sql_unstable(const Subject& subject, Findings& findings) {
  each(subject, Striking::clock, [&](const Written&, const Sight&, Span place) {
    findings.add(place, "the clock gives something else each time", "give the moment from outside: `param at: timestamp = now()`, and `:at` in the text");
  });
  each(subject, Striking::call, [&](const Written& text, const Sight& sight, Span place) {
    if (check::unstable(sight.name, text.postgres)) findings.add(place, fmt::format("`{}()` gives something else each time", sight.name), "give the value from outside, as a parameter");
  });
}

void sql_limit_unordered(const Subject& subject, Findings& findings) {
  each(subject, Striking::limit_without_order, [&](const Written&, const Sight&, Span place) {
    findings.add(place, "`LIMIT` without `ORDER BY` takes whichever rows come first", "order by a key");
  });
}

void sql_not_in_select(const Subject& subject, Findings& findings) {
  each(subject, Striking::not_in_select, [&](const Written&, const Sight&, Span place) {
    findings.add(place, "`NOT IN (SELECT …)` is never true once the SELECT gives a null", "write `NOT EXISTS (SELECT … WHERE … = …)`");
  });
}

void sql_equals_null(const Subject& subject, Findings& findings) {
  each(subject, Striking::equals_null, [&](const Written&, const Sight& sight, Span place) {
    findings.add(place, fmt::format("`{} NULL` is never true", sight.name), sight.name == "=" ? "write `IS NULL`" : "write `IS NOT NULL`");
  });
}

}  // namespace bfl::lint
