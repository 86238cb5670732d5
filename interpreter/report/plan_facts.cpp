#include "interpreter/report/plan_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "interpreter/check/sensitive.h"
#include "interpreter/report/plan_risks.h"
#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

class Facts {
 public:
  explicit Facts(std::vector<Fact>& into) : into_(into) {}
  // An empty text says nothing; an empty label goes on with the fact before.
  void row(std::string_view label, std::string text, Form form = Form::words) {
    if (!text.empty()) into_.push_back({label, std::move(text), form});
  }

 private:
  std::vector<Fact>& into_;
};

std::string_view because(program::Idempotence kind) {
  switch (kind) {
    case program::Idempotence::reads: return "";
    case program::Idempotence::convergent: return "the new values do not read what the step writes";
    case program::Idempotence::guarded: return "the `where` is false once the change is made";
    case program::Idempotence::staged: return "the new values are computed and kept before the first row changes";
    case program::Idempotence::once: return "the ledger makes each row change once";
  }
  return "";
}

std::string walk_of(const program::Program& program, const program::Step& step) {
  std::string columns = program.table(step.target).names_of(step.walk);
  if (columns.empty()) columns = "rowid";
  if (step.route == program::Route::whole) return fmt::format("by {}, all in one transaction", columns);
  if (step.chunk_rows) return fmt::format("by {}, {} a chunk", columns, counted(*step.chunk_rows, "row"));
  return fmt::format("by {}, in chunks sized as it goes", columns);
}

std::string bound_of(const program::Expectation& expectation, const run::Limit* limit) {
  constexpr std::string_view bounds[] = {"at most", "at least", "exactly"};
  const std::string_view word = bounds[static_cast<std::size_t>(expectation.bound)], what = expectation.what == program::Counted::skipped ? "skipped" : "changed";
  if (!expectation.percent) return fmt::format("{} {} {}", word, counted(expectation.rows, "row"), what);
  const std::string share = fmt::format("{}% of {}", expectation.percent->to_string(), expectation.of_text);
  if (!limit) return fmt::format("{} {} {}", word, share, what);
  return fmt::format("{} {} {}: {}", word, counted(limit->rows, "row"), what, limit->share);
}

void expects(Facts& page, const program::Step& step, const run::Preview* preview) {
  std::string_view label = "expects";
  for (std::size_t i = 0; i < step.expectations.size(); ++i)
    page.row(std::exchange(label, ""), bound_of(step.expectations[i], preview && i < preview->limits.size() ? &preview->limits[i] : nullptr));
}

void head(Facts& page, const program::Program& program) {
  page.row("why", program.why);
  page.row("owner", program.owner);
  page.row("ticket", program.ticket);
  page.row("runbook", program.runbook);
  if (program.expires) page.row("expires", format_timestamp(*program.expires));
  page.row("approvals", program::to_string(program.approval));
  page.row("promote", program::to_string(program.promotion));
  if (program.rollback) page.row("rollback", "when " + program.rollback->text);
  std::string_view label = "sensitive";
  for (const std::string& column : check::sensitive_columns(program)) page.row(std::exchange(label, ""), column);
  label = "source";
  for (const program::Source& source : program.sources) page.row(std::exchange(label, ""), fmt::format("{}: {}", source.name, source.shown), Form::row);
  label = "param";
  for (const program::Parameter& parameter : program.parameters)
    page.row(std::exchange(label, ""), fmt::format("{}: {} = {}{}", parameter.name, to_string(parameter.type), parameter.secret ? "***" : parameter.is_clock ? "now()" : to_literal(parameter.value), parameter.given ? "  (given)" : ""));
}

