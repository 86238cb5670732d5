// `follow` as a recursive query. Its rows carry what is needed of the start (s), of the row that was reached (h), how far
// that is, and the way there as a text of row keys, in which a loop is found.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/rewrite.h"
#include "interpreter/lower/writer.h"

namespace bfl::lower {

using program::ExprPtr;
using program::Follow;
using program::Input;
using program::OnLoop;
using program::Relation;

namespace {

bool same_form(const Wire& a, const Wire& b) {
  return a.type.kind == b.type.kind && a.type.kind != Kind::array && a.storage == b.storage && a.time_separator == b.time_separator &&
         a.time_suffix == b.time_suffix;
}

}  // namespace

std::string Writer::follow_block(const Relation& relation, std::vector<Wire>* fields) {
  const Follow& follow = *relation.follow;
  const Input &start = relation.inputs[0], &hop = relation.inputs[1];
  const std::string way = fmt::format("w{}", hop.id), next = alias_of(hop.id);
  std::vector<std::string> names, begin, onward;
  const auto carry = [&](const std::string& name, const std::string& at_start, const std::string& then) {
    names.push_back(name);
    begin.push_back(at_start);
    onward.push_back(then);
  };
  const auto carried = [&](const std::vector<Wire>& wires, char letter) {
    std::vector<Sql> columns;
    for (std::size_t i = 0; i < wires.size(); ++i) columns.push_back({fmt::format("{}.{}{}", way, letter, i), wires[i]});
    return columns;
  };
  const auto row_text = [&](const std::vector<ExprPtr>& key) {
    std::string text = "'|'";
    for (const ExprPtr& part : key) text += fmt::format(" || quote({}) || '|'", value(part).text);
    return text;
  };

  // The rows to go to, once to learn the form of their columns.
  std::vector<Wire> hop_wires;
  const auto hop_rows = [&](std::vector<Wire>& wires) {
    const Apart apart(*this);
    return fmt::format("({}) AS {}", block(*hop.sub, &wires), next);
  };
  hop_rows(hop_wires);

  const std::string from = input_from(start, false);
  const std::vector<Sql> start_columns = views_.at(start.id).columns;
  std::vector<Wire> start_wires;
  for (std::size_t i = 0; i < start_columns.size(); ++i) {
    start_wires.push_back(start_columns[i].wire);
    const bool text = start_columns[i].wire.type.kind == Kind::text;
    carry(fmt::format("s{}", i), start_columns[i].text + (text ? " COLLATE BINARY" : ""), fmt::format("{}.s{}", way, i));
  }
  if (relation.anchored)
    for (std::size_t i = 0; i < exposed.size(); ++i)
      carry(fmt::format("k{}", i), anchor_column(relation, exposed[i]), fmt::format("{}.k{}", way, i));
  std::vector<std::string> first;
  for (std::size_t i = 0; i < follow.first.size(); ++i) {
    Wire& wire = hop_wires[i];
    const bool null = follow.first[i]->kind == program::ExprKind::literal && follow.first[i]->value.is_null();
    Sql given = null ? Sql{"NULL", wire} : value(follow.first[i]);
    if (!same_form(given.wire, wire)) {
      wire = wire_of(wire.type);
      given.text = value_as(follow.first[i], wire);
    }
    wire.type.nullable = true;
    first.push_back(given.text + (wire.type.kind == Kind::text ? " COLLATE BINARY" : ""));
  }
  const std::string begin_way = follow.start_key.empty() ? "'|'" : row_text(follow.start_key);

  // From here on the start is what was carried, and the row before is what was reached.
  see_hole(start.id, carried(start_wires, 's'));
  see_hole(follow.previous, carried(hop_wires, 'h'));
  std::vector<Wire> given_wires;
  const auto see_next = [&] {
    given_wires.clear();
    const std::string text = hop_rows(given_wires);
    std::vector<Sql> columns;
    for (std::size_t i = 0; i < given_wires.size(); ++i) columns.push_back({fmt::format("{}.c{}", next, i), given_wires[i]});
    see_hole(hop.id, std::move(columns));
    return text;
  };
  const std::string joined = see_next();
  for (std::size_t i = 0; i < first.size(); ++i)
    carry(fmt::format("h{}", i), first[i], value_as(column_of(hop.id, static_cast<int>(i), hop_wires[i].type), hop_wires[i]));
  const std::string reached = row_text(follow.key);
  const std::string loops = fmt::format("instr({}.way, {}) > 0", way, reached);
  const std::string far = follow.each ? fmt::format("CAST({}.far AS INTEGER)", way) : way + ".far";
  if (follow.each) {
    // Rows are told apart by start and row reached alone; who comes first has the shortest way.
    carry("start_row", "row_number() OVER ()", fmt::format("{}.start_row", way));
    carry("reached", begin_way, reached);
    carry("origin", begin_way, fmt::format("{}.origin", way));
    carry("far", "'0' COLLATE bfl_same", fmt::format("CAST({} + 1 AS TEXT)", far));
  } else {
    carry("far", "0", fmt::format("{}.far + 1", way));
    carry("way", begin_way, fmt::format("{}.way || substr({}, 2)", way, reached));
  }
  if (follow.on_loop == OnLoop::skip) {
    carry("start_row", "row_number() OVER ()", fmt::format("{}.start_row", way));
    carry("looped", "0", loops);
  }

  const auto refuse = [&](std::string_view found) {
    Fused function;
    function.result = wire_of(Type{Kind::boolean});
    std::vector<Sql> arguments;
    rewrite(hop.on, [&](const ExprPtr& at) -> ExprPtr {
      if (at->kind != program::ExprKind::column || at->input != follow.previous) return nullptr;
      const std::string& name = hop.sub->fields.at(static_cast<std::size_t>(at->column)).name;
      if (std::find(function.labels.begin(), function.labels.end(), name) != function.labels.end()) return nullptr;
      arguments.push_back(value(at));
      function.labels.push_back(name);
      return nullptr;
    });
    function.raise = fmt::format("follow {} {}{}{}", follow.each ? "each" : follow.many ? "many" : "one", hop.alias, found, arguments.empty() ? "" : " behind ");
    const std::string form = "raise " + function.raise;
    return call(std::move(function), std::move(arguments), form);
  };
  // What raises does so only for a row that the condition takes.
  std::string checks = fmt::format("CASE WHEN ({}) IS NOT TRUE THEN 0", condition(hop.on));
  if (follow.each) checks += fmt::format(" WHEN {} = {}.origin THEN 0", reached, way);
  else if (follow.on_loop == OnLoop::error) checks += fmt::format(" WHEN {} THEN {}", loops, refuse(" comes back to a row that it has passed,"));
  if (follow.on_loop == OnLoop::stop) checks += fmt::format(" WHEN {} THEN 0", loops);
  if (follow.on_loop == OnLoop::skip) checks += fmt::format(" WHEN {}.looped THEN 0", way);
  checks += fmt::format(" WHEN {} >= {} THEN {}", far, program::longest_way,
                        refuse(fmt::format(" goes on for more than {} rows,", program::longest_way)));
  const std::string on = join_condition(hop.on);
  if (!follow.many && !hop.at_most_one) {
    const std::string again = see_next();
    checks += fmt::format(" WHEN (SELECT count(*) FROM (SELECT 1 FROM {} WHERE {} LIMIT 2)) > 1 THEN {}", again, join_condition(hop.on),
                          refuse(" found several rows"));
  }
  checks += " ELSE 1 END";

  const auto listed = [](const std::vector<std::string>& parts) {
    std::string text;
    for (const std::string& part : parts) text += (text.empty() ? "" : ", ") + part;
    return text;
  };
  const std::string recursion = fmt::format("WITH RECURSIVE {}({}) AS (SELECT {} FROM {} UNION{} SELECT {} FROM {} CROSS JOIN {} WHERE {} AND {})",
                                            way, listed(names), listed(begin), from, follow.each ? "" : " ALL", listed(onward), way, joined, on, checks);

  std::string last = "0";
  const auto asks_last = [&](const program::Field& field) { return mentions_column(*field.expr, follow.place, 1); };
  if (std::any_of(relation.fields.begin(), relation.fields.end(), asks_last)) {
    const std::string more = see_next();
    last = fmt::format("(NOT EXISTS (SELECT 1 FROM {} WHERE {}", more, join_condition(hop.on));
    if (follow.on_loop == OnLoop::stop) last += fmt::format(" AND NOT ({})", loops);
    last += "))";
  }
  see_hole(hop.id, carried(hop_wires, 'h'));
  see_hole(follow.place, {{far, wire_of(Type{Kind::integer})}, {last, wire_of(Type{Kind::boolean})}});
  std::string list;
  for (std::size_t i = 0; i < relation.fields.size(); ++i) {
    const Sql sql = value(relation.fields[i].expr);
    list += fmt::format("{}{} AS c{}", i ? ", " : "", sql.text, i);
    if (fields) fields->push_back(sql.wire);
  }
  if (relation.anchored)
    for (std::size_t i = 0; i < exposed.size(); ++i) list += fmt::format("{}{}.k{} AS k{}", list.empty() ? "" : ", ", way, i, i);
  if (list.empty()) list = "1";
  std::string text = fmt::format("{} SELECT {} FROM {}", recursion, list, way);
  if (follow.on_loop == OnLoop::skip) text += fmt::format(" WHERE start_row NOT IN (SELECT start_row FROM {} WHERE looped)", way);
  return text;
}

}  // namespace bfl::lower
