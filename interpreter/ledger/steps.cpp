// Generations: opened, accepted under another text, closed; each in a transaction that raises the revision of the target.
#include <fmt/format.h>

#include <algorithm>

#include "interpreter/ledger/gaps.h"
#include "interpreter/ledger/merkle.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {

using connect::RawRow;

namespace {

std::string components_text(const plan::MemoKey& key) {
  std::string all;
  for (const plan::KeyComponent& component : key.components) all += component.name + "=" + component.digest + "\n";
  return all;
}

std::string schema_of(const plan::MemoKey& key) {
  for (const plan::KeyComponent& component : key.components)
    if (component.name == "schema") return component.digest;
  return {};
}

Result<void> ended(const Result<std::int64_t>& changed) { return changed ? Result<void>{} : Result<void>{changed.error()}; }

}  // namespace

Result<std::int64_t> Writer::insert_step(const std::string& name, std::int64_t generation, const plan::MemoKey& key,
                                         const std::string& route, const char* state, std::int64_t sealed_rows, Fields& fields) {
  const std::string components = components_text(key), schema = schema_of(key), now = format_timestamp(runner_.now());
  const bool done = std::string_view(state) == "done";
  std::int64_t id = 0;
  auto made = sql_.query("INSERT INTO bfl_step (job, name, generation, memo_key, components, route, schema, state, sealed_rows, changed, conflicts, opened, closed)"
                         " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, ?10, ?11) RETURNING id",
                         {text(job_), text(name), number(generation), text(key.digest), text(components), text(route), text(schema),
                          text(state), number(sealed_rows), text(now), text(done ? now : "")},
                         [&](RawRow row) {
                           id = row[0].integer;
                           return true;
                         });
  if (!made) return made.error();
  facts_[id] = {name, schema, generation};
  fields["step"] = name;
  fields["step_row"] = std::to_string(id);
  fields["generation"] = std::to_string(generation);
  fields["route"] = route;
  fields["memo_key"] = key.digest;
  fields["components"] = hex(sha256(components));
  fields["schema"] = schema;
  fields["opened"] = now;
  return id;
}

Result<void> Writer::raise_revision() { return ended(sql_.run("UPDATE bfl_meta SET revision = revision + 1")); }

Result<std::int64_t> Writer::open(const Opening& opening, const BlockSource& blocks) {
  std::int64_t id = 0;
  auto opened = guarded([&]() -> Result<void> {
    const Key& first_end = opening.cuts.empty() ? opening.upto : opening.cuts[0];
    Fields fields{{"why", runner_.why}, {"ticket", runner_.ticket}, {"owner", runner_.owner}, {"upto", hex(encode(first_end))}, {"statement", hex(sha256(opening.statement))}, {"statement_text", opening.statement}, {"tables", opening.tables}};
    auto made = insert_step(opening.step, opening.generation, *opening.key, opening.route, "open", opening.sealed_rows, fields);
    if (!made) return made.error();
    id = *made;
    if (opening.also)
      if (auto also = opening.also(); !also) return also;
    if (!opening.measured.empty()) fields["measured"] = opening.measured;
    if (!opening.keeps.empty()) fields["keeps"] = opening.keeps;
    if (!opening.reads.empty()) fields["reads"] = opening.reads;
    if (!opening.stage_share.empty()) {
      fields["stage"] = "1";
      fields["share"] = opening.stage_share;
      fields["stage_rows"] = std::to_string(opening.stage_rows);
    }
    if (blocks) {
      MerkleTree roots;  // over the blocks: the seal
      for (std::int64_t block = 0;; ++block) {
        auto next = blocks(block == 0);
        if (!next) return next.error();
        if (!*next) break;
        roots.add({}, sealed_leaf(**next));
        auto kept = sql_.run("INSERT INTO bfl_stage VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                             {number(id), number(block), number((*next)->first), number((*next)->rows), blob(as_bytes((*next)->root)),
                              blob((*next)->bytes)});
        if (!kept) return kept.error();
      }
      fields["sealed_rows"] = std::to_string(opening.sealed_rows);
      fields["sealed_root"] = hex(roots.root());
    }
    auto hash = note("open", std::move(fields));
    if (!hash) return hash.error();
    if (auto lane = insert_lane(id, 0, nullptr, first_end, *hash); !lane) return lane;
    for (std::size_t i = 0; i < opening.cuts.size(); ++i) {
      const Key& end = i + 1 < opening.cuts.size() ? opening.cuts[i + 1] : opening.upto;
      if (auto lane = add_lane(id, static_cast<std::int64_t>(i) + 1, &opening.cuts[i], end); !lane) return lane;
    }
    return raise_revision();
  });
  if (!opened) return opened.error();
  return id;
}

