// The statements of chunked writes.
//
// A step over one table becomes one UPDATE per chunk that walks the key's index and touches only rows whose values differ.
// With joins, limits or nested blocks the rows and their new values are a SELECT, and the UPDATE takes them from there by key.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/left_out.h"
#include "interpreter/lower/postgres.h"
#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/shape.h"
#include "interpreter/lower/writer.h"
#include "interpreter/lower/writing.h"

namespace bfl::lower {

using program::Assignment;
using program::CompareOp;
using program::ExprKind;
using program::ExprPtr;
using program::Program;
using program::Relation;
using program::Step;

namespace {

// One writing step and what its statements have in common.
struct Update {
  const Program& program;
  const Step& step;
  const Table& table;
  std::vector<int> key;  // walk columns; -1: the rowid

  bool once() const { return removes() || step.idempotence == program::Idempotence::once; }  // no new values are computed for a row
  bool removes() const { return step.kind == program::StepKind::remove; }
  const Relation& relation() const { return *step.relation; }
  // Rows and values of the step are those of its table's own scan: no join, no limit, no block in between.
  bool flat() const { return joined_flat() && relation().inputs.size() == 1; }
  bool joined_flat() const { return relation().inputs[0].table && !relation().limit && !relation().grouped; }

  std::string name() const { return qualified(table); }
  std::string key_name(int column) const {
    return column < 0 ? rowid_name(table) : quote_identifier(table.columns[static_cast<std::size_t>(column)].name);
  }
  std::vector<std::string> keys(std::string_view alias) const {
    std::vector<std::string> names;
    for (int column : key) names.push_back((alias.empty() ? "" : std::string(alias) + ".") + key_name(column));
    return names;
  }
  std::vector<Wire> key_wires() const {
    std::vector<Wire> wires;
    for (int column : key)
      wires.push_back(column < 0 ? wire_of(Type{Kind::integer}) : wire_of(table.columns[static_cast<std::size_t>(column)]));
    return wires;
  }
  const Column& column(const Assignment& assignment) const { return table.columns[static_cast<std::size_t>(assignment.column)]; }
  ExprPtr wanted(const Assignment& assignment) const { return converted(assignment.value, column(assignment).type); }

  // A value differs from the stored one. `now` gives the target's column.
  template <class Now>
  ExprPtr differs(Now&& now) const {
    std::vector<ExprPtr> parts;
    for (const Assignment& assignment : step.assignments)
      parts.push_back(compare(CompareOp::not_equal, now(assignment), wanted(assignment)));
    return any_of(std::move(parts));
  }
  ExprPtr anchor_column(const Assignment& assignment) const {
    return column_of(relation().inputs[0].id, assignment.column, column(assignment).type);
  }

  // The `where` itself says that a value differs: asking again would compute it twice per row.
  bool where_says_so() const {
    std::vector<std::string> wanted_shapes;
    for (const Assignment& assignment : step.assignments) {
      const ExprPtr now = anchor_column(assignment), value = wanted(assignment);
      wanted_shapes.push_back(shape(*compare(CompareOp::not_equal, now, value)));
      wanted_shapes.push_back(shape(*compare(CompareOp::not_equal, value, now)));
    }
    const auto says = [&](const ExprPtr& condition) {
      return std::find(wanted_shapes.begin(), wanted_shapes.end(), shape(*condition)) != wanted_shapes.end();
    };
    return std::any_of(relation().filters.begin(), relation().filters.end(), [&](const program::Filter& filter) {
      if (filter.skip) return false;
      if (filter.condition->kind == ExprKind::and_) return std::any_of(filter.condition->args.begin(), filter.condition->args.end(), says);
      return says(filter.condition);
    });
  }
  // What a row must fulfil beyond the relation's own conditions.
  ExprPtr still_wrong() const {
    if (once() || where_says_so()) return nullptr;
    return differs([&](const Assignment& assignment) { return anchor_column(assignment); });
  }

