#include "interpreter/run/families.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "interpreter/ledger/own_sql.h"

namespace bfl::run {
namespace {

using connect::RawRow;
using connect::RawValue;
using ledger::Short;

std::vector<RawValue> values_of(RawRow row, const std::vector<int>& columns) {
  std::vector<RawValue> values;
  for (const int column : columns) values.push_back(row[static_cast<std::size_t>(column)]);
  return values;
}

// The values that a child and its parent share, and by which foreign key; nothing where one is null.
std::optional<Short> family(std::size_t bond, const std::vector<RawValue>& shared) {
  if (std::any_of(shared.begin(), shared.end(), [](const RawValue& value) { return value.kind == RawValue::Class::null; })) return std::nullopt;
  std::vector<RawValue> named{ledger::number(static_cast<std::int64_t>(bond))};
  named.insert(named.end(), shared.begin(), shared.end());
  return ledger::short_digest(named);
}

}  // namespace

Families::Families(const program::Program& program, const program::Step& step, connect::Connector& target) : target_(target) {
  std::vector<const Table*> tables{&program.table(step.target)};
  for (const program::TableRef ref : step.cascades) tables.push_back(&program.table(ref));
  for (const ForeignKey& key : program.catalogues[static_cast<std::size_t>(step.target.source)].foreign_keys) {
    const auto named = [&](const std::string& name) {
      const auto found = std::find_if(tables.begin(), tables.end(), [&](const Table* table) { return table->name == name; });
      return found == tables.end() ? nullptr : *found;
    };
    const Table *child = named(key.table), *parent = named(key.parent);
    if (!child || !parent || child == parent || key.columns.size() != key.parent_columns.size()) continue;
    const auto called = [&](const Table* table) { return table == tables.front() ? std::string() : table->name; };
    Bond& bond = bonds_.emplace_back(Bond{called(child), called(parent), {}, {}, {}});
    std::string where;
    for (std::size_t i = 0; i < key.columns.size(); ++i) {
      bond.child_columns.push_back(child->column_index(key.columns[i]));
      bond.parent_columns.push_back(parent->column_index(key.parent_columns[i]));
      const Column& of = parent->columns[static_cast<std::size_t>(bond.parent_columns.back())];
      const bool postgres = target.engine() == "postgres";
      where += fmt::format("{}{} = {}{}{}", i == 0 ? "" : " AND ", lower::quote_identifier(key.columns[i]), postgres ? '$' : '?', i + 1, postgres ? "::" + of.declared : "");
      bond.count.parameters.push_back(lower::wire_of(of));
    }
    bond.count.text = fmt::format("SELECT count(*) FROM {} WHERE {}", lower::qualified(*child), where);
    bond.count.columns = {lower::wire_of(Type{Kind::integer})};
  }
}

std::vector<Short> Families::families_of(const std::string& table, RawRow row) const {
  std::vector<Short> all;
  for (std::size_t i = 0; i < bonds_.size(); ++i)
    for (const bool as_child : {true, false})
      if ((as_child ? bonds_[i].child : bonds_[i].parent) == table)
        if (const auto known = family(i, values_of(row, as_child ? bonds_[i].child_columns : bonds_[i].parent_columns))) all.push_back(*known);
  return all;
}

Result<void> Families::saw(const std::string& table, RawRow row, bool changed) {
  if (changed)
    for (const Short& known : families_of(table, row)) alone_.insert(known);
  for (std::size_t i = 0; i < bonds_.size(); ++i) {
    Bond& bond = bonds_[i];
    if (bond.child == table && !changed)
      if (const auto known = family(i, values_of(row, bond.child_columns))) ++children_[*known];
    if (bond.parent != table) continue;
    const std::vector<RawValue> shared = values_of(row, bond.parent_columns);
    const auto known = family(i, shared);
    if (!known) continue;
    if (!bond.prepared) {
      auto prepared = target_.prepare(bond.count, {});
      if (!prepared) return prepared.error();
      bond.prepared = std::move(*prepared);
    }
    std::int64_t now = 0;
    auto read = bond.prepared->query_raw(shared, [&](RawRow counted) {
      now = counted[0].kind == RawValue::Class::integer ? counted[0].integer : std::strtoll(std::string(counted[0].bytes).c_str(), nullptr, 10);
      return false;
    });
    if (!read) return read;
    const auto planned = children_.find(*known);
    if (now > (planned == children_.end() ? 0 : planned->second)) alone_.insert(*known);
  }
  return {};
}

bool Families::left_alone(const std::string& table, RawRow row) const {
  const std::vector<Short> all = families_of(table, row);
  return std::any_of(all.begin(), all.end(), [&](const Short& known) { return alone_.contains(known); });
}

bool Families::spread(const std::string& table, RawRow row) {
  if (!left_alone(table, row)) return false;
  bool more = false;
  for (const Short& known : families_of(table, row)) more |= alone_.insert(known).second;
  return more;
}

}  // namespace bfl::run
