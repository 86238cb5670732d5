// One row of a PostgreSQL table: read, changed, added and removed by its key; and the tables that bfl keeps there.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/keyed.h"
#include "interpreter/lower/postgres.h"
#include "interpreter/lower/postgres_writer.h"
#include "interpreter/lower/writing.h"

namespace bfl::lower::postgres {

using program::Assignment;
using program::Program;
using program::Step;

std::string listed(const std::vector<std::string>& parts, std::string_view between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : std::string(between)) + part;
  return text;
}

std::string tuple(const std::vector<std::string>& parts) { return parts.size() == 1 ? parts[0] : "(" + listed(parts) + ")"; }

namespace {

// Whose values cross the wire in a form of their own; those of others go as their text.
bool has_own_form(const Column& column) {
  constexpr std::string_view bases[] = {"int2",  "int4", "int8", "bool", "numeric",   "float4",      "float8", "text", "varchar",
                                        "bpchar", "name", "bytea", "date", "timestamp", "timestamptz", "uuid",   "json", "jsonb"};
  return std::find(std::begin(bases), std::end(bases), column.base) != std::end(bases);
}

}  // namespace

std::string read_column(const std::string& text, const Column& column) { return has_own_form(column) ? text : text + "::text"; }

std::string given(const Column& column, std::size_t number) {
  const std::string place = later(number);
  if (column.recast && column.type.kind == Kind::boolean) return fmt::format("{}::integer::{}", place, column.declared);
  if (column.base == "timestamptz") return fmt::format("({} AT TIME ZONE 'UTC')", place);
  // As a text it would be compared with the column's text, and no index of the column would serve.
  if (column.base == "bpchar") return place + "::bpchar";
  if (column.base == "json" || column.base == "jsonb") return fmt::format("{}::{}", place, column.base);
  if (!has_own_form(column)) return fmt::format("{}::{}", place, column.declared);
  return place;
}

std::vector<std::string> Rows::key_names(std::string_view alias) const {
  std::vector<std::string> names;
  for (const int c : key)
    names.push_back(fmt::format("{}.{}", alias, c < 0 ? "ctid" : quote_identifier(table.columns[static_cast<std::size_t>(c)].name)));
  return names;
}

std::vector<std::string> Rows::key_parameters(std::size_t first) const {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < key.size(); ++i)
    names.push_back(key[i] < 0 ? later(first + i) + "::tid" : given(table.columns[static_cast<std::size_t>(key[i])], first + i));
  return names;
}

std::vector<std::string> Rows::key_read(std::string_view alias) const {
  std::vector<std::string> list = key_names(alias);
  for (std::size_t i = 0; i < key.size(); ++i) list[i] = key[i] < 0 ? list[i] + "::text" : read_column(list[i], table.columns[static_cast<std::size_t>(key[i])]);
  return list;
}

std::vector<std::string> Rows::all_read(std::string_view alias) const {
  std::vector<std::string> list;
  for (const Column& column : table.columns) list.push_back(read_column(fmt::format("{}.{}", alias, quote_identifier(column.name)), column));
  return list;
}

std::vector<Wire> Rows::key_wires() const {
  std::vector<Wire> wires;
  for (const int c : key) wires.push_back(c < 0 ? wire_of(Type{Kind::text}) : wire_of(table.columns[static_cast<std::size_t>(c)]));
  return wires;
}

std::vector<Wire> Rows::column_wires() const {
  std::vector<Wire> wires;
  for (const Column& of : table.columns) wires.push_back(wire_of(of));
  return wires;
}

std::string Rows::by_key(std::string_view alias, std::size_t first) const {
  const std::vector<std::string> names = key_names(alias), values = key_parameters(first);
  std::vector<std::string> parts;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool nullable = key[i] >= 0 && table.columns[static_cast<std::size_t>(key[i])].type.nullable;
    parts.push_back(nullable ? fmt::format("({0} = {1} OR {0} IS NULL AND {1} IS NULL)", names[i], values[i]) : fmt::format("{} = {}", names[i], values[i]));
  }
  return listed(parts, " AND ");
}

namespace {

// Many sets of parameters as rows: `unnest($1::bigint[], …) WITH ORDINALITY AS s(p1, …, n)`, and a text of one set with its places
// in such a row. None where the kind of a parameter is not known.
struct Sets {
  std::string rows, names;
  std::vector<std::string_view> casts;

