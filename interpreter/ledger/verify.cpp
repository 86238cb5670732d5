#include "interpreter/ledger/verify.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "interpreter/ledger/approval.h"
#include "interpreter/ledger/image_table.h"
#include "interpreter/ledger/in_between.h"
#include "interpreter/ledger/key_index.h"
#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/merkle.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/pack.h"
#include "interpreter/ledger/redaction.h"
#include "interpreter/ledger/verify_text.h"
#include "interpreter/ledger/writer.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;
using connect::RawValue;
using Fields = EntryFields;

struct Entry {
  Fields fields;
  std::string kind, text, pack, computed, stored;  // hashes in hex: of the text, and beside it
  std::int64_t id = 0;                             // entries are numbered in the order in which they were written
};

// A generation whose closing has not been met yet.
struct Opened {
  Fields opening;
  std::string memo_key, components, schema;  // as last accepted
  struct LaneOpening { std::string upto, hash, from; std::int64_t id = 0; };
  std::map<std::int64_t, LaneOpening> lanes;
  std::int64_t closed = 0;            // the id of the entry that closes it; 0: none does
};

class Verification {
 public:
  explicit Verification(connect::Connector& target) : target_(target), sql_(target) {}

  Result<Proven> run() {
    for (const auto part : {&Verification::meta, &Verification::jobs, &Verification::strays}) {
      if (auto done = (this->*part)(); !done) return done.error();
      if (format_ < format_version) return std::move(proven_);  // its tables have other columns
    }
    auto lost = gaps(target_);
    if (!lost) return lost.error();
    proven_.lost = std::move(*lost);
    return std::move(proven_);
  }

 private:
  void damaged(std::string place, std::string what) {
    if (proven_.damages.size() < most_damages) proven_.damages.push_back({std::move(place), std::move(what)});
  }
  // One column of a row: what it has, and what the entries say.
  void same(const std::string& row, const char* column, const std::string& found, const std::string& expected) {
    if (found != expected) damaged(fmt::format("{}: {}", row, column), fmt::format("it holds {}, and the entries say {}", cut(found), cut(expected)));
  }

  Result<void> meta() {
    return sql_.query("SELECT identity, format, revision FROM bfl_meta", {}, [&](RawRow row) {
      identity_ = shown(row[0]);
      proven_.identity = std::string(row[0].bytes);
      same("bfl_meta", "format", shown(row[1]), std::to_string(format_version));
      if (row[1].kind == RawValue::Class::integer) format_ = row[1].integer;
      revision_ = shown(row[2]);
      return true;
    });
  }

  Result<void> jobs() {
    for (std::int64_t after = 0;;) {
      std::optional<std::int64_t> own;
      std::string name;
      auto read = sql_.query("SELECT id, job FROM bfl_step WHERE name = '' AND id > ?1 ORDER BY id LIMIT 1", {number(after)}, [&](RawRow row) {
        own = row[0].integer;
        name = std::string(row[1].bytes);
        return true;
      });
      if (!read) return read;
      if (!own) break;
      after = *own;
      if (auto done = job(*own, name); !done) return done;
    }
    same("bfl_meta", "revision", revision_, std::to_string(raised_));
    return {};
  }