  // Rows with joins or nested blocks: key columns as k0, k1, … and new values, in the form of their columns, as v0, v1, …
  std::string rows(Writer& writer, const std::vector<std::string>& bounds, bool values) const {
    writer.exposed = key;
    const std::string from = writer.body(relation(), bounds);
    std::vector<std::string> list;
    for (std::size_t i = 0; i < key.size(); ++i) list.push_back(fmt::format("{} AS k{}", writer.anchor_column(relation(), key[i]), i));
    if (values)
      for (std::size_t i = 0; i < step.assignments.size(); ++i)
        list.push_back(fmt::format("{} AS v{}", writer.value_as(wanted(step.assignments[i]), wire_of(column(step.assignments[i]))), i));
    return fmt::format("SELECT {}{}{}", listed(list), from, writer.order_and_limit(relation()));
  }
  // The target beside such rows: what it holds now against what they want.
  ExprPtr differs_from_rows(Writer& writer, std::string_view alias) const {
    const program::InputId now = writer.fresh(), then = writer.fresh();
    writer.see_table(now, table, std::string(alias));
    std::vector<Sql> wanted_values;
    for (std::size_t i = 0; i < step.assignments.size(); ++i)
      wanted_values.push_back({fmt::format("s.v{}", i), wire_of(column(step.assignments[i]))});
    writer.see_hole(then, wanted_values);
    std::vector<ExprPtr> parts;
    for (std::size_t i = 0; i < step.assignments.size(); ++i) {
      const Type& type = column(step.assignments[i]).type;
      parts.push_back(compare(CompareOp::not_equal, column_of(now, step.assignments[i].column, type),
                              column_of(then, static_cast<int>(i), type.with_null())));
    }
    return any_of(std::move(parts));
  }
  std::vector<std::string> row_keys() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < key.size(); ++i) names.push_back(fmt::format("s.k{}", i));
    return names;
  }
};

Result<Update> prepare(const Program& program, const Step& step) {
  Update update{program, step, program.table(step.target), step.walk};
  if (update.key.empty()) {
    if (update.table.without_rowid || update.table.view || update.table.virtual_table || rowid_name(update.table).empty())
      return Error{ErrorClass::refused,
                   fmt::format("rows of `{}` have neither a key nor a rowid", update.table.name),
                   {},
                   "give the table a unique, not-null key"};
    update.key = {-1};
  }
  return update;
}

// Bounds come after the binds, whose number is known only when all else is written: they are written as marks and the marks
// are replaced at the end. A control character occurs in no identifier that SQLite would show… but may in one it would hold,
// so the mark is longer than any accident.
constexpr std::string_view mark =
    "\x01"
    "bfl-bounds"
    "\x01";

void put(std::string& text, const std::string& with) {
  if (const auto at = text.find(mark); at != std::string::npos) text.replace(at, mark.size(), with);
}

std::string range(const std::vector<std::string>& key, std::size_t binds, bool from_start) {
  const std::size_t n = key.size();
  const std::string upper = tuple_compare(key, "<=", parameters(binds + (from_start ? 1 : n + 1), n));
  if (from_start) return upper;
  return tuple_compare(key, ">", parameters(binds + 1, n)) + " AND " + upper;
}

// The assigned values inside calls of bfl_keep; none where a row's columns cannot simply be listed. SQLite computes the
// values in the order of the table's columns: the last one brings the row.
std::vector<std::string> keeping(const Update& update, Writer& writer, std::vector<std::string> values) {
  const std::vector<Column>& columns = update.table.columns;
  if (columns.size() > most_kept_columns || std::any_of(columns.begin(), columns.end(), [](const Column& at) { return at.generated; }))
    return {};
  const auto& assignments = update.step.assignments;
  const auto last = std::max_element(assignments.begin(), assignments.end(),
                                     [](const Assignment& a, const Assignment& b) { return a.column < b.column; });
  for (std::size_t i = 0; i < values.size(); ++i) {
    std::string row;
    if (assignments[i].column == last->column)
      for (std::size_t c = 0; c < columns.size(); ++c) row += ", " + writer.anchor_column(update.relation(), static_cast<int>(c));
    values[i] = fmt::format("{}({}, {}{})", keep_function, assignments[i].column, values[i], row);
  }
  return values;
}

