#include "interpreter/project/project.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/base/signed_note.h"
#include "interpreter/project/add_up.h"
#include "interpreter/project/toml.h"

namespace bfl::project {
namespace {

// What a section asks of a setting: each answers with a diagnostic where it is something else.
class Asking {
 public:
  explicit Asking(Diagnostics& diagnostics) : diagnostics_(diagnostics) {}

  Diagnostic& wrong(Span span, std::string message, std::string help) { return diagnostics_.error(Code::bad_setting, span, std::move(message), std::move(help)); }
  bool is(const Setting& setting, SettingKind kind, std::string_view help) {
    if (setting.kind == kind) return true;
    wrong(setting.span, fmt::format("`{}` is {}, expected {}", setting.key, name_of(setting.kind), name_of(kind)), std::string(help));
    return false;
  }
  void unknown(const Setting& setting, std::string_view what, const std::vector<std::string>& known) {
    std::string all;
    for (const std::string& name : known) all += (all.empty() ? "`" : ", `") + name + "`";
    const std::string meant = nearest(setting.key, known);
    diagnostics_.error(Code::unknown_setting, setting.key_span, fmt::format("unknown {} `{}`", what, setting.key),
                       meant.empty() ? fmt::format("there {} {}", known.size() == 1 ? "is" : "are", all) : fmt::format("did you mean `{}`?", meant));
  }