  Result<void> job(std::int64_t own, const std::string& name) {
    job_ = name;
    opened_.clear();
    turned_.clear();
    states_.clear();
    begun_.clear();
    auto erased = redactions_of(target_, name);  // before the packs that they speak of
    if (!erased) return erased.error();
    redactions_ = std::move(*erased);
    MerkleTree tree;
    Fields first;
    auto walked = lane(own, 0, {}, std::nullopt, [&](std::int64_t seq, const Entry& entry) -> Result<void> {
      if (seq == 0) first = entry.fields;
      tree.add({}, entry.text);
      return event(own, seq, entry);
    });
    if (!walked) return walked.error();
    const std::string place = fmt::format("bfl_step, id {}", own);
    auto row = sql_.query("SELECT generation, memo_key, components, route, schema, state, sealed_rows, changed, conflicts, opened, closed, quarantined FROM bfl_step WHERE id = ?1",
                          {number(own)}, [&](RawRow found) {
                            const std::pair<const char*, std::string> expected[] = {
                                {"generation", "0"},    {"memo_key", "``"},    {"components", "``"}, {"route", "`job`"}, {"schema", "``"},
                                {"state", "`job`"},     {"sealed_rows", "0"},  {"changed", "0"},     {"conflicts", "0"},
                                {"opened", as_text(in(first, "opened"))}, {"closed", "``"}, {"quarantined", "0"}};
                            for (std::size_t i = 0; i < std::size(expected); ++i) same(place, expected[i].first, shown(found[i]), expected[i].second);
                            return true;
                          });
    if (!row) return row;
    steps_ += 1;
    if (auto held = job_row(); !held) return held;
    for (const auto& [id, generation] : opened_)
      if (auto done = step(id, generation, nullptr); !done) return done;
    // An entry behind the closing may have turned it.
    for (const auto& [id, state] : states_) {
      const auto turned = turned_.find(id);
      same(fmt::format("bfl_step, id {}", id), "state", state.found, turned == turned_.end() ? state.expected : as_text(turned->second));
    }
    proven_.redactions.insert(proven_.redactions.end(), redactions_.all().begin(), redactions_.all().end());
    proven_.jobs.push_back({name, static_cast<std::int64_t>(tree.size()), tree.root()});
    return {};
  }

  // Who holds the job: while it runs, the end of the lease moves by itself.
  Result<void> job_row() {
    const std::string place = fmt::format("bfl_job, name `{}`", job_);
    bool found = false;
    auto read = sql_.query("SELECT epoch, holder, host, pid, pid_start, lease_end, clock, parameters FROM bfl_job WHERE name = ?1", {text(job_)}, [&](RawRow row) {
      found = true;
      same(place, "epoch", shown(row[0]), in(begun_, "epoch"));
      const bool free = row[1].kind == RawValue::Class::text && row[1].bytes.empty();
      if (!free) same(place, "holder", shown(row[1]), as_text(in(begun_, "who")));
      same(place, "host", shown(row[2]), as_text(in(begun_, "host")));
      same(place, "pid", shown(row[3]), in(begun_, "pid"));
      same(place, "pid_start", shown(row[4]), in(begun_, "pid_start"));
      if (free) same(place, "lease_end", shown(row[5]), "0");
      if (row[6].kind != RawValue::Class::integer || row[6].integer != 0)
        same(place, "clock", row[6].kind == RawValue::Class::integer ? format_timestamp({row[6].integer}) : shown(row[6]), in(begun_, "clock"));
      const std::string& parameters = in(begun_, "parameters_text");
      same(place, "parameters", parameters.starts_with("sha256:") ? "`sha256:" + hex(sha256(row[7].bytes)) + "`" : shown(row[7]), as_text(parameters));
      return true;
    });
    if (!read) return read;
    if (!found) damaged(place, "the row is missing");
    jobs_ += 1;
    return {};
  }

