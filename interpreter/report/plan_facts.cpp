#include "interpreter/report/plan_facts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

#include "interpreter/check/sensitive.h"
#include "interpreter/report/plan_risks.h"
#include "interpreter/report/words.h"
#include "interpreter/run/schedule.h"

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

std::string number(double rate) { return rate < 1 ? fmt::format("{}", rate) : grouped(static_cast<std::int64_t>(rate)); }

std::string judgement_of(const run::Judgement& judgement) {
  if (judgement.holds) return "holds";
  return judgement.found.empty() ? "does not hold" : "does not hold: " + judgement.found;
}

bool fails(const run::Preview& preview) {
  return std::any_of(preview.judgements.begin(), preview.judgements.end(), [](const run::Judgement& judgement) { return !judgement.holds; });
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
  if (program.atomic) page.row("atomic", "one transaction, all of it or nothing; locks of all steps are held until the end");
  if (const int steps = run::steps_at_once(program); steps > 1) page.row("at once", fmt::format("up to {} steps, where none waits for another and none changes what another touches", steps));
  std::string_view label = "pace";
  for (const std::string& said : pace_of(program.pace)) page.row(std::exchange(label, ""), said);
  label = "sensitive";
  for (const std::string& column : check::sensitive_columns(program)) page.row(std::exchange(label, ""), column);
  label = "source";
  for (const program::Source& source : program.sources) page.row(std::exchange(label, ""), fmt::format("{}: {}", source.name, source.shown), Form::row);
  label = "param";
  for (const program::Parameter& parameter : program.parameters)
    page.row(std::exchange(label, ""), fmt::format("{}: {} = {}{}", parameter.name, to_string(parameter.type), parameter.secret ? "***" : parameter.is_clock ? "now()" : to_literal(parameter.value), parameter.given ? "  (given)" : ""));
}

void when(Facts& page, const program::Program& program, const program::Step& step, const run::Preview* preview) {
  if (!step.when) return;
  page.row("when", program::to_string(*step.when, program));
  if (preview && preview->left_out_whole) page.row("", fmt::format("does not hold: the step would be left out, \"{}\"", step.when_reason));
}