void update(Facts& page, const program::Program& program, const program::Step& step) {
  const bool adds = program::adds_rows(step.kind), removes = step.kind == program::StepKind::remove;
  const auto names = [&](const std::vector<int>& columns) { return program.table(step.target).names_of(columns); };
  page.row(adds ? "adds to" : removes ? "deletes" : "changes", program.shown(step.target));
  if (step.relation) page.row(adds ? "from" : "rows", program::to_string(*step.relation, program), Form::relation);
  if (!step.key.empty()) page.row("key", names(step.key));
  std::string once;
  for (const auto& expr : step.once_per) once += (once.empty() ? "" : ", ") + program::to_string(*expr, program);
  page.row("once per", once);
  for (const program::TableRef ref : step.cascades) page.row("with", fmt::format("rows of {} that refer to them", program.shown(ref)));
  const auto ordered = [&](const std::vector<program::OrderKey>& keys) {
    std::string text;
    for (const program::OrderKey& key : keys) text += fmt::format("{}{}{}", text.empty() ? "" : ", ", program::to_string(*key.expr, program), key.descending ? " desc" : "");
    return text;
  };
  if (step.duplicates)
    page.row("one per", fmt::format("{}: the {} by {} {}", names(step.duplicates->columns), step.duplicates->keep_last ? "last" : "first", ordered(step.duplicates->order),
                                    adds ? "counts, the others are left out" : "stays, the others are deleted"));
  if (step.free_name)
    page.row("unique", fmt::format("{}{}, in the order of {}; else {}", program::to_string(*step.free_name->compared, program),
                                   step.free_name->within.empty() ? "" : fmt::format(" within {}", names(step.free_name->within)),
                                   ordered(step.free_name->order), program::to_string(*step.free_name->candidate, program)));
  if (step.when) page.row("when", program::to_string(*step.when, program));
  std::string_view label = adds ? "with" : "become";
  for (const program::Assignment& set : step.assignments) {
    const std::string& column = program.table(step.target).columns[static_cast<std::size_t>(set.column)].name;
    page.row(std::exchange(label, ""), fmt::format("{} = {}", column, program::to_string(*set.value, program)));
  }
}

// What bfl does not know of the statement is said where the plan says what it knows of others.
void statement(Facts& page, const program::Program& program, const program::Step& step, const run::Preview* preview) {
  std::string_view label = "changes";
  const auto table = [&](program::TableRef ref) {
    std::string columns;
    for (std::size_t c = 0; c < program.table(ref).columns.size(); ++c)
      if (step.writes.contains({ref, static_cast<int>(c)})) columns += (columns.empty() ? "" : ", ") + program.table(ref).columns[c].name;
    page.row(std::exchange(label, ""), fmt::format("{} ({})", program.shown(ref), step.writes.contains({ref, -1}) ? "its rows" : columns));
  };
  table(step.target);
  for (const program::TableRef ref : step.cascades) table(ref);
  if (step.when) page.row("when", program::to_string(*step.when, program));
  page.row("done when", step.done_text);
  if (preview && preview->would_change == 0) page.row("", "holds: the statement would not run");
  page.row("safe", step.idempotence == program::Idempotence::once ? "once: the ledger knows that it has run" : "guarded: it runs only while its `done when` does not hold, which must hold behind it");
  page.row("route", fmt::format("{}: {}", word(step.route), step.route_reason));
  expects(page, step, preview);
}

void kept(Facts& page, const program::Program& program, const program::Step& step) {
  if (!step.relation) return;
  page.row("keeps", program::to_string(*step.relation, program), Form::relation);
  std::string columns;
  for (const program::Field& field : step.relation->fields) columns += (columns.empty() ? "" : ", ") + field.name;
  page.row("columns", columns);
  if (!step.through) return;
  const program::OutsideProgram& outside = *step.through->program;
  std::string takes, gives, files, environment;
  for (const int field : step.through->takes) takes += (takes.empty() ? "" : ", ") + step.relation->fields[static_cast<std::size_t>(field)].name;
  for (const auto& column : outside.gives) gives += fmt::format("{}{}: {}", gives.empty() ? "" : ", ", column.name, to_string(column.type));
  for (const std::string& file : outside.files) files += (files.empty() ? "" : ", ") + file;
  for (const auto& variable : outside.environment) environment += fmt::format("{}{} = {}", environment.empty() ? "" : ", ", variable.name, variable.shown);
  page.row("through", fmt::format("{}({}), {} a call, each within {}", outside.name, takes, counted(outside.batch_rows, "row"), to_literal(Value(outside.limit))));
  page.row("gives", gives);
  page.row("command", fmt::format("{}", fmt::join(outside.words, " ")));
  page.row("made of", fmt::format("{} (sha256 {})", files, outside.content.substr(0, 12)));
  page.row("it sees", environment.empty() ? "nothing of the environment" : environment);
}