Statement change(const Update& update, bool from_start) {
  Writer writer(update.program);
  writer.walking = &update.step;
  if (update.flat()) {
    const std::string alias = alias_of(update.relation().inputs[0].id);
    std::string from = writer.body(update.relation(), {std::string(mark)}, update.still_wrong());
    std::string where = from.substr(from.find(fmt::format(" WHERE {}", mark)));
    std::vector<std::string> values;
    for (const Assignment& assignment : update.step.assignments)
      values.push_back(writer.value_as(update.wanted(assignment), wire_of(update.column(assignment))));
    put(where, range(update.keys(alias), writer.binds(), from_start));
    const auto setting = [&](const std::vector<std::string>& to) {
      std::vector<std::string> list;
      for (std::size_t i = 0; i < to.size(); ++i)
        list.push_back(fmt::format("{} = {}", quote_identifier(update.column(update.step.assignments[i]).name), to[i]));
      return update.removes() ? fmt::format("DELETE FROM {} AS {}{}", update.name(), alias, where)
                              : fmt::format("UPDATE {} AS {} SET {}{}", update.name(), alias, listed(list), where);
    };
    Statement statement = writer.finish(setting(values));
    if (const auto kept = keeping(update, writer, std::move(values)); !kept.empty()) statement.keeping = only_what_is_read(setting(kept));
    return statement;
  }
  std::vector<std::string> assignments;
  std::string rows =
      update.rows(writer, update.joined_flat() ? std::vector<std::string>{std::string(mark)} : std::vector<std::string>{}, true);
  if (update.removes() && !update.joined_flat()) rows = fmt::format("SELECT {} FROM ({}) AS s WHERE {}", listed(update.row_keys()), rows, mark);
  std::string differs;
  if (!update.once()) differs = " AND " + writer.condition(update.differs_from_rows(writer, "u"));
  for (std::size_t i = 0; i < update.step.assignments.size(); ++i)
    assignments.push_back(fmt::format("{} = s.v{}", quote_identifier(update.column(update.step.assignments[i]).name), i));
  std::string text;
  if (update.removes()) {
    std::string key = listed(update.keys("u"));
    if (update.key.size() > 1) key = "(" + key + ")";
    text = fmt::format("DELETE FROM {} AS u WHERE {} IN ({})", update.name(), key, rows);
  } else {
    text = fmt::format("UPDATE {} AS u SET {} FROM ({}) AS s WHERE {}{}", update.name(), listed(assignments), rows,
                       tuple_equal(update.keys("u"), update.row_keys()), differs);
  }
  if (update.removes() && !update.joined_flat()) {
    put(text, range(update.row_keys(), writer.binds(), from_start));
  } else if (update.joined_flat()) {
    std::vector<std::string> key;
    for (int column : update.key) key.push_back(writer.anchor_column(update.relation(), column));
    put(text, range(key, writer.binds(), from_start));
  } else {
    text += " AND " + range(update.row_keys(), writer.binds(), from_start);
  }
  return writer.finish(std::move(text));
}

Statement bound(const Update& update, bool from_start) {
  Writer writer(update.program);
  const std::vector<std::string> key = update.keys("");
  const std::string where = from_start ? "" : " WHERE " + tuple_compare(key, ">", parameters(1, key.size()));
  const std::size_t offset = from_start ? 1 : key.size() + 1;
  return writer.finish(fmt::format("SELECT {0} FROM {1}{2} ORDER BY {0} LIMIT 1 OFFSET ?{3}", listed(key), update.name(), where, offset),
                       update.key_wires());
}

Statement last(const Update& update) {
  Writer writer(update.program);
  const std::vector<std::string> key = update.keys("");
  return writer.finish(fmt::format("SELECT {} FROM {} ORDER BY {} DESC LIMIT 1", listed(key), update.name(), listed(key, " DESC, ")),
                       update.key_wires());
}

Statement before(const Update& update) {
  Writer writer(update.program);
  const std::vector<std::string> key = update.keys("");
  return writer.finish(fmt::format("SELECT {} FROM {} WHERE {} ORDER BY {} DESC LIMIT 1", listed(key), update.name(), tuple_compare(key, "<", parameters(1, key.size())), listed(key, " DESC, ")),
                       update.key_wires());
}

// Who comes first where rows want one key; without such a rule the order does not matter, and the key is at hand.
std::string preferred(const Update& update, Writer& writer, const std::string& key) {
  const auto& duplicates = update.step.duplicates;
  const auto& order = duplicates ? duplicates->order : update.step.free_name ? update.step.free_name->order : std::vector<program::OrderKey>();
  const bool last = duplicates && duplicates->keep_last;
  std::string text;
  for (const program::OrderKey& part : order) {
    text += fmt::format("{}{}", writer.sortable(part.expr), part.descending != last ? " DESC" : "");
    if (part.expr->type.nullable) text += last ? " NULLS FIRST" : " NULLS LAST";
    text += ", ";
  }
  return text + key;
}

// Values of a `once` step are computed when a row's turn comes, where that can be done in the target itself.
Intent intent_of(const Update& update, bool shipped_images) {
  const bool later = update.once() && update.table.image.empty();
  return {.key = update.key.size(),
          .image = update.table.columns.size(),
          .values = later || update.removes() ? 0 : update.step.assignments.size(),
          .packed = shipped_images && !update.table.image.empty()};
}