void update(Facts& page, const program::Program& program, const program::Step& step, const run::Preview* preview) {
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
  when(page, program, step, preview);
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
  when(page, program, step, preview);
  page.row("done when", step.done_text);
  if (preview && preview->would_change == 0 && !preview->left_out_whole) page.row("", "holds: the statement would not run");
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

// Rows that the database would not take, and what the run would do about them.
void refused(Facts& page, const program::Step& step, const run::Preview& preview) {
  const run::Refusals& refusals = preview.refusals;
  if (preview.set_aside_before > 0) page.row("", fmt::format("{} in quarantine, which are not tried again", counted(preview.set_aside_before, "row")));
  if (const std::int64_t rows = refusals.rows(); rows > 0) {
    const std::int64_t aside = run::may_set_aside(step, preview);
    const std::string then = refusals.before_all ? "the run would not begin with the step"
                             : !step.quarantine  ? "the run would stop at the chunk with the first of them"
                             : refusals.all && rows <= aside ? "the run would set them aside"
                                                             : fmt::format("the run would set {} aside, and stop at the next", grouped(std::min(aside, rows)));
    page.row("refused", fmt::format("{}{} that the database does not take: {}", refusals.all ? "" : "at least ", counted(rows, "row"), then));
    for (const run::Refusals::Reason& reason : refusals.reasons)
      page.row("", fmt::format("{}: {} ({}{})", counted(reason.rows, "row"), reason.text, fmt::join(reason.keys, "; "), reason.rows > static_cast<std::int64_t>(reason.keys.size()) ? "; …" : ""));
  }
  if (refusals.conflicts > 0) page.row("conflict", fmt::format("{} that would stay as they are: another row keeps what they are to have under a unique key", counted(refusals.conflicts, "row")));
  std::string_view label = "untried";
  for (const std::string& why : refusals.untried) page.row(std::exchange(label, ""), "constraints of the table: " + why);
}

void measured(Facts& page, const program::Program& program, const program::Step& step, const run::Preview& preview) {
  if (!preview.unknown.empty()) page.row("count", preview.unknown);
  if (preview.would_change >= 0) {
    const std::string of = preview.table_rows >= 0 && !program::adds_rows(step.kind) ? fmt::format(" of about {}", grouped(preview.table_rows)) : "";
    page.row("count", step.kind == program::StepKind::update ? fmt::format("{}{} would change", counted(preview.would_change, "row"), of)
                                                             : fmt::format("{}{} would be {}", counted(preview.would_change, "row"), of, done_word(step.kind)));
  }
  refused(page, step, preview);
  if (preview.already_right > 0) page.row("", fmt::format("{} that it takes {} right already", counted(preview.already_right, "row"), preview.already_right == 1 ? "is" : "are"));
  for (const auto& [table, rows] : preview.with_them) page.row("", fmt::format("{} of {} with them", counted(rows, "row"), program.shown(table)));
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

std::string time_of(const run::Estimate& estimate) {
  std::string text = estimate.seconds < 1 ? "less than a second" : "about " + duration(estimate.seconds);
  if (estimate.trial) text += fmt::format(": {} took {:.1f} ms in a copy", counted(estimate.trial->rows, "row"), estimate.trial->seconds * 1'000);
  if (estimate.pace > 0) text += fmt::format("{} pace {} rows/s", estimate.trial ? ";" : ":", number(estimate.pace));
  return text;
}

void manner(Facts& page, const program::Program& program, const program::Step& step, const run::Preview* preview) {
  page.row("safe", fmt::format("{}: {}", word(step.idempotence), because(step.idempotence)));
  if (preview) page.row("proof", preview->proof);
  page.row("route", fmt::format("{}{}{}", word(step.route), step.route_reason.empty() ? "" : ": ", step.route_reason));
  page.row("walk", walk_of(program, step));
  if (run::steps_at_once(program) > 1) page.row("alone", run::footprint_of(program, step).alone);
  if (preview && preview->estimate) page.row("time", time_of(*preview->estimate));
  expects(page, step, preview);
  std::string_view label = "pace";
  for (const std::string& said : pace_of(step.pace)) page.row(std::exchange(label, ""), said);
  if (step.rollout) page.row("rollout", program::to_string(step.rollout));
  if (step.quarantine) page.row("set aside", fmt::format("up to {} that will not fit; one more stops the step", counted(*step.quarantine, "row")));
}

void costs(Facts& page, const program::Program& program, const program::Step& step, const run::Preview& preview) {
  std::string_view label = "access";
  for (const run::Access& access : preview.accesses) page.row(std::exchange(label, ""), access.text);
  label = "sets off";
  for (const std::string& other : program::changes_rows(step.kind) ? set_off_by(program, step) : std::vector<std::string>()) page.row(std::exchange(label, ""), other);
  if (program::changes_rows(step.kind)) page.row("locks", locks_of(program, step));
  label = "risk";
  for (const Risk& risk : risks_of(program, step, preview)) page.row(std::exchange(label, ""), fmt::format("{}: {}", risk.name, risk.reason));
}

void asserts(Facts& page, const program::Step& step, const run::Preview* preview) {
  for (std::size_t i = 0; i < step.assertions.size(); ++i) {
    const program::Assertion& assertion = step.assertions[i];
    page.row("asserts", assertion.message.empty() ? assertion.text : fmt::format("{}\n\"{}\"", assertion.text, assertion.message));
    if (preview && i < preview->judgements.size()) page.row("found", judgement_of(preview->judgements[i]));
  }
  if (preview && !step.assertions.empty()) page.row("found", preview->unknown);
}

// On what the figures stand.
void basis(Facts& page, const run::Preview& preview) {
  std::string steps;
  for (const std::string& step : preview.on_top) steps += fmt::format("{}`{}`", steps.empty() ? "" : ", ", step);
  if (!steps.empty()) page.row("counted", "on top of what changes " + steps);
  if (preview.would_change < 0) return;
  for (const std::string& before : preview.before)
    page.row("counted", fmt::format("as if `{}` had changed nothing{}: `bfl rehearse` counts on top of it", before, preview.why_before.empty() ? "" : ", for " + preview.why_before));
}

struct Tally {
  std::int64_t runs = 0, resumes = 0, reused = 0, stopped = 0, proofs = 0, rows = 0;
  bool counted_all = true, refused = false;
  std::string checks{}, proofs_failed{};  // that would not hold

  void add(const program::Step& step, const run::Preview* preview) {
    if (!preview) return;
    switch (preview->decision.kind) {
      case run::DecisionKind::run: ++(step.kind == program::StepKind::verify ? proofs : runs); break;
      case run::DecisionKind::resume: ++resumes; break;
      case run::DecisionKind::reuse: ++reused; break;
      case run::DecisionKind::stop: ++stopped; break;
    }
    if (fails(*preview)) {
      std::string& names = step.kind == program::StepKind::check ? checks : proofs_failed;
      names += fmt::format("{}`{}`", names.empty() ? "" : ", ", step.name);
    }
    if (!program::changes_rows(step.kind) || preview->decision.kind == run::DecisionKind::reuse) return;
    if (preview->would_change < 0) counted_all = false;
    else rows += preview->would_change;
    for (const auto& [table, along] : preview->with_them) rows += along;
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
    if (refused) text += "; a run would be refused";
    if (!checks.empty()) text += fmt::format("; the run would stop at {}, which {} not hold", checks, checks.find(',') == std::string::npos ? "does" : "do");
    if (!proofs_failed.empty()) text += fmt::format("; {} would not hold in the end", proofs_failed);
    if (runs + resumes + stopped == 0) return text + "; nothing to change";
    if (!counted_all && rows == 0) return text + "; how many rows would change is not known, and this changed nothing";
    return fmt::format("{}; {}{} would change, and this changed nothing", text, counted_all ? "" : "at least ", counted(rows, "row"));
  }
};

// The first of the edges that lead to the step: they lie by `to`.
std::vector<plan::Edge>::const_iterator edges_to(const plan::Plan& plan, std::size_t step) {
  return std::lower_bound(plan.edges.begin(), plan.edges.end(), step, [](const plan::Edge& edge, std::size_t to) { return edge.to < to; });
}

}  // namespace

std::vector<std::string> pace_of(const std::optional<program::Pace>& pace) {
  std::vector<std::string> all;
  if (!pace) return all;
  if (pace->rows_a_second) all.push_back(number(*pace->rows_a_second) + " rows/s");
  for (const program::PaceRule& rule : pace->rules) all.push_back(fmt::format("{} when {}", rule.stops ? "stop" : "pause", rule.text));
  if (pace->window) all.push_back(pace->window->text);
  return all;
}

PlanFacts facts_of(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, const std::vector<std::string>& refused) {
  PlanFacts all;
  Facts top(all.head);
  head(top, program);
  std::string_view refusal = "refused";
  for (const std::string& why : refused) top.row(std::exchange(refusal, ""), why);
  Tally tally;
  tally.refused = !refused.empty();
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
    asserts(page, step, reused ? nullptr : preview);
    if (step.kind == program::StepKind::snapshot) {
      kept(page, program, step);
      if (preview && !reused && !preview->unknown.empty()) page.row("count", preview->unknown);
      if (preview && !reused && preview->would_change >= 0) page.row("count", fmt::format("{} would be kept", counted(preview->would_change, "row")));
    } else if (step.sql) {
      statement(page, program, step, reused ? nullptr : preview);
      if (preview && !reused && !preview->unknown.empty()) page.row("count", preview->unknown);
    } else if (program::changes_rows(step.kind)) {
      update(page, program, step, reused ? nullptr : preview);
      if (preview && !reused) measured(page, program, step, *preview);
      if (!reused) manner(page, program, step, preview);
    }
    if (preview && !reused) basis(page, *preview);
    std::string_view label = "after";
    for (auto edge = edges_to(plan, index); edge != plan.edges.end() && edge->to == index; ++edge)
      page.row(std::exchange(label, ""), fmt::format("{}, because {}", program.steps[edge->from].name, plan::describe(*edge, program)));
    if (!preview || reused) continue;
    costs(page, program, step, *preview);
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
