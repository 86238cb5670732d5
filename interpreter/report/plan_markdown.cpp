#include "interpreter/report/plan_markdown.h"

#include <fmt/format.h>

#include <algorithm>
#include <queue>
#include <utility>

#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

std::size_t longest_run(std::string_view text, char of) {
  std::size_t longest = 0, now = 0;
  for (const char c : text) longest = std::max(longest, now = c == of ? now + 1 : 0);
  return longest;
}

// A span of code: behind more backticks than stand in it, on one line.
std::string code(std::string_view given) {
  const std::string text = printable(given);
  if (text.empty()) return "` `";
  const std::string fence(longest_run(text, '`') + 1, '`');
  const bool apart = text.front() == '`' || text.back() == '`' || (text.front() == ' ' && text.back() == ' ');
  return fmt::format("{0}{1}{2}{1}{0}", fence, apart ? " " : "", text);
}

// Lines of code, each as it is but for what would steer a terminal.
std::string block(std::string_view text, std::string_view language) {
  std::string lines;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    lines += printable(text.substr(0, end)) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  const std::string fence(std::max<std::size_t>(3, longest_run(lines, '`') + 1), '`');
  return fmt::format("{}{}\n{}{}\n", fence, language, lines, fence);
}

// Within a <summary> no Markdown is read.
std::string html(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

// How much of a step is told.
enum class Detail : std::uint8_t { all, no_statements, no_rows, nothing };

constexpr std::string_view left_out_of[] = {"", "its statements", "its statements and rows", ""};

std::string folded(const StepFacts& step, Detail detail) {
  const std::string rows = step.rows >= 0 ? ": " + counted(step.rows, "row") : "";
  const std::string decision = step.decision ? fmt::format(" ({})", word(step.decision->kind)) : "";
  std::string out = fmt::format("<details><summary><code>{}</code>{}{}</summary>\n\n", html(step.title), rows, decision);
  if (step.decision) out += fmt::format("- decision: {}\n", code(step.decision->why));
  std::string rows_told, statements;
  std::string_view about;
  for (const Fact& fact : step.facts) {
    if (!fact.label.empty()) about = fact.label;
    if (fact.form == Form::row) rows_told += fact.label.empty() ? fact.text + "\n" : fmt::format("{}{}:\n{}\n", rows_told.empty() ? "" : "\n", fact.label, fact.text);
    else if (fact.form == Form::sql) statements += fact.text + ";\n";
    else if (fact.text.find('\n') == std::string::npos) out += fmt::format("- {}: {}\n", about, code(fact.text));
    else out += fmt::format("- {}\n\n{}\n", about, block(fact.text, ""));
  }
  if (!rows_told.empty() && detail < Detail::no_rows) out += "\n" + block(rows_told, "");
  if (!statements.empty() && detail < Detail::no_statements) out += "\n" + block(statements, "sql");
  if (detail == Detail::no_statements || detail == Detail::no_rows) out += fmt::format("\nLeft out, for want of room: {}.\n", left_out_of[static_cast<std::size_t>(detail)]);
  return out + "\n</details>\n\n";
}

// Each step's own, and all of them together.
class Folds {
 public:
  Folds(const std::vector<StepFacts>& steps, std::size_t most) : details_(steps.size(), Detail::all) {
    std::priority_queue<std::pair<std::size_t, std::size_t>> longest;  // length, step
    for (std::size_t i = 0; i < steps.size(); ++i) {
      texts_.push_back(folded(steps[i], Detail::all));
      total_ += texts_[i].size();
      longest.emplace(texts_[i].size(), i);
    }
    while (total_ > most && !longest.empty()) {
      const std::size_t i = longest.top().second;
      longest.pop();
      details_[i] = static_cast<Detail>(static_cast<int>(details_[i]) + 1);
      total_ -= texts_[i].size();
      texts_[i] = details_[i] == Detail::nothing ? std::string() : folded(steps[i], details_[i]);
      total_ += texts_[i].size();
      if (!texts_[i].empty()) longest.emplace(texts_[i].size(), i);
    }
  }
  std::string text() const {
    std::string all;
    for (const std::string& text : texts_) all += text;
    return all;
  }
  std::int64_t with(Detail detail) const { return std::count(details_.begin(), details_.end(), detail); }

 private:
  std::vector<std::string> texts_{};
  std::vector<Detail> details_;
  std::size_t total_ = 0;
};

}  // namespace

std::string plan_markdown(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, const std::vector<std::string>& refused, std::size_t most) {
  const PlanFacts facts = facts_of(program, plan, previews, refused);
  constexpr std::size_t closing = 400, line_most = 300;  // room for what is said at the end; of one fact of the head
  std::string out = fmt::format("### Plan of {}\n\n{}.\n\n", code(program.job), facts.summary);
  std::string_view about;
  const auto cut = [](std::string text, std::size_t longest) {
    if (text.size() <= longest) return text;
    std::size_t end = longest;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
    return text.substr(0, end) + "…";
  };
  for (const Fact& fact : facts.head) {
    if (!fact.label.empty()) about = fact.label;
    if (out.size() < most / 4) out += fmt::format("- {}: {}\n", about, code(cut(fact.text, line_most)));
  }
  // Of a plan of very many steps the first are listed.
  std::string overview = "\n| step | decision | rows |\n|---|---|---:|\n";
  std::size_t listed = 0;
  for (const StepFacts& step : facts.steps) {
    std::string title = step.title;
    std::replace(title.begin(), title.end(), '|', '_');  // no code of a table may hold one
    const std::string line = fmt::format("| {} | {} | {} |\n", code(cut(title, line_most)), step.decision ? word(step.decision->kind) : "", step.rows >= 0 ? grouped(step.rows) : "");
    if (out.size() + overview.size() + line.size() + closing > most / 2) break;
    overview += line;
    ++listed;
  }
  out += overview;
  if (listed < facts.steps.size()) out += fmt::format("\n… and {} more.\n", counted(static_cast<std::int64_t>(facts.steps.size() - listed), "step"));
  out += "\n";
  const Folds folds(facts.steps, most - std::min(most, out.size() + closing));
  out += folds.text();
  const std::int64_t statements = folds.with(Detail::no_statements), rows = folds.with(Detail::no_rows), steps = folds.with(Detail::nothing);
  std::string missing;
  const auto miss = [&](std::int64_t number, std::string_view what) {
    if (number > 0) missing += fmt::format("{}{} {}", missing.empty() ? "" : ", ", what, counted(number, "step"));
  };
  miss(statements + rows, "the statements of");
  miss(rows, "the rows of");
  miss(steps, "all about");
  if (!missing.empty()) out += fmt::format("Left out, so that this fits into a comment of {} characters: {}. `bfl plan` shows all of it.\n", grouped(static_cast<std::int64_t>(most)), missing);
  return out;
}

}  // namespace bfl::report