// The rows that would change now, with whatever is wanted of them.
Statement selection(const Update& update, const Intent& intent, bool count) {
  Writer writer(update.program);
  std::vector<Wire> wires;
  std::vector<std::string> list;
  const auto add_row = [&](const std::vector<std::string>& key, const auto& column) {
    if (intent.packed) {
      list.push_back(column(update.table.image));
      wires.push_back(wire_of(Type{Kind::bytes}));
      return;
    }
    list = key;
    wires = update.key_wires();
    for (const Column& of : update.table.columns) list.push_back(column(of.name)), wires.push_back(wire_of(of));
  };
  std::string text;
  const bool values = intent.values > 0;
  if (update.joined_flat()) {
    writer.exposed = update.key;
    const std::string from = writer.body(update.relation(), {}, update.still_wrong());
    if (count) return writer.finish("SELECT count(*)" + from, {wire_of(Type{Kind::integer})});
    std::vector<std::string> key;
    for (int column : update.key) key.push_back(writer.anchor_column(update.relation(), column));
    add_row(key, [&](const std::string& name) { return fmt::format("t{}.{}", update.relation().inputs[0].id, quote_identifier(name)); });
    if (values)
      for (const Assignment& assignment : update.step.assignments)
        list.push_back(writer.value_as(update.wanted(assignment), wire_of(update.column(assignment))));
    text = fmt::format("SELECT {}{} ORDER BY {}", listed(list), from, preferred(update, writer, listed(key)));
  } else {
    const std::string rows = update.rows(writer, {}, values);
    std::string where;
    if (values && !update.once()) where = " WHERE " + writer.condition(update.differs_from_rows(writer, "u"));
    add_row(update.keys("u"), [](const std::string& name) { return "u." + quote_identifier(name); });
    if (values)
      for (std::size_t i = 0; i < update.step.assignments.size(); ++i) list.push_back(fmt::format("s.v{}", i));
    const std::string from =
        fmt::format(" FROM ({}) AS s JOIN {} AS u ON {}{}", rows, update.name(), tuple_equal(update.keys("u"), update.row_keys()), where);
    if (count) return writer.finish("SELECT count(*)" + from, {wire_of(Type{Kind::integer})});
    text = fmt::format("SELECT {}{} ORDER BY {}", listed(list), from, listed(update.keys("u")));
  }
  if (values)
    for (const Assignment& assignment : update.step.assignments) wires.push_back(wire_of(update.column(assignment)));
  return writer.finish(std::move(text), std::move(wires));
}

Statement change_by_key(const Update& update) {
  Writer writer(update.program);
  std::vector<std::string> assignments;
  for (const Assignment& assignment : update.step.assignments)
    assignments.push_back(fmt::format("{} = ?{}", quote_identifier(update.column(assignment).name), assignments.size() + 1));
  const std::size_t first = assignments.size() + 1;
  return writer.finish(fmt::format("UPDATE {} SET {} WHERE {}", update.name(), listed(assignments),
                                   tuple_equal(update.keys(""), parameters(first, update.key.size()))));
}

Statement remove_by_key(const Update& update) {
  Writer writer(update.program);
  const Catalogue& catalogue = update.program.catalogues[static_cast<std::size_t>(update.step.target.source)];
  return writer.finish(fmt::format("DELETE FROM {} WHERE {}{}", update.name(), tuple_equal(update.keys(""), parameters(1, update.key.size())),
                                   unless_referred_to(catalogue, update.table, update.name(), qualified)));
}

Statement read_by_key(const Update& update) {
  Writer writer(update.program);
  std::vector<std::string> list;
  std::vector<Wire> wires;
  for (const Column& column : update.table.columns) {
    list.push_back(quote_identifier(column.name));
    wires.push_back(wire_of(column));
  }
  return writer.finish(fmt::format("SELECT {} FROM {} WHERE {}", listed(list), update.name(),
                                   tuple_equal(update.keys(""), parameters(1, update.key.size()))),
                       std::move(wires));
}

Statement recompute(const Update& update) {
  Writer writer(update.program);
  std::string rows =
      update.rows(writer, update.joined_flat() ? std::vector<std::string>{std::string(mark)} : std::vector<std::string>{}, true);
  std::vector<std::string> values;
  std::vector<Wire> wires;
  for (std::size_t i = 0; i < update.step.assignments.size(); ++i) {
    values.push_back(fmt::format("s.v{}", i));
    wires.push_back(wire_of(update.column(update.step.assignments[i])));
  }
  const std::vector<std::string> given = parameters(writer.binds() + 1, update.key.size());
  std::string text = fmt::format("SELECT {} FROM ({}) AS s", listed(values), rows);
  if (update.joined_flat()) {
    std::vector<std::string> key;
    for (int column : update.key) key.push_back(writer.anchor_column(update.relation(), column));
    put(text, tuple_equal(key, given));
  } else {
    text += " WHERE " + tuple_equal(update.row_keys(), given);
  }
  return writer.finish(std::move(text), std::move(wires));
}

