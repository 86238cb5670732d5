#include "interpreter/run/queries.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/check/column_types.h"
#include "interpreter/check/types.h"
#include "interpreter/run/pace.h"

namespace bfl::run {
namespace {

using connect::Description;
using program::Program;
using program::Query;

class Comparison {
 public:
  Comparison(const Program& program, const Query& query, const Description& found, Diagnostics& diagnostics)
      : program_(program), query_(query), table_(program.table(query.table)), found_(found), diagnostics_(diagnostics),
        postgres_(program.catalogues[static_cast<std::size_t>(query.table.source)].engine == "postgres") {}

  void columns() {
    for (std::size_t i = 0; i < table_.columns.size(); ++i) {
      const Column& declared = table_.columns[i];
      const Span span = query_.column_spans[i];
      std::vector<const Column*> named;
      for (const Column& column : found_.columns)
        if (column.name == declared.name) named.push_back(&column);
      if (named.size() != 1) {
        diagnostics_.error(Code::sql_differs, span, fmt::format("the SQL of `{}` gives {} `{}`", query_.name, named.empty() ? "no column" : "several columns", declared.name),
                           named.empty() ? fmt::format("its columns are {}", listed()) : "name one of them otherwise: `AS …`");
        continue;
      }
      if (const std::string wrong = misfit(*named[0], declared); !wrong.empty())
        diagnostics_.error(Code::sql_differs, span, fmt::format("the SQL of `{}` gives `{}` as {}, declared is {}", query_.name, declared.name, shown(*named[0]), check::with_article(declared.type.with_null(false))), wrong);
    }
    for (const Column& column : found_.columns)
      if (table_.column_index(column.name) < 0 && !column.name.empty())
        diagnostics_.error(Code::sql_differs, query_.sql.span, fmt::format("the SQL of `{}` gives a column `{}` that is not declared", query_.name, column.name), "declare it, or leave it out of the SQL");
  }

  void tables() {
    const auto& all = program_.catalogues[static_cast<std::size_t>(query_.table.source)].tables;
    // What is behind a view on PostgreSQL is said by its tables, not by its name.
    const bool views = postgres_ && std::any_of(query_.reads.begin(), query_.reads.end(), [&](const auto& use) { return program_.table(use.table).view; });
    for (const Description::Use& use : found_.reads) {
      const auto& name = use.names[0];
      const auto is = [&](const Table& table) {
        return std::any_of(use.names.begin(), use.names.end(), [&](const auto& known) { return postgres_ ? table.schema == known.schema && table.relation == known.table : table.name == known.table; });
      };
      int index = -1;
      for (std::size_t t = 0; t < all.size(); ++t)
        if (all[t].query < 0 && is(all[t]) && (index < 0 || query_.reads.contains({{query_.table.source, static_cast<int>(t)}, -1}))) index = static_cast<int>(t);
      const program::TableRef ref{query_.table.source, index};
      if (index < 0 || !query_.reads.contains({ref, -1})) {
        if (!views) undeclared(index < 0 ? name.table : all[static_cast<std::size_t>(index)].name, use.columns);
        continue;
      }
      std::vector<std::string> more;
      for (const std::string& column : use.columns)
        if (const int c = all[static_cast<std::size_t>(index)].column_index(column); c >= 0 && !query_.reads.contains({ref, c})) more.push_back(column);
      if (!more.empty()) undeclared(all[static_cast<std::size_t>(index)].name, more);
    }
    for (const std::string& name : found_.unstable)
      diagnostics_.warning(Code::unstable_sql, query_.sql.span, fmt::format("`{}()` is declared volatile: it may give something else each time", name), "if it does not, create it as STABLE or IMMUTABLE");
  }

 private:
  void undeclared(const std::string& table, const std::vector<std::string>& columns) {
    std::string list;
    for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + column;
    diagnostics_.error(Code::sql_differs, query_.reads_span, fmt::format("the SQL of `{}` reads `{}`{}, which `reads` does not say", query_.name, table, list.empty() ? "" : fmt::format(" ({})", list)),
                       list.empty() ? fmt::format("add it: `reads {}`", table) : fmt::format("add it: `reads {}({})`", table, list));
  }

  std::string listed() const {
    std::string list;
    for (const Column& column : found_.columns) list += fmt::format("{}`{}`", list.empty() ? "" : ", ", column.name);
    return list.empty() ? "none" : list;
  }

  static std::string shown(const Column& column) { return column.declared.empty() ? "a value without a type" : fmt::format("`{}`", column.declared); }

  // The help line; empty when the value fits. SQLite tells the type of a stored column alone, and that is looked at row by row.
  std::string misfit(const Column& given, const Column& declared) const {
    if (!postgres_) {
      if (given.declared.empty()) return {};
      Column stored = given;
      return check::declare_type(stored, declared.type);
    }
    const bool known = given.storage != Storage::unknown;
    if (known && declared.type.kind == Kind::array ? given.type.kind == Kind::array || given.type.kind == Kind::json : known && check::distance(given.type, declared.type)) return {};
    const std::string type = declared.type.kind == Kind::array ? "json" : declared.declared;
    return fmt::format("cast it: `{}::{}`", declared.name, type);
  }

