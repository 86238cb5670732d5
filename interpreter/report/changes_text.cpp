#include "interpreter/report/changes_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/report/words.h"

namespace bfl::report {

namespace {

std::string summary(const plan::Changes& changes, bool edited) {
  if (changes.same()) return edited || !changes.list.empty() ? "cosmetic: the text differs, its meaning does not" : "nothing changed";
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

// A kept plan is of the very text.
std::string approvals(bool edited) { return edited ? "plans that were kept and approved before are void: the script was changed" : "plans that were kept and approved before still fit the script"; }

// `12 rows only now: id 501, id 502, …`
std::string only(const plan::Only& rows, std::string_view when) {
  std::string text = fmt::format("{} only {}", counted(rows.rows, "row"), when);
  for (std::size_t i = 0; i < rows.sample.size(); ++i) text += (i ? "; " : ": ") + printable(rows.sample[i]);
  return text + (static_cast<std::size_t>(rows.rows) > rows.sample.size() ? "; …" : "");
}

std::vector<std::string> lines_of(const plan::ScopeRows& rows) {
  if (!rows.why_not.empty()) return {"rows not compared: " + printable(rows.why_not)};
  return {only(rows.before, "before"), only(rows.after, "now")};
}

}  // namespace

std::string changes_text(const plan::Changes& changes, const std::string& job, bool edited) {
  std::string out = fmt::format("{}: {}\n", job, summary(changes, edited));
  for (const plan::Change& change : changes.list) {
    out += fmt::format("\n  {} {:<17} {}: {}\n", plan::needs_review(change.what) ? "!" : " ", plan::name_of(change.what), place(change), printable(change.about));
    if (!change.before.empty()) out += fmt::format("      - {}\n", printable(change.before));
    if (!change.after.empty()) out += fmt::format("      + {}\n", printable(change.after));
    for (const std::string& line : change.rows ? lines_of(*change.rows) : std::vector<std::string>()) out += fmt::format("        {}\n", line);
  }
  if (changes.list.empty()) return edited ? out + approvals(edited) + "\n" : out;
  out += "\nwhat the next run does\n";
  for (const plan::StepFate& step : changes.steps) out += fmt::format("  {:<20} {}\n", step.step, plan::describe(step.fate));
  return out + fmt::format("\n{}\n", approvals(edited));
}

std::string changes_markdown(const plan::Changes& changes, const std::string& job, bool edited) {
  std::string out = fmt::format("### `{}`: {}\n", job, summary(changes, edited));
  if (changes.list.empty()) return edited ? out + "\n" + approvals(edited) + "\n" : out;
  out += "\n| | change | step | what | before | after |\n|---|---|---|---|---|---|\n";
  for (const plan::Change& change : changes.list)
    out += fmt::format("| {} | {} | {} | {} | {} | {} |\n", plan::needs_review(change.what) ? "review" : "", plan::name_of(change.what), code(place(change)), cell(change.about), code(change.before), code(change.after));
  for (const plan::Change& change : changes.list)
    for (const std::string& line : change.rows ? lines_of(*change.rows) : std::vector<std::string>()) out += fmt::format("\n- {}: {}", code(change.step), cell(line));
  out += "\n\n<details><summary>What the next run does</summary>\n\n| step | |\n|---|---|\n";
  for (const plan::StepFate& step : changes.steps) out += fmt::format("| {} | {} |\n", code(step.step), plan::describe(step.fate));
  return out + "\n</details>\n\n" + approvals(edited) + "\n";
}

std::string changes_json(const plan::Changes& changes, const std::string& job, bool edited) {
  using Json = nlohmann::ordered_json;
  Json document{{"job", job}, {"same_meaning", changes.same()}, {"cosmetic", changes.same() && edited}, {"kept_plans", edited ? "void" : "fit"}, {"changes", Json::array()}, {"steps", Json::array()}};
  const auto rows_json = [](const plan::Only& rows) { return Json{{"rows", rows.rows}, {"sample", rows.sample}}; };
  for (const plan::Change& change : changes.list) {
    document["changes"].push_back({{"class", plan::name_of(change.what)}, {"review", plan::needs_review(change.what)}, {"step", change.step}, {"about", change.about}, {"before", change.before}, {"after", change.after}});
    if (change.rows) document["changes"].back()["rows"] = change.rows->why_not.empty() ? Json{{"only_before", rows_json(change.rows->before)}, {"only_after", rows_json(change.rows->after)}} : Json{{"not_compared", change.rows->why_not}};
  }
  for (const plan::StepFate& step : changes.steps) document["steps"].push_back({{"step", step.step}, {"next_run", plan::describe(step.fate)}});
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bfl::report
