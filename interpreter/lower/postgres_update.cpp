// The statements of chunked writes on PostgreSQL.
//
// One statement changes a chunk and gives its images: the rows as they are, with the values that they are to have, are read
// first and joined to the table again by their key. Both sides repeat the stretch of keys, or the planner may read the whole
// table for one of them.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/keyed.h"
#include "interpreter/lower/postgres.h"
#include "interpreter/lower/postgres_writer.h"
#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/shape.h"

namespace bfl::lower::postgres {

using program::Assignment;
using program::CompareOp;
using program::ExprKind;
using program::ExprPtr;
using program::Program;
using program::Relation;
using program::Step;

namespace {

struct Update : Rows {
  const Program& program;
  const Step& step;

  Update(const Program& of, const Step& at) : Rows{of.table(at.target), at.walk}, program(of), step(at) {}

  bool once() const { return step.idempotence == program::Idempotence::once; }
  const Relation& relation() const { return *step.relation; }
  // The step's rows are those of its table's own scan, perhaps with joins: no limit and no block in between.
  bool flat() const { return relation().inputs[0].table && !relation().limit && !relation().grouped; }
  const Column& column(const Assignment& assignment) const { return table.columns[static_cast<std::size_t>(assignment.column)]; }
  std::vector<std::string> numbered(std::string_view prefix, std::size_t count) const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) names.push_back(fmt::format("{}{}", prefix, i));
    return names;
  }
  std::vector<Wire> value_wires() const {
    std::vector<Wire> wires;
    for (const Assignment& assignment : step.assignments) wires.push_back(wire_of(column(assignment)));
    return wires;
  }

  std::string range(const std::vector<std::string>& names, bool from_start) const {
    const std::string upper = fmt::format("{} <= {}", tuple(names), tuple(key_parameters(from_start ? 1 : key.size() + 1)));
    return from_start ? upper : fmt::format("{} > {} AND {}", tuple(names), tuple(key_parameters(1)), upper);
  }
  std::string same_key(const std::vector<std::string>& a, const std::vector<std::string>& b) const {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < a.size(); ++i) parts.push_back(fmt::format("{} = {}", a[i], b[i]));
    return listed(parts, " AND ");
  }

  // The `where` itself says that a value differs: asking again would compute it twice per row.
  bool where_says_so() const {
    std::vector<std::string> wanted;
    for (const Assignment& assignment : step.assignments) {
      const ExprPtr now = column_of(relation().inputs[0].id, assignment.column, column(assignment).type),
                    value = converted(assignment.value, column(assignment).type);
      wanted.push_back(shape(*compare(CompareOp::not_equal, now, value)));
      wanted.push_back(shape(*compare(CompareOp::not_equal, value, now)));
    }
    const auto says = [&](const ExprPtr& condition) { return std::find(wanted.begin(), wanted.end(), shape(*condition)) != wanted.end(); };
    return std::any_of(relation().filters.begin(), relation().filters.end(), [&](const program::Filter& filter) {
      if (filter.skip) return false;
      if (filter.condition->kind == ExprKind::and_) return std::any_of(filter.condition->args.begin(), filter.condition->args.end(), says);
      return says(filter.condition);
    });
  }
  ExprPtr still_wrong() const {
    if (once() || where_says_so()) return nullptr;
    std::vector<ExprPtr> parts;
    for (const Assignment& assignment : step.assignments)
      parts.push_back(compare(CompareOp::not_equal, column_of(relation().inputs[0].id, assignment.column, column(assignment).type),
                              converted(assignment.value, column(assignment).type)));
    return any_of(std::move(parts));
  }

  // SELECT key AS k…, every column AS b…, new values AS v…: the rows to change. `bounds` over the key's columns of the target.
  std::string rows(Writer& writer, const std::function<std::string(const std::vector<std::string>&)>& bounds, bool values) const {
    std::vector<std::string> list;
    if (flat()) {
      const std::string alias = alias_of(relation().inputs[0].id);
      std::vector<std::string> more;
      if (bounds) more.push_back(bounds(key_names(alias)));
      const std::string from = writer.body(relation(), more, still_wrong());
      add_columns(list, alias);
      if (values)
        for (std::size_t i = 0; i < step.assignments.size(); ++i)
          list.push_back(fmt::format("{} AS v{}", writer.as_stored(step.assignments[i].value, column(step.assignments[i])), i));
      return "SELECT " + listed(list) + from;
    }
    writer.exposed = key;
    const std::string from = writer.body(relation());
    std::vector<std::string> inner;
    for (std::size_t i = 0; i < key.size(); ++i) inner.push_back(fmt::format("{} AS k{}", writer.anchor_column(relation(), key[i]), i));
    std::vector<std::string> differs;
    for (std::size_t i = 0; i < step.assignments.size(); ++i) {
      const std::string stored = fmt::format("u.{}", quote_identifier(column(step.assignments[i]).name));
      const bool json = column(step.assignments[i]).base == "json";
      inner.push_back(fmt::format("{} AS v{}", writer.as_stored(step.assignments[i].value, column(step.assignments[i])), i));
      differs.push_back(fmt::format("{0}{2} IS DISTINCT FROM s.v{1}{2}", stored, i, json ? "::jsonb" : ""));
    }
    add_columns(list, "u");
    if (values)
      for (std::size_t i = 0; i < step.assignments.size(); ++i) list.push_back(fmt::format("s.v{0} AS v{0}", i));
    std::string text = fmt::format("SELECT {} FROM (SELECT {}{}{}) AS s JOIN {} AS u ON {}", listed(list), listed(inner), from,
                                   writer.order_and_limit(relation()), name(), same_key(key_names("u"), numbered("s.k", key.size())));
    std::vector<std::string> where;
    if (bounds) where.push_back(bounds(key_names("u")));
    if (!once()) where.push_back("(" + listed(differs, " OR ") + ")");
    return where.empty() ? text : text + " WHERE " + listed(where, " AND ");
  }

  // What the row is to have, byte for byte as the column will store it.
  std::string intended(std::size_t assignment) const {
    const Column& of = column(step.assignments[assignment]);
    const std::string value = fmt::format("r.v{}", assignment);
    return of.padded > 0 ? fmt::format("rpad({0}::text, greatest({1}, length({0})))", value, of.padded) : read_column(value, of);
  }

 private:
  void add_columns(std::vector<std::string>& list, std::string_view alias) const {
    const auto names = key_names(alias);
    for (std::size_t i = 0; i < names.size(); ++i) list.push_back(fmt::format("{} AS k{}", names[i], i));
    for (std::size_t i = 0; i < table.columns.size(); ++i)
      list.push_back(
          fmt::format("{} AS b{}", read_column(fmt::format("{}.{}", alias, quote_identifier(table.columns[i].name)), table.columns[i]), i));
  }
};