  // What an entry of the job's own lane says of generations.
  Result<void> event(std::int64_t own, std::int64_t seq, const Entry& entry) {
    const std::string place = fmt::format("bfl_ledger, step {}, lane 0, seq {}: entry", own, seq);
    const Fields& fields = entry.fields;
    const auto id = [&] { return std::strtoll(in(fields, "step_row").c_str(), nullptr, 10); };
    const std::string& kind = entry.kind;
    if (kind == "begin") {
      begun_ = fields;
      if (as_text(in(fields, "target")) != identity_) same("bfl_meta", "identity", identity_, as_text(in(fields, "target")));
    } else if (in(fields, "epoch") != in(begun_, "epoch")) {
      damaged(place, "it is of an epoch in which nobody had taken the job over");
    }
    if (kind == "approval") {
      Approval approval = approval_in(fields);
      if (const std::string fault = fault_of(approval, in(fields, "note")); !fault.empty()) damaged(place, fault);
      proven_.approvals.emplace_back(job_, std::move(approval));
      return {};
    }
    if (kind == "open" || kind == "keep" || kind == "check" || kind == "nothing") {
      ++raised_;
      Opened made{fields, in(fields, "memo_key"), in(fields, "components"), in(fields, "schema"), {}};
      if (kind != "open") return step(id(), made, &fields);
      made.lanes[0] = {in(fields, "upto"), entry.computed, {}, entry.id};
      opened_[id()] = std::move(made);
      return {};
    }
    if (kind == "turn") {
      if (const auto open = opened_.find(id()); open != opened_.end()) {  // it was undone before it was finished
        const Opened generation = std::move(open->second);
        opened_.erase(open);
        if (auto done = step(id(), generation, nullptr); !done) return done;
      }
      turned_[id()] = in(fields, "state");
      return {};
    }
    if (kind != "lane" && kind != "accept" && kind != "close") return {};
    const auto found = opened_.find(id());
    if (found == opened_.end()) return damaged(place, "it speaks of a generation that is not open"), Result<void>{};
    Opened& generation = found->second;
    if (kind == "lane") {
      generation.lanes[std::strtoll(in(fields, "lane").c_str(), nullptr, 10)] = {in(fields, "upto"), entry.computed, in(fields, "from"), entry.id};
      return {};
    }
    ++raised_;
    if (kind == "accept") {
      generation.memo_key = in(fields, "memo_key");
      generation.components = in(fields, "components");
      generation.schema = in(fields, "schema");
      return {};
    }
    generation.closed = entry.id;
    auto done = step(id(), generation, &fields);
    opened_.erase(found);
    return done;
  }

  struct Sums { std::int64_t changed = 0, conflicts = 0, quarantined = 0; };

  // A generation: its row, its lanes with their chunks, its sealed set. `closing`: none while it is open.
  Result<void> step(std::int64_t id, const Opened& generation, const Fields* closing) {
    ++proven_.generations;
    steps_ += 1;
    const Fields& opening = generation.opening;
    const std::string epoch = in(closing ? *closing : begun_, "epoch");
    Sums sums;
    for (const auto& [number, opened] : generation.lanes)
      if (auto walked = lane(id, number, epoch, opened, [&](std::int64_t seq, const Entry& entry) { return chunk(id, number, seq, entry, generation, sums); }); !walked)
        return walked.error();
    if (auto sealed = seal(id, opening); !sealed) return sealed;
    const std::string place = fmt::format("bfl_step, id {}", id);
    const std::string& kind = in(opening, "kind");
    bool found = false;
    auto read = sql_.query(
        "SELECT job, name, generation, memo_key, components, route, schema, sealed_rows, changed, conflicts, opened, closed, quarantined, state FROM bfl_step WHERE id = ?1",
        {number(id)}, [&](RawRow row) {
          found = true;
          states_[id] = {shown(row[13]), closing ? "`done`" : "`open`"};
          const std::string sealed = kind == "keep" ? in(opening, "rows") : in(opening, "sealed_rows").empty() ? "0" : in(opening, "sealed_rows");
          const std::string closed = kind == "open" ? (closing ? in(*closing, "closed") : "") : in(opening, "opened");
          const std::pair<const char*, std::string> expected[] = {
              {"job", as_text(job_)},
              {"name", as_text(in(opening, "step"))},
              {"generation", in(opening, "generation")},
              {"memo_key", as_text(generation.memo_key)},
              {"components", as_text(generation.components)},
              {"route", as_text(in(opening, "route"))},
              {"schema", as_text(generation.schema)},
              {"sealed_rows", sealed},
              {"changed", std::to_string(sums.changed)},
              {"conflicts", std::to_string(sums.conflicts)},
              {"opened", as_text(in(opening, "opened"))},
              {"closed", as_text(closed)},
              {"quarantined", std::to_string(sums.quarantined)}};
          for (std::size_t i = 0; i < std::size(expected); ++i) {
            // Workers beside each other do not count together: it is done when the step is closed.
            const std::string_view column = expected[i].first;
            if (!closing && generation.lanes.size() > 1 && (column == "changed" || column == "conflicts" || column == "quarantined")) continue;
            const bool digested = std::string_view(expected[i].first) == "components" && row[i].kind == RawValue::Class::text;
            same(place, expected[i].first, digested ? as_text(hex(sha256(row[i].bytes))) : shown(row[i]), expected[i].second);
          }
          return true;
        });
    if (!read) return read;
    if (!found) damaged(place, "the row is missing");
    return {};
  }

