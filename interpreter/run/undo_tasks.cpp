// Which generations an undo puts back, and whether it may.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <set>

#include "interpreter/connect/held_read.h"
#include "interpreter/ledger/conflicts.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/ledger/typed_key.h"
#include "interpreter/ledger/verify_text.h"
#include "interpreter/run/discreet.h"
#include "interpreter/run/row_back.h"
#include "interpreter/run/undo_refusals.h"

namespace bfl::run {
namespace {

using ledger::Generation;
using ledger::StepState;

std::string component(const Generation& generation, std::string_view wanted) {
  for (const auto& [name, value] : generation.components)
    if (name == wanted) return value;
  return {};
}
std::int64_t undone_by(const Generation& generation) { return std::strtoll(component(generation, "undoes").c_str(), nullptr, 10); }

// The keys that an undo was asked for, when it was of some keys only.
std::optional<std::pair<ledger::Key, ledger::Key>> keys_of(const Generation& undo) {
  const std::string range = component(undo, "keys");
  const auto dots = range.find("..");
  if (dots == std::string::npos) return std::nullopt;
  auto from = ledger::key_in_hex(range.substr(0, dots)), to = ledger::key_in_hex(range.substr(dots + 2));
  if (!from || !to) return std::nullopt;
  return std::pair(std::move(*from), std::move(*to));
}

std::vector<std::string> runs_of(const Generation& undo) {
  std::vector<std::string> runs;
  const std::string list = component(undo, "runs");
  for (std::size_t from = 0; from < list.size();) {
    const std::size_t end = std::min(list.find(',', from), list.size());
    runs.push_back(list.substr(from, end - from));
    from = end + 1;
  }
  return runs;
}

Result<ledger::Key> key_typed(connect::Connector& target, const Table& table, const std::vector<int>& columns, std::string_view typed) {
  if (columns.size() != 1)
    return Error{ErrorClass::data, fmt::format("`--keys` is for tables with a key of one column, and that of `{}` has {}", table.name, columns.size()), {}, "undo the step whole"};
  auto forms = ledger::typed_value(target, table, columns[0], typed, "for example: --keys 100..200");
  if (!forms) return forms.error();
  ledger::Stored* value = &forms->forms.front();
  const Column& column = table.columns[static_cast<std::size_t>(columns[0])];
  if (column.type.kind == Kind::decimal && value->kind == connect::RawValue::Class::text)
    return Error{ErrorClass::data, fmt::format("`--keys` is for keys that are stored in their order, and `{}` of `{}` is a decimal that is kept as a text", column.name, table.name), {}, "undo the step whole"};
  return ledger::Key{std::move(*value)};
}

// A range is one of stored forms: that is the order of what they mean where all of them are written in one way.
Result<void> refuse_spellings(connect::Connector& target, const UndoTask& task, const Table& table) {
  const auto at = static_cast<std::size_t>(task.tables[0].key[0]);
  const Column& column = table.columns[at];
  if (column.storage != Storage::uuid_text && column.storage != Storage::iso_text) return {};
  const Error refused{ErrorClass::data, fmt::format("`--keys` is for keys that are written in one way, and values of `{}` of `{}` are not", column.name, table.name), {}, "undo the step whole"};
  if (std::any_of(task.lost.begin(), task.lost.end(), [](const ledger::Gap& gap) { return gap.by_key; })) return refused;
  for (const ledger::ImagePack& pack : task.packs) {
    auto records = ledger::images(target, pack);
    if (!records) return records.error();
    for (const ledger::Record& record : *records) {
      if (!record.table.empty()) continue;
      for (const auto& row : {ledger::row_before(record), ledger::row_after(record, table.columns.size())})
        if (at < row.size() && row[at].kind != connect::RawValue::Class::null && !ledger::is_canonical(target, column, row[at].view())) return refused;
    }
  }
  return {};
}

// Of the chunks that have lost their images those that may hold a key that is asked for.
void keep_lost_of_keys(UndoTask& task) {
  std::erase_if(task.lost, [&](const ledger::Gap& gap) {
    return task.keys && gap.by_key && (ledger::compare(gap.to, task.keys->first) < 0 || (gap.from && ledger::compare(task.keys->second, *gap.from) <= 0));
  });
}

// The step as the executor sees it; refused when the table is no longer what the images are of.
Result<void> fit(const program::Program& program, connect::Connector& target, UndoTask& task, const UndoRequest& request, std::optional<Code>& code) {
  const auto refused = [&](std::string why, std::string help = {}) {
    return Error{ErrorClass::refused, fmt::format("generation {} of `{}` cannot be put back: {}", task.undone.number, task.undone.step, why), {}, std::move(help)};
  };
  if (task.tables.empty()) return refused("its entry does not tell the tables that it changed", "it was written by an older bfl; its images are in `bfl_ledger`");
  const Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(task.source)];
  for (const ledger::ImageTable& described : task.tables) {
    const auto table = std::find_if(catalogue.tables.begin(), catalogue.tables.end(), [&](const Table& t) { return t.name == described.name; });
    if (table == catalogue.tables.end()) return refused(fmt::format("there is no table `{}` any more", described.name));
    if (!described.schema.empty() && !table->schema.empty() && described.schema != table->schema)
      return refused(fmt::format("its images are of `{0}.{1}`, and `{1}` is `{2}.{1}` now", described.schema, described.name, table->schema), "undo it with the search path that the run had");
    if (described.key.empty()) {
      code = Code::no_row_identity;
      return refused(fmt::format("rows of `{}` have no key by which they could be found again", described.name), "put the other steps back one by one, `--step STEP`, the last one first");
    }
    std::vector<std::string> columns;
    for (const Column& column : table->columns) columns.push_back(column.name);
    if (columns != described.columns) return refused(fmt::format("`{}` has other columns than it had", described.name), "put the columns back as they were for the undo");
    if (&described == task.tables.data()) task.step.target = {task.source, static_cast<int>(table - catalogue.tables.begin())};
    else task.step.cascades.push_back({task.source, static_cast<int>(table - catalogue.tables.begin())});
  }
  task.step.name = "undo " + task.undone.step;
  task.step.kind = program::StepKind::update;
  task.step.span = task.step.name_span = program.job_span;
  task.step.idempotence = program::Idempotence::convergent;
  task.step.walk = task.tables[0].key;
  task.step.keeper = task.source;
  for (const Column& column : program.table(task.step.target).columns)
    if (column.sensitive) task.sensitive.push_back(column.name);
  for (const int column : task.tables[0].sets) task.step.assignments.push_back({.column = column, .value = nullptr});
  if (!request.keys) return {};
  const Table& own = program.table(task.step.target);
  auto from = key_typed(target, own, task.tables[0].key, request.keys->first);
  if (!from) return from.error();
  auto to = key_typed(target, own, task.tables[0].key, request.keys->second);
  if (!to) return to.error();
  if (auto alike = refuse_spellings(target, task, own); !alike) return alike;
  if (ledger::compare(*to, *from) < 0) {
    const bool hidden = own.columns[static_cast<std::size_t>(task.tables[0].key[0])].sensitive;
    const std::string first = hidden ? std::string(unshown) : request.keys->first, second = hidden ? std::string(unshown) : request.keys->second;
    return Error{ErrorClass::data, fmt::format("`--keys {0}..{1}` holds no key: {1} comes before {0}", first, second), {}, fmt::format("write the first one first: --keys {}..{}", second, first)};
  }
  task.keys = {std::move(*from), std::move(*to)};
  keep_lost_of_keys(task);
  return {};
}

// Where a generation that is not finished goes on, rows that were put back would be left behind as done.
Result<void> refuse_part(const UndoTask& task) {
  if (task.whole() || (task.undone.state != StepState::open && task.undone.state != StepState::staging)) return {};
  const bool lost = !task.keys && !task.lost.empty();
  const char* help = task.because.empty() ? "run it to its end, then undo it" : "nothing was put back: mend what does not hold and run the job to its end; `bfl undo` then puts back what has images";
  return Error{ErrorClass::refused, fmt::format("generation {} of `{}` is not finished, and {}", task.undone.number, task.undone.step, lost ? "has lost images: it cannot be put back whole" : "a part of it is to be put back"), {},
               lost ? help : fmt::format("run it to its end, or undo all of it: `--step {}` alone", task.undone.step)};
}

// Later changes that are not put back with it stand on a row: the row is not as the step left it, and they have changed it.
Result<void> refuse_under(const program::Program& program, connect::Connector& target, const UndoTask& task, const std::vector<UndoTask>& tasks) {
  const connect::HeldRead held(target);
  if (!held.begun) return held.begun;
  for (const ledger::ImageTable& table : task.tables) {
    auto later = ledger::later_changes(target, task.undone.id, table.name);
    if (!later) return later.error();
    const auto takes_back = [&](const UndoTask& other, const ledger::Later& one) { return other.source == task.source && other.undone.id == one.step && (!other.keys || same_range(other.keys, task.keys)); };
    std::erase_if(*later, [&](const ledger::Later& one) {
      return std::any_of(tasks.begin(), tasks.end(), [&](const UndoTask& other) { return takes_back(other, one) && other.runs.empty(); });
    });
    for (const ledger::Later& one : *later) {
      std::vector<ledger::ImagePack> back_too;
      for (const UndoTask& other : tasks)
        if (takes_back(other, one)) back_too.insert(back_too.end(), other.packs.begin(), other.packs.end());
      ledger::Keys keys;
      if (auto added = ledger::add_changed_keys(target, one, table.name, keys, back_too); !added) return added.error();
      auto back = RowBack::prepare(program, target, task);
      if (!back) return back.error();
      for (const ledger::ImagePack& pack : task.packs) {
        auto records = ledger::images(target, pack);
        if (!records) return records.error();
        for (const ledger::Record& record : *records) {
          if ((*back)->table_of(record).name != table.name) continue;
          const auto row = record.kind == 'd' ? record.before : ledger::row_after(record, table.columns.size());
          const auto key = ledger::key_in(row, table.key);
          if (!keys.contains(ledger::short_digest(key))) continue;
          const ledger::Record* const alone[] = {&record};
          auto judged = (*back)->judge(alone);
          if (!judged) return judged.error();
          if (judged->front().verdict != Verdict::conflict) continue;
          return Error{ErrorClass::refused,
                       fmt::format("`{}` of {}, generation {}, has changed rows since that `{}` would put back: {} is one of them", one.name, one.job, one.generation,
                                   task.undone.step, (*back)->shown_key(record)),
                       judged->front().reason,
                       one.job == program.job ? "undo the later step first, or the whole job: leave out `--step`" : fmt::format("undo the job {} first", one.job)};
        }
      }
    }
  }
  return {};
}

Result<void> refuse_broken(const program::Program& program, connect::Connector& target, const UndoTask& task, const std::vector<UndoTask>& tasks, const UndoRequest& request,
                           std::optional<Code>& code) {
  if (auto free = refuse_triggers(program, target, task); !free) {
    if (free.error().kind == ErrorClass::refused) code = Code::undeclared_effect;
    return free;
  }
  if (auto free = refuse_under(program, target, task, tasks); !free) return free;
  const bool part = request.because.empty() && !task.open && (!request.step.empty() || !request.run.empty());
  if (!part) return {};
  auto generations = ledger::generations(target, program.job);
  return generations ? refuse_chain(program, target, task, tasks, *generations) : Result<void>{generations.error()};
}

// Of its images those that were made by certain runs. False: it has none.
bool narrow(UndoTask& task, const std::function<bool(const std::string& run)>& wanted) {
  std::set<std::string> runs;
  for (const ledger::ImagePack& pack : task.packs)
    if (wanted(pack.run)) runs.insert(pack.run);
  const bool others = std::erase_if(task.packs, [&](const ledger::ImagePack& pack) { return !runs.contains(pack.run); }) > 0;
  // Nobody knows whose the lost ones were: a run that undoes itself says that they stay.
  if (others || !task.lost.empty()) task.runs.assign(runs.begin(), runs.end());
  if (task.because.empty()) task.lost.clear();
  task.images = 0;
  for (const ledger::ImagePack& pack : task.packs) task.images += pack.images;
  return !task.packs.empty();
}

}  // namespace

