// `test "title" { given … expect … }`: rows to begin with, and what the job makes of them. Every value is known before anything runs.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/syntax/parse.h"

namespace bfl::check {

using program::GivenRow;
using program::TableRows;
using program::Test;

void Checker::test(NodeId node) {
  Test made{.title = {}, .span = at(node).name_span};
  std::string title(at(node).text);
  title.erase(0, title.find('"') + 1);
  made.title = title.substr(0, title.find_last_not_of('"') + 1);
  const NodeId body = ast::child(*file_, node, NodeKind::body);
  const std::size_t errors = diagnostics_.errors();
  for (NodeId statement : ast::children(*file_, body)) {
    const NodeId what = ast::child_at(*file_, statement, 0), value = ast::child_at(*file_, statement, 1);
    if (what == ast::no_node || value == ast::no_node) continue;
    const bool given = at(statement).word == "given";
    const bool plain = at(what).kind == NodeKind::name;
    if (given && plain && at(what).text == "clock") {
      if (const auto clock = constant(value, {Kind::timestamp}, "the clock"); clock && *clock) made.clock = (*clock)->value.as<Timestamp>();
    } else if (!given && plain && at(what).text == "changed") {
      expect_changed(made, value);
    } else if (auto rows = table_rows(what, value)) {
      (given ? made.given : made.expected).push_back(std::move(*rows));
    }
  }
  if (made.expected.empty() && made.changed.empty() && diagnostics_.errors() == errors)
    error(Code::empty_step, made.span, "the test expects nothing", "write `expect shop.orders [ { id: 1, total: 12.00 } ]` or `expect changed STEP == 1`");
  program.tests.push_back(std::move(made));
}

void Checker::expect_changed(Test& made, NodeId value) {
  const NodeId left = ast::child_at(*file_, value, 0), right = ast::child_at(*file_, value, 1);
  const auto op = [&]() -> std::optional<program::CompareOp> {
    if (at(value).kind != NodeKind::binary || left == ast::no_node || at(left).kind != NodeKind::name) return std::nullopt;
    switch (at(value).op) {
      case ast::Op::equal: return program::CompareOp::equal;
      case ast::Op::less: return program::CompareOp::less;
      case ast::Op::less_equal: return program::CompareOp::less_equal;
      case ast::Op::greater: return program::CompareOp::greater;
      case ast::Op::greater_equal: return program::CompareOp::greater_equal;
      default: return std::nullopt;
    }
  }();
  if (!op) {
    error(Code::unknown_clause, at(value).span, "`expect changed` compares the rows that a step changed with a number", "write `expect changed STEP == 1`");
    return;
  }
  const auto step = steps_.find(at(left).text);
  if (step == steps_.end()) {
    std::vector<std::string> known;
    for (const auto& [name, index] : steps_) known.emplace_back(name);
    std::sort(known.begin(), known.end());
    error(Code::unknown_step, at(left).span, fmt::format("unknown step `{}`", at(left).text), did_you_mean(at(left).text, known));
    return;
  }
  if (const auto rows = whole_number(right, "a number of rows", 0, INT64_MAX - 1)) made.changed.push_back({step->second, *op, *rows, at(value).span});
}

std::optional<TableRows> Checker::table_rows(NodeId what, NodeId value) {
  const auto [source, name] = table_path(what);
  if (source == ast::no_node) {
    error(Code::unknown_table, at(what).span, fmt::format("`{}` is no table", slice(at(what).span)), "write `given shop.orders [ … ]`, `given clock …`, `expect shop.orders [ … ]` or `expect changed STEP == 1`");
    return std::nullopt;
  }
  const BlockPtr block = table_block(what, source, name);
  if (block->broken) return std::nullopt;
  const program::TableRef ref = *block->relation->inputs[0].table;
  if (at(value).kind != NodeKind::array) {
    error(Code::type_mismatch, at(value).span, "the rows of a table stand in brackets", "write `[ { id: 1 }, { id: 2 } ]`");
    return std::nullopt;
  }
  TableRows made{.table = ref, .rows = {}, .span = at(what).span};
  for (NodeId element : ast::children(*file_, value)) {
    if (at(element).kind != NodeKind::object) {
      error(Code::type_mismatch, at(element).span, "a row is written in braces", "write `{ id: 1, total: 12.00 }`");
      continue;
    }
    GivenRow row{.values = {}, .span = at(element).span};
    for (NodeId entry : ast::children(*file_, element)) given_value(row, ref, entry);
    made.rows.push_back(std::move(row));
  }
  return made;
}

void Checker::given_value(GivenRow& row, program::TableRef ref, NodeId entry) {
  std::string name(at(entry).text);
  if (name.size() > 1 && (name.front() == '"' || name.front() == '`')) name = name.substr(1, name.size() - 2);
  const int column = column_index(ref, name);
  if (column < 0) {
    std::vector<std::string> known;
    for (const Column& of : table(ref).columns) known.push_back(of.name);
    error(Code::unknown_column, at(entry).name_span, fmt::format("`{}` has no column `{}`", shown(ref), name), did_you_mean(name, known));
    return;
  }
  const Column& of = table(ref).columns[static_cast<std::size_t>(column)];
  if (of.storage == Storage::unknown) {
    error(Code::untyped_column, at(entry).name_span, fmt::format("the type of `{}.{}` is not known", shown(ref), name), fmt::format("say it at the source: {{ column {}.{}: text }}", table(ref).name, name));
    return;
  }
  if (std::any_of(row.values.begin(), row.values.end(), [&](const auto& known) { return known.first == column; })) {
    error(Code::duplicate_assignment, at(entry).name_span, fmt::format("`{}` is given twice", name), "leave one of them out");
    return;
  }
  const auto value = constant(at(entry).first_child, of.type, fmt::format("`{}`", name));
  if (value && *value) row.values.emplace_back(column, (*value)->value);
}

}  // namespace bfl::check