Result<Update> prepare(const Program& program, const Step& step) {
  if (step.kind != program::StepKind::update || !step.effects.empty() || step.duplicates || step.free_name)
    return Error{ErrorClass::refused, "PostgreSQL has no exact words for this kind of step", {}, {}};
  Update update(program, step);
  if (update.key.empty())
    return Error{ErrorClass::refused, fmt::format("rows of `{}` have no key: the place of a row changes with the row", update.table.name), {},
                 "give the table a unique, not-null key"};
  return update;
}

// UPDATE … FROM images: the images come back with the values as they were stored.
std::string change_from(const Update& update, const std::string& images, const std::string& bounds) {
  std::vector<std::string> sets, back;
  for (std::size_t i = 0; i < update.step.assignments.size(); ++i)
    sets.push_back(fmt::format("{} = l.v{}", quote_identifier(update.column(update.step.assignments[i]).name), i));
  for (std::size_t i = 0; i < update.table.columns.size(); ++i) back.push_back(fmt::format("l.b{}", i));
  for (const int shown : shown_after(update.program, update.step, Dialect::postgres)) {
    const Column& column = update.table.columns[static_cast<std::size_t>(shown)];
    back.push_back(read_column(fmt::format("w.{}", quote_identifier(column.name)), column));
  }
  return fmt::format("WITH l AS MATERIALIZED ({}) UPDATE {} AS w SET {} FROM l WHERE {}{} RETURNING {}", images, update.name(), listed(sets),
                     update.same_key(update.key_names("w"), update.numbered("l.k", update.key.size())), bounds.empty() ? "" : " AND " + bounds,
                     listed(back));
}

std::vector<Wire> twice(const std::vector<Wire>& wires) {
  std::vector<Wire> both = wires;
  both.insert(both.end(), wires.begin(), wires.end());
  return both;
}

