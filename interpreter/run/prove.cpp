// The proof of a guarded step: applied to a copy of some of its rows and then once more. The copy is a temporary table that
// stands in for the one that the step writes; all other rows are read where they lie, and the target itself is only read.
#include <fmt/format.h>

#include "interpreter/run/discreet.h"

namespace bfl::run {
namespace {

constexpr std::int64_t sample_rows = 1'000;

// The step over the copy in place of its target.
struct OnCopy {
  program::Program program;
  program::Step step;

  OnCopy(const program::Program& given, const program::Step& of) : step(of) {
    program.job = given.job;
    program.sources = given.sources;
    program.catalogues = given.catalogues;
    program.inputs = given.inputs;
    Table copy = given.table(of.target);
    copy.schema = "temp";
    copy.name = "copy_of_" + copy.name;
    copy.relation.clear();
    copy.without_rowid = copy.strict = false;
    copy.rowid_alias = -1;
    copy.image.clear();
    copy.keys.clear();  // what must be unique is seen to by the target
    copy.indexes.clear();
    copy.triggers.clear();
    std::vector<Table>& tables = program.catalogues[static_cast<std::size_t>(of.target.source)].tables;
    step.target.table = static_cast<int>(tables.size());
    tables.push_back(std::move(copy));
    step.relation = over_copy(*of.relation);
  }

 private:
  program::RelationPtr over_copy(const program::Relation& relation) {
    auto made = std::make_shared<program::Relation>(relation);
    program::Input& anchor = made->inputs[0];
    if (anchor.sub) {
      anchor.sub = over_copy(*anchor.sub);
    } else {
      anchor.table = step.target;
      program.inputs[anchor.id].table = step.target;
    }
    return made;
  }
};

// A reading of its own where none is under way; ended, it leaves no trace of the copy.
class Reading {
 public:
  explicit Reading(connect::Connector& target) : target_(target), own_(!target.in_transaction()) {
    if (own_) begun = target_.begin_read();
  }
  ~Reading() {
    if (own_ && begun) target_.rollback();
  }
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  Result<void> begun;

 private:
  connect::Connector& target_;
  bool own_;
};

struct Sample {
  std::vector<ledger::Key> keys;  // in the order in which the rows lie in the copy
  Proof proof;
};

// The first application, as the database stores it.
Result<Sample> fill(const program::Program& program, const program::Step& step, const lower::Statement& add, connect::Connector& target,
                    const eval::Context& evaluation) {
  const auto sql = lower::intents(program, step, lower::Dialect::sqlite, false);
  if (!sql) return sql.error();
  auto select = target.prepare(sql->own.select, evaluation), insert = target.prepare(add, evaluation);
  if (!select) return select.error();
  if (!insert) return insert.error();
  const std::size_t keys = sql->own.intent.key, image = sql->own.intent.image;
  Sample sample;
  Result<void> sound;
  std::vector<connect::RawValue> row;
  auto read = (*select)->query_raw({}, [&](connect::RawRow given) {
    sample.keys.push_back(ledger::key_of(given, keys));
    row.assign(given.begin() + static_cast<std::ptrdiff_t>(keys), given.begin() + static_cast<std::ptrdiff_t>(keys + image));
    for (std::size_t i = 0; i < step.assignments.size(); ++i) row[static_cast<std::size_t>(step.assignments[i].column)] = given[keys + image + i];
    if (auto added = (*insert)->run_raw(row); !added) sound = added.error();
    return sound && ++sample.proof.rows < sample_rows;
  });
  if (!read) return read.error();
  if (!sound) return sound.error();
  return sample;
}

// The second one: a row that it would change breaks the proof.
Result<void> apply_again(const OnCopy& copy, Sample& sample, connect::Connector& target, const eval::Context& evaluation) {
  const auto sql = lower::intents(copy.program, copy.step, lower::Dialect::sqlite, false);
  if (!sql) return sql.error();
  auto select = target.prepare(sql->own.select, evaluation);
  if (!select) return select.error();
  const Table& table = copy.program.table(copy.step.target);
  const std::size_t keys = sql->own.intent.key, image = sql->own.intent.image;
  const auto written = [&](connect::RawRow row, std::size_t at) {
    auto value = target.decode(row[at], sql->own.select.columns[at]);
    return value ? to_literal(*value) : "an error";
  };
  auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
    // Rows without a key are known by their places, which differ in the copy.
    const ledger::Key key = copy.step.walk.empty() ? sample.keys[static_cast<std::size_t>(row[0].integer - 1)] : ledger::key_of(row, keys);
    for (std::size_t i = 0; i < copy.step.assignments.size(); ++i) {
      const auto column = static_cast<std::size_t>(copy.step.assignments[i].column);
      const std::string now = written(row, keys + column), then = written(row, keys + image + i);
      if (now == then && i + 1 < copy.step.assignments.size()) continue;
      const bool hidden = table.columns[column].sensitive;
      sample.proof.broken = fmt::format("a second run would change the row with key {} again: `{}` from {} to {}", display_key(copy.program, copy.step, key),
                                        table.columns[column].name, hidden ? unshown : now, hidden ? unshown : then);
      break;
    }
    return false;
  });
  if (read) return {};
  if (read.error().kind != ErrorClass::data) return read;
  sample.proof.broken = "a second run would fail: " + discreet(copy.program, copy.step, read.error()).message;
  return {};
}

}  // namespace

Result<Proof> prove(const program::Program& program, const program::Step& step, connect::Connector& target,
                    const eval::Context& evaluation) {
  if (target.engine() == "postgres") return prove_in_memory(program, step, target, evaluation);
  const OnCopy copy(program, step);
  const lower::KeptTable table = lower::kept_table(copy.program, copy.step.target, nullptr, true, lower::Dialect::sqlite);
  const Reading reading(target);
  if (!reading.begun) return reading.begun.error();
  if (auto made = target.execute(table.create); !made) return made.error();
  auto sample = fill(program, step, table.add, target, evaluation);
  if (sample)
    if (auto again = apply_again(copy, *sample, target, evaluation); !again) sample = again.error();
  if (auto dropped = target.execute(table.drop); !dropped && sample) return dropped.error();
  if (!sample) return sample.error();
  return std::move(sample->proof);
}

}  // namespace bfl::run
