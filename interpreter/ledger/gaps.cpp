#include "interpreter/ledger/gaps.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/ledger/images.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/verify_text.h"

namespace bfl::ledger {

using connect::RawRow;
using connect::RawValue;

namespace {

// None: at the start.
std::optional<Key> end_in(const EntryFields& fields, const char* name) {
  const std::string& digits = in(fields, name);
  return digits.empty() ? std::nullopt : key_in_hex(digits);
}

std::int64_t ordinal(const std::optional<Key>& key) { return key && !key->empty() ? (*key)[0].integer : 0; }

}  // namespace

std::string Gap::rows(bool hides_keys) const {
  if (!by_key) return fmt::format("rows {} to {} of its sealed set", ordinal(from) + 1, ordinal(to));
  if (hides_keys) return "a stretch of the rows";
  return from ? fmt::format("the rows behind {} up to {}", display(*from), display(to)) : fmt::format("the rows up to {}", display(to));
}

Result<std::vector<Gap>> gaps(connect::Connector& target, const std::string& job) {
  std::vector<Gap> all;
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return all;
  OwnSql sql(target);
  bool any = false;  // a ledger that was never rebuilt has none
  auto read = sql.query("SELECT 1 FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.name = '' AND l.entry LIKE '%\"kind\":\"rebuild\"%' LIMIT 1", {},
                        [&](RawRow) { return !(any = true); });
  if (read && any)
    read = sql.query("SELECT s.id, s.job, s.name, s.generation, s.route, s.state, l.entry FROM bfl_ledger AS l JOIN bfl_step AS s ON s.id = l.step"
                     " WHERE l.entry LIKE '%\"gap\":\"yes\"%' ORDER BY l.id", {}, [&](RawRow row) {
                       if (!job.empty() && row[1].bytes != job) return true;
                       const EntryFields fields = fields_of(row[6].bytes);
                       Gap& gap = all.emplace_back();
                       gap.step = row[0].integer;
                       gap.job = std::string(row[1].bytes);
                       gap.name = std::string(row[2].bytes);
                       gap.generation = row[3].integer;
                       gap.by_key = row[4].bytes == "direct" || row[4].bytes == "whole";
                       gap.undone = row[5].bytes == "undone";
                       gap.chunks = std::strtoll(in(fields, "lost").c_str(), nullptr, 10);
                       gap.from = end_in(fields, "from");
                       gap.to = end_in(fields, "to").value_or(Key{});
                       gap.time = in(fields, "time");
                       gap.who = in(fields, "who") + "@" + in(fields, "host");
                       return true;
                     });
  if (!read) return read.error();
  for (Gap& gap : all) {
    auto tables = image_tables(target, gap.job, gap.step);
    if (!tables) return tables.error();
    if (tables->empty()) continue;
    const ImageTable& own = tables->front();
    gap.table = own.name;
    gap.schema = own.schema;
    for (const int column : own.key) gap.key.push_back(own.columns[static_cast<std::size_t>(column)]);
  }
  return all;
}

Result<void> each_lost(connect::Connector& target, const Gap& gap, const LostRow& each) {
  if (gap.by_key) return {};
  const std::int64_t from = ordinal(gap.from), to = ordinal(gap.to);
  Result<void> sound;
  auto read = OwnSql(target).query("SELECT first, root, pack FROM bfl_stage WHERE step = ?1 AND first < ?2 AND first + rows > ?3 ORDER BY block", {number(gap.step), number(to), number(from)},
                                   [&](RawRow row) {
                                     std::int64_t at = row[0].integer;
                                     Digest root{};
                                     if (row[1].bytes.size() == root.size()) std::copy(row[1].bytes.begin(), row[1].bytes.end(), root.begin());
                                     sound = read_pack(row[2].bytes, root, [&](const Record& record) {
                                       if (at >= from && at < to && record.table.empty()) each(views(record.before));
                                       ++at;
                                       return true;
                                     });
                                     return bool(sound);
                                   });
  return read ? sound : read;
}

Result<bool> may_hold(connect::Connector& target, const Gap& gap, const NamedTable& table, RawRow key) {
  if (!gap.table.empty() && table.is({gap.table, gap.schema}) == Same::no) return false;
  if (gap.by_key) {
    const Key one = key_of(key, key.size());
    if (one.size() != 1 || gap.to.size() != 1) return true;
    return compare(one, gap.to) <= 0 && (!gap.from || compare(*gap.from, one) < 0);
  }
  bool held = false;
  auto read = each_lost(target, gap, [&](RawRow planned) {
    if (planned.size() < key.size()) held = true;  // under another key than the row's
    else held = held || std::equal(key.begin(), key.end(), planned.begin(), [](const RawValue& a, const RawValue& b) { return same(a, b); });
  });
  if (!read) return read.error();
  return held;
}

}  // namespace bfl::ledger