  explicit Sets(const std::vector<Wire>& parameters) {
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const Kind kind = parameters[i].type.kind;
      rows += fmt::format("{}{}::{}[]", i ? ", " : "", later(i + 1), element_of(kind));
      names += fmt::format("p{}, ", i + 1);
      casts.push_back(kind == Kind::decimal ? "::numeric" : kind == Kind::uuid ? "::uuid" : "");
    }
    rows = fmt::format("unnest({}) WITH ORDINALITY AS s({}n)", rows, names);
  }
  std::string in(std::string text) const {
    for (auto at = text.find('\x01'); at != std::string::npos; at = text.find('\x01', at)) {
      const auto end = text.find('\x01', at + 1);
      const std::string number = text.substr(at + 1, end - at - 1);
      text.replace(at, end - at + 1, fmt::format("s.p{}{}", number, casts[std::stoul(number) - 1]));
    }
    return text;
  }
  static bool has(const std::vector<Wire>& parameters) {
    return !parameters.empty() && std::none_of(parameters.begin(), parameters.end(), [](const Wire& wire) { return wire.type.kind == Kind::null; });
  }
  // As values of the kind are sent when they stand in an array.
  static std::string_view element_of(Kind kind) {
    switch (kind) {
      case Kind::integer: case Kind::duration: return "bigint";
      case Kind::boolean: return "boolean";
      case Kind::date: return "date";
      case Kind::timestamp: return "timestamp";
      case Kind::floating: return "double precision";
      case Kind::bytes: return "bytea";
      default: return "text";
    }
  }
};

// Statements of known words are never refused: `finish` fails for those of relations alone.
Statement finished(Writer& writer, std::string text, std::vector<Wire> columns, std::vector<Wire> parameters) {
  auto statement = writer.finish(std::move(text), std::move(columns), std::move(parameters));
  return statement ? std::move(*statement) : Statement{};
}

struct OneRow : Rows {
  const Program& program;
  const Step& step;

  OneRow(const Program& of, const Step& at, program::TableRef ref, std::vector<int> by) : Rows{of.table(ref), std::move(by)}, program(of), step(at) {}

  const Column& column(const Assignment& assignment) const { return table.columns[static_cast<std::size_t>(assignment.column)]; }
  std::vector<Wire> value_wires() const {
    std::vector<Wire> wires;
    for (const Assignment& assignment : step.assignments) wires.push_back(wire_of(column(assignment)));
    return wires;
  }

  // The row as it is is read first and joined to the table again, so that its image comes back beside what became of it: of the
  // assigned columns, or of all.
  Statement change(bool whole = false) const {
    Writer writer(program);
    const std::size_t values = step.assignments.size();
    std::vector<std::string> list, sets, back, same;
    const std::vector<std::string> names = key_names("u"), columns = all_read("u"), places = key_names("w");
    for (std::size_t i = 0; i < names.size(); ++i) {
      list.push_back(fmt::format("{} AS k{}", names[i], i));
      same.push_back(fmt::format("{} IS NOT DISTINCT FROM l.k{}", places[i], i));
      if (key[i] < 0 || !table.columns[static_cast<std::size_t>(key[i])].type.nullable) same.back() = fmt::format("{} = l.k{}", places[i], i);
    }
    for (std::size_t i = 0; i < columns.size(); ++i) {
      list.push_back(fmt::format("{} AS b{}", columns[i], i));
      back.push_back(fmt::format("l.b{}", i));
    }
    for (std::size_t i = 0; i < values; ++i) {
      const Column& of = column(step.assignments[i]);
      list.push_back(fmt::format("{} AS v{}", given(of, i + 1), i));
      // By an upsert's key the row was found: it stays.
      if (!program::adds_rows(step.kind) || std::find(step.key.begin(), step.key.end(), step.assignments[i].column) == step.key.end())
        sets.push_back(fmt::format("{} = l.v{}", quote_identifier(of.name), i));
    }
    if (whole)
      for (std::string& after : all_read("w")) back.push_back(std::move(after));
    else
      for (const int shown : shown_after(program, step, Dialect::postgres)) {
        const Column& of = table.columns[static_cast<std::size_t>(shown)];
        back.push_back(read_column("w." + quote_identifier(of.name), of));
      }
    if (sets.empty()) return {};
    std::vector<Wire> parameters = value_wires();
    for (const Wire& wire : key_wires()) parameters.push_back(wire);
    const std::string change = fmt::format("UPDATE {} AS w SET {} FROM l WHERE {} RETURNING {}", name(), listed(sets), listed(same, " AND "), listed(back));
    Statement statement = finished(
        writer,
        fmt::format("WITH l AS MATERIALIZED (SELECT {} FROM {} AS u WHERE {} FOR NO KEY UPDATE) {}", listed(list), name(), by_key("u", values + 1), change),
        {}, parameters);
    if (!whole && Sets::has(parameters)) {
      const Sets many(parameters);
      statement.together = writer.numbered(fmt::format("WITH l AS MATERIALIZED (SELECT {}, s.n FROM {} JOIN {} AS u ON {} FOR NO KEY UPDATE OF u) {}, l.n",
                                                       many.in(listed(list)), many.rows, name(), many.in(by_key("u", values + 1)), change));
    }
    statement.shows = whole ? Shows::rewrites : Shows::updates;
    return statement;
  }

