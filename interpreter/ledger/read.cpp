// What can be asked of the ledger without holding the job.
#include <fmt/format.h>

#include "interpreter/base/json.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/verify_text.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;

StepState state_named(std::string_view name) {
  if (name == "staging") return StepState::staging;
  if (name == "open") return StepState::open;
  return name == "done" ? StepState::done : StepState::undone;
}

// `name=digest` pairs, a line each.
std::vector<std::pair<std::string, std::string>> components_of(std::string_view text) {
  std::vector<std::pair<std::string, std::string>> all;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const auto equals = line.find('=');
    if (equals != std::string_view::npos) all.emplace_back(line.substr(0, equals), line.substr(equals + 1));
  }
  return all;
}

}  // namespace

Result<std::vector<Generation>> generations(connect::Connector& target, const std::string& job) {
  std::vector<Generation> all;
  auto laid_out = format(target);
  if (!laid_out) return laid_out.error();
  if (*laid_out == 0) return all;
  const char* plain =
      "SELECT s.id, s.name, s.generation, s.state, s.memo_key, s.components, s.route, s.schema, s.changed, s.conflicts,"
      " (SELECT CAST(coalesce(sum(l.seq), 0) AS BIGINT) FROM bfl_lane AS l WHERE l.step = s.id) FROM bfl_step AS s WHERE s.job = ?1 AND s.name <> '' ORDER "
      "BY s.id";
  const char* with_quarantine =
      "SELECT s.id, s.name, s.generation, s.state, s.memo_key, s.components, s.route, s.schema, s.changed, s.conflicts,"
      " (SELECT CAST(coalesce(sum(l.seq), 0) AS BIGINT) FROM bfl_lane AS l WHERE l.step = s.id), s.quarantined FROM bfl_step AS s"
      " WHERE s.job = ?1 AND s.name <> '' ORDER BY s.id";
  auto read = OwnSql(target).query(
      *laid_out < 4 ? plain : with_quarantine, {text(job)}, [&](RawRow row) {
        Generation g;
        g.id = row[0].integer;
        g.step = std::string(row[1].bytes);
        g.number = row[2].integer;
        g.state = state_named(row[3].bytes);
        g.memo_key = std::string(row[4].bytes);
        g.components = components_of(row[5].bytes);
        g.route = std::string(row[6].bytes);
        g.schema = std::string(row[7].bytes);
        g.changed = row[8].integer;
        g.conflicts = row[9].integer;
        g.next_seq = row[10].integer;
        if (row.size() > 11) g.quarantined = row[11].integer;
        all.push_back(std::move(g));
        return true;
      });
  if (!read) return read.error();
  return all;
}

Result<std::optional<Timestamp>> frozen_clock(connect::Connector& target, const std::string& job) {
  std::optional<Timestamp> clock;
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return clock;
  auto read = OwnSql(target).query("SELECT clock FROM bfl_job WHERE name = ?1 AND clock <> 0", {text(job)}, [&](RawRow row) {
    clock = Timestamp{row[0].integer};
    return false;
  });
  if (!read) return read.error();
  return clock;
}

Result<std::optional<Holder>> holder(connect::Connector& target, const std::string& job) {
  std::optional<Holder> found;
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return found;
  auto read = OwnSql(target).query(
      "SELECT holder, host, pid, lease_end FROM bfl_job WHERE name = ?1 AND holder <> ''", {text(job)}, [&](RawRow row) {
        found = Holder{fmt::format("{}@{} pid {}", row[0].bytes, row[1].bytes, row[2].integer), format_timestamp({row[3].integer})};
        return false;
      });
  if (!read) return read.error();
  return found;
}

EntryFields fields_of(std::string_view entry) {
  EntryFields fields;
  const auto parsed = read_json(entry);
  if (const auto* node = std::get_if<JsonNode>(&parsed); node && node->kind == JsonKind::object)
    for (std::size_t i = 0; i < node->keys.size(); ++i) fields[node->keys[i]] = node->items[i].text;
  return fields;
}

std::string field(std::string_view entry, std::string_view name) {
  const auto parsed = read_json(entry);
  const auto* node = std::get_if<JsonNode>(&parsed);
  if (node && node->kind == JsonKind::object)
    for (std::size_t i = 0; i < node->keys.size(); ++i)
      if (node->keys[i] == name) return node->items[i].text;
  return {};
}

std::optional<Digest> rows_root(std::string_view entry) { return digest_in(field(entry, "rows_root")); }

Result<void> entries(connect::Connector& target, const std::string& job, const std::function<bool(const EntryView&)>& each) {
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return {};
  return OwnSql(target).query(
      "SELECT l.step, l.lane, l.seq, l.entry, l.hash, l.pack FROM bfl_ledger AS l JOIN bfl_step AS s ON s.id = l.step WHERE s.job = ?1 "
      "ORDER BY l.id",
      {text(job)}, [&](RawRow row) {
        return each({row[0].integer, row[1].integer, row[2].integer, row[3].bytes, row[4].bytes, row[5].bytes});
      });
}

}  // namespace bfl::ledger
