#include "interpreter/plan/changes.h"

#include <fmt/format.h>

#include <algorithm>
#include <compare>
#include <map>
#include <optional>
#include <tuple>

#include "interpreter/check/any_order.h"
#include "interpreter/plan/memo.h"
#include "interpreter/plan/plan.h"

namespace bfl::plan {

using program::CompareOp, program::Expr, program::ExprKind, program::Program, program::Relation, program::Step, program::StepKind;

namespace {

constexpr std::string_view class_names[] = {"cosmetic",      "metadata",      "verification only", "additive",       "scope narrowed", "guard tightened", "scope widened",
                                            "scope unknown", "value changed", "guard loosened",    "removed",        "target changed", "meaning unknown"};

void conjuncts(const program::ExprPtr& e, std::vector<program::ExprPtr>& into) {
  if (e->kind != ExprKind::and_) return into.push_back(e);
  for (const auto& part : e->args) conjuncts(part, into);
}

const Expr& bare(const Expr& e) { return e.kind == ExprKind::convert ? bare(*e.args[0]) : e; }

// `column op literal`, whichever way it is written.
struct Limit {
  std::string column;
  CompareOp op{};
  const Value* value = nullptr;
};
std::optional<Limit> limit_of(const Expr& e, const Program& program) {
  if (e.kind != ExprKind::compare || e.args.size() != 2) return std::nullopt;
  const Expr &left = bare(*e.args[0]), &right = bare(*e.args[1]);
  if (left.kind == ExprKind::column && right.kind == ExprKind::literal) return Limit{to_string(left, program), e.op, &right.value};
  return std::nullopt;
}

// Whether whatever `a` lets through, `b` does too.
bool implies(const Limit& a, const Limit& b) {
  if (a.column != b.column || a.value->is_null() || b.value->is_null() || a.value->data.index() != b.value->data.index()) return false;
  const bool below = a.op == CompareOp::less || a.op == CompareOp::less_equal, above = a.op == CompareOp::greater || a.op == CompareOp::greater_equal;
  const auto order = bfl::order(*a.value, *b.value);
  if (below && (b.op == CompareOp::less || b.op == CompareOp::less_equal)) return std::is_lt(order) || (std::is_eq(order) && (a.op == CompareOp::less || b.op == CompareOp::less_equal));
  if (above && (b.op == CompareOp::greater || b.op == CompareOp::greater_equal)) return std::is_gt(order) || (std::is_eq(order) && (a.op == CompareOp::greater || b.op == CompareOp::greater_equal));
  return false;
}

class Comparison {
 public:
  Comparison(const Program& before, const Program& after) : before_(before), after_(after) {}

  Changes run() {
    if (!before_.steps.empty() || !before_.job.empty()) job();
    const std::vector<MemoKey> old_keys = memo_keys(before_, std::vector<std::string>(before_.sources.size())),
                               new_keys = memo_keys(after_, std::vector<std::string>(after_.sources.size()));
    for (std::size_t i = 0; i < after_.steps.size(); ++i) {
      const Step& now = after_.steps[i];
      const auto old = std::find_if(before_.steps.begin(), before_.steps.end(), [&](const Step& s) { return s.name == now.name; });
      if (old == before_.steps.end()) {
        add(program::only_asserts(now.kind) && now.kind == StepKind::verify ? ChangeClass::verification : now.kind == StepKind::check ? ChangeClass::guard_tightened : ChangeClass::additive,
            now.name, fmt::format("{} is new", name_of(now.kind)), {}, rows(now, after_));
        changes_.steps.push_back({now.name, Fate::is_new});
        continue;
      }
      const auto at = static_cast<std::size_t>(old - before_.steps.begin());
      step(*old, now, old_keys[at], new_keys[i]);
    }
    for (const Step& old : before_.steps) {
      if (std::any_of(after_.steps.begin(), after_.steps.end(), [&](const Step& s) { return s.name == old.name; })) continue;
      add(old.kind == StepKind::check ? ChangeClass::guard_loosened : old.kind == StepKind::verify ? ChangeClass::verification : ChangeClass::removed, old.name,
          fmt::format("{} is gone", name_of(old.kind)), rows(old, before_), {});
      changes_.steps.push_back({old.name, Fate::is_gone});
    }
    return std::move(changes_);
  }

