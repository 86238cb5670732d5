// Relations that the script says in SQL: `let p = sql on app key id { id: int, path: text } reads nodes(id, parent) """…"""`.
//
// Each becomes a table of its source's catalogue, so that names, effects and statements treat it as any other that is only
// read. That the database gives what is declared is seen when it is asked (run/queries.h); here is what the text alone tells.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/column_types.h"
#include "interpreter/check/sql_text.h"
#include "interpreter/syntax/parse.h"

namespace bfl::check {

using program::RawSql;
using program::TableRef;

namespace {

std::string shown_call(const std::string& name) {
  return name.ends_with(')') || name.starts_with('\'') || name.starts_with("current_") || name.starts_with("localtime") ? name : name + "()";
}

}  // namespace

std::optional<int> Checker::sql_source(NodeId name) {
  const auto declared = names_.find(at(name).text);
  if (declared == names_.end() || declared->second.kind != Declared::source) {
    std::vector<std::string> known;
    for (const auto& entry : program.sources) known.push_back(entry.name);
    std::string help = did_you_mean(at(name).text, known);
    error(Code::unknown_source, at(name).span, fmt::format("unknown source `{}`", at(name).text), help.empty() ? "SQL is asked of a source: `sql on shop …`" : std::move(help));
    return std::nullopt;
  }
  declared->second.used = true;
  if (declared->second.index >= program.catalogues.size()) return std::nullopt;
  if (program.catalogues[declared->second.index].engine == "csv") {
    error(Code::unfit_sql, at(name).span, fmt::format("`{}` is a CSV file, which has no SQL", at(name).text), "write the relation with `where`, `join` and `group by`");
    return std::nullopt;
  }
  return static_cast<int>(declared->second.index);
}

// Of several texts the one for the engine.
std::optional<RawSql> Checker::sql_of(const std::vector<NodeId>& texts, int source, Span whole, bool reads) {
  const std::string& engine = program.catalogues[static_cast<std::size_t>(source)].engine;
  NodeId chosen = ast::no_node;
  for (NodeId text : texts) {
    if (at(text).kind == NodeKind::string) chosen = text;
    else if (at(text).text == engine) chosen = at(text).first_child;
  }
  if (chosen == ast::no_node) {
    error(Code::unfit_sql, texts.empty() ? whole : at(texts.front()).name_span, fmt::format("there is no SQL for {}, which `{}` is", engine, program.sources[static_cast<std::size_t>(source)].name),
          fmt::format("add it: `{} \"\"\"…\"\"\"`", engine));
    return std::nullopt;
  }
  const auto content = syntax::string_content(*file_, chosen, diagnostics_);
  if (!content) return std::nullopt;
  const bool postgres = engine == "postgres";
  SqlText read = read_sql(*content, postgres);
  const Span span = at(chosen).span;
  // Where the text says it, if it says it as it is written.
  const auto place = [&](std::string_view what) {
    const std::string_view written = texts_.file(span.file).text().substr(span.begin, span.end - span.begin);
    const auto found = std::search(written.begin(), written.end(), what.begin(), what.end(), [](char a, char b) { return (a >= 'A' && a <= 'Z' ? a + 32 : a) == b; });
    if (found == written.end()) return span;
    const auto begin = span.begin + static_cast<std::uint32_t>(found - written.begin());
    return Span{begin, begin + static_cast<std::uint32_t>(what.size()), span.file};
  };
  if (!read.problem.empty()) {
    error(Code::unfit_sql, span, read.problem, read.help);
    return std::nullopt;
  }
  if (reads && read.first != "select" && read.first != "with" && read.first != "values" && !(postgres && read.first == "table")) {
    error(Code::unfit_sql, place(read.first), fmt::format("the SQL begins with `{}`: a relation only reads", read.first), "write a SELECT, and the change as a step");
    return std::nullopt;
  }
  constexpr std::string_view changes[] = {"insert", "update", "delete", "with", "select", "merge", "replace"};
  if (!reads && std::find(std::begin(changes), std::end(changes), read.first) == std::end(changes)) {
    error(Code::unfit_sql, place(read.first), fmt::format("the SQL begins with `{}`: a step changes rows, never the schema or the session", read.first), "write an INSERT, UPDATE or DELETE");
    return std::nullopt;
  }
  for (const std::string& name : read.called)
    if (unstable(name, postgres)) {
      error(Code::unstable_sql, place(name.ends_with("()") ? name.substr(0, name.size() - 2) : name), fmt::format("`{}` gives something else each time", shown_call(name)),
            name == "random" || name == "gen_random_uuid" ? "choose rows by what they hold" : "give it from outside: `param at: timestamp = now()`, and `:at` in the text");
      return std::nullopt;
    }
  RawSql made{.pieces = std::move(read.pieces), .called = std::move(read.called), .span = span};
  for (const std::string& name : read.parameters) {
    const auto declared = names_.find(name);
    if (declared == names_.end() || declared->second.kind != Declared::parameter) {
      std::vector<std::string> known;
      for (const auto& parameter : program.parameters) known.push_back(parameter.name);
      std::string help = did_you_mean(name, known);
      error(Code::unknown_parameter, place(":" + name), fmt::format("`:{}` is no parameter of the job", name), help.empty() ? fmt::format("declare it: `param {}: int`", name) : std::move(help));
      return std::nullopt;
    }
    declared->second.used = true;
    if (!declared->second.value) return std::nullopt;
    if (declared->second.value->secret) {
      error(Code::secret_kept, place(":" + name), fmt::format("`:{}` is a secret, and what SQL makes of it would be data", name), "compute with it in the job");
      return std::nullopt;
    }
    if (declared->second.value->type.kind == Kind::array) {
      error(Code::unfit_sql, span, fmt::format("`:{}` is a list, which cannot be bound", name), "declare a parameter for each value");
      return std::nullopt;
    }
    made.parameters.push_back(declared->second.value);
  }
  return made;
}

bool Checker::sql_columns(Table& made, const std::vector<NodeId>& columns, NodeId key, int source) {
  const bool postgres = program.catalogues[static_cast<std::size_t>(source)].engine == "postgres";
  bool good = true;
  for (NodeId node : columns) {
    if (made.column_index(std::string(at(node).text)) >= 0) {
      error(Code::duplicate_name, at(node).name_span, fmt::format("the column `{}` is declared already", at(node).text), "leave one of them out");
      good = false;
      continue;
    }
    const NodeId type_node = ast::child(*file_, node, NodeKind::type);
    const auto type = type_node == ast::no_node ? std::nullopt : read_type(*file_, type_node, diagnostics_);
    if (!type) return false;
    Column column{.name = std::string(at(node).text), .type = *type};
    std::string wrong = postgres ? "" : declare_type(column, *type);
    if (type->kind == Kind::duration) wrong = "declare `int` and compute with it";
    if (postgres && wrong.empty()) {
      auto kept = kept_in_postgres(column);
      if (kept) column = std::move(*kept);
      else wrong = "declare another type";
    }
    if (!wrong.empty()) {
      error(Code::untyped_column, at(type_node).span, fmt::format("`{}` cannot be read as {}", column.name, to_string(type->with_null(false))), wrong);
      good = false;
    }
    made.columns.push_back(std::move(column));
  }
  if (key == ast::no_node) return good;
  Key unique{.name = "key", .columns = {}, .primary = true, .not_null = true};
  for (NodeId name : ast::children(*file_, key)) {
    const int column = made.column_index(std::string(at(name).text));
    if (column < 0) {
      std::vector<std::string> known;
      for (const Column& of : made.columns) known.push_back(of.name);
      error(Code::unknown_column, at(name).span, fmt::format("the key names `{}`, which is no column of the relation", at(name).text), did_you_mean(at(name).text, known));
      return false;
    }
    if (made.columns[static_cast<std::size_t>(column)].type.nullable) {
      error(Code::null_into_not_null, at(name).span, fmt::format("`{}` is a part of the key and may be null", at(name).text), "a key tells rows apart: declare the column without `?`");
      return false;
    }
    unique.columns.push_back(column);
  }
  made.indexes.push_back(unique.columns);
  made.keys.push_back(std::move(unique));
  return good;
}

// reads nodes(id, parent), edges: tables with some of their columns, or with all. Who names columns of a table that is written
// speaks of them alone, and not of which rows there are. The tables in the order of the text.
std::vector<TableRef> Checker::sql_tables(NodeId clause, int source, std::set<program::ColumnUse>& uses, bool reads) {
  std::vector<TableRef> named;
  const SourceNames& names = source_names_[static_cast<std::size_t>(source)];
  for (NodeId node : ast::children(*file_, clause)) {
    const bool call = at(node).kind == NodeKind::call;
    const std::string name = call || at(node).kind == NodeKind::name ? std::string(at(node).text) : slice(at(node).span);
    const auto found = names.tables.find(name);
    if (found == names.tables.end()) {
      std::vector<std::string> known;
      for (const Table& entry : program.catalogues[static_cast<std::size_t>(source)].tables)
        if (entry.kept.empty()) known.push_back(entry.name);
      error(Code::unknown_table, at(node).span, fmt::format("`{}` has no table `{}`", program.sources[static_cast<std::size_t>(source)].name, name), did_you_mean(name, known));
      continue;
    }
    const TableRef ref{source, found->second};
    named.push_back(ref);
    if (reads || !call) uses.insert({ref, -1});
    for (std::size_t c = 0; !call && c < table(ref).columns.size(); ++c) uses.insert({ref, static_cast<int>(c)});
    for (NodeId column : ast::children(*file_, call ? node : ast::no_node)) {
      const int index = column_index(ref, at(column).text);
      if (index >= 0) {
        uses.insert({ref, index});
        continue;
      }
      std::vector<std::string> known;
      for (const Column& of : table(ref).columns) known.push_back(of.name);
      error(Code::unknown_column, at(column).span, fmt::format("`{}` has no column `{}`", name, slice(at(column).span)), did_you_mean(slice(at(column).span), known));
    }
  }
  return named;
}

std::optional<TableRef> Checker::query_of(NodeId node) {
  if (const auto known = queries_.find(node); known != queries_.end()) return known->second;
  std::optional<TableRef>& made = queries_[node];
  const std::size_t errors = diagnostics_.errors();
  program::Query query{.span = at(node).span};
  for (NodeId let : lets_)
    if (at(let).first_child == node) {
      query.name = at(let).text;
      query.span = at(let).name_span;
    }
  std::optional<int> source;
  NodeId key = ast::no_node, reads = ast::no_node;
  std::vector<NodeId> columns, texts;
  for (NodeId part : ast::children(*file_, node)) {
    switch (at(part).kind) {
      case NodeKind::name: source = sql_source(part); break;
      case NodeKind::clause: (at(part).word == "key" ? key : reads) = part; break;
      case NodeKind::fn_param: columns.push_back(part); break;
      default: texts.push_back(part);
    }
  }
  if (!source) return made;
  Table table{.name = query.name, .schema = "", .kept = query.name, .view = true};
  if (columns.empty()) {
    error(Code::unfit_sql, at(node).span, "the relation declares no column", "write `{ id: int, … }`");
    return made;
  }
  sql_columns(table, columns, key, *source);
  if (reads != ast::no_node) sql_tables(reads, *source, query.reads, true);
  auto sql = sql_of(texts, *source, at(node).span, true);
  if (!sql || diagnostics_.errors() != errors) return made;
  query.sql = std::move(*sql);
  // Which of its columns are made of which that it reads, its text does not tell.
  const bool sensitive = std::any_of(query.reads.begin(), query.reads.end(), [&](const program::ColumnUse& use) {
    return use.column >= 0 && this->table(use.table).columns[static_cast<std::size_t>(use.column)].sensitive;
  });
  for (Column& column : table.columns) column.sensitive = sensitive && column.type.kind != Kind::boolean;
  query.reads_span = reads == ast::no_node ? query.sql.span : at(reads).span;
  for (NodeId column : columns) query.column_spans.push_back(at(column).span);
  Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(*source)];
  query.table = {*source, static_cast<int>(catalogue.tables.size())};
  table.query = static_cast<int>(program.queries.size());
  made = query.table;
  program.queries.push_back(std::move(query));
  catalogue.tables.push_back(std::move(table));
  return made;
}

BlockPtr Checker::sql_block(NodeId node) {
  const auto made = query_of(node);
  if (!made) return broken();
  BlockPtr block = kept_block(*made, node);
  block->let = {};
  lose_anchor(*block, "sql");
  return block;
}

}  // namespace bfl::check
