#include "interpreter/report/plan_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "interpreter/report/plan_facts.h"
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

Breaks breaks_of(Form form) { return form == Form::row ? Breaks::never : form == Form::sql ? Breaks::outside_quotes : Breaks::words; }

void put(Page& page, const std::vector<Fact>& facts) {
  for (const Fact& fact : facts)
    page.row(fact.label, fact.form == Form::relation ? one_clause_a_line(fact.text, page.room()) : fact.text, breaks_of(fact.form), fact.form == Form::sql ? faint : nullptr);
}

}  // namespace

std::string plan_text(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, const PlanStyle& style, const std::vector<std::string>& refused) {
  const PlanFacts facts = facts_of(program, plan, previews, refused);
  Page page(style);
  page.line(fmt::format("plan of {}", program.job));
  put(page, facts.head);
  for (const StepFacts& step : facts.steps) {
    page.title(step.title);
    if (step.decision) page.decision(*step.decision);
    put(page, step.facts);
  }
  page.line(fmt::format("\n{}", facts.summary));
  return std::move(page).finished();
}

}  // namespace bfl::report