 private:
  void add(ChangeClass what, const std::string& step, std::string about, std::string before, std::string after) {
    changes_.list.push_back({what, step, std::move(about), std::move(before), std::move(after)});
  }
  void described(const std::string& step, std::string about, const std::string& before, const std::string& after) {
    if (before != after) add(ChangeClass::metadata, step, std::move(about), before, after);
  }
  static std::string rows(const Step& step, const Program& program) { return step.relation ? to_string(*step.relation, program) : std::string(); }

  void job() {
    if (before_.job != after_.job) add(ChangeClass::target_changed, {}, "name of the job: the ledger knows nothing of what the old one did", before_.job, after_.job);
    described({}, "owner", before_.owner, after_.owner);
    described({}, "ticket", before_.ticket, after_.ticket);
    described({}, "why", before_.why, after_.why);
    described({}, "runbook", before_.runbook, after_.runbook);
    conditions();
    for (const program::Source& source : after_.sources)
      for (const program::Source& old : before_.sources)
        if (source.name == old.name && source.shown != old.shown) add(ChangeClass::target_changed, {}, fmt::format("source {}", source.name), old.shown, source.shown);
  }

  // Under which the job may be run at all, and what makes it undo itself.
  void conditions() {
    const auto guard = [&](std::string about, const std::string& before, const std::string& after, bool tighter) {
      if (before != after) add(tighter ? ChangeClass::guard_tightened : ChangeClass::guard_loosened, {}, std::move(about), before, after);
    };
    const auto asks = [](const Program& program) { return program.approval.value_or(program::Approval{}); };
    guard("approvals", to_string(before_.approval), to_string(after_.approval), asks(after_).signatures >= asks(before_).signatures && asks(after_).not_author >= asks(before_).not_author);
    const auto end = [](const Program& program) { return program.expires ? format_timestamp(*program.expires) : std::string(); };
    guard("expires", end(before_), end(after_), after_.expires && (!before_.expires || *after_.expires < *before_.expires));
    guard("promote", to_string(before_.promotion), to_string(after_.promotion), !before_.promotion);
    const auto whole = [](const Program& program) { return std::string(program.atomic ? "one transaction" : ""); };
    guard("atomic", whole(before_), whole(after_), after_.atomic.has_value());
    const auto undone = [](const Program& program) { return program.rollback ? program.rollback->text : std::string(); };
    guard("rollback when", undone(before_), undone(after_), undone(before_).empty());
  }

  void step(const Step& old, const Step& now, const MemoKey& old_key, const MemoKey& new_key) {
    const auto part = [](const MemoKey& key, std::string_view name) {
      for (const KeyComponent& component : key.components)
        if (component.name == name) return component.digest;
      return std::string();
    };
    const std::size_t known = changes_.list.size();
    const bool meant = part(old_key, "meaning") == part(new_key, "meaning") && part(old_key, "schema") == part(new_key, "schema");
    const bool walked = part(old_key, "walk") == part(new_key, "walk");
    if (old.kind != now.kind) add(ChangeClass::target_changed, now.name, "kind of step", std::string(name_of(old.kind)), std::string(name_of(now.kind)));
    else if (!meant && part(old_key, "schema") == part(new_key, "schema") && program::meaning_in_any_order(old, before_) == program::meaning_in_any_order(now, after_))
      add(ChangeClass::cosmetic, now.name, "the order of conditions", {}, {});
    else if (!meant) meaning(old, now);
    if (!meant && changes_.list.size() == known) add(ChangeClass::unknown, now.name, "its meaning", {}, {});
    guards(old, now);
    described(now.name, "documentation", old.doc, now.doc);
    described(now.name, "chunk", old.chunk_rows ? std::to_string(*old.chunk_rows) : "", now.chunk_rows ? std::to_string(*now.chunk_rows) : "");
    described(now.name, "atomic", old.atomic ? "atomic" : "", now.atomic ? "atomic" : "");
    if (meant && old_key.pacing != new_key.pacing && changes_.list.size() == known && before_.owner == after_.owner && before_.ticket == after_.ticket && before_.why == after_.why)
      add(ChangeClass::metadata, now.name, "messages", {}, {});
    changes_.steps.push_back({now.name, !meant ? Fate::runs_again : walked ? Fate::stays : Fate::stays_or_restarts});
  }