Result<void> Writer::rekey(std::int64_t step, const plan::MemoKey& key) {
  return guarded([&]() -> Result<void> {
    auto facts = facts_of(step);
    if (!facts) return facts.error();
    std::string before;
    auto read = sql_.query("SELECT memo_key FROM bfl_step WHERE id = ?1", {number(step)}, [&](RawRow row) {
      before = std::string(row[0].bytes);
      return false;
    });
    if (!read) return read;
    const std::string components = components_text(key), schema = schema_of(key);
    auto changed = sql_.run("UPDATE bfl_step SET memo_key = ?2, components = ?3, schema = ?4 WHERE id = ?1",
                            {number(step), text(key.digest), text(components), text(schema)});
    if (!changed) return changed.error();
    (*facts)->schema = schema;
    auto noted = note("accept", {{"step", (*facts)->name},
                                 {"step_row", std::to_string(step)},
                                 {"generation", std::to_string((*facts)->generation)},
                                 {"memo_key", key.digest},
                                 {"memo_key_before", before},
                                 {"components", hex(sha256(components))},
                                 {"schema", schema}});
    return noted ? raise_revision() : Result<void>{noted.error()};
  });
}

Result<void> Writer::add_lane(std::int64_t step, std::int64_t lane, const Key* from, const Key& upto) {
  auto facts = facts_of(step);
  if (!facts) return facts.error();
  Fields fields{{"step", (*facts)->name}, {"step_row", std::to_string(step)}, {"lane", std::to_string(lane)}, {"upto", hex(encode(upto))}};
  if (from) fields["from"] = hex(encode(*from));
  auto hash = note("lane", std::move(fields));
  if (!hash) return hash.error();
  return insert_lane(step, lane, from, upto, *hash);
}

Result<void> Writer::open_lane(std::int64_t step, const Key& upto) {
  return guarded([&]() -> Result<void> {
    auto newest = newest_lane(step);
    if (!newest) return newest.error();
    return add_lane(step, newest->lane + 1, nullptr, upto);
  });
}

namespace {

// The generation that an undo has put back whole; none: it was of a part, or is no undo.
Result<std::optional<std::int64_t>> put_back_whole(OwnSql& sql, connect::Connector& target, std::int64_t undo) {
  std::optional<std::int64_t> undone;
  std::string job;
  auto read = sql.query("SELECT components, job FROM bfl_step WHERE id = ?1 AND route = 'undo'", {number(undo)}, [&](RawRow row) {
    const std::string components = "\n" + std::string(row[0].bytes);
    job = row[1].bytes;
    constexpr std::string_view undoes = "\nundoes=";
    const auto at = components.find(undoes);
    if (at != std::string::npos && components.find("\nkeys=") == std::string::npos && components.find("\nruns=") == std::string::npos)
      undone = std::strtoll(components.c_str() + at + undoes.size(), nullptr, 10);
    return false;
  });
  if (!read) return read.error();
  if (!undone) return undone;
  auto lost = gaps(target, job);
  if (!lost) return lost.error();
  if (std::any_of(lost->begin(), lost->end(), [&](const Gap& gap) { return gap.step == *undone; })) undone.reset();
  return undone;
}

}  // namespace

Result<void> Writer::close(std::int64_t step, std::optional<std::int64_t> undone, std::optional<std::int64_t> again) {
  return guarded([&]() -> Result<void> {
    auto facts = facts_of(step);
    if (!facts) return facts.error();
    Fields fields{{"step", (*facts)->name}, {"step_row", std::to_string(step)}, {"generation", std::to_string((*facts)->generation)}};
    auto read =
        sql_.query("SELECT changed, conflicts, (SELECT CAST(coalesce(sum(seq), 0) AS BIGINT) FROM bfl_lane WHERE step = ?1), quarantined FROM bfl_step WHERE id = ?1",
                   {number(step)}, [&](RawRow row) {
                     fields["changed"] = std::to_string(row[0].integer);
                     fields["conflicts"] = std::to_string(row[1].integer);
                     fields["chunks"] = std::to_string(row[2].integer);
                     if (row[3].integer > 0) fields["quarantined"] = std::to_string(row[3].integer);
                     return false;
                   });
    if (!read) return read;
    const std::string now = format_timestamp(runner_.now());
    fields["closed"] = now;
    if (auto closed = sql_.run("UPDATE bfl_step SET state = 'done', closed = ?2 WHERE id = ?1", {number(step), text(now)}); !closed)
      return closed.error();
    auto noted = note("close", std::move(fields));
    if (noted && undone) noted = turn(step, *undone, "undone");
    // What is done again may be an undo: what that had put back is undone again, and so on.
    for (const char* state = "done"; noted && again; state = state[0] == 'd' ? "undone" : "done") {
      noted = turn(step, *again, state);
      auto below = put_back_whole(sql_, target_, *again);
      if (!below) return below.error();
      again = *below;
    }
    return noted ? raise_revision() : Result<void>{noted.error()};
  });
}

