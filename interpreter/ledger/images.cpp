#include "interpreter/ledger/images.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/ledger/own_sql.h"

namespace bfl::ledger {

using connect::RawRow;
using connect::RawValue;

Result<std::vector<ImagePack>> image_packs(connect::Connector& target, std::int64_t step) {
  std::vector<ImagePack> all;
  auto read = OwnSql(target).query("SELECT lane, seq, entry FROM bfl_ledger WHERE step = ?1 AND pack IS NOT NULL ORDER BY id", {number(step)}, [&](RawRow row) {
    const auto counted = [&](const char* name) { return std::strtoll(field(row[2].bytes, name).c_str(), nullptr, 10); };
    const std::int64_t images = counted("records") - counted("conflicts") - counted("skipped") - counted("quarantined");
    if (images > 0) all.push_back({step, row[0].integer, row[1].integer, images, field(row[2].bytes, "run")});
    return true;
  });
  if (!read) return read.error();
  return all;
}

Result<std::vector<Record>> images(connect::Connector& target, const ImagePack& pack) {
  std::vector<Record> all;
  Result<void> sound = Error{ErrorClass::refused, "the entry is missing"};
  auto read = OwnSql(target).query("SELECT entry, pack FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq = ?3", {number(pack.step), number(pack.lane), number(pack.seq)},
                                   [&](RawRow row) {
                                     sound = read_pack(row[1].bytes, rows_root(row[0].bytes).value_or(Digest{}), [&](const Record& record) {
                                       if (record.kind == 'u' || record.kind == 'i' || record.kind == 'd') all.push_back(record);
                                       return true;
                                     });
                                     return true;
                                   });
  if (!read) return read.error();
  if (sound && static_cast<std::int64_t>(all.size()) != pack.images) sound = Error{ErrorClass::refused, "its pack holds other rows than its entry counts"};
  if (!sound)
    return Error{ErrorClass::refused, fmt::format("bfl_ledger, step {}, lane {}, seq {}: {}", pack.step, pack.lane, pack.seq, sound.error().message), {},
                 "the ledger was altered or damaged: `bfl audit verify` names every place"};
  return all;
}

Result<std::vector<ImageTable>> image_tables(connect::Connector& target, const std::string& job, std::int64_t step) {
  std::vector<ImageTable> tables;
  auto read = OwnSql(target).query(
      "SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = '' ORDER BY l.seq", {text(job)}, [&](RawRow row) {
        if (row[0].bytes.find("\"kind\":\"open\"") == std::string_view::npos || field(row[0].bytes, "step_row") != std::to_string(step)) return true;
        tables = described_tables(field(row[0].bytes, "tables"));
        return false;
      });
  if (!read) return read.error();
  return tables;
}

Result<std::vector<Later>> later_changes(connect::Connector& target, std::int64_t step, const std::string& table) {
  std::vector<Later> all;
  auto read = OwnSql(target).query(
      "SELECT DISTINCT k.step, s.job, s.name, s.generation FROM bfl_key AS k JOIN bfl_step AS s ON s.id = k.step"
      " WHERE k.name = ?1 AND k.step > ?2 AND s.state <> 'undone' AND s.route <> 'undo' ORDER BY k.step",
      {text(table), number(step)}, [&](RawRow row) {
        all.push_back({row[0].integer, std::string(row[1].bytes), std::string(row[2].bytes), row[3].integer});
        return true;
      });
  if (!read) return read.error();
  return all;
}

Result<void> add_changed_keys(connect::Connector& target, const Later& later, const std::string& table, Keys& keys, const std::vector<ImagePack>& without) {
  auto tables = image_tables(target, later.job, later.step);
  if (!tables) return tables.error();
  const auto described = std::find_if(tables->begin(), tables->end(), [&](const ImageTable& t) { return t.name == table; });
  if (described == tables->end()) return {};
  auto packs = image_packs(target, later.step);
  if (!packs) return packs.error();
  for (const ImagePack& pack : *packs) {
    if (std::any_of(without.begin(), without.end(), [&](const ImagePack& other) { return other.step == pack.step && other.lane == pack.lane && other.seq == pack.seq; })) continue;
    auto records = images(target, pack);
    if (!records) return records.error();
    for (const Record& record : *records) {
      if (described == tables->begin() ? !record.table.empty() : record.table != table) continue;
      if (record.kind != 'i') keys.insert(short_digest(key_in(row_before(record), described->key)));
      if (record.kind != 'd') keys.insert(short_digest(key_in(row_after(record, described->columns.size()), described->key)));
    }
  }
  return {};
}

std::vector<Stored> row_after(const Record& record, std::size_t columns) {
  if (record.kind == 'd') return {};
  std::vector<Stored> row;
  if (record.kind == 'u') row = record.before;
  row.resize(columns);
  for (const auto& [column, value] : record.after)
    if (column >= 0 && static_cast<std::size_t>(column) < columns) row[static_cast<std::size_t>(column)] = value;
  return row;
}

std::vector<Stored> row_before(const Record& record) { return record.kind == 'i' ? std::vector<Stored>{} : record.before; }

std::vector<RawValue> key_in(const std::vector<Stored>& row, const std::vector<int>& key) {
  std::vector<RawValue> values;
  for (const int column : key) values.push_back(static_cast<std::size_t>(column) < row.size() ? row[static_cast<std::size_t>(column)].view() : RawValue{});
  return values;
}

}  // namespace bfl::ledger