  void meaning(const Step& old, const Step& now) {
    if (program::only_asserts(now.kind)) {
      const auto said = [](const Step& step, const Program& program) {
        std::string text;
        for (const auto& assertion : step.assertions) text += (text.empty() ? "" : "; ") + to_string(*assertion.condition, program);
        return text;
      };
      // A check may let more pass than before: what it asks is compared by nobody.
      return add(now.kind == StepKind::verify ? ChangeClass::verification : ChangeClass::guard_loosened, now.name, now.kind == StepKind::verify ? "what is proved" : "what is checked: perhaps looser",
                 said(old, before_), said(now, after_));
    }
    const bool writes = program::changes_rows(now.kind);
    if (writes && before_.shown(old.target) != after_.shown(now.target)) add(ChangeClass::target_changed, now.name, "table", before_.shown(old.target), after_.shown(now.target));
    if (old.relation && now.relation) scope(old, now);
    if (writes) values(old, now);
    const auto condition = [](const program::ExprPtr& e, const Program& program) { return e ? to_string(*e, program) : std::string(); };
    if (condition(old.when, before_) != condition(now.when, after_)) add(ChangeClass::scope_unknown, now.name, "when", condition(old.when, before_), condition(now.when, after_));
    if (old.once != now.once) add(ChangeClass::unknown, now.name, "once", old.once ? "once" : "", now.once ? "once" : "");
  }

  void scope(const Step& old, const Step& now) {
    Relation bare_old = *old.relation, bare_new = *now.relation;
    std::map<std::string, program::ExprPtr> gone, come;  // by what they say
    for (const auto& [relation, program, into] : {std::tuple{&bare_old, &before_, &gone}, std::tuple{&bare_new, &after_, &come}}) {
      std::vector<program::ExprPtr> parts;
      for (const auto& filter : relation->filters)
        if (!filter.skip) conjuncts(filter.condition, parts);
      std::erase_if(relation->filters, [](const auto& filter) { return !filter.skip; });
      for (const auto& one : parts) into->emplace(to_string(*one, *program), one);
    }
    const std::string before = rows(old, before_), after = rows(now, after_);
    if (program::meaning(bare_old, before_) != program::meaning(bare_new, after_)) return add(ChangeClass::scope_unknown, now.name, "rows", before, after);
    for (auto at = gone.begin(); at != gone.end();) {
      if (come.erase(at->first) != 0) at = gone.erase(at);
      else ++at;
    }
    if (gone.empty() && come.empty()) return;
    // After `limit`, fewer candidates are other rows.
    ChangeClass what = ChangeClass::scope_unknown;
    if (!now.relation->limit) {
      if (gone.empty()) what = ChangeClass::scope_narrowed;
      else if (come.empty()) what = ChangeClass::scope_widened;
      else if (gone.size() == 1 && come.size() == 1) {
        const auto from = limit_of(*gone.begin()->second, before_), to = limit_of(*come.begin()->second, after_);
        if (from && to && implies(*from, *to)) what = ChangeClass::scope_widened;
        else if (from && to && implies(*to, *from)) what = ChangeClass::scope_narrowed;
      }
    }
    const auto all = [](const std::map<std::string, program::ExprPtr>& parts) {
      std::string text;
      for (const auto& [said, e] : parts) text += (text.empty() ? "" : " and ") + said;
      return text;
    };
    add(what, now.name, "rows", all(gone), all(come));
  }

