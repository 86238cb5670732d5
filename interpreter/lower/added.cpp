// Inserts and upserts: the rows that are missing, and how one of them is added.
//
// Values are computed in the inner SELECT, where the relation's own rows are; what is there already is looked up by the values
// as they would be stored, so that the unique index of the key is asked and not scanned.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/writing.h"

namespace bfl::lower {

using program::CompareOp;
using program::ExprPtr;
using program::InputId;
using program::Program;
using program::Step;

namespace {

struct Added {
  const Program& program;
  const Step& step;
  const Table& table;
  const program::Effect* effect;

  Added(const Program& program_, const Step& step_) : program(program_), step(step_), table(program_.table(step_.target)), effect(nullptr) {
    for (const program::Effect& known : step.effects)
      if (known.kind == program::EffectKind::inserted) effect = &known;
  }

  bool upserts() const { return step.kind == program::StepKind::upsert; }
  const Column& column(int index) const { return table.columns[static_cast<std::size_t>(index)]; }
  std::size_t value_of(int key_column) const {  // which assignment sets it
    return static_cast<std::size_t>(std::find_if(step.assignments.begin(), step.assignments.end(), [&](const auto& set) { return set.column == key_column; }) - step.assignments.begin());
  }

  // What the rows show: v0… as the target stores them, k0… of `once per`, f0… as they are kept, o0… to be sorted by.
  std::string rows(Writer& writer, bool told = false) const {
    program::Relation relation = *step.relation;
    relation.fields.clear();
    std::vector<Wire> wanted;
    std::vector<std::string> names;
    const auto field = [&](const ExprPtr& expr, const Wire& wire, std::string name) {
      relation.fields.push_back({.name = name, .expr = expr});
      wanted.push_back(wire);
      names.push_back(std::move(name));
    };
    for (std::size_t i = 0; i < step.assignments.size(); ++i)
      field(converted(step.assignments[i].value, column(step.assignments[i].column).type), wire_of(column(step.assignments[i].column)), fmt::format("v{}", i));
    for (std::size_t i = 0; i < step.once_per.size(); ++i) field(step.once_per[i], wire_of(step.once_per[i]->type), fmt::format("k{}", i));
    for (std::size_t i = 0; effect && i < effect->from.size(); ++i)
      field(effect->from[i].expr, wire_of(program.table(effect->table).columns[table.columns.size() + i]), fmt::format("f{}", i));
    for (std::size_t i = 0; i < relation.order.size(); ++i) field(relation.order[i].expr, {}, fmt::format("o{}", i));
    for (std::size_t i = 0; told && i < relation.order.size(); ++i) field(relation.order[i].expr, wire_of(relation.order[i].expr->type), fmt::format("t{}", i));
    if (!relation.limit) relation.order.clear();
    std::vector<Wire> wires;
    const std::string block = writer.block(relation, &wires);
    std::vector<Sql> given;
    for (std::size_t i = 0; i < wires.size(); ++i) given.push_back({fmt::format("b.c{}", i), wires[i]});
    const InputId hole = writer.fresh();
    writer.see_hole(hole, given);
    std::vector<std::string> list;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const ExprPtr value = column_of(hole, static_cast<int>(i), relation.fields[i].expr->type);
      list.push_back(fmt::format("{} AS {}", names[i][0] == 'o' ? writer.sortable(value) : writer.value_as(value, wanted[i]), names[i]));
    }
    return fmt::format("SELECT {} FROM ({}) AS b", listed(list), block);
  }

  std::string same_key(std::string_view there) const {
    std::vector<std::string> parts;
    for (int key : step.key)
      parts.push_back(fmt::format("{}.{} {} s.v{}", there, quote_identifier(column(key).name), column(key).type.nullable ? "IS" : "=", value_of(key)));
    return listed(parts, " AND ");
  }

  ExprPtr differs(Writer& writer) const {
    const InputId now = writer.fresh(), then = writer.fresh();
    writer.see_table(now, table, "u");
    std::vector<Sql> values;
    for (std::size_t i = 0; i < step.assignments.size(); ++i) values.push_back({fmt::format("s.v{}", i), wire_of(column(step.assignments[i].column))});
    writer.see_hole(then, values);
    std::vector<ExprPtr> parts;
    for (std::size_t i = 0; i < step.assignments.size(); ++i) {
      const int set = step.assignments[i].column;
      if (std::find(step.key.begin(), step.key.end(), set) != step.key.end()) continue;
      parts.push_back(compare(CompareOp::not_equal, column_of(now, set, column(set).type), column_of(then, static_cast<int>(i), column(set).type.with_null())));
    }
    return any_of(std::move(parts));
  }

  std::string order() const {
    std::string text;
    for (std::size_t i = 0; i < step.relation->order.size(); ++i) {
      const program::OrderKey& key = step.relation->order[i];
      text += fmt::format("{}s.o{}{}{}", text.empty() ? " ORDER BY " : ", ", i, key.descending ? " DESC" : "", key.expr->type.nullable ? " NULLS LAST" : "");
    }
    return text;
  }

