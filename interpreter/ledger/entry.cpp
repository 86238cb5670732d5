// Entries: one canonical text each, hung on the one before it in its lane.
#include "interpreter/base/json.h"
#include "interpreter/base/secrets.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

using connect::RawRow;

namespace {

constexpr std::size_t most_bytes = 60'000;  // a transparency log takes entries of 64 KiB

// Keys sorted, no white space, every value a text: numbers would go through doubles in many readers.
std::string canonical(const std::map<std::string, std::string>& fields) {
  std::string out = "{";
  for (const auto& [name, value] : fields) {
    if (out.size() > 1) out += ',';
    append_json_text(out, name);
    out += ':';
    append_json_text(out, valid_utf8(value) ? value : "hex:" + hex(value));
  }
  return out + "}";
}

std::string text_of(std::map<std::string, std::string>& fields) {
  std::string text = canonical(fields);
  // What may be long, the least missed first; its digest stays.
  for (const char* name : {"statement_text", "reads", "keeps", "measured", "earlier_errors", "parameters_text", "from", "to", "upto", "tables"}) {
    if (text.size() < most_bytes) break;
    const auto found = fields.find(name);
    if (found == fields.end() || found->second.empty()) continue;
    found->second = "sha256:" + hex(sha256(found->second));
    text = canonical(fields);
  }
  return text;
}

}  // namespace

Result<std::optional<Digest>> Writer::hash_of(std::int64_t step, std::int64_t lane, std::int64_t seq) {
  std::optional<Digest> hash;
  auto read = sql_.query("SELECT hash FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq = ?3",
                         {number(step), number(lane), number(seq)}, [&](RawRow row) {
                           Digest found{};
                           if (row[0].bytes.size() == found.size()) {
                             std::copy(row[0].bytes.begin(), row[0].bytes.end(), found.begin());
                             hash = found;
                           }
                           return true;
                         });
  if (!read) return read.error();
  return hash;
}

