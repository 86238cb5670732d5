#include "interpreter/run/undo_refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "interpreter/check/triggers.h"
#include "interpreter/ledger/writer.h"
#include "interpreter/run/row_back.h"

namespace bfl::run {
namespace {

using ledger::Generation;
using ledger::Record;
using program::ColumnUse;
using program::Program;
using program::Step;

// The step whose rows a generation has changed; none: the job does not have it any more.
const Step* step_of(const Program& program, std::string_view name) {
  constexpr std::string_view undo = "undo ";
  while (name.starts_with(undo)) name.remove_prefix(undo.size());
  const auto step = std::find_if(program.steps.begin(), program.steps.end(), [&](const Step& one) { return one.name == name; });
  return step == program.steps.end() ? nullptr : &*step;
}

struct Shared {
  ColumnUse use;
  bool later_reads = false;  // else it has written what the other one read
  bool by_row = false;       // whoever reads it reads it of the very row that it changes
};

// Whether all that it reads of a table are the very rows that it changes there. What adds rows asks besides whether they are there.
bool reads_its_rows(const Step& step, program::TableRef table) {
  if (!step.row_local || step.target != table) return false;
  const auto& inputs = step.relation->inputs;
  return !program::adds_rows(step.kind) || std::none_of(inputs.begin(), inputs.end(), [&](const auto& input) { return input.table == table; });
}

std::vector<Shared> shared(const Step& undone, const Step& later) {
  std::vector<Shared> all;
  const auto add = [&](const Step& writer, const Step& reader) {
    for (const ColumnUse& use : reader.reads)
      if (writer.writes.contains(use)) all.push_back({use, &reader == &later, reads_its_rows(reader, use.table)});
  };
  add(undone, later);
  add(later, undone);
  return all;
}

std::vector<connect::RawValue> key_of(const Record& record, const std::vector<ledger::Stored>& left, const ledger::ImageTable& table) { return ledger::key_in(record.kind == 'd' ? record.before : left, table.key); }

bool asked_for(const UndoTask& task, const Record& record) {
  if (!task.keys || !record.table.empty()) return true;
  const std::vector<ledger::Stored> left = ledger::row_after(record, task.tables[0].columns.size());
  const auto values = key_of(record, left, task.tables[0]);
  const ledger::Key key = ledger::key_of(values, values.size());
  return ledger::compare(key, task.keys->first) >= 0 && ledger::compare(task.keys->second, key) >= 0;
}

// The first change that the task would put back and that is wanted; none: there is none.
Result<const Record*> first_of(connect::Connector& target, const UndoTask& task, std::vector<Record>& held, const std::function<bool(const Record&)>& wanted) {
  for (const ledger::ImagePack& pack : task.packs) {
    auto records = ledger::images(target, pack);
    if (!records) return records.error();
    held = std::move(*records);
    for (const Record& record : held)
      if (asked_for(task, record) && wanted(record)) return &record;
  }
  return nullptr;
}

// A row of the table that both have changed, as the later one has left it; empty: there is none.
Result<std::string> shared_row(const Program& program, connect::Connector& target, const UndoTask& task, const std::vector<UndoTask>& tasks, const Generation& later,
                               const std::string& table) {
  const auto described = std::find_if(task.tables.begin(), task.tables.end(), [&](const ledger::ImageTable& one) { return one.name == table; });
  if (described == task.tables.end()) return std::string();
  std::vector<ledger::ImagePack> back_too;
  for (const UndoTask& other : tasks)
    if (other.source == task.source && other.undone.id == later.id) back_too.insert(back_too.end(), other.packs.begin(), other.packs.end());
  ledger::Keys keys;
  if (auto added = ledger::add_changed_keys(target, {later.id, program.job, later.step, later.number}, table, keys, back_too); !added) return added.error();
  auto standing = ledger::applied_rows(target, program.job, later.step, described->key);  // some may have been put back
  if (!standing) return standing.error();
  std::erase_if(keys, [&](const ledger::Short& key) { return !standing->changed.contains(key) && !standing->deleted.contains(key); });
  if (keys.empty()) return std::string();
  auto back = RowBack::prepare(program, target, task);
  if (!back) return back.error();
  std::vector<Record> held;
  auto found = first_of(target, task, held, [&](const Record& record) {
    if ((*back)->table_of(record).name != table) return false;
    return keys.contains(ledger::short_digest(key_of(record, ledger::row_after(record, described->columns.size()), *described)));
  });
  if (!found) return found.error();
  return *found ? (*back)->shown_key(**found) : std::string();
}

}  // namespace

Result<void> refuse_chain(const Program& program, connect::Connector& target, const UndoTask& task, const std::vector<UndoTask>& tasks, const std::vector<Generation>& generations) {
  const Step* undone = step_of(program, task.undone.step);
  if (!undone) return {};
  for (const Generation& later : generations) {
    if (later.id <= task.undone.id || later.route == "undo" || later.state == ledger::StepState::undone || later.changed == 0 || later.step == undone->name) continue;
    const auto put_back = [&](const UndoTask& other) {
      return other.source == task.source && other.undone.id == later.id && other.runs.empty() && (!other.keys || same_range(other.keys, task.keys));
    };
    const Step* step = step_of(program, later.step);
    if (!step || std::any_of(tasks.begin(), tasks.end(), put_back)) continue;
    for (const Shared& one : shared(*undone, *step)) {
      const Table& table = program.table(one.use.table);
      std::string row;
      if (one.by_row) {
        auto found = shared_row(program, target, task, tasks, later, table.name);
        if (!found) return found.error();
        if (found->empty()) continue;
        row = fmt::format(": {} is one of its rows", *found);
      }
      const std::string what = one.use.column < 0 ? fmt::format("which rows `{}` has", table.name) : fmt::format("`{}` of `{}`", table.columns[static_cast<std::size_t>(one.use.column)].name, table.name);
      return Error{ErrorClass::refused,
                   fmt::format("`{}`, generation {}, has {} {}, which `{}` has {}{}", later.step, later.number, one.later_reads ? "read" : "changed", what, undone->name,
                               one.later_reads ? "changed" : "read", row),
                   {}, fmt::format("put `{}` back as well: `--step {}` first, or the whole job without `--step`", later.step, later.step)};
    }
  }
  return {};
}

Result<void> refuse_triggers(const Program& program, connect::Connector& target, const UndoTask& task) {
  const Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(task.source)];
  const auto table_named = [&](const std::string& name) { return std::find_if(catalogue.tables.begin(), catalogue.tables.end(), [&](const Table& table) { return table.name == name; }); };
  const auto has_triggers = [&](const ledger::ImageTable& described) { return !table_named(described.name)->triggers.empty(); };
  if (std::none_of(task.tables.begin(), task.tables.end(), has_triggers)) return {};
  auto back = RowBack::prepare(program, target, task);
  if (!back) return back.error();
  std::vector<Record> held;
  const Trigger* runs = nullptr;
  auto found = first_of(target, task, held, [&](const Record& record) {
    const ledger::ImageTable& described = (*back)->table_of(record);
    const std::vector<Trigger>& triggers = table_named(described.name)->triggers;
    const char* event = record.kind == 'u' ? "UPDATE" : record.kind == 'i' ? "DELETE" : "INSERT";
    const auto written = [&](const std::string& column) {
      return std::any_of(described.sets.begin(), described.sets.end(), [&](int set) { return check::equal_name(described.columns[static_cast<std::size_t>(set)], column); });
    };
    const auto trigger = std::find_if(triggers.begin(), triggers.end(), [&](const Trigger& one) { return check::runs_for(one, event, written); });
    if (trigger != triggers.end()) runs = &*trigger;
    return runs != nullptr;
  });
  if (!found) return found.error();
  if (!runs) return {};
  return Error{ErrorClass::refused, fmt::format("the trigger `{}` of `{}` would run for each row that is put back", runs->name, (*back)->table_of(**found).name), {},
               "drop the trigger for the time of the undo"};
}

}  // namespace bfl::run
