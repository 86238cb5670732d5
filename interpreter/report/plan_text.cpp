#include "interpreter/report/plan_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "interpreter/check/sensitive.h"
#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

constexpr std::size_t margin = 4, label_width = 10;

std::size_t shown_width(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

enum class Breaks : std::uint8_t { words, outside_quotes, never };

// Breaks a line between words. Statements are not broken inside quotes, so that they can be copied out of the plan.
std::vector<std::string> wrapped(std::string_view line, std::size_t width, Breaks breaks) {
  const std::size_t lead = std::min(line.find_first_not_of(' '), line.size());
  std::vector<std::string> lines{{}};
  std::string word(line.substr(0, lead));
  line.remove_prefix(lead);
  char quote = 0;
  auto put = [&] {
    if (word.empty()) return;
    std::string& last = lines.back();
    const bool fits = last.empty() || shown_width(last) + 1 + shown_width(word) <= width;
    if (!fits) lines.push_back(word);
    else last += (last.empty() ? "" : " ") + word;
    word.clear();
  };
  for (const char c : line) {
    if (breaks == Breaks::outside_quotes && (c == '"' || c == '\'') && (quote == 0 || quote == c)) quote = quote ? 0 : c;
    if (c == ' ' && quote == 0) put();
    else word += c;
  }
  put();
  return lines;
}

// A relation that is too long for one line has a clause a line, as in a script.
std::string one_clause_a_line(std::string text, std::size_t width) {
  if (shown_width(text) <= width) return text;
  constexpr std::string_view clauses[] = {" where ", " skip where ", " join ", " derive ", " group by ", " order by ", " limit ", " keep "};
  int depth = 0;
  bool quoted = false, skipping = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (quoted && text[i] == '\\') ++i;
    else if (text[i] == '"') quoted = !quoted;
    else if (!quoted && std::string_view("([{").find(text[i]) != std::string_view::npos) ++depth;
    else if (!quoted && std::string_view(")]}").find(text[i]) != std::string_view::npos) --depth;
    if (quoted || depth > 0 || text[i] != ' ') continue;
    const auto rest = std::string_view(text).substr(i);
    const bool clause = std::any_of(std::begin(clauses), std::end(clauses), [&](std::string_view word) { return rest.starts_with(word); });
    if (clause && !std::exchange(skipping, rest.starts_with(" skip "))) text[i] = '\n';  // the `where` of a skip stays with it
  }
  return text;
}

// Colours as terminals number them.
constexpr const char *bold = "1", *faint = "2", *red = "1;31", *green = "32", *yellow = "33";

const char* ink_of(run::DecisionKind kind) {
  switch (kind) {
    case run::DecisionKind::run: case run::DecisionKind::resume: return yellow;
    case run::DecisionKind::reuse: return green;
    case run::DecisionKind::stop: return red;
  }
  return nullptr;
}

class Page {
 public:
  explicit Page(const PlanStyle& style) : style_(style) {}

  void line(std::string_view text) { out_ += fmt::format("{}\n", text); }
  void title(std::string_view text) { out_ += fmt::format("\n  {}\n", painted(text, bold)); }
  void decision(const run::Decision& decision) {
    row("decision", fmt::format("{}: {}", word(decision.kind), decision.why), Breaks::words, ink_of(decision.kind));
  }
  // The label stands before the first line only; an empty text shows nothing.
  void row(std::string_view label, std::string_view text, Breaks breaks = Breaks::words, const char* ink = nullptr) {
    const std::size_t taken = margin + label_width + 2;  // what is broken goes on two further in
    while (!text.empty()) {
      const auto end = std::min(text.find('\n'), text.size());
      const std::string shown = printable(text.substr(0, end));
      const auto parts = breaks == Breaks::never ? std::vector<std::string>{shown} : wrapped(shown, style_.width - std::min(style_.width, taken), breaks);
      for (std::size_t i = 0; i < parts.size(); ++i) {
        out_ += fmt::format("{:{}}{:<{}}{}{}\n", "", margin, label, label_width, i > 0 ? "  " : "", painted(parts[i], ink));
        label = {};
      }
      text.remove_prefix(std::min(end + 1, text.size()));
    }
  }
  std::size_t room() const { return style_.width - std::min(style_.width, margin + label_width); }
  std::string finished() && { return std::move(out_); }

