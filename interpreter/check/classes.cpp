// Is it safe to repeat? The class of an update, and the route that follows from it.
//
// What counts is whether new values depend on columns that the step itself writes: of the row (then a second run must find
// nothing to do, which is proved on rows when it runs) or of other rows (then all values are computed before the first is
// written). What cannot be either is an error here, before anything is touched.
#include <algorithm>
#include <set>

#include "interpreter/check/checker.h"
#include "interpreter/check/row_keys.h"
#include "interpreter/check/visit.h"

namespace bfl::check {

using program::Idempotence;
using program::InputKind;
using program::Relation;
using program::Route;
using program::Step;

namespace {

// What a step's expressions read of what it writes.
class SelfReads {
 public:
  SelfReads(const program::Program& program, const Step& step) : program_(program), step_(step), target_(program.table(step.target)) {
    const Relation* relation = step.relation.get();
    for (; relation; relation = relation->inputs[0].sub.get()) chain_.push_back(relation);
    const auto see = Seeing{[&](const Expr& expr) { others_ |= is_other(expr); },
                            [&](const Relation& inner) {
                              if (has_window(inner)) whole_ = "windows";
                              if (inner.follow) whole_ = "chains";
                              for (const auto& input : inner.inputs) own_table_ |= input.table == step.target && !is_own_input(input.id);
                              for (const auto& input : inner.inputs) {
                                if (!input.table || input.table->source != step.target.source) continue;
                                const Table& table = program.table(*input.table);
                                const program::Query* query = program.query(*input.table);
                                if (!query) others_ |= table.view || table.virtual_table;  // what is behind a view is not known
                                else others_ |= std::any_of(query->reads.begin(), query->reads.end(), [&](const program::ColumnUse& use) { return step.writes.contains(use); });
                                if (query) own_table_ |= query->reads.contains({step.target, -1});
                              }
                            }};
    for_each(*step.relation, see);
    for (const auto& assignment : step.assignments) for_each(*assignment.value, see);
    others_ = others_ || windows_read_written();
  }

  bool of_other_rows() const { return others_; }
  bool of_own_table() const { return own_table_; }  // in whatever way: which rows there are
  // Of the row itself; through the conditions of joins too, which choose what is read.
  bool of_row(const Expr& expr) const { return own(expr); }
  // Only by looking itself up in a relation that is kept: what it finds there stays, however often the step is begun.
  bool of_row_by_kept(const Expr& expr) const {
    past_kept_ = true;
    const bool itself = own(expr);
    past_kept_ = false;
    return !itself;
  }
  bool where_reads_row() const {
    return std::any_of(chain_.begin(), chain_.end(), [&](const Relation* relation) {
      return std::any_of(relation->filters.begin(), relation->filters.end(), [&](const auto& filter) { return own(*filter.condition); });
    });
  }
  bool limit_reads_row() const {
    bool seen = false, limited = false;
    for (const Relation* relation : chain_) {
      limited |= relation->limit.has_value();
      if (!limited) continue;
      for (const auto& filter : relation->filters) seen |= own(*filter.condition);
      for (const auto& key : relation->order) seen |= own(*key.expr);
    }
    return seen;
  }
  bool limited() const {
    return std::any_of(chain_.begin(), chain_.end(), [](const Relation* relation) { return relation->limit.has_value(); });
  }
  // A few rows of the table may stand for all of it: what other rows hold is read where they lie, and neither a window nor a
  // chain over the rows that are changed would come out otherwise. Generated columns would stay behind on a copy.
  bool provable_on_a_copy() const {
    const bool computed = std::any_of(step_.reads.begin(), step_.reads.end(), [&](const program::ColumnUse& use) {
      return use.table == step_.target && use.column >= 0 && target_.columns[static_cast<std::size_t>(use.column)].generated;
    });
    return !computed && std::none_of(chain_.begin(), chain_.end(), [](const Relation* relation) {
      return has_window(*relation) || relation->follow || !relation->inputs[0].united.empty();
    });
  }
  bool row_local() const {
    if (chain_.size() > 1 || step_.relation->inputs.size() > 1 || step_.relation->limit) return false;
    bool local = true;
    const auto see = [&](const Expr& expr) { local &= expr.kind != ExprKind::subquery; };
    for (const auto& filter : step_.relation->filters) for_each(*filter.condition, see);
    for (const auto& assignment : step_.assignments) for_each(*assignment.value, see);
    return local;
  }
  // What would be computed anew for each chunk, from rows of other chunks: its name, or nothing.
  std::string_view computed_whole() const {
    if (!whole_.empty()) return whole_;
    for (const Relation* relation : chain_)
      for (std::size_t i = 1; i < relation->inputs.size(); ++i)
        for (const Relation* sub = relation->inputs[i].sub.get(); sub; sub = sub->inputs[0].sub.get())
          if (sub->grouped) return "groups that are joined";
    return {};
  }
  // `n + 1`, `price * 1.1`: a second run adds again, whatever the row. Behind a condition that looks at what is written it may
  // not come to that.
  bool grows(const Expr& expr) const {
    std::set<std::pair<const Expr*, bool>> seen;
    return grows(expr, false, 0, seen);
  }