bool same_range(const std::optional<std::pair<ledger::Key, ledger::Key>>& a, const std::optional<std::pair<ledger::Key, ledger::Key>>& b) {
  return a && b && ledger::encode(a->first) == ledger::encode(b->first) && ledger::encode(a->second) == ledger::encode(b->second);
}

bool is_untouched_undo(const Generation& generation) {
  return generation.route == "undo" && generation.state == StepState::open && generation.changed == 0 && generation.conflicts == 0 && generation.next_seq == 0;
}

Result<std::optional<std::string>> undo_cut_short(const program::Program& program, const std::vector<connect::Connector*>& targets) {
  std::optional<std::string> begun;
  bool between = false;  // of what a run has to undo for itself something is undone, and the job not let go …
  bool left = false, by_somebody = false;  // … unless somebody has undone the rest
  for (connect::Connector* target : targets) {
    if (!target->has_sql()) continue;
    auto generations = ledger::generations(*target, program.job);
    if (!generations) return generations.error();
    const auto has_undone = [&](const Generation& generation) { return generation.route == "undo" && generation.state == StepState::done && component(generation, "because") == of_the_run; };
    auto since = std::any_of(generations->begin(), generations->end(), has_undone) ? ledger::undoes_since_end(*target, program.job) : Result<std::vector<std::int64_t>>(std::vector<std::int64_t>());
    if (!since) return since.error();
    for (const Generation& generation : *generations) {
      left |= generation.route != "undo" && generation.route != "kept" && generation.changed > 0 && generation.state != StepState::undone;
      if (generation.route != "undo") continue;
      if (generation.state == StepState::open && (!begun || begun->empty())) begun = component(generation, "because");
      if (std::find(since->begin(), since->end(), generation.id) == since->end()) continue;
      between |= has_undone(generation);
      by_somebody |= generation.state == StepState::done && component(generation, "because") != of_the_run;
    }
  }
  between = between && (left || !by_somebody);
  if (between && (!begun || begun->empty())) begun = of_the_run;
  return begun;
}

