#include "interpreter/run/scope_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/run/discreet.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {
namespace {

constexpr std::size_t most = 1'000'000, samples = 5;

const program::Step* step_named(const program::Program& program, const std::string& name) {
  const auto found = std::find_if(program.steps.begin(), program.steps.end(), [&](const program::Step& step) { return step.name == name; });
  return found == program.steps.end() ? nullptr : &*found;
}

// The keys of the rows that the step's relation gives, sorted.
Result<std::vector<std::string>> chosen(const Version& version, const program::Step& step, const eval::Context& evaluation) {
  // The statement that asks for them is that of a step that would take them all, whatever the step itself does.
  program::Step all = step;
  all.kind = program::StepKind::remove;
  all.assignments.clear();
  all.effects.clear();
  all.expectations.clear();
  all.cascades.clear();
  all.duplicates.reset();
  all.free_name.reset();
  all.once = false;
  auto bench = Workbench::open(version.program, all, version.sources, evaluation);
  if (!bench) return bench.error();
  connect::Connector& engine = (*bench)->engine();
  auto sql = lower::intents((*bench)->program(), all, lower::dialect_of(engine.engine()), false);
  if (!sql) return sql.error();
  auto select = engine.prepare(sql->own.select, evaluation);
  if (!select) return select.error();
  const Table& table = version.program.table(step.target);
  std::vector<std::string> keys;
  Result<void> sound;
  auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
    std::string key;
    for (std::size_t i = 0; i < sql->own.intent.key; ++i) {
      auto value = engine.decode(row[i], sql->own.select.columns[i]);
      if (!value) return sound = value.error(), false;
      key += fmt::format("{}{} {}", i ? ", " : "", table.columns[static_cast<std::size_t>(step.walk[i])].name, literal(table.columns[static_cast<std::size_t>(step.walk[i])], *value));
    }
    keys.push_back(std::move(key));
    return keys.size() <= most;
  });
  if (!read) return read.error();
  if (!sound) return sound.error();
  if (keys.size() > most) return Error{ErrorClass::refused, fmt::format("it chooses more than {} rows", most), {}, {}};
  return keys;
}

plan::Only only_in(const std::vector<std::string>& rows, std::vector<std::string> others) {
  std::sort(others.begin(), others.end());
  plan::Only only;
  for (const std::string& key : rows) {  // samples in the order of the walk
    if (std::binary_search(others.begin(), others.end(), key)) continue;
    if (++only.rows <= static_cast<std::int64_t>(samples)) only.sample.push_back(key);
  }
  return only;
}

plan::ScopeRows compared(const Version& before, const program::Step& old, const Version& after, const program::Step& now, Clock& clock) {
  plan::ScopeRows made;
  if (!program::writes_anchor(old.kind) || !program::writes_anchor(now.kind) || before.program.shown(old.target) != after.program.shown(now.target) || old.walk != now.walk || now.walk.empty()) {
    made.why_not = "the versions do not change rows of one table by one key";
    return made;
  }
  const eval::Context evaluation{clock.now()};
  auto then = chosen(before, old, evaluation), fresh = chosen(after, now, evaluation);
  if (!then || !fresh) {
    made.why_not = (then ? discreet(after.program, now, fresh.error()) : discreet(before.program, old, then.error())).message;
    return made;
  }
  made.before = only_in(*then, *fresh);
  made.after = only_in(*fresh, *then);
  return made;
}

}  // namespace

void compare_scopes(plan::Changes& changes, const Version& before, const Version& after, Clock& clock) {
  for (plan::Change& change : changes.list) {
    if (!plan::is_scope(change.what)) continue;
    const program::Step *old = step_named(before.program, change.step), *now = step_named(after.program, change.step);
    if (old && now && old->relation && now->relation && !change.rows) change.rows = compared(before, *old, after, *now, clock);
  }
}

}  // namespace bfl::run
