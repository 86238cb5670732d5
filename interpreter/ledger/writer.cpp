#include "interpreter/ledger/writer.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <unordered_set>

namespace bfl::ledger {
namespace {

using connect::RawRow;
using connect::RawValue;

RawValue raw(std::int64_t number) {
  RawValue value;
  value.kind = RawValue::Class::integer;
  value.integer = number;
  return value;
}

RawValue raw_text(std::string_view text) {
  RawValue value;
  value.kind = RawValue::Class::text;
  value.bytes = text;
  return value;
}

RawValue raw_blob(std::string_view bytes) {
  RawValue value;
  value.kind = RawValue::Class::blob;
  value.bytes = bytes;
  return value;
}

std::string components_text(const plan::MemoKey& key) {
  std::string text;
  for (const plan::KeyComponent& component : key.components) text += component.name + "=" + component.digest + "\n";
  return text;
}

Error superseded() {
  return {ErrorClass::held, "another run has taken the job over", {}, "look at `bfl status`; the other run goes on where this one stopped"};
}

std::string holder_text(std::string_view holder, std::string_view host, std::int64_t pid) { return fmt::format("{}@{} pid {}", holder, host, pid); }

}  // namespace

struct Writer::Statements {
  std::unique_ptr<connect::Prepared> fence, count, append, committed, last_hash, block;
};

Writer::Writer(connect::Connector& target, std::string job, Runner runner)
    : target_(target), job_(std::move(job)), runner_(std::move(runner)), statements_(std::make_unique<Statements>()) {}
Writer::~Writer() = default;

namespace {

Result<std::int64_t> run_once(connect::Connector& target, std::string_view sql, std::vector<RawValue> values) {
  auto statement = target.prepare(sql);
  if (!statement) return statement.error();
  return (*statement)->run_raw(values);
}

Result<std::int64_t> run_kept(connect::Connector& target, std::unique_ptr<connect::Prepared>& kept, std::string_view sql, std::vector<RawValue> values) {
  if (!kept) {
    auto statement = target.prepare(sql);
    if (!statement) return statement.error();
    kept = std::move(*statement);
  }
  return kept->run_raw(values);
}

Result<void> done(const Result<std::int64_t>& changed) { return changed ? Result<void>{} : Result<void>{changed.error()}; }

}  // namespace

Result<std::unique_ptr<Writer>> Writer::take_over(connect::Connector& target, const std::string& job, const Runner& runner, Timestamp now) {
  std::unique_ptr<Writer> writer(new Writer(target, job, runner));
  if (auto begun = target.begin_write(); !begun) return begun.error();
  const auto give_up = [&](Error error) {
    target.rollback();
    return error;
  };
  auto look = target.prepare("SELECT epoch, holder, host, pid, pid_start, lease_end, clock FROM bfl_job WHERE name = ?1");
  if (!look) return give_up(look.error());
  const RawValue name = raw_text(job);
  std::string holder, host;
  Process process;
  std::int64_t lease_end = 0, clock = 0;
  auto read = (*look)->query_raw({&name, 1}, [&](RawRow row) {
    writer->epoch_ = row[0].integer;
    holder = std::string(row[1].bytes);
    host = std::string(row[2].bytes);
    process = {host, row[3].integer, row[4].integer};
    lease_end = row[5].integer;
    clock = row[6].integer;
    return false;
  });
  if (!read) return give_up(read.error());
  // On this host the process itself answers; elsewhere only its lease does.
  const bool held = !holder.empty() && (host == runner.process.host ? alive(process) : lease_end > now.micros);
  if (held)
    return give_up({ErrorClass::held, fmt::format("`{}` is being run by {}, whose lease ends at {}", job, holder_text(holder, host, process.pid), format_timestamp({lease_end})), {},
                    "wait for it, or stop that process: the next run goes on where it stopped"});
  ++writer->epoch_;
  writer->clock_ = {clock == 0 ? now.micros : clock};
  auto taken = run_once(target,
                        "INSERT INTO bfl_job VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ON CONFLICT (name) DO UPDATE SET epoch = excluded.epoch, holder = excluded.holder,"
                        " host = excluded.host, pid = excluded.pid, pid_start = excluded.pid_start, lease_end = excluded.lease_end, clock = excluded.clock",
                        {name, raw(writer->epoch_), raw_text(runner.who), raw_text(runner.process.host), raw(runner.process.pid), raw(runner.process.start),
                         raw(now.micros + lease_micros), raw(writer->clock_.micros)});
  if (taken)
    taken = run_once(target, "UPDATE bfl_lane SET epoch = ?2 WHERE step IN (SELECT id FROM bfl_step WHERE job = ?1 AND state = 'open')", {name, raw(writer->epoch_)});
  if (!taken) return give_up(taken.error());
  if (auto committed = target.commit(); !committed) return give_up(committed.error());
  return writer;
}

Result<void> Writer::guarded(const std::function<Result<void>()>& body) {
  if (auto begun = target_.begin_write(); !begun) return begun;
  // Touches the job's row, so that a take-over and this transaction cannot both go through.
  auto mine = run_once(target_, "UPDATE bfl_job SET epoch = epoch WHERE name = ?1 AND epoch = ?2", {raw_text(job_), raw(epoch_)});
  Result<void> result = !mine ? Result<void>{mine.error()} : *mine == 1 ? body() : Result<void>{superseded()};
  if (result) result = target_.commit();
  if (!result && target_.in_transaction()) target_.rollback();
  return result;
}

Result<void> Writer::heartbeat(Timestamp now) {
  return guarded([&] { return done(run_once(target_, "UPDATE bfl_job SET lease_end = ?2 WHERE name = ?1", {raw_text(job_), raw(now.micros + lease_micros)})); });
}

Result<void> Writer::release(bool finished) {
  return guarded([&] {
    return done(run_once(target_, "UPDATE bfl_job SET holder = '', lease_end = 0, clock = CASE WHEN ?2 THEN 0 ELSE clock END WHERE name = ?1",
                         {raw_text(job_), raw(finished ? 1 : 0)}));
  });
}

Result<std::int64_t> Writer::open(const Opening& opening, const BlockSource& blocks) {
  std::int64_t step = 0;
  auto opened = guarded([&]() -> Result<void> {
    auto made = target_.prepare(
        "INSERT INTO bfl_step VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, 'open', ?8, 0, 0, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'), '') RETURNING id");
    if (!made) return made.error();
    const std::string components = components_text(*opening.key);
    const std::vector<RawValue> values{raw_text(job_), raw_text(opening.step), raw(opening.generation), raw_text(opening.key->digest), raw_text(components),
                                       raw_text(opening.route), raw_text(opening.schema), raw(opening.sealed_rows)};
    if (auto read = (*made)->query_raw(values, [&](RawRow row) { step = row[0].integer; return true; }); !read) return read;
    const std::string upto = encode(opening.upto);
    auto lane = run_once(target_, "INSERT INTO bfl_lane VALUES (?1, 0, ?2, 0, NULL, ?3)", {raw(step), raw(epoch_), raw_blob(upto)});
    if (!lane) return lane.error();
    if (blocks) {
      auto keep = target_.prepare("INSERT INTO bfl_stage VALUES (?1, ?2, ?3, ?4, ?5)");
      if (!keep) return keep.error();
      for (std::int64_t number = 0;; ++number) {
        auto block = blocks();
        if (!block) return block.error();
        if (!*block) break;
        const std::vector<RawValue> row{raw(step), raw(number), raw((*block)->first), raw((*block)->rows), raw_blob((*block)->bytes)};
        if (auto kept = (*keep)->run_raw(row); !kept) return kept.error();
      }
    }
    return done(run_once(target_, "UPDATE bfl_meta SET revision = revision + 1", {}));
  });
  if (!opened) return opened.error();
  return step;
}

Result<void> Writer::rekey(std::int64_t step, const plan::MemoKey& key) {
  const std::string components = components_text(key);
  return guarded([&] {
    return done(run_once(target_, "UPDATE bfl_step SET memo_key = ?2, components = ?3 WHERE id = ?1", {raw(step), raw_text(key.digest), raw_text(components)}));
  });
}

Result<std::int64_t> Writer::open_lane(std::int64_t step, const Key& upto) {
  auto lane = newest_lane(step);
  if (!lane) return lane.error();
  const std::string bytes = encode(upto);
  auto opened = guarded([&] {
    return done(run_once(target_, "INSERT INTO bfl_lane VALUES (?1, ?2, ?3, 0, NULL, ?4)", {raw(step), raw(lane->lane + 1), raw(epoch_), raw_blob(bytes)}));
  });
  if (!opened) return opened.error();
  return lane->lane + 1;
}

Result<void> Writer::close(std::int64_t step) {
  return guarded([&]() -> Result<void> {
    auto closed = run_once(target_, "UPDATE bfl_step SET state = 'done', closed = strftime('%Y-%m-%dT%H:%M:%SZ', 'now') WHERE id = ?1", {raw(step)});
    if (closed) closed = run_once(target_, "UPDATE bfl_meta SET revision = revision + 1", {});
    return done(closed);
  });
}

Result<void> Writer::record_check(const std::string& step, const plan::MemoKey& key, std::int64_t generation) {
  const std::string components = components_text(key);
  return guarded([&]() -> Result<void> {
    auto made = run_once(target_,
                         "INSERT INTO bfl_step VALUES (NULL, ?1, ?2, ?3, ?4, ?5, 'check', '', 'done', 0, 0, 0, strftime('%Y-%m-%dT%H:%M:%SZ', 'now'),"
                         " strftime('%Y-%m-%dT%H:%M:%SZ', 'now'))",
                         {raw_text(job_), raw_text(step), raw(generation), raw_text(key.digest), raw_text(components)});
    if (made) made = run_once(target_, "UPDATE bfl_meta SET revision = revision + 1", {});
    return done(made);
  });
}

Result<Lane> Writer::newest_lane(std::int64_t step) {
  auto statement = target_.prepare("SELECT lane, seq, cursor, upto FROM bfl_lane WHERE step = ?1 ORDER BY lane DESC LIMIT 1");
  if (!statement) return statement.error();
  Lane lane;
  bool sound = false;
  const RawValue id = raw(step);
  auto read = (*statement)->query_raw({&id, 1}, [&](RawRow row) {
    lane.step = step;
    lane.lane = row[0].integer;
    lane.seq = row[1].integer;
    if (row[2].kind != RawValue::Class::null) lane.cursor = decode_key(row[2].bytes);
    if (auto upto = decode_key(row[3].bytes)) lane.upto = std::move(*upto), sound = true;
    return false;
  });
  if (!read) return read.error();
  if (!sound) return Error{ErrorClass::fatal, "the ledger has no lane for an open step", {}, "the tables `bfl_…` of the target were altered; restore them"};
  return lane;
}

Result<std::optional<Writer::Block>> Writer::block_at(std::int64_t step, std::int64_t ordinal) {
  if (!statements_->block) {
    auto statement = target_.prepare("SELECT first, rows, pack FROM bfl_stage WHERE step = ?1 AND first <= ?2 ORDER BY block DESC LIMIT 1");
    if (!statement) return statement.error();
    statements_->block = std::move(*statement);
  }
  std::optional<Block> block;
  const std::vector<RawValue> values{raw(step), raw(ordinal)};
  auto read = statements_->block->query_raw(values, [&](RawRow row) {
    block = Block{row[0].integer, row[1].integer, std::string(row[2].bytes)};
    return true;
  });
  if (!read) return read.error();
  if (block && ordinal >= block->first + block->rows) block.reset();
  return block;
}

Result<std::vector<std::string>> Writer::changed_keys(const std::string& step, const std::vector<int>& key_columns) {
  auto statement = target_.prepare(
      "SELECT l.pack, l.entry FROM bfl_ledger AS l JOIN bfl_step AS s ON s.id = l.step"
      " WHERE s.job = ?1 AND s.name = ?2 AND s.state <> 'undone' AND l.pack IS NOT NULL ORDER BY l.id");
  if (!statement) return statement.error();
  std::vector<std::string> keys;
  Result<void> sound;
  const std::vector<RawValue> values{raw_text(job_), raw_text(step)};
  auto read = (*statement)->query_raw(values, [&](RawRow row) {
    const auto entry = nlohmann::json::parse(row[1].bytes, nullptr, false);
    Digest root{};
    const std::string root_hex = entry.is_object() ? entry.value("rows_root", "") : "";
    for (std::size_t i = 0; i < root.size() && root_hex.size() == 64; ++i) root[i] = static_cast<std::uint8_t>(std::stoi(root_hex.substr(i * 2, 2), nullptr, 16));
    sound = read_pack(row[0].bytes, root, [&](const Record& record) {
      if (record.kind != 'u' || !record.table.empty()) return;
      std::string key;
      for (int column : key_columns) put(key, record.before[static_cast<std::size_t>(column)].view());
      keys.push_back(std::move(key));
    });
    return bool(sound);
  });
  if (!read) return read.error();
  if (!sound) return sound.error();
  return keys;
}

Result<void> Writer::fence(const Lane& lane, const Key& hi) {
  const std::string cursor = encode(hi), upto = encode(lane.upto);
  auto moved = run_kept(target_, statements_->fence,
                        "UPDATE bfl_lane SET seq = seq + 1, cursor = ?1 WHERE step = ?2 AND lane = ?3 AND epoch = ?4 AND seq = ?5 AND upto = ?6",
                        {raw_blob(cursor), raw(lane.step), raw(lane.lane), raw(epoch_), raw(lane.seq), raw_blob(upto)});
  if (!moved) return moved.error();
  return *moved == 1 ? Result<void>{} : Result<void>{superseded()};
}

Result<bool> Writer::count(std::int64_t step, std::int64_t changed, std::int64_t conflicts, std::int64_t limit) {
  auto counted = run_kept(target_, statements_->count,
                          "UPDATE bfl_step SET changed = changed + ?2, conflicts = conflicts + ?3 WHERE id = ?1 AND (?4 < 0 OR changed + ?2 <= ?4)",
                          {raw(step), raw(changed), raw(conflicts), raw(limit)});
  if (!counted) return counted.error();
  return *counted == 1;
}

Result<void> Writer::append(const Lane& lane, const Key& hi, const Pack& pack, const ChunkFacts& facts) {
  if (previous_step_ != lane.step || previous_lane_ != lane.lane || previous_seq_ != lane.seq - 1) {
    previous_ = sha256(fmt::format("bfl lane {} of step {}", lane.lane, lane.step));
    auto last = target_.prepare("SELECT hash FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq = ?3");
    if (!last) return last.error();
    const std::vector<RawValue> values{raw(lane.step), raw(lane.lane), raw(lane.seq - 1)};
    auto read = (*last)->query_raw(values, [&](RawRow row) {
      if (row[0].bytes.size() == previous_.size()) std::copy(row[0].bytes.begin(), row[0].bytes.end(), previous_.begin());
      return true;
    });
    if (!read) return read;
  }
  // Numbers as text: JSON's own go through doubles in many readers. nlohmann::json keeps keys sorted: one text per entry.
  nlohmann::json entry{{"v", "1"},
                       {"kind", "chunk"},
                       {"run", runner_.run_id},
                       {"step", std::to_string(lane.step)},
                       {"lane", std::to_string(lane.lane)},
                       {"seq", std::to_string(lane.seq)},
                       {"from", lane.cursor ? display(*lane.cursor) : ""},
                       {"to", display(hi)},
                       {"attempt", facts.attempt},
                       {"epoch", std::to_string(epoch_)},
                       {"who", runner_.who},
                       {"host", runner_.process.host},
                       {"version", runner_.version},
                       {"script_digest", runner_.script_digest},
                       {"query", facts.query.size() > 16'384 ? facts.query.substr(0, 16'384) : facts.query},
                       {"query_digest", hex(sha256(facts.query))},
                       {"changed", std::to_string(facts.changed)},
                       {"conflicts", std::to_string(facts.conflicts)},
                       {"skipped", std::to_string(facts.skipped)},
                       {"records", std::to_string(pack.records)},
                       {"rows_root", hex(pack.root)},
                       {"previous", hex(previous_)}};
  if (!facts.earlier_errors.empty()) entry["earlier_errors"] = facts.earlier_errors.substr(0, 4096);
  const std::string text = entry.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const Digest hash = sha256(text);
  auto added = run_kept(target_, statements_->append, "INSERT INTO bfl_ledger VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6)",
                        {raw(lane.step), raw(lane.lane), raw(lane.seq), raw_text(text), raw_blob(as_bytes(hash)),
                         pack.records == 0 ? RawValue{} : raw_blob(pack.bytes)});
  if (!added) return added.error();
  previous_ = hash;
  previous_step_ = lane.step, previous_lane_ = lane.lane, previous_seq_ = lane.seq;
  return {};
}

Result<bool> Writer::committed(const Lane& lane, const std::string& attempt) {
  auto statement = target_.prepare("SELECT entry FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq = ?3");
  if (!statement) return statement.error();
  bool mine = false;
  const std::vector<RawValue> values{raw(lane.step), raw(lane.lane), raw(lane.seq)};
  auto read = (*statement)->query_raw(values, [&](RawRow row) {
    mine = row[0].bytes.find(fmt::format("\"attempt\":\"{}\"", attempt)) != std::string_view::npos;
    return false;
  });
  if (!read) return read.error();
  return mine;
}

}  // namespace bfl::ledger