 private:
  bool written(int column) const {
    if (target_.columns[static_cast<std::size_t>(column)].generated) return true;
    return step_.writes.contains({step_.target, column});
  }
  static bool has_window(const Relation& relation) {
    return std::any_of(relation.fields.begin(), relation.fields.end(), [](const auto& field) { return field.expr->kind == ExprKind::window; });
  }
  // A window sees other rows of the table: those that the conditions before it leave.
  bool windows_read_written() const {
    for (std::size_t i = 0; i < chain_.size(); ++i) {
      if (!has_window(*chain_[i])) continue;
      for (const auto& field : chain_[i]->fields)
        if (field.expr->kind == ExprKind::window && own(*field.expr)) return true;
      for (std::size_t inner = i; inner < chain_.size(); ++inner) {
        for (const auto& filter : chain_[inner]->filters)
          if (own(*filter.condition)) return true;
        for (const auto& input : chain_[inner]->inputs)
          if (input.on && own(*input.on)) return true;
      }
    }
    return false;
  }
  bool is_own_input(program::InputId id) const {
    return std::any_of(chain_.begin(), chain_.end(), [&](const Relation* relation) { return relation->inputs[0].id == id; });
  }
  bool is_other(const Expr& expr) const {
    if (expr.kind != ExprKind::column || is_own_input(expr.input)) return false;
    const auto& ref = program_.inputs[expr.input].table;
    return ref && *ref == step_.target && written(expr.column);
  }
  static bool is_of_way(const Relation& relation, program::InputId id) {
    return id == relation.inputs[1].id || id == relation.follow->previous || id == relation.follow->place;
  }
  bool is_kept(const program::Input& input) const { return input.table && !program_.table(*input.table).kept.empty() && !program_.query(*input.table); }
  // What a column of an enclosing block stands for.
  const Expr* behind(const Expr& column) const {
    for (const Relation* relation : chain_)
      if (relation->inputs[0].id == column.input && relation->inputs[0].sub) return relation->inputs[0].sub->fields[static_cast<std::size_t>(column.column)].expr.get();
    return nullptr;
  }
  bool own(const Expr& root) const {
    std::set<const Expr*> seen;  // fields of enclosed blocks and conditions of joins, each looked at once
    return own(root, seen);
  }
  bool own(const Expr& root, std::set<const Expr*>& seen) const {
    bool found = false;
    for_each(root, [&](const Expr& expr) {
      if (found || expr.kind != ExprKind::column) return;
      if (is_own_input(expr.input)) {
        const Expr* inner = behind(expr);
        found = inner ? seen.insert(inner).second && own(*inner, seen) : written(expr.column);
        return;
      }
      for (const Relation* relation : chain_) {
        if (relation->follow && is_of_way(*relation, expr.input)) {
          if (!seen.insert(relation->inputs[1].on.get()).second) continue;
          found = found || own(*relation->inputs[1].on, seen);
          for (const ExprPtr& part : relation->follow->first) found = found || own(*part, seen);
          continue;
        }
        for (std::size_t i = 1; i < relation->inputs.size(); ++i)
          if (relation->inputs[i].id == expr.input && relation->inputs[i].on && !(past_kept_ && is_kept(relation->inputs[i])) && seen.insert(relation->inputs[i].on.get()).second) found = found || own(*relation->inputs[i].on, seen);
      }
    });
    return found;
  }
  bool grows(const Expr& expr, bool under_arithmetic, int depth, std::set<std::pair<const Expr*, bool>>& seen) const {
    if (depth > 600) return false;
    switch (expr.kind) {
      case ExprKind::column: {
        if (!is_own_input(expr.input)) return false;
        const Expr* inner = behind(expr);
        return inner ? seen.insert({inner, under_arithmetic}).second && grows(*inner, under_arithmetic, depth + 1, seen) : under_arithmetic && step_.writes.contains({step_.target, expr.column});
      }
      case ExprKind::call: {
        const std::string& name = expr.native->name;
        const bool arithmetic = name == "+" || name == "-" || name == "*" || name == "/" || name == "negate";
        return std::any_of(expr.args.begin(), expr.args.end(), [&](const ExprPtr& part) { return grows(*part, under_arithmetic || arithmetic, depth + 1, seen); });
      }
      case ExprKind::convert: return grows(*expr.args[0], under_arithmetic, depth + 1, seen);
      case ExprKind::bind: return grows(*expr.args[0], under_arithmetic, depth + 1, seen) || grows(*expr.args[1], under_arithmetic, depth + 1, seen);
      case ExprKind::coalesce: return grows(*expr.args[0], under_arithmetic, depth + 1, seen);
      case ExprKind::case_: {
        for (std::size_t i = 0; i + 1 < expr.args.size(); i += 2)
          if (own(*expr.args[i])) return false;
        for (std::size_t i = 0; i < expr.args.size(); ++i)
          if ((i % 2 == 1 || i + 1 == expr.args.size()) && grows(*expr.args[i], under_arithmetic, depth + 1, seen)) return true;
        return false;
      }
      default: return false;
    }
  }