  Statement select(const Intent& intent, bool count) const {
    Writer writer(program);
    std::vector<std::string> list;
    std::vector<Wire> wires;
    const std::string source = rows(writer);
    if (step.key.empty()) {
      for (std::size_t i = 0; i < step.once_per.size(); ++i) list.push_back(fmt::format("s.k{}", i)), wires.push_back(wire_of(step.once_per[i]->type));
    } else {
      for (int key : step.key) list.push_back(fmt::format("s.v{}", value_of(key))), wires.push_back(wire_of(column(key)));
    }
    // A column that is never null tells whether the row is there: the rowid, or the key itself.
    const std::string rowid = rowid_name(table), key = step.key.empty() ? "" : quote_identifier(column(step.key[0]).name);
    const std::string there = fmt::format("u.{} IS NOT NULL", table.without_rowid ? key : rowid);
    if (intent.flag) list.push_back(there), wires.push_back(wire_of(Type{Kind::boolean}));
    if (intent.packed)
      list.push_back("u." + quote_identifier(table.image)), wires.push_back(wire_of(Type{Kind::bytes}));
    else if (intent.image > 0)
      for (const Column& each : table.columns) list.push_back("u." + quote_identifier(each.name)), wires.push_back(wire_of(each));
    for (std::size_t i = 0; i < intent.values; ++i) list.push_back(fmt::format("s.v{}", i)), wires.push_back(wire_of(column(step.assignments[i].column)));
    for (std::size_t i = 0; i < intent.from; ++i)
      list.push_back(fmt::format("s.f{}", i)), wires.push_back(wire_of(program.table(effect->table).columns[table.columns.size() + i]));
    std::string from = fmt::format(" FROM ({}) AS s", source);
    if (upserts()) from += fmt::format(" LEFT JOIN {} AS u ON {} WHERE ({}) IS NOT TRUE OR {}", qualified(table), same_key("u"), there, writer.condition(differs(writer)));
    else if (!step.key.empty()) from += fmt::format(" WHERE NOT EXISTS (SELECT 1 FROM {} AS u WHERE {})", qualified(table), same_key("u"));
    if (count) return writer.finish("SELECT count(*)" + from, {wire_of(Type{Kind::integer})});
    return writer.finish(fmt::format("SELECT {}{}{}", listed(list), from, order()), std::move(wires));
  }

  Causes causes() const {
    Causes made;
    Writer writer(program);
    const std::string source = rows(writer, true);
    std::vector<std::string> list, where;
    std::vector<Wire> wires;
    for (std::size_t i = 0; i < step.relation->order.size(); ++i) {
      const ExprPtr& by = step.relation->order[i].expr;
      list.push_back(fmt::format("s.t{}", i)), wires.push_back(wire_of(by->type));
      made.names.push_back(program::to_string(*by, program));
    }
    for (std::size_t i = 0; i < step.assignments.size(); ++i)
      list.push_back(fmt::format("s.v{}", i)), wires.push_back(wire_of(column(step.assignments[i].column)));
    const auto seek = [&](std::string name, const Wire& wire) {
      where.push_back(fmt::format("s.{} IS ?{}", name, writer.binds() + where.size() + 1));
      made.key.push_back(wire);
    };
    for (const int key : step.key) seek(fmt::format("v{}", value_of(key)), wire_of(column(key)));
    for (std::size_t i = 0; i < step.once_per.size(); ++i) seek(fmt::format("k{}", i), wire_of(step.once_per[i]->type));
    made.select = writer.finish(fmt::format("SELECT {} FROM ({}) AS s WHERE {}{} LIMIT 2", listed(list), source, listed(where, " AND "), order()), std::move(wires));
    return made;
  }

  std::string by_key() const {
    std::vector<std::string> parts;
    for (std::size_t i = 0; i < step.key.size(); ++i)
      parts.push_back(fmt::format("{} {} ?{}", quote_identifier(column(step.key[i]).name), column(step.key[i]).type.nullable ? "IS" : "=", i + 1));
    return listed(parts, " AND ");
  }
};

}  // namespace

IntentSet added_rows(const Program& program, const Step& step, bool shipped_images) {
  const Added added(program, step);
  const Intent intent{.key = step.key.empty() ? step.once_per.size() : step.key.size(),
                      .flag = added.upserts(),
                      .image = added.upserts() ? added.table.columns.size() : 0,
                      .values = step.assignments.size(),
                      .from = added.effect ? added.effect->from.size() : 0,
                      .packed = added.upserts() && shipped_images && !added.table.image.empty()};
  return {intent, added.select(intent, false), added.select(intent, true)};
}

Causes causes(const Program& program, const Step& step) { return Added(program, step).causes(); }

Hands adding_hands(const Program& program, const Step& step) {
  const Added added(program, step);
  std::vector<std::string> columns, all, sets, keys, where;
  for (const auto& assignment : step.assignments) {
    columns.push_back(quote_identifier(added.column(assignment.column).name));
    sets.push_back(fmt::format("{} = ?{}", columns.back(), columns.size()));
  }
  for (const Column& column : added.table.columns) all.push_back(quote_identifier(column.name));
  Hands hands;
  Writer add(program);
  hands.own.add = add.finish(fmt::format("INSERT INTO {} ({}) VALUES ({})", qualified(added.table), listed(columns), listed(parameters(1, columns.size()))));
  for (int key : step.key) hands.key.push_back(wire_of(added.column(key)));
  for (int key : step.key) keys.push_back(quote_identifier(added.column(key).name));
  if (step.free_name) {
    Writer everything(program);
    std::vector<std::string> list = keys;
    list.insert(list.end(), all.begin(), all.end());
    hands.everything = everything.finish(fmt::format("SELECT {} FROM {}", listed(list), qualified(added.table)));
  }
  if (step.key.empty()) return hands;
  Writer read(program);
  hands.own.read = read.finish(fmt::format("SELECT {} FROM {} WHERE {}", listed(all), qualified(added.table), added.by_key()));
  if (!added.upserts()) return hands;
  Writer change(program);
  for (std::size_t i = 0; i < keys.size(); ++i) where.push_back(fmt::format("{} {} ?{}", keys[i], added.column(step.key[i]).type.nullable ? "IS" : "=", columns.size() + 1 + i));
  hands.own.change = change.finish(fmt::format("UPDATE {} SET {} WHERE {}", qualified(added.table), listed(sets), listed(where, " AND ")));
  return hands;
}

}  // namespace bfl::lower