  // The entries of a lane, each proved to be the next one; then the lane's row. Without `opened`: the lane of the job itself.
  template <class Each>
  Result<void> lane(std::int64_t step, std::int64_t number_, const std::string& epoch, const std::optional<Opened::LaneOpening>& opened, Each&& each) {
    const std::string place = fmt::format("bfl_lane, step {}, lane {}", step, number_);
    std::optional<std::int64_t> entries;
    Stored cursor, upto;
    std::string held_epoch, opening, seq_found;
    auto read = sql_.query("SELECT epoch, seq, cursor, upto, opening FROM bfl_lane WHERE step = ?1 AND lane = ?2", {number(step), number(number_)}, [&](RawRow row) {
      entries = row[1].kind == RawValue::Class::integer ? row[1].integer : -1;
      seq_found = shown(row[1]);
      held_epoch = shown(row[0]);
      cursor = Stored::of(row[2]);
      upto = Stored::of(row[3]);
      opening = row[4].kind == RawValue::Class::blob ? hex(row[4].bytes) : shown(row[4]);
      return true;
    });
    if (!read) return read;
    if (!entries) damaged(place, "the row is missing");
    lanes_ += 1;

    std::string computed = opened ? opened->hash : "", stored = computed, from = opened ? opened->from : "", to = from;
    std::int64_t seq = 0, before = opened ? opened->id : 0;
    for (;; ++seq) {
      auto entry = read_entry(step, number_, seq, computed, stored);
      if (!entry) return entry.error();
      if (!*entry) {
        // Missing in the middle, or the end.
        std::optional<std::int64_t> later;
        auto look = sql_.query("SELECT seq FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq > ?3 ORDER BY seq LIMIT 1",
                               {number(step), number(number_), number(seq)}, [&](RawRow row) { return later = row[0].integer, true; });
        if (!look) return look;
        if (!later) break;
        damaged(fmt::format("bfl_ledger, step {}, lane {}, seq {}", step, number_, seq), "the entry is missing");
        if (*later - seq > static_cast<std::int64_t>(most_damages)) break;
        computed = stored = "";
        continue;
      }
      const Fields& fields = (*entry)->fields;
      if ((*entry)->id <= before) damaged(fmt::format("bfl_ledger, step {}, lane {}, seq {}: id", step, number_, seq), "its number is lower than that of an entry before it");
      before = (*entry)->id;
      if (opened) {
        if (in(fields, "from") != from) damaged(fmt::format("bfl_ledger, step {}, lane {}, seq {}: entry", step, number_, seq), "it does not begin where the chunk before it ended");
        from = to = in(fields, "to");
      }
      if (auto done = each(seq, **entry); !done) return done;
      computed = (*entry)->computed;
      stored = (*entry)->stored;
    }
    if (!entries) return {};
    same(place, "seq", seq_found, std::to_string(seq));
    same(place, "epoch", held_epoch, opened ? epoch : "0");
    const bool begun = opened && !to.empty();
    same(place, "cursor", begun ? in_form_of(to, cursor.view()) : shown(cursor.view()), begun ? to : "null");
    const std::string& named = opened ? opened->upto : none_;
    same(place, "upto", in_form_of(named, upto.view()), named);
    same(place, "opening", opening, opened ? opened->hash : "");
    return {};
  }