 private:
  std::string painted(std::string_view text, const char* ink) const {
    return style_.color && ink && !text.empty() ? fmt::format("\x1b[{}m{}\x1b[0m", ink, text) : std::string(text);
  }
  PlanStyle style_;
  std::string out_;
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

void head(Page& page, const program::Program& program) {
  page.line(fmt::format("plan of {}", program.job));
  page.row("why", program.why);
  page.row("owner", program.owner);
  page.row("ticket", program.ticket);
  page.row("runbook", program.runbook);
  if (program.expires) page.row("expires", format_timestamp(*program.expires));
  page.row("approvals", program::to_string(program.approval));
  if (program.rollback) page.row("rollback", "when " + program.rollback->text);
  std::string_view label = "sensitive";
  for (const std::string& column : check::sensitive_columns(program)) page.row(std::exchange(label, ""), column);
  label = "source";
  for (const program::Source& source : program.sources) page.row(std::exchange(label, ""), fmt::format("{}: {}", source.name, source.shown), Breaks::never);
  label = "param";
  for (const program::Parameter& parameter : program.parameters)
    page.row(std::exchange(label, ""), fmt::format("{}: {} = {}{}", parameter.name, to_string(parameter.type), parameter.secret ? "***" : parameter.is_clock ? "now()" : to_literal(parameter.value), parameter.given ? "  (given)" : ""));
}

void update(Page& page, const program::Program& program, const program::Step& step) {
  const bool adds = program::adds_rows(step.kind), removes = step.kind == program::StepKind::remove;
  const auto names = [&](const std::vector<int>& columns) { return program.table(step.target).names_of(columns); };
  page.row(adds ? "adds to" : removes ? "deletes" : "changes", program.shown(step.target));
  if (step.relation) page.row(adds ? "from" : "rows", one_clause_a_line(program::to_string(*step.relation, program), page.room()));
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
void statement(Page& page, const program::Program& program, const program::Step& step, const run::Preview* preview) {
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
  page.row("risk", "raw SQL: which rows it changes is not known before it runs; a change that is not declared is rolled back");
  page.row("safe", step.idempotence == program::Idempotence::once ? "once: the ledger knows that it has run" : "guarded: it runs only while its `done when` does not hold, which must hold behind it");
  page.row("route", fmt::format("{}: {}", word(step.route), step.route_reason));
  label = "expects";
  for (std::size_t i = 0; i < step.expectations.size(); ++i) page.row(std::exchange(label, ""), bound_of(step.expectations[i], preview && i < preview->limits.size() ? &preview->limits[i] : nullptr));
}

void kept(Page& page, const program::Program& program, const program::Step& step) {
  if (!step.relation) return;
  page.row("keeps", one_clause_a_line(program::to_string(*step.relation, program), page.room()));
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

void measured(Page& page, const program::Step& step, const run::Preview& preview) {
  if (!preview.unknown.empty()) page.row("count", preview.unknown);
  if (preview.would_change >= 0) {
    const std::string of = preview.table_rows >= 0 && !program::adds_rows(step.kind) ? fmt::format(" of about {}", grouped(preview.table_rows)) : "";
    page.row("count", step.kind == program::StepKind::update ? fmt::format("{}{} would change", counted(preview.would_change, "row"), of)
                                                             : fmt::format("{}{} would be {}", counted(preview.would_change, "row"), of, done_word(step.kind)));
  }
  std::string_view label = "skips";
  for (const run::LeftOut& part : preview.left_out) page.row(std::exchange(label, ""), left_out(part));
  label = "sample";
  for (const std::string& sample : preview.sample) page.row(std::exchange(label, ""), sample, Breaks::never);
}

void manner(Page& page, const program::Program& program, const program::Step& step, const run::Preview* preview) {
  page.row("safe", fmt::format("{}: {}", word(step.idempotence), because(step.idempotence)));
  if (preview) page.row("proof", preview->proof);
  page.row("route", fmt::format("{}{}{}", word(step.route), step.route_reason.empty() ? "" : ": ", step.route_reason));
  page.row("walk", walk_of(program, step));
  std::string_view label = "expects";
  for (std::size_t i = 0; i < step.expectations.size(); ++i)
    page.row(std::exchange(label, ""), bound_of(step.expectations[i], preview && i < preview->limits.size() ? &preview->limits[i] : nullptr));
  if (step.quarantine) page.row("set aside", fmt::format("up to {} that will not fit; one more stops the step", counted(*step.quarantine, "row")));
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

}  // namespace

std::string plan_text(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, const PlanStyle& style) {
  Page page(style);
  head(page, program);
  Tally tally;
  for (const std::size_t index : plan.order) {
    const program::Step& step = program.steps[index];
    const run::Preview* preview = index < previews.size() ? &previews[index] : nullptr;
    const bool reused = preview && preview->decision.kind == run::DecisionKind::reuse;
    tally.add(step, preview);
    page.title(fmt::format("{} {}", verb(step.kind), step.name));
    if (preview) page.decision(preview->decision);
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
    } else if (program::changes_rows(step.kind)) {
      update(page, program, step);
      if (preview && !reused) measured(page, step, *preview);
      if (!reused) manner(page, program, step, preview);
    }
    const auto first = std::lower_bound(plan.edges.begin(), plan.edges.end(), index, [](const plan::Edge& edge, std::size_t to) { return edge.to < to; });
    std::string_view label = "after";
    for (auto edge = first; edge != plan.edges.end() && edge->to == index; ++edge)
      page.row(std::exchange(label, ""), fmt::format("{}, because {}", program.steps[edge->from].name, plan::describe(*edge, program)));
    if (!preview || reused) continue;
    label = "reads";
    for (const std::string& table : preview->shipped) page.row(std::exchange(label, ""), table, Breaks::never);
    if (preview->shipped_rows >= 0 && !preview->shipped.empty()) page.row("", fmt::format("{} brought to where it is computed", counted(preview->shipped_rows, "row")));
    label = "sql";
    for (const std::string& sql : preview->sql) page.row(std::exchange(label, ""), sql, Breaks::outside_quotes, faint);
  }
  page.line(fmt::format("\n{}", tally.summary(plan.order.size())));
  return std::move(page).finished();
}

}  // namespace bfl::report