std::vector<std::string> UndoTask::lost_lines() const {
  std::vector<std::string> lines;
  for (const ledger::Gap& gap : lost) {
    const auto hidden = [&](const std::string& column) { return std::find(sensitive.begin(), sensitive.end(), column) != sensitive.end(); };
    lines.push_back(fmt::format("{}: {} cannot be put back: {} lost with bfl's tables, and taken as done", undone.step, gap.rows(std::any_of(gap.key.begin(), gap.key.end(), hidden)),
                        gap.chunks == 1 ? "the images of a chunk were" : gap.chunks > 1 ? fmt::format("the images of {} chunks were", gap.chunks) : "their images were"));
  }
  return lines;
}

Result<std::vector<UndoTask>> undo_tasks(const program::Program& program, const std::vector<connect::Connector*>& targets, const UndoRequest& request, std::optional<Code>* code) {
  std::optional<Code> kept;
  std::optional<Code>& why = code ? *code : kept;
  std::vector<UndoTask> tasks;
  std::set<std::string> runs;  // that the request may mean
  bool known = false;
  for (std::size_t source = 0; source < targets.size(); ++source) {
    connect::Connector& target = *targets[source];
    auto there = target.has_sql() ? ledger::exists(target) : Result<bool>{false};
    if (!there) return there.error();
    if (!*there) continue;
    auto generations = ledger::generations(target, program.job);
    if (!generations) return generations.error();
    auto gaps = ledger::gaps(target, program.job);
    if (!gaps) return gaps.error();
    const auto lost = [&](const Generation& generation) { return std::any_of(gaps->begin(), gaps->end(), [&](const ledger::Gap& gap) { return gap.step == generation.id; }); };
    const auto by_id = [&](std::int64_t id) { return std::find_if(generations->begin(), generations->end(), [&](const Generation& g) { return g.id == id; }); };
    struct UnderWay {
      std::int64_t undone = 0;
      std::optional<std::pair<ledger::Key, ledger::Key>> keys;
      std::vector<std::string> runs;
    };
    std::vector<UnderWay> under_way;
    const auto add = [&](const Generation& generation) -> Result<UndoTask*> {
      auto packs = ledger::image_packs(target, generation.id);
      if (!packs) return packs.error();
      auto tables = ledger::image_tables(target, program.job, generation.id);
      if (!tables) return tables.error();
      UndoTask& task = tasks.emplace_back();
      task.source = static_cast<int>(source);
      task.undone = generation;
      task.packs = std::move(*packs);
      task.tables = std::move(*tables);
      task.because = request.because;
      for (const ledger::Gap& gap : *gaps)
        if (gap.step == generation.id) task.lost.push_back(gap);
      for (const ledger::ImagePack& pack : task.packs) task.images += pack.images;
      for (const Generation& other : *generations)
        if (other.step == "undo " + generation.step) task.number = std::max(task.number, other.number + 1);
      for (const UndoTask& other : tasks)  // of an earlier application of the step
        if (&other != &task && !other.open && other.source == task.source && other.undone.step == generation.step) task.number = std::max(task.number, other.number + 1);
      if (const auto undone = by_id(undone_by(generation)); generation.route == "undo" && component(generation, "keys").empty() && component(generation, "runs").empty() && undone != generations->end() && !lost(*undone)) task.again = undone->id;
      return &task;
    };
    // What of it has images was put back, and stays so.
    const auto back_already = [&](const Generation& generation) {
      return lost(generation) && std::any_of(generations->begin(), generations->end(), [&](const Generation& undo) {
        return undo.route == "undo" && undo.state == StepState::done && undone_by(undo) == generation.id && component(undo, "keys").empty() && component(undo, "runs").empty();
      });
    };
    // What was cut short is gone on with, whatever is asked for besides; by a run that undoes itself, only what such a run has begun.
    for (const Generation& generation : *generations) {
      if (generation.route != "undo" || generation.state != StepState::open || (!request.because.empty() && component(generation, "because").empty())) continue;
      const auto undone = by_id(undone_by(generation));
      if (undone == generations->end()) continue;
      auto task = add(*undone);
      if (!task) return task.error();
      (*task)->open = generation;
      (*task)->because = component(generation, "because");
      if (const auto own = runs_of(generation); !own.empty()) narrow(**task, [&](const std::string& run) { return std::find(own.begin(), own.end(), run) != own.end(); });
      if (auto fitted = fit(program, target, **task, {}, why); !fitted) return fitted.error();
      (*task)->keys = keys_of(generation);
      if (!(*task)->keys && !component(generation, "keys").empty())
        return Error{ErrorClass::refused, fmt::format("an undo of some keys of `{}` was cut short, and which keys cannot be read", undone->step), {}, "`bfl audit verify` shows what was altered"};
      keep_lost_of_keys(**task);
      under_way.push_back({undone->id, (*task)->keys, (*task)->runs});
    }
    for (auto generation = generations->rbegin(); generation != generations->rend() && !request.finish; ++generation) {
      known |= generation->step == request.step;
      if (generation->state == StepState::undone || (generation->changed == 0 && !lost(*generation)) || (!request.step.empty() && generation->step != request.step) || (request.generation != 0 && generation->id != request.generation)) continue;
      if (generation->route == "undo" && (request.run.empty() || generation->state == StepState::open)) continue;
      if (back_already(*generation)) continue;
      auto task = add(*generation);
      if (!task) return task.error();
      for (const ledger::ImagePack& pack : (*task)->packs)
        if (!request.run.empty() && pack.run.starts_with(request.run)) runs.insert(pack.run);
      const bool some = !request.run.empty() || !request.runs.empty();
      if (some && !narrow(**task, [&](const std::string& run) { return request.run.empty() ? std::find(request.runs.begin(), request.runs.end(), run) != request.runs.end() : run.starts_with(request.run); })) {
        tasks.pop_back();
        continue;
      }
      if (auto fitted = fit(program, target, **task, request, why); !fitted) return fitted.error();
      const auto covers = [&](const UnderWay& open) {
        return open.undone == generation->id && (!open.keys || same_range(open.keys, (*task)->keys)) && (open.runs.empty() || open.runs == (*task)->runs);
      };
      if (std::any_of(under_way.begin(), under_way.end(), covers)) tasks.pop_back();
      else if (auto free = refuse_part(tasks.back()); !free) return free.error();
    }
  }
  if (!request.step.empty() && !known && std::none_of(program.steps.begin(), program.steps.end(), [&](const program::Step& step) { return step.name == request.step; }))
    return Error{ErrorClass::data, fmt::format("`--step` names `{}`, which the job does not have and never had", request.step), {}, "`bfl graph` lists the steps"};
  if (runs.size() > 1)
    return Error{ErrorClass::data, fmt::format("`--run {}` is the beginning of {} runs, expected one", request.run, runs.size()), {}, fmt::format("write more of it: {}", fmt::join(runs, ", "))};
  for (const UndoTask& task : tasks)
    if (auto free = refuse_broken(program, *targets[static_cast<std::size_t>(task.source)], task, tasks, request, why); !free) return free.error();
  return tasks;
}