  // `computed`, `stored`: hashes of the entry before; when they differ it was named already, and either will do.
  Result<std::optional<Entry>> read_entry(std::int64_t step, std::int64_t lane, std::int64_t seq, const std::string& computed, const std::string& stored) {
    std::optional<Entry> entry;
    const std::string place = fmt::format("bfl_ledger, step {}, lane {}, seq {}", step, lane, seq);
    auto read = sql_.query("SELECT id, entry, hash, pack FROM bfl_ledger WHERE step = ?1 AND lane = ?2 AND seq = ?3", {number(step), number(lane), number(seq)}, [&](RawRow row) {
      Entry& found = entry.emplace();
      found.text = std::string(row[1].bytes);
      found.fields = fields_of(found.text);
      found.kind = in(found.fields, "kind");
      found.computed = hex(sha256(found.text));
      found.stored = row[2].kind == RawValue::Class::blob ? hex(row[2].bytes) : shown(row[2]);
      if (row[3].kind != RawValue::Class::null) found.pack = std::string(row[3].bytes);
      found.id = row[0].integer;
      newest_ = std::max(newest_, found.id);
      oldest_ = std::min(oldest_, found.id);
      return true;
    });
    if (!read) return read.error();
    if (!entry) return entry;
    ++proven_.entries;
    if (entry->computed != entry->stored) damaged(place + ": entry or hash", "the hash beside the entry is not that of its text");
    const std::string& previous = in(entry->fields, "previous");
    if (previous != computed && previous != stored) damaged(place + ": entry", "it does not hang on the entry before it");
    if (in(entry->fields, "job") != job_ || in(entry->fields, "seq") != std::to_string(seq)) damaged(place + ": entry", "it is of another place in the ledger");
    const std::string named = redactions_.now(place_of_pack(step, lane, seq), in(entry->fields, "pack"));
    if (entry->pack.empty() ? !named.empty() : named != hex(sha256(entry->pack)))
      damaged(place + ": pack", entry->pack.empty() ? "it is missing" : "it does not give the digest that entries name");
    return entry;
  }

  Result<void> chunk(std::int64_t id, std::int64_t lane, std::int64_t seq, const Entry& entry, const Opened& generation, Sums& sums) {
    const std::string place = fmt::format("bfl_ledger, step {}, lane {}, seq {}", id, lane, seq);
    const Fields& fields = entry.fields;
    for (const auto& [name, expected] : {std::pair<const char*, std::string>{"kind", "chunk"},
                                         {"step_row", std::to_string(id)}, {"lane", std::to_string(lane)},
                                         {"step", in(generation.opening, "step")},
                                         {"generation", in(generation.opening, "generation")}})
      if (in(fields, name) != expected) damaged(place + ": entry", fmt::format("its `{}` is not {}", name, expected));
    if (generation.closed > 0 && entry.id > generation.closed) damaged(place + ": id", "its number is higher than that of the entry which closes the step");
    std::int64_t changed = 0, between = 0, conflicts = 0, skipped = 0, quarantined = 0;
    KeyCollector keys(described_tables(in(generation.opening, "tables")));
    auto held = read_pack(entry.pack, rows_root(entry.text).value_or(Digest{}), keys, [&](const Record& record) {
      count_erased(record);
      ++(record.kind == 'c' ? conflicts : record.kind == 's' ? skipped : record.kind == 'q' ? quarantined : is_in_between(record) ? between : changed);
      return true;
    });
    if (auto indexed = index(id, lane, seq, fields, keys.finish(), bool(held)); !indexed) return indexed;
    if (!held) {
      damaged(place + ": pack", held.error().message);
    } else {
      ++proven_.packs;
      proven_.images += changed + between;
      for (const auto& [name, counted] : {std::pair<const char*, std::int64_t>{"changed", changed}, {"conflicts", conflicts}, {"skipped", skipped},
                                          {"quarantined", quarantined}, {"records", changed + between + conflicts + skipped + quarantined}})
        // An entry without the member has none.
        if (const std::string& said = in(fields, name); said != std::to_string(counted) && !(said.empty() && counted == 0)) damaged(place + ": entry", fmt::format("its `{}` is {}, and the pack holds {}", name, in(fields, name), counted));
    }
    sums.changed += std::strtoll(in(fields, "changed").c_str(), nullptr, 10);
    sums.conflicts += std::strtoll(in(fields, "conflicts").c_str(), nullptr, 10);
    sums.quarantined += std::strtoll(in(fields, "quarantined").c_str(), nullptr, 10);
    return {};
  }