// What the row itself tells needs no join: the images are read, before or meanwhile, and the server changes the rows by the
// same conditions. Both see one snapshot, and no trigger comes between what is computed and what is stored.
Result<Statement> change_by_range(const Update& update, bool from_start) {
  Writer writer(update.program);
  const std::string alias = alias_of(update.relation().inputs[0].id), name = fmt::format("{} AS {}", update.name(), alias);
  const std::string from = writer.body(update.relation(), {update.range(update.key_names(alias), from_start)}, update.still_wrong());
  const std::string where = from.substr(std::string_view(" FROM ").size() + name.size());
  std::vector<std::string> images, sets;
  for (const Column& column : update.table.columns) images.push_back(read_column(fmt::format("{}.{}", alias, quote_identifier(column.name)), column));
  for (const Assignment& assignment : update.step.assignments) {
    const Column& column = update.column(assignment);
    const std::string value = writer.as_stored(assignment.value, column);
    sets.push_back(fmt::format("{} = {}", quote_identifier(column.name), value));
    images.push_back(read_column(fmt::format("({})::{}", value, column.declared), column));
  }
  auto statement = writer.finish(fmt::format("UPDATE {} SET {}{}", name, listed(sets), where), {},
                                 from_start ? update.key_wires() : twice(update.key_wires()));
  if (!statement) return statement;
  statement->images = writer.numbered(fmt::format("SELECT {}{}", listed(images), from));
  std::vector<std::string> arrays;
  std::size_t place = (from_start ? 1 : 2) * update.key.size();
  for (const int c : update.key) {
    const Column& column = update.table.columns[static_cast<std::size_t>(c)];
    if (column.storage == Storage::unknown || column.base == "enum" || column.base == "other") return statement;
    // A subquery, so that the planner does not see how many there are: it would rather read the whole stretch again.
    arrays.push_back(fmt::format("(SELECT {}::{}[])", later(++place), column.base));
  }
  const auto keys = update.numbered("k", arrays.size());
  statement->of_shown = writer.numbered(fmt::format("UPDATE {} SET {} FROM unnest({}) AS shown({}){} AND {}", name, listed(sets), listed(arrays),
                                                    listed(keys), where, update.same_key(update.key_names(alias), update.numbered("shown.k", keys.size()))));
  statement->shown_key = update.key;
  return statement;
}

Result<Statement> change(const Update& update, bool from_start) {
  // What the server computes from a column that is set is known when it is changed.
  const bool all_known = shown_after(update.program, update.step, Dialect::postgres).size() == update.step.assignments.size();
  if (update.flat() && update.step.row_local && all_known) return change_by_range(update, from_start);
  Writer writer(update.program);
  const auto bounds = [&](const std::vector<std::string>& names) { return update.range(names, from_start); };
  const std::string images = update.rows(writer, bounds, true);
  auto statement = writer.finish(change_from(update, images, bounds(update.key_names("w"))), {},
                                 from_start ? update.key_wires() : twice(update.key_wires()));
  if (statement) statement->shows = Shows::updates;
  return statement;
}

Result<Statement> bound(const Update& update, bool from_start) {
  Writer writer(update.program);
  const std::vector<std::string> names = update.key_names("w");
  std::vector<std::string> list;
  for (std::size_t i = 0; i < names.size(); ++i) list.push_back(read_column(names[i], update.table.columns[static_cast<std::size_t>(update.key[i])]));
  std::vector<Wire> parameters = from_start ? std::vector<Wire>{} : update.key_wires();
  parameters.push_back(wire_of_value(Type{Kind::integer}));
  const std::string offset = later(parameters.size());
  return writer.finish(fmt::format("SELECT {} FROM {} AS w{} ORDER BY {} LIMIT 1 OFFSET {}", listed(list), update.name(),
                                   from_start ? "" : fmt::format(" WHERE {} > {}", tuple(names), tuple(update.key_parameters(1))), listed(names), offset),
                       update.key_wires(), std::move(parameters));
}

// The largest key of all, or before one.
Result<Statement> last(const Update& update, bool before) {
  Writer writer(update.program);
  const std::vector<std::string> names = update.key_names("w");
  std::vector<std::string> list;
  for (std::size_t i = 0; i < names.size(); ++i) list.push_back(read_column(names[i], update.table.columns[static_cast<std::size_t>(update.key[i])]));
  const std::string where = before ? fmt::format(" WHERE {} < {}", tuple(names), tuple(update.key_parameters(1))) : "";
  return writer.finish(fmt::format("SELECT {} FROM {} AS w{} ORDER BY {} DESC LIMIT 1", listed(list), update.name(), where, listed(names, " DESC, ")),
                       update.key_wires(), before ? update.key_wires() : std::vector<Wire>{});
}

// A table in which nothing is wrong is looked through by several processes when rows are counted, and by one when the first
// of them is asked for. So both are there: the first one among some, and the number of all.
enum class Counted : std::uint8_t { all, any, any_up_to };

