#include "interpreter/run/seal_around.h"

#include <fmt/format.h>

#include "interpreter/base/secrets.h"
#include "interpreter/lower/writer.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/failed_row.h"

namespace bfl::run {
namespace {

constexpr std::int64_t rows_at_once = 1'000;
constexpr const char* whole = "temp.bfl_whole";  // the rows that were brought; their own table holds the stretch under way

class Around {
 public:
  Around(const Intention& intention, const lower::Intents& intents, const lower::Hands& hands, Workbench& bench, std::int64_t most, Spool& into)
      : intention_(intention), intents_(intents), hands_(hands), bench_(bench), most_(most), into_(into),
        table_(bench.program().table(intention.step.target)), name_(lower::qualified(table_)) {}

  Result<std::int64_t> run() {
    if (auto kept = execute(fmt::format("CREATE TABLE {} AS SELECT * FROM {}", whole, name_)); !kept) return kept.error();
    auto rows = one_number(bench_.engine(), {.text = fmt::format("SELECT coalesce(max(rowid), 0) FROM {}", whole)}, intention_.evaluation);
    if (!rows) return rows.error();
    for (std::int64_t at = 0; at < *rows; at += rows_at_once)
      if (auto done = stretch(at, std::min(at + rows_at_once, *rows)); !done) return done.error();
    // What is proved later is proved on rows that can be computed.
    if (auto back = fill(fmt::format("rowid NOT IN ({})", left_out_.empty() ? "0" : left_out_)); !back) return back.error();
    return aside_;
  }

 private:
  Result<void> execute(const std::string& sql) { return bench_.engine().execute(sql); }
  Result<void> fill(const std::string& condition) {
    auto done = execute("DELETE FROM " + name_);
    return done ? execute(fmt::format("INSERT INTO {} SELECT * FROM {} WHERE {}", name_, whole, condition)) : done;
  }

  Result<void> stretch(std::int64_t from, std::int64_t to) {
    if (intention_.ends && intention_.ends()) return Error{ErrorClass::interrupted, "asked to stop"};
    if (auto filled = fill(fmt::format("rowid > {} AND rowid <= {}", from, to)); !filled) return filled;
    Spool part;
    auto collected = collect(intention_, intents_, hands_, false, bench_.engine(), part);
    if (collected) return append(part);
    if (collected.error().kind != ErrorClass::data) return collected;
    if (to - from == 1) return set_aside(to, collected.error());
    const std::int64_t middle = from + (to - from) / 2;
    if (auto first = stretch(from, middle); !first) return first;
    return stretch(middle, to);
  }

  Result<void> append(Spool& part) {
    for (bool from_start = true; part.rows() > 0; from_start = false) {
      auto block = part.next(from_start);
      if (!block) return block.error();
      if (!*block) break;
      ledger::Pack pack;
      pack.bytes = std::move((*block)->bytes);
      pack.root = (*block)->root;
      pack.records = (*block)->rows;
      if (auto added = into_.add(pack); !added) return added;
    }
    return {};
  }

  Result<void> set_aside(std::int64_t rowid, const Error& error) {
    std::string image;
    auto select = bench_.engine().prepare({.text = fmt::format("SELECT {} FROM {} WHERE rowid = {}", lower::quote_identifier(table_.image), whole, rowid)}, intention_.evaluation);
    if (!select) return select.error();
    auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
      image = std::string(row[0].bytes);
      return false;
    });
    if (!read) return read;
    ledger::Reader reader{image};
    std::vector<connect::RawValue> values;
    while (!reader.rest.empty() && !reader.failed) values.push_back(reader.value());
    const lower::Intent& intent = intents_.own.intent;
    if (reader.failed || values.size() != intent.key + intent.image) return Error{ErrorClass::fatal, "an image came broken from where it was computed"};
    const connect::RawRow key = connect::RawRow(values).first(intent.key);
    if (++aside_ > most_) {
      Error told = error;
      told.row = named(intention_.program, intention_.step, {}, ledger::key_of(key, key.size()));
      told.help = fmt::format("{} are set aside, as many as `quarantine` allows: mend what is wrong with them, or allow more", most_);
      return told;
    }
    left_out_ += fmt::format("{}{}", left_out_.empty() ? "" : ", ", rowid);
    PlannedRows planned(into_);
    const std::string reason = std::string(cannot_be_computed) + without_secrets(discreet(intention_.program, intention_.step, error).message);
    if (auto added = planned.add(key, connect::RawRow(values).subspan(intent.key), {}, {}, {}, reason); !added) return added;
    return planned.end();
  }

  const Intention& intention_;
  const lower::Intents& intents_;
  const lower::Hands& hands_;
  Workbench& bench_;
  const std::int64_t most_;
  Spool& into_;
  const Table& table_;
  const std::string name_;
  std::int64_t aside_ = 0;
  std::string left_out_{};
};

}  // namespace

bool may_seal_around(const Intention& intention, const lower::Hands& hands, bool later, const Workbench& bench) {
  const program::Step& step = intention.step;
  const auto& shipments = bench.arrangement().shipments;
  return program::writes_anchor(step.kind) && step.row_local && !later && !sequenced(step, hands, later) && step.cascades.empty() && bench.arrangement().home < 0 &&
         shipments.size() == 1 && shipments[0].image && shipments[0].table == step.target;
}

Result<std::int64_t> collect_around(const Intention& intention, const lower::Intents& intents, const lower::Hands& hands, Workbench& bench, std::int64_t most, Spool& into) {
  return Around(intention, intents, hands, bench, most, into).run();
}

}  // namespace bfl::run