// `total: 1,204 rows, 3 of them filled; sum 10.00 -> 12.00`
std::string summed_up(const run::ColumnSummary& column) {
  std::string text = fmt::format("{}: {}", column.column, counted(column.changed, "row"));
  if (column.filled > 0) text += fmt::format(", {} null before", grouped(column.filled));
  if (column.emptied > 0) text += fmt::format(", {} null after", grouped(column.emptied));
  if (column.sum_before && column.sum_after) text += fmt::format("; sum {} -> {}", column.sum_before->to_string(), column.sum_after->to_string());
  return text;
}

void measured(Facts& page, const program::Step& step, const run::Preview& preview) {
  if (!preview.unknown.empty()) page.row("count", preview.unknown);
  if (preview.would_change >= 0) {
    const std::string of = preview.table_rows >= 0 && !program::adds_rows(step.kind) ? fmt::format(" of about {}", grouped(preview.table_rows)) : "";
    page.row("count", step.kind == program::StepKind::update ? fmt::format("{}{} would change", counted(preview.would_change, "row"), of)
                                                             : fmt::format("{}{} would be {}", counted(preview.would_change, "row"), of, done_word(step.kind)));
  }
  std::string_view label = "skips";
  for (const run::LeftOut& part : preview.left_out) page.row(std::exchange(label, ""), left_out(part));
  label = "in all";
  for (const run::ColumnSummary& column : preview.columns) {
    page.row(std::exchange(label, ""), summed_up(column));
    for (const auto& change : column.changes)
      page.row("", fmt::format("  {} {}{}{}: {}{}", column.column, change.before, change.before.empty() ? "" : " -> ", change.after, column.uncounted > 0 ? "at least " : "", counted(change.rows, "row")), Form::row);
  }
  label = "sample";
  for (const std::string& sample : preview.sample) page.row(std::exchange(label, ""), sample, Form::row);
}

void manner(Facts& page, const program::Program& program, const program::Step& step, const run::Preview* preview) {
  page.row("safe", fmt::format("{}: {}", word(step.idempotence), because(step.idempotence)));
  if (preview) page.row("proof", preview->proof);
  page.row("route", fmt::format("{}{}{}", word(step.route), step.route_reason.empty() ? "" : ": ", step.route_reason));
  page.row("walk", walk_of(program, step));
  expects(page, step, preview);
  if (step.rollout) page.row("rollout", program::to_string(step.rollout));
  if (step.quarantine) page.row("set aside", fmt::format("up to {} that will not fit; one more stops the step", counted(*step.quarantine, "row")));
}

void costs(Facts& page, const program::Program& program, const program::Step& step, const run::Preview& preview) {
  std::string_view label = "access";
  for (const run::Access& access : preview.accesses) page.row(std::exchange(label, ""), access.text);
  label = "sets off";
  for (const std::string& other : set_off_by(program, step)) page.row(std::exchange(label, ""), other);
  page.row("locks", locks_of(program, step));
  label = "risk";
  for (const Risk& risk : risks_of(program, step, preview)) page.row(std::exchange(label, ""), fmt::format("{}: {}", risk.name, risk.reason));
}

struct Tally {
  std::int64_t runs = 0, resumes = 0, reused = 0, stopped = 0, proofs = 0, rows = 0;
  bool counted_all = true;

  void add(const program::Step& step, const run::Preview* preview) {
    if (!preview) return;
    switch (preview->decision.kind) {
      case run::DecisionKind::run: ++(step.kind == program::StepKind::verify ? proofs : runs); break;
      case run::DecisionKind::resume: ++resumes; break;
      case run::DecisionKind::reuse: ++reused; break;
      case run::DecisionKind::stop: ++stopped; break;
    }
    if (!program::changes_rows(step.kind) || preview->decision.kind == run::DecisionKind::reuse) return;
    if (preview->would_change < 0) counted_all = false;
    else rows += preview->would_change;
  }

  std::string summary(std::size_t steps) const {
    std::string text = counted(static_cast<std::int64_t>(steps), "step");
    auto part = [&](std::int64_t number, std::string_view what) {
      if (number > 0) text += fmt::format("{}{} {}", text.find(':') == std::string::npos ? ": " : ", ", grouped(number), what);
    };
    part(runs, "to run");
    part(resumes, "to go on with");
    part(reused, "finished before");
    part(proofs, "to verify");
    part(stopped, "edited, so that the run would stop");
    if (runs + resumes + stopped == 0) return text + "; nothing to change";
    return fmt::format("{}; {}{} would change, and this changed nothing", text, counted_all ? "" : "at least ", counted(rows, "row"));
  }
};