Result<Digest> Writer::insert_entry(std::int64_t step, std::int64_t lane, std::int64_t seq, const char* kind, const Digest* previous,
                                    Fields fields, std::string_view pack) {
  fields["v"] = "1";
  fields["kind"] = kind;
  fields["job"] = job_;
  fields["run"] = runner_.run_id;
  fields["seq"] = std::to_string(seq);
  fields["epoch"] = std::to_string(epoch_);
  fields["who"] = runner_.who;
  fields["host"] = runner_.process.host;
  fields["version"] = runner_.version;
  fields["script"] = runner_.script_digest;
  fields["parameters"] = hex(sha256(runner_.parameters));
  fields["time"] = format_timestamp(runner_.now());
  fields["previous"] = previous ? hex(*previous) : "";
  for (auto& [name, value] : fields) value = without_secrets(std::move(value));
  const std::string entry = text_of(fields);
  const Digest hash = sha256(entry);
  auto added = sql_.run(
      "INSERT INTO bfl_ledger (step, lane, seq, entry, hash, pack) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      {number(step), number(lane), number(seq), text(entry), blob(as_bytes(hash)), pack.empty() ? connect::RawValue{} : blob(pack)});
  if (!added) return added.error();
  return hash;
}

Result<Digest> Writer::note(const char* kind, Fields fields) {
  std::int64_t own = 0, seq = 0;
  auto find = [&] {
    return sql_.query(
        "SELECT s.id, l.seq FROM bfl_step AS s JOIN bfl_lane AS l ON l.step = s.id AND l.lane = 0 WHERE s.job = ?1 AND s.name = ''",
        {text(job_)}, [&](RawRow row) {
          own = row[0].integer;
          seq = row[1].integer;
          return true;
        });
  };
  if (auto found = find(); !found) return found.error();
  if (own == 0) {
    const std::string now = format_timestamp(runner_.now());
    auto made = sql_.run("INSERT INTO bfl_step (job, name, generation, memo_key, components, route, schema, state, sealed_rows, changed, conflicts, opened, closed)"
                         " VALUES (?1, '', 0, '', '', 'job', '', 'job', 0, 0, 0, ?2, '')",
                         {text(job_), text(now)});
    fields["opened"] = now;
    if (made)
      made = sql_.run("INSERT INTO bfl_lane SELECT id, 0, 0, 0, NULL, ?2, ?2 FROM bfl_step WHERE job = ?1 AND name = ''", {text(job_), blob("")});
    if (!made) return made.error();
    if (auto found = find(); !found) return found.error();
  }
  std::optional<Digest> previous;
  if (seq > 0) {
    auto hash = hash_of(own, 0, seq - 1);
    if (!hash) return hash.error();
    previous = *hash;
  }
  if (auto moved = sql_.run("UPDATE bfl_lane SET seq = seq + 1 WHERE step = ?1 AND lane = 0", {number(own)}); !moved) return moved.error();
  return insert_entry(own, 0, seq, kind, previous ? &*previous : nullptr, std::move(fields), {});
}

Result<void> Writer::bridge(const Lane& lane, const Key& hi, std::int64_t chunks) {
  return guarded([&]() -> Result<void> {
    if (auto moved = fence(lane, hi); !moved) return moved;
    return append(lane, hi, PackWriter().finish(), {.query = {}, .attempt = runner_.run_id, .earlier_errors = {}, .lost = chunks});
  });
}

Result<void> Writer::append(const Lane& lane, const Key& hi, const Pack& pack, const ChunkFacts& facts) {
  auto step = facts_of(lane.step);
  if (!step) return step.error();
  Digest previous = lane.opening;
  if (lane.seq > 0) {
    auto hash = hash_of(lane.step, lane.lane, lane.seq - 1);
    if (!hash) return hash.error();
    if (!*hash)
      return Error{ErrorClass::fatal,
                   "the ledger lacks the entry of the chunk before",
                   {},
                   "the tables `bfl_…` of the target were altered; restore them"};
    previous = **hash;
  }
  Fields fields{{"step", (*step)->name},
                {"step_row", std::to_string(lane.step)},
                {"generation", std::to_string((*step)->generation)},
                {"lane", std::to_string(lane.lane)},
                {"from", lane.cursor ? hex(encode(*lane.cursor)) : ""},
                {"to", hex(encode(hi))},
                {"attempt", facts.attempt},
                {"statement", hex(sha256(facts.query))},
                {"schema", (*step)->schema},
                {"changed", std::to_string(facts.changed)},
                {"conflicts", std::to_string(facts.conflicts)},
                {"skipped", std::to_string(facts.skipped)},
                {"records", std::to_string(pack.records)},
                {"rows_root", hex(pack.root)}};
  // The rows alone leave room in the form of a pack: not every bit of it comes out as a row.
  if (!pack.bytes.empty()) fields["pack"] = hex(sha256(pack.bytes));
  if (facts.lost > 0) fields["gap"] = "yes", fields["lost"] = std::to_string(facts.lost);
  if (facts.quarantined > 0) fields["quarantined"] = std::to_string(facts.quarantined);
  if (!facts.earlier_errors.empty()) fields["earlier_errors"] = facts.earlier_errors.substr(0, 4'000);
  if (!pack.keys.empty()) fields["keys"] = key_index_digest(pack.keys);
  for (const KeyIndex& keys : pack.keys) {
    auto indexed = sql_.run("INSERT INTO bfl_key (step, lane, seq, name, low, high, detail) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                            {number(lane.step), number(lane.lane), number(lane.seq), text(keys.table), blob(keys.low), blob(keys.high), blob(keys.detail)});
    if (!indexed) return indexed.error();
  }
  auto added = insert_entry(lane.step, lane.lane, lane.seq, "chunk", &previous, std::move(fields), pack.bytes);
  return added ? Result<void>{} : Result<void>{added.error()};
}

}  // namespace bfl::ledger