Result<std::vector<std::string>> left_by_undoes(const program::Program& program, const std::vector<connect::Connector*>& targets, const std::string& step) {
  std::vector<std::string> rows;
  for (std::size_t source = 0; source < targets.size(); ++source) {
    connect::Connector& target = *targets[source];
    auto generations = target.has_sql() ? ledger::generations(target, program.job) : Result<std::vector<Generation>>(std::vector<Generation>());
    if (!generations) return generations.error();
    for (auto undo = generations->begin(); undo != generations->end(); ++undo) {
      if (undo->route != "undo" || undo->state != StepState::done || undo->conflicts == 0) continue;
      const auto undone = std::find_if(generations->begin(), generations->end(), [&](const Generation& one) { return one.id == undone_by(*undo); });
      if (undone == generations->end() || (!step.empty() && undone->step != step)) continue;
      if (std::any_of(std::next(undo), generations->end(), [&](const Generation& later) { return later.step == undone->step; })) continue;
      auto tables = ledger::image_tables(target, program.job, undone->id);
      if (!tables) return tables.error();
      if (tables->empty()) continue;
      const ledger::ImageTable& own = tables->front();
      const std::vector<Table>& known = program.catalogues[source].tables;
      const auto table = std::find_if(known.begin(), known.end(), [&](const Table& one) { return one.name == own.name; });
      std::vector<int> columns;  // of the key; of several tables nobody knows which
      if (table != known.end() && tables->size() == 1)
        for (const int column : own.key) columns.push_back(table->column_index(own.columns[static_cast<std::size_t>(column)]));
      auto read = ledger::each_conflict(target, undo->id, [&](const ledger::Key& key, const std::string& reason) {
        const std::string shown = columns.empty() ? ledger::display(key) : display_key(*table, columns, key);
        rows.push_back(fmt::format("{}: {} {}: {}", undone->step, tables->size() == 1 ? own.name : "a row", shown, reason));
      });
      if (!read) return read.error();
    }
  }
  return rows;
}

}  // namespace bfl::run