Result<void> Writer::abandon(std::int64_t step) {
  return guarded([&]() -> Result<void> {
    auto turned = turn(step, step, "undone");
    return turned ? Result<void>{} : Result<void>{turned.error()};
  });
}

Result<Digest> Writer::turn(std::int64_t by, std::int64_t step, const char* state) {
  auto facts = facts_of(step);
  if (!facts) return facts.error();
  if (auto turned = sql_.run("UPDATE bfl_step SET state = ?2 WHERE id = ?1", {number(step), text(state)}); !turned) return turned.error();
  return note("turn", {{"step", (*facts)->name}, {"step_row", std::to_string(step)}, {"generation", std::to_string((*facts)->generation)}, {"state", state}, {"by", std::to_string(by)}});
}

Result<void> Writer::keep(const std::vector<Keeping>& all, const std::function<Result<std::vector<std::int64_t>>()>& fill) {
  return guarded([&]() -> Result<void> {
    auto rows = fill();
    if (!rows) return rows.error();
    for (std::size_t i = 0; i < all.size(); ++i) {
      Fields fields{{"rows", std::to_string((*rows)[i])}};
      if (!all[i].keeps.empty()) fields["keeps"] = all[i].keeps;
      auto id = insert_step(all[i].step, all[i].generation, *all[i].key, all[i].route, "done", (*rows)[i], fields);
      if (!id) return id.error();
      auto noted = note("keep", std::move(fields));
      if (!noted) return noted.error();
      if (auto raised = raise_revision(); !raised) return raised;
    }
    return {};
  });
}

Result<void> Writer::attest(const char* kind, Fields fields) {
  return guarded([&]() -> Result<void> {
    auto noted = note(kind, fields);
    return noted ? Result<void>{} : Result<void>{noted.error()};
  });
}

Result<void> Writer::record(const std::function<Result<Entries>()>& body) {
  return guarded([&]() -> Result<void> {
    auto entries = body();
    if (!entries) return entries.error();
    for (auto& [kind, fields] : *entries)
      if (auto noted = note(kind, std::move(fields)); !noted) return noted.error();
    return {};
  });
}

Result<void> Writer::record_done(const std::string& step, const std::string& route, const plan::MemoKey& key, std::int64_t generation,
                                 const std::function<Result<void>()>& also, const std::string& measured) {
  return guarded([&]() -> Result<void> {
    if (also)
      if (auto done = also(); !done) return done;
    Fields fields;
    auto id = insert_step(step, generation, key, route, "done", 0, fields);
    if (!id) return id.error();
    if (!measured.empty()) fields["measured"] = measured;
    auto noted = note(route == "check" ? "check" : "nothing", std::move(fields));
    return noted ? raise_revision() : Result<void>{noted.error()};
  });
}

Result<std::string> Writer::measured(std::int64_t step) {
  std::string found;
  auto read = sql_.query("SELECT e.entry FROM bfl_lane AS l JOIN bfl_step AS s ON s.job = ?2 AND s.name = '' JOIN bfl_ledger AS e ON e.step = s.id"
                         " AND e.lane = 0 AND e.hash = l.opening WHERE l.step = ?1 AND l.lane = 0",
                         {number(step), text(job_)}, [&](RawRow row) {
                           found = field(row[0].bytes, "measured");
                           return false;
                         });
  if (!read) return read.error();
  return found;
}

Result<bool> Writer::count(std::int64_t step, const Counts& more, std::int64_t most_changed, std::int64_t most_quarantined) {
  auto counted =
      sql_.run("UPDATE bfl_step SET changed = changed + ?2, conflicts = conflicts + ?3, quarantined = quarantined + ?5 WHERE id = ?1"
               " AND (CAST(?4 AS BIGINT) < 0 OR changed + ?2 <= ?4) AND (CAST(?6 AS BIGINT) < 0 OR quarantined + ?5 <= ?6)",
               {number(step), number(more.changed), number(more.conflicts), number(most_changed), number(more.quarantined), number(most_quarantined)});
  if (!counted) return counted.error();
  return *counted == 1;
}

Result<Writer::StepFacts*> Writer::facts_of(std::int64_t step) {
  const auto known = facts_.find(step);
  if (known != facts_.end()) return &known->second;
  StepFacts facts;
  auto read = sql_.query("SELECT name, schema, generation FROM bfl_step WHERE id = ?1", {number(step)}, [&](RawRow row) {
    facts = {std::string(row[0].bytes), std::string(row[1].bytes), row[2].integer};
    return false;
  });
  if (!read) return read.error();
  return &facts_.emplace(step, std::move(facts)).first->second;
}

}  // namespace bfl::ledger