// The first of the edges that lead to the step: they lie by `to`.
std::vector<plan::Edge>::const_iterator edges_to(const plan::Plan& plan, std::size_t step) {
  return std::lower_bound(plan.edges.begin(), plan.edges.end(), step, [](const plan::Edge& edge, std::size_t to) { return edge.to < to; });
}

}  // namespace

std::vector<std::string> counted_before(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, std::size_t step) {
  std::vector<std::string> names;
  for (auto at = edges_to(plan, step); at != plan.edges.end() && at->to == step; ++at) {
    const plan::Edge& edge = *at;
    if (edge.reason != plan::EdgeReason::writes_then_reads || edge.from >= previews.size()) continue;
    const run::Preview& writer = previews[edge.from];
    const bool changes = program::changes_rows(program.steps[edge.from].kind) && writer.decision.kind != run::DecisionKind::reuse && writer.would_change != 0;
    if (changes && std::find(names.begin(), names.end(), program.steps[edge.from].name) == names.end()) names.push_back(program.steps[edge.from].name);
  }
  return names;
}

PlanFacts facts_of(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews) {
  PlanFacts all;
  Facts top(all.head);
  head(top, program);
  Tally tally;
  for (const std::size_t index : plan.order) {
    const program::Step& step = program.steps[index];
    const run::Preview* preview = index < previews.size() ? &previews[index] : nullptr;
    const bool reused = preview && preview->decision.kind == run::DecisionKind::reuse;
    tally.add(step, preview);
    StepFacts& told = all.steps.emplace_back();
    told.title = fmt::format("{} {}", verb(step.kind), step.name);
    if (preview) told.decision = &preview->decision;
    if (preview && !reused && preview->would_change >= 0) told.rows = preview->would_change;
    Facts page(told.facts);
    if (preview && preview->decision.kind == run::DecisionKind::stop)
      page.row("to go on", preview->decision.acceptable ? fmt::format("`bfl run --accept {}` takes the new body for the rows that are left", step.name)
                                                       : "put the old text back and run: the rows that are left cannot be found by another walk");
    page.row("about", step.doc);
    for (const program::Assertion& assertion : step.assertions)
      page.row("asserts", assertion.message.empty() ? assertion.text : fmt::format("{}\n\"{}\"", assertion.text, assertion.message));
    if (step.kind == program::StepKind::snapshot) {
      kept(page, program, step);
      if (preview && !reused && !preview->unknown.empty()) page.row("count", preview->unknown);
      if (preview && !reused && preview->would_change >= 0) page.row("count", fmt::format("{} would be kept", counted(preview->would_change, "row")));
    } else if (step.sql) {
      statement(page, program, step, reused ? nullptr : preview);
      if (preview && !reused && !preview->unknown.empty()) page.row("count", preview->unknown);
    } else if (program::changes_rows(step.kind)) {
      update(page, program, step);
      if (preview && !reused) measured(page, step, *preview);
      if (!reused) manner(page, program, step, preview);
    }
    if (preview && !reused && preview->would_change >= 0)
      for (const std::string& before : counted_before(program, plan, previews, index)) page.row("counted", fmt::format("as if `{}` had changed nothing: `bfl rehearse` counts on top of it", before));
    std::string_view label = "after";
    for (auto edge = edges_to(plan, index); edge != plan.edges.end() && edge->to == index; ++edge)
      page.row(std::exchange(label, ""), fmt::format("{}, because {}", program.steps[edge->from].name, plan::describe(*edge, program)));
    if (!preview || reused) continue;
    if (program::changes_rows(step.kind)) costs(page, program, step, *preview);
    label = "reads";
    for (const std::string& table : preview->shipped) page.row(std::exchange(label, ""), table, Form::row);
    if (preview->shipped_rows >= 0 && !preview->shipped.empty()) page.row("", fmt::format("{} brought to where it is computed", counted(preview->shipped_rows, "row")));
    label = "sql";
    for (const std::string& sql : preview->sql) page.row(std::exchange(label, ""), sql, Form::sql);
  }
  all.summary = tally.summary(plan.order.size());
  return all;
}

}  // namespace bfl::report