  void count_erased(const Record& record) {
    if (record.erased.empty()) return;
    ++proven_.erased_records;
    const auto left = [&](std::size_t column) { return std::find(record.erased.begin(), record.erased.end(), static_cast<int>(column)) == record.erased.end(); };
    // Rows that are planned stand behind their key, which is never erased.
    for (std::size_t i = 0; i < record.before.size(); ++i) proven_.unproven_values += record.kind == 'p' || left(i);
    for (const auto& [column, value] : record.after) proven_.unproven_values += left(static_cast<std::size_t>(column));
  }

  // The index of a pack's keys: as the entry names it, and as the pack gives it.
  Result<void> index(std::int64_t id, std::int64_t lane, std::int64_t seq, const Fields& fields, const std::vector<KeyIndex>& made, bool known) {
    const std::string place = fmt::format("bfl_key, step {}, lane {}, seq {}", id, lane, seq);
    std::size_t found = 0;
    auto read = sql_.query("SELECT name, low, high, detail FROM bfl_key WHERE step = ?1 AND lane = ?2 AND seq = ?3", {number(id), number(lane), number(seq)}, [&](RawRow row) {
      ++found;
      if (!known) return true;
      const auto same_name = std::find_if(made.begin(), made.end(), [&](const KeyIndex& keys) { return keys.table == row[0].bytes; });
      if (same_name == made.end()) return damaged(place + ": name", fmt::format("the pack holds no row of {}", cut(shown(row[0])))), true;
      same(place, "low", shown(row[1]), shown(blob(same_name->low)));
      same(place, "high", shown(row[2]), shown(blob(same_name->high)));
      if (!ledger::same(row[3], blob(same_name->detail))) damaged(place + ": detail", "it is not what the pack gives");
      return true;
    });
    if (!read) return read;
    indexed_ += static_cast<std::int64_t>(found);
    if (known && found != made.size()) damaged(place, fmt::format("it has {} rows, and the pack gives {}", found, made.size()));
    if (known && (made.empty() ? "" : key_index_digest(made)) != in(fields, "keys")) damaged(fmt::format("bfl_ledger, step {}, lane {}, seq {}: entry", id, lane, seq), "the keys that it names are not those of the pack");
    return {};
  }

