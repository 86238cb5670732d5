#include "interpreter/report/plan_risks.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

constexpr std::int64_t many_rows = 10'000;

const Catalogue& catalogue_of(const program::Program& program, const program::Step& step) { return program.catalogues[static_cast<std::size_t>(step.target.source)]; }

std::string_view event_of(program::StepKind kind) {
  switch (kind) {
    case program::StepKind::update: return "UPDATE";
    case program::StepKind::insert: return "INSERT";
    case program::StepKind::remove: return "DELETE";
    default: return {};  // upserts and statements: any of them
  }
}

bool sets(const program::Program& program, const program::Step& step, const std::vector<std::string>& columns) {
  return std::any_of(step.assignments.begin(), step.assignments.end(), [&](const program::Assignment& set) {
    return std::find(columns.begin(), columns.end(), program.table(step.target).columns[static_cast<std::size_t>(set.column)].name) != columns.end();
  });
}

// Of the tables that the step changes; none: all have one.
const Table* table_without_key(const program::Program& program, const program::Step& step) {
  std::vector<program::TableRef> changed{step.target};
  changed.insert(changed.end(), step.cascades.begin(), step.cascades.end());
  for (const program::TableRef ref : changed)
    if (!program.table(ref).identity()) return &program.table(ref);
  return nullptr;
}

}  // namespace

std::vector<std::string> set_off_by(const program::Program& program, const program::Step& step) {
  std::vector<std::string> all;
  const Table& table = program.table(step.target);
  const std::string_view event = event_of(step.kind);
  for (const Trigger& trigger : table.triggers)
    if (event.empty() || trigger.event.find(event) != std::string::npos) all.push_back(fmt::format("trigger {} ({})", trigger.name, trigger.event));
  for (const ForeignKey& key : catalogue_of(program, step).foreign_keys) {
    if (key.parent != table.name) continue;
    const std::string& does = step.kind == program::StepKind::remove ? key.on_delete : key.on_update;
    const bool acts = does == "CASCADE" || does == "SET NULL" || does == "SET DEFAULT";
    if (acts && (step.kind == program::StepKind::remove || sets(program, step, key.parent_columns)))
      all.push_back(fmt::format("rows of {} that refer to them ({} {})", key.table, step.kind == program::StepKind::remove ? "ON DELETE" : "ON UPDATE", does));
  }
  return all;
}

std::string locks_of(const program::Program& program, const program::Step& step) {
  const bool whole = step.atomic || step.route == program::Route::whole || step.sql;
  const char* until = program.atomic ? "until the job is committed as a whole" : whole ? "until the step is committed as a whole" : "until its chunk is committed";
  if (catalogue_of(program, step).engine == "sqlite") return fmt::format("the database for writing, {}; others read on", until);
  if (catalogue_of(program, step).engine == "postgres") return fmt::format("{}, {}; others read on", step.sql ? "the tables that it writes" : "each row that changes", until);
  return {};
}

std::vector<Risk> risks_of(const program::Program& program, const program::Step& step, const run::Preview& preview) {
  std::vector<Risk> all;
  const auto fails = std::count_if(preview.judgements.begin(), preview.judgements.end(), [](const run::Judgement& judgement) { return !judgement.holds; });
  if (fails > 0 && step.kind == program::StepKind::check) all.push_back({"check-fails", program.atomic ? "the run would stop here, and nothing would be changed" : "the run would stop here: no step that waits for it would start"});
  if (fails > 0 && step.kind == program::StepKind::verify) all.push_back({"verify-fails", program.atomic ? "nothing would be changed: the job is one transaction" : "every change would be committed, and the run would end with exit code 1"});
  if (!program::changes_rows(step.kind)) return all;
  std::int64_t skipped = 0;
  for (const run::LeftOut& part : preview.left_out) skipped += part.rows;
  for (const run::Limit& limit : preview.limits) {
    const std::int64_t found = limit.what == program::Counted::skipped ? skipped : preview.would_change;
    if (found >= 0 && !run::meets(found, limit))
      all.push_back({"expect-fails", fmt::format("the run would stop here: {} {}, expected {} {}", counted(found, "row"), limit.what == program::Counted::skipped ? "left out" : "to change", run::words(limit.bound), grouped(limit.rows))});
  }
  if (const std::int64_t refused = preview.refusals.rows(); refused > run::may_set_aside(step, preview))
    all.push_back({"rows-refused", fmt::format("the run would stop here: {}{} that the database does not take", preview.refusals.all ? "" : "at least ", counted(refused, "row"))});
  if (step.sql) all.push_back({"raw-sql", "which rows it changes is not known before it runs; a change that is not declared is rolled back"});
  const std::int64_t rows = preview.would_change, table = preview.table_rows;
  if ((program.atomic || step.atomic || step.route == program::Route::whole) && rows > many_rows)
    all.push_back({"one-transaction", fmt::format("{} in one transaction{}: their locks are held to its end", counted(rows, "row"), program.atomic ? " with all of the job" : "")});
  const bool bounded = std::any_of(step.expectations.begin(), step.expectations.end(), [](const auto& expectation) { return expectation.what == program::Counted::changed && expectation.bound != program::Bound::at_least; });
  if (rows > many_rows && !bounded) all.push_back({"no-bound", "no `expect changed <= …` says how many rows are too many"});
  if (program::writes_anchor(step.kind) && rows > 0 && table > 100 && rows * 2 > table) all.push_back({"most-rows", fmt::format("about {} in 100 rows of the table", std::min<std::int64_t>(100, rows * 100 / table))});
  const Table* lost = table_without_key(program, step);
  const std::string not_back = lost ? fmt::format("rows of `{}` have no key: `bfl undo` cannot put them back", lost->name) : "";
  if (program::writes_anchor(step.kind) && step.walk.empty()) all.push_back({"no-key", lost ? "its rows are known by their places only; " + not_back : "its rows are known by their places only"});
  else if (lost) all.push_back({"no-key", not_back});
  for (const run::Access& access : preview.accesses)
    if (const auto& there = program.table(access.table).estimated_rows; access.whole && there.value_or(0) > many_rows)
      all.push_back({"whole-table", fmt::format("{}: about {}", access.text, counted(*there, "row"))});
  if (const auto others = set_off_by(program, step); !others.empty()) all.push_back({"sets-off", fmt::format("each row sets off {}", others.size() == 1 ? others[0] : counted(static_cast<std::int64_t>(others.size()), "thing"))});
  return all;
}

}  // namespace bfl::report