  void values(const Step& old, const Step& now) {
    std::map<std::string, std::pair<std::string, std::string>> columns;
    const auto take = [&](const Step& step, const Program& program, std::string std::pair<std::string, std::string>::*side) {
      for (const auto& assignment : step.assignments) columns[program.table(step.target).columns[static_cast<std::size_t>(assignment.column)].name].*side = to_string(*assignment.value, program);
    };
    take(old, before_, &std::pair<std::string, std::string>::first);
    take(now, after_, &std::pair<std::string, std::string>::second);
    for (const auto& [column, said] : columns)
      if (said.first != said.second) add(ChangeClass::value_changed, now.name, column, said.first, said.second);
  }

  static std::string words(const program::Expectation& e) {
    const std::string_view bound = e.bound == program::Bound::at_most ? "<=" : e.bound == program::Bound::at_least ? ">=" : "==";
    return fmt::format("{} {} {}", e.what == program::Counted::changed ? "changed" : "skipped", bound, e.percent ? fmt::format("{}% of {}", e.percent->to_string(), e.of_text) : std::to_string(e.rows));
  }
  void guards(const Step& old, const Step& now) {
    std::map<std::string, const program::Expectation*> gone, come;
    for (const auto& e : old.expectations) gone[words(e)] = &e;
    for (const auto& e : now.expectations) come[words(e)] = &e;
    for (auto at = gone.begin(); at != gone.end();) at = come.erase(at->first) != 0 ? gone.erase(at) : std::next(at);
    for (const auto& [said, e] : gone) {
      const auto other = std::find_if(come.begin(), come.end(), [&, mine = e](const auto& one) { return one.second->what == mine->what && one.second->bound == mine->bound; });
      if (other == come.end()) {
        add(ChangeClass::guard_loosened, now.name, "expect", said, {});
        continue;
      }
      const bool plain = !e->percent && !other->second->percent && e->bound != program::Bound::exactly;
      const bool tighter = plain && (e->bound == program::Bound::at_most ? other->second->rows < e->rows : other->second->rows > e->rows);
      add(tighter ? ChangeClass::guard_tightened : ChangeClass::guard_loosened, now.name, "expect", said, other->first);
      come.erase(other);
    }
    for (const auto& [said, e] : come) add(ChangeClass::guard_tightened, now.name, "expect", {}, said);
    if (old.quarantine != now.quarantine) {
      const auto most = [](const Step& step) { return step.quarantine ? fmt::format("<= {}", *step.quarantine) : std::string(); };
      add(now.quarantine.value_or(0) > old.quarantine.value_or(0) ? ChangeClass::guard_loosened : ChangeClass::guard_tightened, now.name, "quarantine", most(old), most(now));
    }
    if (const std::string was = to_string(old.rollout), is = to_string(now.rollout); was != is)
      add(was.empty() ? ChangeClass::guard_tightened : ChangeClass::guard_loosened, now.name, "rollout", was, is);
  }

  const Program &before_, &after_;
  Changes changes_;
};

}  // namespace

std::string_view name_of(ChangeClass what) { return class_names[static_cast<std::size_t>(what)]; }

bool is_scope(ChangeClass what) { return what == ChangeClass::scope_narrowed || what == ChangeClass::scope_widened || what == ChangeClass::scope_unknown; }

bool needs_review(ChangeClass what) { return what == ChangeClass::additive || what >= ChangeClass::scope_widened; }

std::string_view describe(Fate fate) {
  switch (fate) {
    case Fate::stays: return "finished: stays; half-finished: goes on";
    case Fate::stays_or_restarts: return "finished: stays; half-finished: refused without --accept, it is walked otherwise";
    case Fate::runs_again: return "finished: runs again; half-finished: refused without --accept";
    case Fate::is_new: return "new: runs";
    case Fate::is_gone: return "gone: what it has changed stays";
  }
  return {};
}

Changes compare(const Program& before, const Program& after) { return Comparison(before, after).run(); }

}  // namespace bfl::plan