 private:
  Diagnostics& diagnostics_;
};

constexpr std::string_view lint_help = "write `RULE = \"error\"`, \"warning\", \"note\" or \"off\"; lowered: `RULE = { level = \"off\", reason = \"…\" }`";

// [lint] RULE = "error", or RULE = { level = "off", reason = "…" }
void read_lint(const Setting& section, Project& into, Asking& asking) {
  for (const Setting& setting : section.members) {
    RuleLevel made{setting.key, {}, {}, setting.key_span};
    const Setting* level = &setting;
    if (setting.kind == SettingKind::table) {
      for (const Setting& member : setting.members)
        if (member.key != "level" && member.key != "reason") asking.unknown(member, "setting of a rule", {"level", "reason"});
      level = setting.find("level");
      if (level == nullptr) {
        asking.wrong(setting.key_span, fmt::format("`{}` has no level", setting.key), std::string(lint_help));
        continue;
      }
      if (const Setting* reason = setting.find("reason"); reason && asking.is(*reason, SettingKind::text, "say why")) made.reason = reason->text;
    }
    if (!asking.is(*level, SettingKind::text, lint_help)) continue;
    static const std::pair<std::string_view, std::optional<Severity>> levels[] = {
        {"error", Severity::error}, {"warning", Severity::warning}, {"note", Severity::note}, {"off", std::nullopt}};
    const auto found = std::find_if(std::begin(levels), std::end(levels), [&](const auto& each) { return each.first == level->text; });
    if (found == std::end(levels)) {
      asking.wrong(level->span, fmt::format("`{}` is no level", level->text), std::string(lint_help));
      continue;
    }
    made.severity = found->second;
    into.lint.push_back(std::move(made));
  }
}

bool texts(const Setting& setting, std::vector<std::string>& into, Asking& asking, std::string_view help) {
  if (!asking.is(setting, SettingKind::list, help)) return false;
  for (const Setting& member : setting.members) {
    if (!asking.is(member, SettingKind::text, help)) return false;
    into.push_back(member.text);
  }
  return true;
}

constexpr std::string_view approver_help = "write `NAME = \"NAME+ID+…\"`, the line that `bfl key show NAME` prints, or `NAME = { key = \"…\", users = [\"…\"] }`";

// [approvers] ann = "ann+…", or ann = { key = "ann+…", users = ["ann"] }
void read_approvers(const Setting& section, Project& into, Asking& asking) {
  for (const Setting& setting : section.members) {
    Approver made{setting.key, {}, {}, setting.key_span};
    const Setting* key = &setting;
    if (setting.kind == SettingKind::table) {
      for (const Setting& member : setting.members)
        if (member.key != "key" && member.key != "users") asking.unknown(member, "setting of an approver", {"key", "users"});
      key = setting.find("key");
      if (key == nullptr) {
        asking.wrong(setting.key_span, fmt::format("`{}` has no key", setting.key), std::string(approver_help));
        continue;
      }
      if (const Setting* users = setting.find("users"); users && !texts(*users, made.users, asking, approver_help)) continue;
    }
    if (!asking.is(*key, SettingKind::text, approver_help)) continue;
    const auto known = public_key(key->text);
    if (!known || known->name != setting.key) {
      asking.wrong(key->span, known ? fmt::format("this is the public key of `{}`, expected that of `{}`", known->name, setting.key) : "this is no public key", std::string(approver_help));
      continue;
    }
    made.key = key->text;
    into.approvers.push_back(std::move(made));
  }
}

// [policy] rows-without-approval = 10_000  approvals = 1  not-author = true  require = ["ticket"]
void read_policy(const Setting& section, Project& into, Asking& asking) {
  const auto number = [&](const Setting& setting, std::int64_t most, std::optional<Rule<std::int64_t>>& place) {
    if (!asking.is(setting, SettingKind::integer, fmt::format("write `{} = 2`", setting.key))) return;
    if (setting.integer < 0 || setting.integer > most) asking.wrong(setting.span, fmt::format("`{}` of {}, expected 0 to {}", setting.key, setting.integer, most), "write a number of that range");
    else place = {setting.integer, setting.span};
  };
  for (const Setting& setting : section.members) {
    if (setting.key == "rows-without-approval") number(setting, INT64_MAX, into.policy.rows_without_approval);
    else if (setting.key == "approvals") number(setting, 20, into.policy.approvals);
    else if (setting.key == "not-author") {
      if (asking.is(setting, SettingKind::boolean, "write `not-author = true`")) into.policy.not_author = {setting.boolean, setting.span};
    } else if (setting.key == "require") {
      static const std::vector<std::string> known = {"owner", "ticket", "why", "runbook", "expires"};
      Rule<std::vector<std::string>> required{{}, setting.span};
      if (!texts(setting, required.value, asking, "write `require = [\"ticket\"]`")) continue;
      into.policy.require = std::move(required);
      for (const Setting& member : setting.members)
        if (std::find(known.begin(), known.end(), member.text) == known.end())
          asking.wrong(member.span, fmt::format("`{}` is nothing that a job says of itself", member.text), "it says `owner`, `ticket`, `why`, `runbook` and `expires`");
    } else {
      asking.unknown(setting, "setting of the policy", {"rows-without-approval", "approvals", "not-author", "require"});
    }
  }
}

// [outside] hooks = ["run_finished=https://…", "$ALERT_HOOK"], metrics = "…", …
void read_outside(const Setting& section, Project& into, Asking& asking) {
  const std::pair<std::string_view, Outside::Told*> each[] = {{"metrics", &into.outside.metrics}, {"metrics_port", &into.outside.metrics_port}, {"lineage", &into.outside.lineage}};
  for (const Setting& setting : section.members) {
    const auto text = std::find_if(std::begin(each), std::end(each), [&](const auto& one) { return one.first == setting.key; });
    if (text != std::end(each)) {
      if (!asking.is(setting, SettingKind::text, "write a text, as the flag of `bfl run` takes it")) continue;
      if (setting.text.empty()) asking.wrong(setting.span, fmt::format("`{}` says nothing", setting.key), "write what the flag of `bfl run` takes, or leave the line out");
      *text->second = {setting.text, setting.span, into.root};
    } else if (setting.key == "hooks") {
      std::vector<std::string> written;
      if (texts(setting, written, asking, "write a list of texts: `hooks = [\"run_finished=$ALERT_HOOK\"]`"))
        for (const Setting& member : setting.members) into.outside.hooks.push_back({member.text, member.span, into.root});
    } else {
      asking.unknown(setting, "setting", {"hooks", "metrics", "metrics_port", "lineage"});
    }
  }
}

constexpr std::string_view place_help = "write `SOURCE = \"postgres://HOST/DATABASE\"`, \"sqlite:PATH\", or where the address holds a secret `SOURCE = { env = \"VARIABLE\" }`";

// [environments.staging] shop = "sqlite:staging.db"  [environments.production] shop = { env = "SHOP_URL" }
void read_environments(const Setting& section, Project& into, Asking& asking) {
  for (const Setting& setting : section.members) {
    if (!asking.is(setting, SettingKind::table, fmt::format("write `[environments.{}]` on a line of its own, and its sources below", setting.key))) continue;
    Environment made{setting.key, {}, setting.key_span};
    for (const Setting& member : setting.members) {
      Place place{member.key, {}, {}, into.root, member.key_span};
      const Setting* variable = member.kind == SettingKind::table ? member.find("env") : nullptr;
      if (variable) {
        for (const Setting& other : member.members)
          if (other.key != "env") asking.unknown(other, "setting of a source", {"env"});
        if (!asking.is(*variable, SettingKind::text, place_help)) continue;
        place.variable = variable->text;
      } else if (asking.is(member, SettingKind::text, place_help)) {
        place.url = member.text;
      } else {
        continue;
      }
      made.places.push_back(std::move(place));
    }
    into.environments.push_back(std::move(made));
  }
}

struct Section {
  std::string_view name;
  void (*read)(const Setting& section, Project& into, Asking& asking);
};
constexpr Section sections[] = {
    {"lint", read_lint},
    {"approvers", read_approvers},
    {"policy", read_policy},
    {"outside", read_outside},
    {"environments", read_environments},
};

}  // namespace

const Environment* Project::environment(std::string_view name) const {
  const auto found = std::find_if(environments.begin(), environments.end(), [&](const Environment& one) { return one.name == name; });
  return found == environments.end() ? nullptr : &*found;
}

void read(Project& into, std::uint32_t file, const std::string& folder, Diagnostics& diagnostics) {
  const auto whole = read_toml(into.texts, file, diagnostics);
  if (!whole) return;
  Project nearer;
  nearer.root = folder;
  Asking asking(diagnostics);
  for (const Setting& setting : whole->members) {
    const auto found = std::find_if(std::begin(sections), std::end(sections), [&](const Section& section) { return section.name == setting.key; });
    if (found == std::end(sections)) {
      std::vector<std::string> known;
      for (const Section& section : sections) known.emplace_back(section.name);
      asking.unknown(setting, setting.kind == SettingKind::table ? "section" : "setting", known);
    } else if (asking.is(setting, SettingKind::table, fmt::format("write `[{}]` on a line of its own, and its settings below", setting.key))) {
      found->read(setting, nearer, asking);
    }
  }
  add_up(into, nearer, diagnostics);
}

}  // namespace bfl::project