  Statement add() const {
    Writer writer(program);
    std::vector<std::string> names, values;
    bool numbers = false;
    for (const Assignment& assignment : step.assignments) {
      names.push_back(quote_identifier(column(assignment).name));
      values.push_back(given(column(assignment), values.size() + 1));
      numbers |= column(assignment).identity;
    }
    const std::string into = fmt::format("INSERT INTO {} AS w ({}){}", name(), listed(names), numbers ? " OVERRIDING SYSTEM VALUE" : "");
    const std::string back = listed(all_read("w"));
    Statement statement = finished(writer, fmt::format("{} VALUES ({}) RETURNING {}", into, listed(values), back), {}, value_wires());
    if (tells_order()) {
      const Sets many(value_wires());
      statement.together = writer.numbered(fmt::format("{} SELECT {} FROM {} ORDER BY s.n RETURNING {}", into, many.in(listed(values)), many.rows, back));
      for (std::size_t i = 0; i < step.assignments.size(); ++i) {
        if (std::find(step.key.begin(), step.key.end(), step.assignments[i].column) == step.key.end()) continue;
        statement.told_by.push_back(i);
        statement.told_in.push_back(step.assignments[i].column);
      }
    }
    statement.shows = Shows::inserts;
    return statement;
  }

  // Whether the values of the step's key come back as they were given, so that a row says which one it is.
  bool tells_order() const {
    const auto exact = [&](int c) {
      const Column& of = table.columns[static_cast<std::size_t>(c)];
      return !of.type.nullable && (of.base == "int2" || of.base == "int4" || of.base == "int8" || of.base == "text" || of.base == "uuid") &&
             std::any_of(step.assignments.begin(), step.assignments.end(), [&](const Assignment& set) { return set.column == c; });
    };
    return !step.key.empty() && std::all_of(step.key.begin(), step.key.end(), exact) && Sets::has(value_wires());
  }

  // Rows that refer to the row keep it: those of the step have gone before.
  Statement remove() const {
    Writer writer(program);
    const Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(step.target.source)];
    const std::string kept = unless_referred_to(catalogue, table, "w", relation_name), back = listed(all_read("w"));
    Statement statement = finished(writer, fmt::format("DELETE FROM {} AS w WHERE {}{} RETURNING {}", name(), by_key("w", 1), kept, back), {}, key_wires());
    // Rows of one table that refer to each other go one after the other.
    if (std::none_of(catalogue.foreign_keys.begin(), catalogue.foreign_keys.end(),
                     [&](const ForeignKey& foreign) { return foreign.parent == table.name && foreign.table == table.name; })) {
      const Sets many(key_wires());
      statement.together =
          writer.numbered(fmt::format("DELETE FROM {} AS w USING {} WHERE {}{} RETURNING {}, s.n", name(), many.rows, many.in(by_key("w", 1)), kept, back));
    }
    statement.shows = Shows::deletes;
    statement.table = table.name;
    return statement;
  }

  Statement read() const {
    Writer writer(program);
    Statement statement = finished(writer, fmt::format("SELECT {} FROM {} AS w WHERE {}", listed(all_read("w")), name(), by_key("w", 1)), column_wires(), key_wires());
    const Sets many(key_wires());
    statement.together = writer.numbered(fmt::format("SELECT {}, s.n FROM {} JOIN {} AS w ON {}", listed(all_read("w")), many.rows, name(), many.in(by_key("w", 1))));
    return statement;
  }

  // The keys of the rows that hold these values.
  Statement holder(const std::vector<int>& columns) const {
    Writer writer(program);
    const Rows wanted{table, columns};
    return finished(writer, fmt::format("SELECT {} FROM {} AS w WHERE {}", listed(key_read("w")), name(), wanted.by_key("w", 1)), key_wires(), wanted.key_wires());
  }

  Statement everything() const {
    Writer writer(program);
    std::vector<Wire> wires = key_wires();
    for (const Wire& wire : column_wires()) wires.push_back(wire);
    std::vector<std::string> list = key_read("w");
    for (std::string& column : all_read("w")) list.push_back(std::move(column));
    Statement statement = finished(writer, fmt::format("SELECT {} FROM {} AS w", listed(list), name()), std::move(wires), {});
    statement.many = true;
    return statement;
  }
};