  const Program& program_;
  const Query& query_;
  const Table& table_;
  const Description& found_;
  Diagnostics& diagnostics_;
  const bool postgres_;
};

// A statement that writes: the tables and columns that it touches, as far as the database tells them without running it.
void compare_statement(const Program& program, const program::Step& step, connect::Connector& source, Diagnostics& diagnostics) {
  const bool postgres = source.engine() == "postgres";
  lower::Statement text = lower::raw_step(program, step, lower::dialect_of(source.engine())).change;
  text.shows = lower::Shows::rewrites;
  auto found = source.describe(text, {}, step.sql->called);
  if (!found) {
    Diagnostic& wrong = diagnostics.error(Code::unfit_sql, step.sql->span, fmt::format("the SQL of `{}`: {}", step.name, found.error().message), found.error().help);
    if (!found.error().detail.empty()) wrong.notes.push_back(found.error().detail);
    return;
  }
  const auto& tables = program.catalogues[static_cast<std::size_t>(step.target.source)].tables;
  const auto named = [&](const Description::Use& use, const std::set<program::ColumnUse>& declared) {
    int index = -1;
    for (std::size_t t = 0; t < tables.size(); ++t)
      for (const auto& name : use.names)
        if (tables[t].query < 0 && (postgres ? tables[t].schema == name.schema && tables[t].relation == name.table : tables[t].name == name.table))
          if (index < 0 || std::any_of(declared.begin(), declared.end(), [&](const auto& each) { return each.table.table == static_cast<int>(t); })) index = static_cast<int>(t);
    return program::TableRef{step.target.source, index};
  };
  const auto differs = [&](const char* what, const Description::Use& use, program::TableRef ref, const std::set<program::ColumnUse>& declared) {
    std::string columns;
    const bool known = ref.table >= 0 && std::any_of(declared.begin(), declared.end(), [&](const auto& each) { return each.table == ref; });
    for (const std::string& column : use.columns)
      if (const int c = known ? program.table(ref).column_index(column) : -1; !known || (c >= 0 && !declared.contains({ref, c}))) columns += (columns.empty() ? "" : ", ") + column;
    if (known && columns.empty()) return;
    const std::string table = ref.table < 0 ? use.names[0].table : program.table(ref).name;
    diagnostics.error(Code::sql_differs, step.sql->span, fmt::format("the SQL of `{}` {} `{}`{}, which `{}` does not say", step.name, what, table, columns.empty() ? "" : fmt::format(" ({})", columns), what),
                      columns.empty() ? fmt::format("add it: `{} {}`", what, table) : fmt::format("add it: `{} {}({})`", what, table, columns));
  };
  for (const Description::Use& use : found->writes) differs("writes", use, named(use, step.writes), step.writes);
  for (const Description::Use& use : found->reads) differs("reads", use, named(use, step.reads), step.reads);
}

// Statements whose number a pace watches.
void compare_signals(const std::optional<program::Pace>& pace, const std::vector<connect::Connector*>& sources, Diagnostics& diagnostics) {
  if (!pace) return;
  for (const program::PaceRule& rule : pace->rules) {
    if (rule.signal != program::SignalKind::query) continue;
    lower::Statement text;
    text.text = statement_of(rule, nullptr);
    text.shows = lower::Shows::rewrites;
    auto found = sources[static_cast<std::size_t>(rule.source)]->describe(text, {}, {});
    if (found) continue;
    Diagnostic& wrong = diagnostics.error(Code::unfit_sql, rule.span, fmt::format("the SQL that `pace` asks for: {}", found.error().message), found.error().help.empty() ? "write a SELECT that gives one number, in the words of that database" : found.error().help);
    if (!found.error().detail.empty()) wrong.notes.push_back(found.error().detail);
  }
}

}  // namespace

void compare_queries(const Program& program, const std::vector<connect::Connector*>& sources, Diagnostics& diagnostics) {
  for (const Query& query : program.queries) {
    connect::Connector& source = *sources[static_cast<std::size_t>(query.table.source)];
    auto found = source.describe(lower::query_text(program, query, lower::dialect_of(source.engine())), {}, query.sql.called);
    if (!found) {
      Diagnostic& wrong = diagnostics.error(Code::unfit_sql, query.sql.span, fmt::format("the SQL of `{}`: {}", query.name, found.error().message), found.error().help);
      if (!found.error().detail.empty()) wrong.notes.push_back(found.error().detail);
      continue;
    }
    Comparison comparison(program, query, *found, diagnostics);
    comparison.columns();
    comparison.tables();
  }
  for (const program::Step& step : program.steps)
    if (step.sql) compare_statement(program, step, *sources[static_cast<std::size_t>(step.target.source)], diagnostics);
  compare_signals(program.pace, sources, diagnostics);
  for (const program::Step& step : program.steps) compare_signals(step.pace, sources, diagnostics);
}

Result<void> rows_fit(const Program& program, const Query& query, connect::Connector& source, const eval::Context& evaluation) {
  const lower::Statement statement = lower::query_misfits(program, query);
  if (statement.text.empty()) return {};
  auto prepared = source.prepare(statement, evaluation);
  if (!prepared) return prepared.error();
  Result<void> fits;
  auto read = (*prepared)->query_raw({}, [&](connect::RawRow row) {
    fits = Error{ErrorClass::data, fmt::format("`{}`{}{}: {}", query.name, row[1].bytes.empty() ? "" : " of the row with ", row[1].bytes, row[0].bytes)};
    return false;
  });
  return read ? fits : read;
}

}  // namespace bfl::run
