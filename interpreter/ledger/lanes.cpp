// Lanes: the fence that every chunk moves, and what it says after a commit whose outcome is not known.
#include <fmt/format.h>

#include <cstdlib>

#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

using connect::RawRow;

Result<void> Writer::insert_lane(std::int64_t step, std::int64_t lane, const Key* from, const Key& upto, const Digest& opening) {
  const std::string start = from ? encode(*from) : "", end = encode(upto);
  auto made = sql_.run("INSERT INTO bfl_lane VALUES (?1, ?2, ?3, 0, ?6, ?4, ?5)",
                       {number(step), number(lane), number(epoch_), blob(end), blob(as_bytes(opening)), from ? blob(start) : connect::RawValue{}});
  return made ? Result<void>{} : Result<void>{made.error()};
}

Result<std::vector<Lane>> Writer::lanes(std::int64_t step) {
  std::vector<Lane> all;
  bool sound = true;
  auto read = sql_.query("SELECT lane, seq, cursor, upto, opening FROM bfl_lane WHERE step = ?1 ORDER BY lane", {number(step)}, [&](RawRow row) {
    Lane& lane = all.emplace_back();
    lane.step = step;
    lane.lane = row[0].integer;
    lane.seq = row[1].integer;
    if (row[2].kind != connect::RawValue::Class::null) lane.cursor = decode_key(row[2].bytes);
    auto upto = decode_key(row[3].bytes);
    sound = sound && upto && (lane.cursor || row[2].kind == connect::RawValue::Class::null) && row[4].bytes.size() == lane.opening.size();
    if (sound) {
      lane.upto = std::move(*upto);
      std::copy(row[4].bytes.begin(), row[4].bytes.end(), lane.opening.begin());
    }
    return sound;
  });
  if (!read) return read.error();
  if (!sound || all.empty())
    return Error{ErrorClass::fatal,
                 "the ledger has no sound lane for an open step",
                 {},
                 "the tables `bfl_…` of the target were altered; restore them"};
  return all;
}

Result<Lane> Writer::newest_lane(std::int64_t step) {
  auto all = lanes(step);
  if (!all) return all.error();
  return std::move(all->back());
}

Result<Writer::Counts> Writer::recount(std::int64_t step) {
  Counts counts;
  auto counted = guarded([&]() -> Result<void> {
    counts = {};
    auto all = lanes(step);
    if (!all) return all.error();
    constexpr std::int64_t together = 1'000;  // entries in memory
    for (const Lane& lane : *all)
      for (std::int64_t seq = 0; seq < lane.seq; seq += together) {
        auto read = sql_.query("SELECT entry FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq >= ?3 AND seq < ?4",
                               {number(step), number(lane.lane), number(seq), number(seq + together)}, [&](RawRow row) {
                                 counts.changed += std::strtoll(field(row[0].bytes, "changed").c_str(), nullptr, 10);
                                 counts.conflicts += std::strtoll(field(row[0].bytes, "conflicts").c_str(), nullptr, 10);
                                 counts.quarantined += std::strtoll(field(row[0].bytes, "quarantined").c_str(), nullptr, 10);
                                 return true;
                               });
        if (!read) return read;
      }
    auto changed = sql_.run("UPDATE bfl_step SET changed = ?2, conflicts = ?3, quarantined = ?4 WHERE id = ?1",
                            {number(step), number(counts.changed), number(counts.conflicts), number(counts.quarantined)});
    return changed ? Result<void>{} : Result<void>{changed.error()};
  });
  if (!counted) return counted.error();
  return counts;
}

Result<void> Writer::fence(const Lane& lane, const Key& hi) {
  const std::string cursor = encode(hi), upto = encode(lane.upto), from = lane.cursor ? encode(*lane.cursor) : "", start;
  auto moved =
      sql_.run("UPDATE bfl_lane SET seq = seq + 1, cursor = ?1 WHERE step = ?2 AND lane = ?3 AND epoch = ?4 AND seq = ?5 AND upto = ?6"
               " AND coalesce(cursor, ?7) = ?8",
               {blob(cursor), number(lane.step), number(lane.lane), number(epoch_), number(lane.seq), blob(upto), blob(start), blob(from)});
  if (!moved) return moved.error();
  return *moved == 1 ? Result<void>{} : Result<void>{superseded()};
}

Result<bool> Writer::committed(const Lane& lane, const std::string& attempt) {
  std::int64_t epoch = -1, seq = -1;
  auto read =
      sql_.query("SELECT epoch, seq FROM bfl_lane WHERE step = ?1 AND lane = ?2 FOR UPDATE", {number(lane.step), number(lane.lane)}, [&](RawRow row) {
        epoch = row[0].integer;
        seq = row[1].integer;
        return false;
      });
  if (!read) return read.error();
  if (seq < lane.seq)
    return Error{ErrorClass::refused,
                 fmt::format("the target shows {} chunks of the step, and {} were committed: it was restored to an older state",
                             std::max<std::int64_t>(seq, 0), lane.seq)};
  if (epoch != epoch_) return superseded();
  if (seq == lane.seq) return false;
  bool mine = false;
  read = sql_.query("SELECT entry FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq = ?3",
                    {number(lane.step), number(lane.lane), number(lane.seq)}, [&](RawRow row) {
                      mine = field(row[0].bytes, "attempt") == attempt;
                      return false;
                    });
  if (!read) return read.error();
  return mine ? Result<bool>{true} : Result<bool>{superseded()};
}

}  // namespace bfl::ledger
