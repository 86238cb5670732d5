#include "interpreter/report/changes_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/report/words.h"

namespace bfl::report {

namespace {

std::string summary(const plan::Changes& changes, bool only_layout) {
  if (changes.same()) return only_layout ? "cosmetic: the text differs, its meaning does not" : "nothing changed";
  const auto to_review = std::count_if(changes.list.begin(), changes.list.end(), [](const plan::Change& c) { return plan::needs_review(c.what); });
  return fmt::format("{} in meaning, {} to be reviewed", counted(static_cast<std::int64_t>(changes.list.size()), "change"), to_review);
}

std::string place(const plan::Change& change) { return change.step.empty() ? "job" : change.step; }

// A table of Markdown ends a cell at a bar.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) out += c == '|' ? "\\|" : c == '\n' ? " " : std::string(1, c);
  return out;
}

std::string code(std::string_view text) { return text.empty() ? "" : "`" + cell(text) + "`"; }

}  // namespace

std::string changes_text(const plan::Changes& changes, const std::string& job, bool only_layout) {
  std::string out = fmt::format("{}: {}\n", job, summary(changes, only_layout));
  for (const plan::Change& change : changes.list) {
    out += fmt::format("\n  {} {:<17} {}: {}\n", plan::needs_review(change.what) ? "!" : " ", plan::name_of(change.what), place(change), printable(change.about));
    if (!change.before.empty()) out += fmt::format("      - {}\n", printable(change.before));
    if (!change.after.empty()) out += fmt::format("      + {}\n", printable(change.after));
  }
  if (changes.same()) return out;
  out += "\nwhat the next run does\n";
  for (const plan::StepFate& step : changes.steps) out += fmt::format("  {:<20} {}\n", step.step, plan::describe(step.fate));
  return out;
}

std::string changes_markdown(const plan::Changes& changes, const std::string& job, bool only_layout) {
  std::string out = fmt::format("### `{}`: {}\n", job, summary(changes, only_layout));
  if (changes.same()) return out;
  out += "\n| | change | step | what | before | after |\n|---|---|---|---|---|---|\n";
  for (const plan::Change& change : changes.list)
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", plan::needs_review(change.what) ? "review" : "", plan::name_of(change.what), code(place(change)), cell(change.about), code(change.before), code(change.after));
  out += "\n<details><summary>What the next run does</summary>\n\n| step | |\n|---|---|\n";
  for (const plan::StepFate& step : changes.steps) out += fmt::format("| {} | {} |\n", code(step.step), plan::describe(step.fate));
  return out + "\n</details>\n";
}

std::string changes_json(const plan::Changes& changes, const std::string& job, bool only_layout) {
  using Json = nlohmann::ordered_json;
  Json document{{"job", job}, {"same_meaning", changes.same()}, {"cosmetic", changes.same() && only_layout}, {"changes", Json::array()}, {"steps", Json::array()}};
  for (const plan::Change& change : changes.list)
    document["changes"].push_back({{"class", plan::name_of(change.what)}, {"review", plan::needs_review(change.what)}, {"step", change.step}, {"about", change.about}, {"before", change.before}, {"after", change.after}});
  for (const plan::StepFate& step : changes.steps) document["steps"].push_back({{"step", step.step}, {"next_run", plan::describe(step.fate)}});
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bfl::report