Result<Statement> counted(const Update& update, Counted what) {
  Writer writer(update.program);
  const bool some = what == Counted::any_up_to;
  const auto bounds = [&](const std::vector<std::string>& names) { return update.range(names, true); };
  std::string from;
  if (update.flat()) {
    std::vector<std::string> more;
    if (some) more.push_back(bounds(update.key_names(alias_of(update.relation().inputs[0].id))));
    from = writer.body(update.relation(), more, update.still_wrong());
  } else {
    from = fmt::format(" FROM ({}) AS r", update.rows(writer, some ? bounds : std::function<std::string(const std::vector<std::string>&)>(), false));
  }
  std::string text = some                       ? fmt::format("SELECT 1{} LIMIT 1", from)
                     : what == Counted::any ? fmt::format("SELECT 1 FROM (SELECT count(*) AS n{}) AS c WHERE c.n > 0", from)
                                                : "SELECT count(*)" + from;
  return writer.finish(std::move(text), {wire_of_value(Type{Kind::integer})}, some ? update.key_wires() : std::vector<Wire>{});
}

Result<Statement> selection(const Update& update) {
  Writer writer(update.program);
  const bool values = !update.once();
  std::vector<std::string> list;
  for (std::size_t i = 0; i < update.key.size(); ++i)
    list.push_back(read_column(fmt::format("r.k{}", i), update.table.columns[static_cast<std::size_t>(update.key[i])]));
  for (std::size_t i = 0; i < update.table.columns.size(); ++i) list.push_back(fmt::format("r.b{}", i));
  if (values)
    for (std::size_t i = 0; i < update.step.assignments.size(); ++i) list.push_back(update.intended(i));
  std::vector<Wire> wires = update.key_wires();
  for (const Wire& wire : update.column_wires()) wires.push_back(wire);
  if (values)
    for (const Wire& wire : update.value_wires()) wires.push_back(wire);
  auto statement = writer.finish(fmt::format("SELECT {} FROM ({}) AS r ORDER BY {}", listed(list), update.rows(writer, {}, values),
                                             listed(update.numbered("r.k", update.key.size()))),
                                 std::move(wires));
  if (statement) statement->many = true;
  return statement;
}

Result<Statement> recomputed(const Update& update) {
  Writer writer(update.program);
  const auto bounds = [&](const std::vector<std::string>& names) { return update.same_key(names, update.key_parameters(1)); };
  const std::string rows = update.rows(writer, bounds, true);
  std::vector<std::string> values;
  for (std::size_t i = 0; i < update.step.assignments.size(); ++i) values.push_back(update.intended(i));
  return writer.finish(fmt::format("SELECT {} FROM ({}) AS r", listed(values), rows), update.value_wires(), update.key_wires());
}

}  // namespace

Result<DirectUpdate> direct_update(const Program& program, const Step& step) {
  auto update = prepare(program, step);
  if (!update) return update.error();
  DirectUpdate made{.key = update->key_wires()};
  const auto put = [](Statement& to, Result<Statement> statement) -> Result<void> {
    if (!statement) return statement.error();
    to = std::move(*statement);
    return {};
  };
  if (auto done = put(made.change, change(*update, false)); !done) return done.error();
  if (auto done = put(made.change_first, change(*update, true)); !done) return done.error();
  if (auto done = put(made.bound, bound(*update, false)); !done) return done.error();
  if (auto done = put(made.bound_first, bound(*update, true)); !done) return done.error();
  if (auto done = put(made.last, last(*update, false)); !done) return done.error();
  if (auto done = put(made.before, last(*update, true)); !done) return done.error();
  if (auto done = put(made.probe, counted(*update, Counted::all)); !done) return done.error();
  if (auto done = put(made.any, counted(*update, Counted::any)); !done) return done.error();
  if (auto done = put(made.any_first, counted(*update, Counted::any_up_to)); !done) return done.error();
  return made;
}

Result<Intents> intents(const Program& program, const Step& step) {
  auto update = prepare(program, step);
  if (!update) return update.error();
  auto select = selection(*update), probe = counted(*update, Counted::all);
  if (!select) return select.error();
  if (!probe) return probe.error();
  const Intent intent{.key = update->key.size(), .image = update->table.columns.size(), .values = update->once() ? 0 : step.assignments.size()};
  return Intents{{intent, std::move(*select), std::move(*probe)}, {}};
}

Result<Statement> recompute(const Program& program, const Step& step) {
  auto update = prepare(program, step);
  return update ? recomputed(*update) : Result<Statement>(update.error());
}

}  // namespace bfl::lower::postgres