  const program::Program& program_;
  const Step& step_;
  const Table& target_;
  std::vector<const Relation*> chain_;  // the step's relation and the blocks that its rows come through
  bool others_ = false, own_table_ = false;
  mutable bool past_kept_ = false;  // joins of relations that are kept are not looked through
  std::string_view whole_;
};

}  // namespace

void Checker::classify(Step& step, const Block&) {
  const auto route = [&](Route taken, std::string reason) {
    step.route = taken;
    step.route_reason = std::move(reason);
  };
  const bool exact = std::any_of(step.expectations.begin(), step.expectations.end(), [](const auto& expectation) { return expectation.bound == program::Bound::exactly && expectation.what == program::Counted::changed; });
  if (program::adds_rows(step.kind)) {
    for (const auto& assignment : step.assignments) {
      if (step.kind == program::StepKind::insert || std::find(step.key.begin(), step.key.end(), assignment.column) != step.key.end()) continue;
      bool reads = false;
      const auto see = [&](const Expr& expr) { reads |= expr.kind == ExprKind::column && expr.column == assignment.column && program.inputs[expr.input].table == step.target; };
      for_each(*step.relation, see);
      for (const auto& other : step.assignments) for_each(*other.value, see);
      if (!reads) continue;
      error(Code::not_idempotent, assignment.span, fmt::format("running the step twice may change `{}` twice: the step reads what it writes", table(step.target).columns[static_cast<std::size_t>(assignment.column)].name),
            "keep what is read as it is now: `snapshot NAME = …`");
      return;
    }
    step.idempotence = step.once_per.empty() ? Idempotence::convergent : Idempotence::once;
    return step.atomic ? route(Route::whole, "`atomic`: one transaction") : route(Route::sealed, "which rows are added is decided and kept before the first one is");
  }
  const SelfReads reads(program, step);
  const bool unsorted = std::any_of(step.walk.begin(), step.walk.end(), [&](int c) { return !sorts_by_bytes(table(step.target).columns[static_cast<std::size_t>(c)]); });
  const auto along_the_key = [&] {
    if (unsorted) return route(Route::sealed, "its key does not sort by its bytes: rows are found again by it one by one");
    route(Route::direct, fmt::format("walks `{}` along {}", table(step.target).name, table(step.target).names_of(step.walk)));
  };
  const auto asked = std::find_if(step.reads.begin(), step.reads.end(), [&](const program::ColumnUse& use) { return program.query(use.table); });
  const bool elsewhere = asked != step.reads.end() || std::any_of(step.reads.begin(), step.reads.end(), [&](const program::ColumnUse& use) { return use.table.source != step.target.source; });
  const std::string what_it_reads = asked == step.reads.end() ? "another source" : fmt::format("`{}`, which is SQL", program.query(asked->table)->name);
  if (step.kind == program::StepKind::remove) {
    step.row_local = reads.row_local();
    if (reads.limited() && !once_) {
      error(Code::not_idempotent, step.relation->span, "running the step twice would delete further rows: the `limit` counts rows that it takes away", "choose the rows without a `limit`, or say `once`");
      return;
    }
    step.idempotence = reads.of_other_rows() || reads.of_own_table() || reads.limited() ? Idempotence::staged : Idempotence::convergent;
    if (step.atomic) return route(Route::whole, step.walk.empty() ? "`atomic`, and the table has no key" : "`atomic`: one transaction");
    if (step.idempotence == Idempotence::staged) return route(Route::sealed, "which rows go depends on other rows that the step deletes");
    if (elsewhere) return route(Route::sealed, fmt::format("it reads {}: which rows go is kept before the first does", what_it_reads));
    if (step.walk.empty()) return route(Route::sealed, "the table has no key: rows are known by all that they hold");
    if (exact) return route(Route::sealed, "an exact number of rows is expected");
    if (!step.cascades.empty()) return route(Route::sealed, "rows that refer to those that go are deleted first");
    if (const auto whole = reads.computed_whole(); !whole.empty()) return route(Route::sealed, fmt::format("the {} are computed once", whole));
    return along_the_key();
  }
  step.row_local = reads.row_local();
  step.once = once_;
  if (step.once && step.walk.empty()) {
    error(Code::no_row_identity, step.relation->span, fmt::format("rows of `{}` have no key by which a second change could be known", shown(step.target)), "give the table a unique, not-null key, or write the step so that it may be repeated");
    return;
  }
  const program::Assignment* self = nullptr;
  for (const auto& assignment : step.assignments)
    if (!self && reads.of_row(assignment.changed ? *assignment.changed : *assignment.value)) self = &assignment;

  const auto in_key = [&](const Key& key) { return key.plain && std::any_of(key.columns.begin(), key.columns.end(), [&](int c) { return step.writes.contains({step.target, c}); }); };
  const bool writes_key = std::any_of(table(step.target).keys.begin(), table(step.target).keys.end(), in_key);
  if (step.once) {
    // What another source says has to be kept with the keys: it may say something else when a row's turn comes. So has what a row is to have
    // under a unique key: who holds it may have to go first.
    step.idempotence = reads.of_other_rows() || elsewhere || writes_key ? Idempotence::staged : Idempotence::once;
  } else if (reads.limit_reads_row()) {
    error(Code::not_idempotent, step.relation->span, "running the step twice would change further rows: the `limit` counts rows that it takes away",
          "say `once`, or choose the rows by columns that the step does not set");
    return;
  } else if (self) {
    const bool guard = reads.where_reads_row();
    const std::string column = table(step.target).columns[static_cast<std::size_t>(self->column)].name;
    if (!guard && reads.grows(*self->value)) {
      error(Code::not_idempotent, self->span, fmt::format("running the step twice would change `{}` twice: its new value is computed from what the step writes", column),
            "make the `where` false once the change is made, or say `once`");
      return;
    }
    const bool kept = reads.of_row_by_kept(self->changed ? *self->changed : *self->value) || step.duplicates || step.free_name;
    if (!reads.of_other_rows() && !step.row_local && !reads.provable_on_a_copy() && !kept) {
      error(Code::not_idempotent, self->span, fmt::format("the new value of `{}` depends on what the step writes, and the rows come through a window, a chain or generated columns: nothing proves that running it twice changes nothing", column),
            "say `once`, or keep the values to columns of the row that the step does not set");
      return;
    }
    step.idempotence = reads.of_other_rows() || (kept && !step.row_local && !reads.provable_on_a_copy()) ? Idempotence::staged : Idempotence::guarded;
  } else {
    step.idempotence = reads.of_other_rows() ? Idempotence::staged : Idempotence::convergent;
  }

  const bool settles = step.duplicates || step.free_name;
  if (settles && step.idempotence != Idempotence::once) step.idempotence = Idempotence::staged;
  const bool writes_walk = std::any_of(step.walk.begin(), step.walk.end(), [&](int c) { return step.writes.contains({step.target, c}); });
  if (step.atomic) return route(Route::whole, step.walk.empty() ? "`atomic`, and the table has no key" : "`atomic`: one transaction");
  if (step.idempotence == Idempotence::once) return route(Route::sealed, "`once`: which rows change is kept before the first one does");
  if (elsewhere) return route(Route::sealed, fmt::format("it reads {}: what it makes of each row is kept before the first is changed", what_it_reads));
  if (step.duplicates) return route(Route::sealed, "which of several rows stays is settled first");
  if (step.free_name) return route(Route::sealed, "which name each row gets is settled first");
  const std::string_view held_first = "the step sets columns of a unique key: who holds what another row wants goes first";
  if (step.once && writes_key && !reads.of_other_rows()) return route(Route::sealed, std::string(held_first));
  if (step.idempotence == Idempotence::staged) return route(Route::sealed, reads.of_other_rows() ? "new values depend on other rows that the step changes" : "what rows find by the columns that are set is looked up once");
  if (step.walk.empty()) return route(Route::sealed, "the table has no key: rows are known by all that they hold");
  if (exact) return route(Route::sealed, "an exact number of rows is expected");
  if (reads.limited()) return route(Route::sealed, "`limit`: which rows come first is decided once");
  if (writes_walk) return route(Route::sealed, "the step sets the key that it would walk along");
  if (const auto whole = reads.computed_whole(); !whole.empty()) return route(Route::sealed, fmt::format("the {} are computed once", whole));
  if (writes_key) return route(Route::sealed, std::string(held_first));
  along_the_key();
}

}  // namespace bfl::check
