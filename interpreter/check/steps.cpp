// Steps: the clauses of the header and the body, assertions, bounds.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/kinds.h"

namespace bfl::check {

using program::Bound;
using program::Step;
using program::StepKind;

// A clause may stand in the header, or in the body as a statement of its own.
Checker::StepParts Checker::parts_of(NodeId node) {
  StepParts parts{.node = node};
  const auto add = [&](NodeId part) {
    if (at(part).kind == NodeKind::relation || at(part).kind == NodeKind::name || at(part).kind == NodeKind::member) parts.relation = part;
    else if (at(part).kind == NodeKind::clause) parts.clauses.push_back(part);
    else parts.statements.push_back(part);
  };
  for (NodeId part : ast::children(*file_, node)) {
    if (at(part).kind != NodeKind::body) {
      add(part);
      continue;
    }
    for (NodeId statement : ast::children(*file_, part)) {
      const bool on_duplicate = at(statement).word == "on";
      if (!on_duplicate && (is_relation_clause(at(statement).word) || is_step_clause(at(statement).word))) parts.clauses.push_back(statement);
      else parts.statements.push_back(statement);
    }
  }
  return parts;
}

void Checker::step(NodeId node) {
  const std::string_view verb = at(node).word;
  const StepKindRow* kind = step_kind(verb);
  if (!kind) {
    std::vector<std::string> known;
    for (const StepKindRow& row : step_kinds()) known.emplace_back(row.verb);
    std::string help = did_you_mean(verb, known);
    error(Code::unknown_step_kind, Span{at(node).span.begin, at(node).span.begin + static_cast<std::uint32_t>(verb.size()), at(node).span.file}, fmt::format("unknown kind of step `{}`", verb),
          help.empty() ? "a step is a `check`, a `snapshot`, an `update`, an `insert`, an `upsert`, a `delete`, an `sql` or a `verify`" : std::move(help));
    return;
  }
  expanded_ = 0;
  live_.clear();
  chunk_by_.clear();
  once_ = false;
  Step made{.name = std::string(at(node).text), .kind = kind->kind, .span = at(node).span, .name_span = at(node).name_span};
  made.doc = ast::documentation(*file_, texts_, node);
  const StepParts parts = parts_of(node);
  std::vector<std::string_view> seen;
  for (NodeId clause : parts.clauses) {
    const std::string_view word = at(clause).word;
    if (is_relation_clause(word) && program::writes_anchor(made.kind)) continue;
    if (std::find(kind->clauses.begin(), kind->clauses.end(), word) != kind->clauses.end()) {
      step_clause(made, clause, seen);
      continue;
    }
    std::vector<std::string> known;
    for (std::string_view clause_word : kind->clauses) known.emplace_back(clause_word);
    std::string choices = "it takes";
    for (const std::string& choice : known) choices += fmt::format("{} `{}`", &choice == known.data() ? "" : ",", choice);
    if (const LaterWord* later = later_clause(word)) error(Code::not_supported, at(clause).span, fmt::format("`{}` is not in this version", word), std::string(later->instead));
    else error(Code::unknown_clause, at(clause).span, fmt::format("`{}` has no `{}`", verb, word), is_relation_clause(word) ? "put it into a relation: `count(RELATION " + std::string(word) + " …)`" : choices);
  }
  for (NodeId statement : parts.statements) {
    const std::string_view word = at(statement).word;
    if (made.kind == StepKind::sql && (at(statement).kind == NodeKind::string || at(statement).kind == NodeKind::named_arg)) continue;
    if (at(statement).kind == NodeKind::error || std::find(kind->statements.begin(), kind->statements.end(), word) != kind->statements.end()) continue;
    if (const LaterWord* later = later_clause(word)) {
      error(Code::not_supported, at(statement).span, fmt::format("`{}` is not in this version", word), std::string(later->instead));
    } else if (at(statement).kind == NodeKind::string) {
      error(Code::unknown_clause, at(statement).span, fmt::format("`{}` has no text", verb), std::string(kind->example));
    } else {
      error(Code::unknown_clause, at(statement).span, fmt::format("`{}` has no `{}`", verb, word),
            kind->statements.empty() ? std::string(kind->example) : fmt::format("in its braces stands `{}`: `{}`", kind->statements[0], kind->example));
    }
  }
  if (made.kind == StepKind::update) {
    update(made, parts);
  } else if (made.kind == StepKind::remove) {
    remove(made, parts);
  } else if (program::adds_rows(made.kind)) {
    insert(made, parts);
  } else if (made.kind == StepKind::snapshot) {
    snapshot(made, parts);
  } else if (made.kind == StepKind::sql) {
    sql_step(made, parts);
  } else {
    if (parts.relation != ast::no_node) error(Code::unknown_clause, at(parts.relation).span, fmt::format("`{}` has no relation of its own", verb), std::string(kind->example));
    assertions(made, parts);
  }
  quarantine_fits(made, parts);
  rollout_fits(made);
  forbid_live_reads(made);
  forbid_secret_data(made);
  keep_sensitive(made);
  program.steps.push_back(std::move(made));
}

bool Checker::step_clause(Step& step, NodeId clause, std::vector<std::string_view>& seen) {
  const std::string_view word = at(clause).word;
  const bool repeats = std::find(seen.begin(), seen.end(), word) != seen.end();
  if (repeats && word != "expect" && word != "after") {
    error(Code::repeated_clause, at(clause).span, fmt::format("`{}` is given twice", word), "leave one of them out");
    return false;
  }
  if (!repeats) seen.push_back(word);
  if (word == "after") after(step, clause);
  else if (word == "expect") expect(step, clause);
  else if (word == "chunk") chunk(step, clause);
  else if (word == "atomic") step.atomic = true;
  else if (word == "key" && program::writes_anchor(step.kind) && chunk_by_.empty()) {
    for (NodeId column : ast::children(*file_, clause)) chunk_by_.push_back(column);
  } else if (word == "when") when(step, clause);
  else if (word == "retry") step.retry = retry(clause);
  else if (word == "pace") step.pace = pace(clause);
  else if (word == "quarantine") step.quarantine = whole_number(at(clause).first_child, "a number of rows", 1, 10'000), step.quarantine_span = at(clause).span;
  else if (word == "rollout") step.rollout = rollout(clause);
  else if (word == "once") {
    once_ = true;
    const bool per = at(clause).first_child != ast::no_node;
    if (per && step.kind != StepKind::insert) error(Code::unknown_clause, at(clause).span, "`once per` belongs to `insert`", "`once` alone is once per row");
    if (!per && step.kind == StepKind::insert) error(Code::unknown_clause, at(clause).span, "once per what?", "say what tells the rows apart: `once per EXPRESSION, …`");
  }
  return true;
}

void Checker::after(Step& step, NodeId clause) {
  for (NodeId named : ast::children(*file_, clause)) {
    const auto found = steps_.find(at(named).text);
    note_step(at(named).text, at(named).span);
    if (found == steps_.end()) {
      std::vector<std::string> known;
      if (heard(steps_.size()))
        for (const auto& [name, index] : steps_)
          if (name != step.name) known.emplace_back(name);
      std::sort(known.begin(), known.end());
      error(Code::unknown_step, at(named).span, fmt::format("unknown step `{}`", at(named).text), did_you_mean(at(named).text, known));
    } else if (found->first == std::string_view(step.name)) {
      error(Code::dependency_cycle, at(named).span, fmt::format("`{}` waits for itself", step.name), "leave it out");
    } else if (std::find(step.after.begin(), step.after.end(), found->second) == step.after.end()) {
      step.after.push_back(found->second);
    }
  }
}

void Checker::expect(Step& step, NodeId clause) {
  const NodeId written = at(clause).first_child;
  const std::string_view example = "write `expect changed <= 50_000`, `expect skipped <= 1% of shop.orders`";
  const NodeId left = written == ast::no_node ? ast::no_node : ast::child_at(*file_, written, 0), right = written == ast::no_node ? ast::no_node : ast::child_at(*file_, written, 1);
  if (written == ast::no_node || at(written).kind != NodeKind::binary || at(left).kind != NodeKind::name || (at(left).text != "changed" && at(left).text != "skipped")) {
    error(Code::unknown_clause, at(clause).span, "`expect` compares `changed` or `skipped` with a number of rows", std::string(example));
    return;
  }
  program::Expectation expectation{.span = at(clause).span};
  if (at(left).text == "skipped") expectation.what = program::Counted::skipped;
  std::int64_t shift = 0;
  switch (at(written).op) {
    case ast::Op::less_equal: expectation.bound = Bound::at_most; break;
    case ast::Op::less: expectation.bound = Bound::at_most; shift = -1; break;
    case ast::Op::greater_equal: expectation.bound = Bound::at_least; break;
    case ast::Op::greater: expectation.bound = Bound::at_least; shift = 1; break;
    case ast::Op::equal: expectation.bound = Bound::exactly; break;
    default: error(Code::unknown_clause, at(written).name_span, "`expect` takes `<=`, `>=`, `<`, `>` or `==`", std::string(example)); return;
  }
  if (at(right).kind == NodeKind::percent || at(written).next_sibling != ast::no_node) {
    expectation.rows = shift;
    if (share(expectation, right, at(written).next_sibling)) step.expectations.push_back(std::move(expectation));
    return;
  }
  const auto rows = whole_number(right, "a number of rows", shift < 0 ? 1 : 0, INT64_MAX - 1);
  if (!rows) return;
  expectation.rows = *rows + shift;
  step.expectations.push_back(std::move(expectation));
}

// `5% of R`: a bound that is known when the step begins.
bool Checker::share(program::Expectation& expectation, NodeId percent, NodeId of) {
  if (at(percent).kind != NodeKind::percent || of == ast::no_node) {
    error(Code::unknown_clause, expectation.span, at(percent).kind == NodeKind::percent ? "a share of what?" : "a share of a relation is in per cent", "write `expect changed <= 5% of shop.orders`");
    return false;
  }
  if (expectation.bound == Bound::exactly) {
    error(Code::unknown_clause, expectation.span, "a share is a bound, no exact number of rows", "write `<=` or `>=`");
    return false;
  }
  std::string digits(at(percent).text);
  std::erase(digits, '_');
  digits.pop_back();
  expectation.percent = Decimal::parse(digits);
  if (!expectation.percent || expectation.percent->compare(100) > 0) {
    error(Code::value_out_of_range, at(percent).span, fmt::format("a share of {}, expected 0% to 100%", at(percent).text));
    return false;
  }
  const Within no_scope(scope_, static_cast<Scope*>(nullptr));
  const std::size_t live = live_.size();
  BlockPtr rows = relation(of, nullptr);
  live_.resize(live);  // how many there are when the step begins, whatever was changed before
  expectation.of = subquery(rows, {.kind = program::AggregateKind::count}, {Kind::integer}, at(of).span);
  expectation.of_text = slice(at(of).span);
  return expectation.of != nullptr;
}

std::optional<std::string> Checker::literal_text(NodeId node) {
  const ExprPtr text = node == ast::no_node ? nullptr : expression(node);
  if (!text || text->kind != ExprKind::literal || text->type.kind != Kind::text) return std::nullopt;
  return text->value.as<std::string>();
}

void Checker::when(Step& step, NodeId clause) {
  const NodeId written = at(clause).first_child;
  step.when = condition(written, "the condition of `when`");
  step.when_reason = fmt::format("`{}` does not hold", slice(at(written).span));
  if (auto reason = literal_text(at(written).next_sibling)) step.when_reason = std::move(*reason);
}

void Checker::chunk(Step& step, NodeId clause) {
  for (NodeId part : ast::children(*file_, clause)) {
    if (at(part).kind == NodeKind::by) {
      chunk_by_.clear();
      for (NodeId column : ast::children(*file_, part)) chunk_by_.push_back(column);
    } else {
      step.chunk_rows = whole_number(part, "a chunk", 1, 100'000);
    }
  }
}

void Checker::assertions(Step& step, const StepParts& parts) {
  for (NodeId statement : parts.statements) {
    if (at(statement).word != "assert") continue;
    const NodeId written = at(statement).first_child;
    if (written == ast::no_node) continue;
    program::Assertion assertion{.text = slice(at(written).span), .span = at(written).span};
    assertion.condition = condition(written, "an assertion");
    assertion.message = literal_text(at(written).next_sibling).value_or("");
    if (assertion.condition) step.assertions.push_back(std::move(assertion));
  }
  if (parts.statements.empty()) error(Code::empty_step, at(parts.node).name_span, fmt::format("`{}` asserts nothing", step.name), "write `assert CONDITION \"message\"` in its braces");
  effects(step);
}

}  // namespace bfl::check