// What is asked of unique keys that the step sets.
void keys_of(const Update& update, Hands& statements) {
  const auto column_name = [&](int column) { return quote_identifier(update.table.columns[static_cast<std::size_t>(column)].name); };
  const auto sets = [&](int column) { return std::any_of(update.step.assignments.begin(), update.step.assignments.end(), [&](const Assignment& set) { return set.column == column; }); };
  const auto holder = [&](const std::vector<int>& columns) {
    Writer writer(update.program);
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < columns.size(); ++i) parts.push_back(fmt::format("{} = ?{}", column_name(columns[i]), i + 1));
    return writer.finish(fmt::format("SELECT {} FROM {} WHERE {}", listed(update.keys("")), update.name(), listed(parts, " AND ")));
  };
  for (const Key& key : update.table.keys) {
    if (!key.plain || std::none_of(key.columns.begin(), key.columns.end(), sets)) continue;
    statements.uniques.push_back({key.columns, holder(key.columns)});
  }
  if (update.step.duplicates) statements.holders = holder(update.step.duplicates->columns);
  if (!update.step.free_name) return;
  Writer writer(update.program);
  std::vector<std::string> list = update.keys("");
  for (std::size_t i = 0; i < update.table.columns.size(); ++i) list.push_back(column_name(static_cast<int>(i)));
  statements.everything = writer.finish(fmt::format("SELECT {} FROM {}", listed(list), update.name()));
}

}  // namespace

Result<DirectUpdate> direct_update(const Program& program, const Step& step, Dialect dialect) {
  if (dialect == Dialect::postgres) return postgres::direct_update(program, step);
  auto update = prepare(program, step);
  if (!update) return update.error();
  DirectUpdate statements{change(*update, false), change(*update, true),    bound(*update, false), bound(*update, true),
                          last(*update),          selection(*update, intent_of(*update, false), true), update->key_wires(),   {}};
  statements.before = before(*update);
  statements.any = statements.probe;
  statements.any.text = "SELECT 1" + statements.probe.text.substr(std::string_view("SELECT count(*)").size()) + " LIMIT 1";
  return statements;
}

Result<Statement> direct_change(const Program& program, const Step& step, Dialect dialect) {
  if (dialect == Dialect::postgres) {
    auto statements = postgres::direct_update(program, step);
    return statements ? Result<Statement>(std::move(statements->change)) : Result<Statement>(statements.error());
  }
  auto update = prepare(program, step);
  if (!update) return update.error();
  return change(*update, false);
}

Result<IntentSet> changed_rows(const Program& program, const Step& step, bool shipped_images) {
  auto update = prepare(program, step);
  if (!update) return update.error();
  const Intent intent = intent_of(*update, shipped_images);
  return IntentSet{intent, selection(*update, intent, false), selection(*update, intent, true)};
}

Hands changing_hands(const Program& program, const Step& step) {
  const Update update{program, step, program.table(step.target), step.walk.empty() ? std::vector<int>{-1} : step.walk};
  Hands hands{.own = {.read = read_by_key(update)}, .key = update.key_wires()};
  if (update.removes() || step.duplicates) hands.own.remove = remove_by_key(update);
  if (!update.removes()) {
    hands.own.change = change_by_key(update);
    keys_of(update, hands);
  }
  return hands;
}

Result<Statement> recomputed(const Program& program, const Step& step) {
  auto update = prepare(program, step);
  if (!update) return update.error();
  return update->once() && !update->removes() ? recompute(*update) : Statement{};
}

bool takes_only_what_differs(const Program& program, const Step& step) {
  const auto update = prepare(program, step);
  return update && update->where_says_so();
}

// Without what would differ: a delete takes every row of its relation.
std::string selected(Writer& writer, const Program& program, const Step& step, const std::vector<int>& columns) {
  const Update update{program, step, program.table(step.target), step.walk.empty() ? std::vector<int>{-1} : step.walk};
  std::vector<std::string> list;
  if (update.joined_flat()) {
    writer.exposed = update.key;
    const std::string from = writer.body(update.relation());
    for (int column : columns) list.push_back(writer.anchor_column(update.relation(), column));
    return fmt::format("SELECT {}{}", listed(list), from);
  }
  const std::string rows = update.rows(writer, {}, false);
  for (int column : columns) list.push_back("u." + update.key_name(column));
  return fmt::format("SELECT {} FROM ({}) AS s JOIN {} AS u ON {}", listed(list), rows, update.name(), tuple_equal(update.keys("u"), update.row_keys()));
}

}  // namespace bfl::lower