// What is asked of unique keys that the step sets.
void keys_of(const OneRow& row, Hands& hands) {
  const auto sets = [&](int column) { return std::any_of(row.step.assignments.begin(), row.step.assignments.end(), [&](const Assignment& set) { return set.column == column; }); };
  for (const Key& key : row.table.keys) {
    if (!key.plain || std::none_of(key.columns.begin(), key.columns.end(), sets)) continue;
    hands.uniques.push_back({key.columns, row.holder(key.columns)});
  }
  if (row.step.duplicates) hands.holders = row.holder(row.step.duplicates->columns);
  if (row.step.free_name) hands.everything = row.everything();
}

}  // namespace

Hands hands(const Program& program, const Step& step) {
  const bool adds = program::adds_rows(step.kind), removes = step.kind == program::StepKind::remove;
  const OneRow row(program, step, step.target, adds ? step.key : step.walk.empty() ? std::vector<int>{-1} : step.walk);
  Hands hands{.key = row.key_wires()};
  if (adds) hands.own.add = row.add();
  if (!adds || !step.key.empty()) hands.own.read = row.read();
  if (adds && step.free_name) hands.everything = row.everything();
  if (removes || (step.duplicates && !adds)) hands.own.remove = row.remove();
  if (step.kind == program::StepKind::update || step.kind == program::StepKind::upsert) hands.own.change = row.change();
  if (step.kind == program::StepKind::update) keys_of(row, hands);
  for (std::size_t i = step.cascades.size(); i-- > 0;) {  // the farthest first
    const OneRow other(program, step, step.cascades[i], program.table(step.cascades[i]).identity()->columns);
    hands.cascades.push_back({.remove = other.remove(), .read = other.read()});
  }
  return hands;
}

Statement change_beside(const Program& program, const Step& step) { return OneRow(program, step, step.target, step.walk).change(true); }

Result<Statement> stored_rows(const Program& program, const program::Relation& relation, const std::vector<int>& columns) {
  Writer writer(program);
  const std::string from = writer.body(relation), alias = alias_of(relation.inputs[0].id);
  const Rows rows{program.table(*relation.inputs[0].table), columns};
  auto statement = writer.finish(fmt::format("SELECT {}{}", listed(rows.key_read(alias)), from));
  if (statement) statement->many = true;
  return statement;
}

Statement whole_table(const Program& program, program::TableRef ref) {
  const Step none{};
  return OneRow(program, none, ref, {}).everything();
}

KeptTable kept_table(const Program& program, program::TableRef ref) {
  const Table& kept = program.table(ref);
  const std::string name = relation_name(kept);
  std::vector<std::string> columns, values;
  for (const Column& column : kept.columns) {
    columns.push_back(quote_identifier(column.name) + " " + column.declared);
    values.push_back(given(column, values.size() + 1));
  }
  KeptTable made;
  made.drop = fmt::format("DROP TABLE IF EXISTS {}", name);
  made.create = fmt::format("CREATE TABLE {} ({})", name, listed(columns));
  for (const Key& key : kept.keys) {
    std::vector<std::string> list;
    for (const int column : key.columns) list.push_back(quote_identifier(kept.columns[static_cast<std::size_t>(column)].name));
    made.indexes.push_back(fmt::format("CREATE UNIQUE INDEX ON {} ({})", name, listed(list)));
  }
  Writer add(program), count(program);
  const std::vector<Wire> wires = Rows{kept, {}}.column_wires();
  made.add = finished(add, fmt::format("INSERT INTO {} VALUES ({})", name, listed(values)), {}, wires);
  if (Sets::has(wires)) {
    const Sets many(wires);
    made.add.together = add.numbered(fmt::format("INSERT INTO {} SELECT {} FROM {} ORDER BY s.n", name, many.in(listed(values)), many.rows));
  }
  made.count = finished(count, fmt::format("SELECT count(*) FROM {}", name), {wire_of_value(Type{Kind::integer})}, {});
  return made;
}

}  // namespace bfl::lower::postgres