  Result<void> seal(std::int64_t id, const Fields& opening) {
    const std::string& root = in(opening, "sealed_root");
    if (root.empty()) return {};
    MerkleTree seal;
    std::int64_t rows = 0;
    for (std::int64_t number_ = 0;; ++number_) {
      std::optional<StageBlock> block;
      auto read = sql_.query("SELECT first, rows, root, pack FROM bfl_stage WHERE step = ?1 AND block = ?2", {number(id), number(number_)}, [&](RawRow row) {
        block = StageBlock{row[0].integer, row[1].integer, {}, std::string(row[3].bytes)};
        if (row[2].bytes.size() == block->root.size()) std::copy(row[2].bytes.begin(), row[2].bytes.end(), block->root.begin());
        return true;
      });
      if (!read) return read;
      if (!block) break;
      ++blocks_;
      const std::string place = fmt::format("bfl_stage, step {}, block {}", id, number_);
      std::int64_t planned = 0;
      auto held = read_pack(block->bytes, block->root, [&](const Record& record) { return count_erased(record), ++planned, true; });
      if (!held) damaged(place + ": root or pack", held.error().message);
      else if (planned != block->rows) damaged(place + ": rows", fmt::format("it says {}, and the pack holds {}", block->rows, planned));
      if (block->first != rows) damaged(place + ": first", fmt::format("it says {}, and {} rows stand before it", block->first, rows));
      rows += held ? planned : block->rows;
      const std::string sealed_place = place_of_block(id, number_), first = redactions_.first(sealed_place);
      const Digest now = sha256(block->bytes);
      if (!first.empty() && redactions_.now(sealed_place, first) != hex(now)) damaged(place + ": pack", "it does not give the digest that the entry of the redaction names");
      seal.add({}, sealed_leaf(*block, as_bytes(first.empty() ? now : digest_in(first).value_or(Digest{}))));
    }
    proven_.sealed += rows;
    if (hex(seal.root()) != root) damaged(fmt::format("bfl_stage, step {}", id), "its blocks do not give the root that the opening entry names");
    return {};
  }

  // Rows that no entry led to.
  Result<void> strays() {
    const std::pair<const char*, std::int64_t> counted[] = {{"SELECT count(*) FROM bfl_step", steps_}, {"SELECT count(*) FROM bfl_lane", lanes_},
                                                            {"SELECT count(*) FROM bfl_ledger", proven_.entries}, {"SELECT count(*) FROM bfl_stage", blocks_},
                                                            {"SELECT count(*) FROM bfl_key", indexed_},
                                                            {"SELECT count(*) FROM bfl_job", jobs_}};
    for (const auto& [sql, reached] : counted) {
      std::int64_t all = 0;
      if (auto read = sql_.query(sql, {}, [&](RawRow row) { return all = row[0].integer, true; }); !read) return read;
      const std::string table = std::string(sql).substr(std::string_view(sql).rfind(' ') + 1);
      if (all != reached) damaged(table, fmt::format("it holds {} rows, and the entries lead to {}", all, reached));
    }
    // SQLite numbers entries without a gap; nothing else tells their numbers.
    if (target_.engine() == "sqlite" && proven_.entries > 0 && (oldest_ != 1 || newest_ != proven_.entries))
      damaged("bfl_ledger: id", fmt::format("entries are numbered from {} to {}, and there are {}", oldest_, newest_, proven_.entries));
    return {};
  }

  connect::Connector& target_;
  OwnSql sql_;
  Proven proven_;
  std::string identity_, revision_, job_;
  Redactions redactions_;                    // of the job
  const std::string none_{};
  Fields begun_;                             // the newest take-over of the job
  std::map<std::int64_t, Opened> opened_;    // generations of the job that are not closed
  struct State { std::string found, expected; };
  std::map<std::int64_t, State> states_;     // of its generations: a few bytes each
  std::map<std::int64_t, std::string> turned_;
  std::int64_t raised_ = 0, steps_ = 0, lanes_ = 0, blocks_ = 0, indexed_ = 0, jobs_ = 0, newest_ = 0, oldest_ = 1, format_ = format_version;
};

}  // namespace

Result<Proven> verify(connect::Connector& target) {
  if (auto begun = target.begin_read(); !begun) return begun.error();
  auto there = exists(target);
  auto missing = there && *there ? missing_tables(target) : Result<std::vector<std::string>>{std::vector<std::string>()};
  auto proven = !there ? Result<Proven>{there.error()} : !missing ? Result<Proven>{missing.error()} : Result<Proven>{Proven{}};
  if (proven && !missing->empty())
    for (const std::string& table : *missing) proven->damages.push_back({table, "the table is missing"});
  else if (proven && *there) proven = Verification(target).run();
  target.rollback();
  return proven;
}

}  // namespace bfl::ledger
