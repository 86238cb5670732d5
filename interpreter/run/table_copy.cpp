#include "interpreter/run/table_copy.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/ledger/stored.h"
#include "interpreter/lower/keyed.h"

namespace bfl::run {
namespace {

constexpr std::size_t rows_a_batch = 500;

void add(Digest& sum, const Digest& more) {
  unsigned carry = 0;
  for (std::size_t i = sum.size(); i-- > 0;) {
    carry += static_cast<unsigned>(sum[i]) + static_cast<unsigned>(more[i]);
    sum[i] = static_cast<Digest::value_type>(carry & 0xff);
    carry >>= 8;
  }
}

}  // namespace

Result<TableFigures> figures_of(connect::Connector& connector, const program::Program& program, program::TableRef table) {
  TableFigures figures;
  Result<std::unique_ptr<connect::Prepared>> all = connector.prepare(lower::whole_table(program, table, lower::dialect_of(connector.engine())), eval::Context{});
  if (!all) return all.error();
  auto read = (*all)->query_raw({}, [&](connect::RawRow row) {
    ++figures.rows;
    add(figures.sum, sha256(ledger::encode(ledger::key_of(row, row.size()))));
    return true;
  });
  if (!read) return read.error();
  return figures;
}

Result<std::int64_t> copy_rows(connect::Connector& from, const program::Program& program, program::TableRef ref, connect::Connector& to, const Catalogue& there, std::int64_t most) {
  const Table& table = program.table(ref);
  const auto found = std::find_if(there.tables.begin(), there.tables.end(), [&](const Table& other) { return other.name == table.name; });
  if (found == there.tables.end()) return Error{ErrorClass::fatal, fmt::format("the copy has no table `{}`", table.name)};
  program::Program made;
  made.sources = program.sources;
  made.catalogues.resize(program.catalogues.size());
  made.catalogues[static_cast<std::size_t>(ref.source)] = there;
  program::Step step;
  step.kind = program::StepKind::insert;
  step.target = {ref.source, static_cast<int>(found - there.tables.begin())};
  const lower::Dialect dialect = lower::dialect_of(to.engine());
  const lower::KeyedWrite write = lower::keyed_write(made, step, dialect);
  lower::Statement all = lower::whole_table(program, ref, dialect);
  if (const Key* key = table.identity(); key && most >= 0 && dialect == lower::Dialect::postgres) {  // which calls the table `w` there
    std::string columns;
    for (const int column : key->columns) columns += (columns.empty() ? "w." : ", w.") + lower::quote_identifier(table.columns[static_cast<std::size_t>(column)].name);
    all.text += " ORDER BY " + columns;
  }
  if (most >= 0) all.text += fmt::format(" LIMIT {}", most);
  all.many = true;
  auto select = from.prepare(all, eval::Context{});
  if (!select) return select.error();
  auto insert = to.prepare(write.add, eval::Context{});
  if (!insert) return insert.error();
  std::int64_t copied = 0;
  Result<void> sound;
  std::vector<ledger::Key> rows;
  const auto put = [&] {
    std::vector<connect::Prepared::Parameters> sets;
    for (const ledger::Key& row : rows) {
      connect::Prepared::Parameters& set = sets.emplace_back();
      for (const int column : write.added) set.push_back(row[static_cast<std::size_t>(column)].view());
    }
    sound = (*insert)->run_each(sets, [](std::size_t) {}, [](std::size_t, std::int64_t) {});
    copied += static_cast<std::int64_t>(rows.size());
    rows.clear();
    return bool(sound);
  };
  auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
    rows.push_back(ledger::key_of(row, row.size()));
    return rows.size() < rows_a_batch || put();
  });
  if (!read) return read.error();
  if (sound && !rows.empty()) put();
  if (!sound) return sound.error();
  return copied;
}

}  // namespace bfl::run
