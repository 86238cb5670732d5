// `bfl approve`: a kept plan is signed; and what a run asks of signatures.
#include "interpreter/cli/approvals.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/keys.h"
#include "interpreter/cli/rule_errors.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/words.h"
#include "interpreter/run/preview.h"

namespace bfl::cli {
namespace {

namespace fs = std::filesystem;

bool made_by(const run::PlanFacts& facts, const project::Approver& approver) {
  const auto has = [](const std::vector<std::string>& all, const std::string& one) { return std::find(all.begin(), all.end(), one) != all.end(); };
  return facts.who == approver.name || has(approver.users, facts.who) || has(facts.keys, approver.key);
}

std::string listed(const std::vector<project::Approver>& approvers) {
  std::string names;
  for (const project::Approver& approver : approvers) names += (names.empty() ? "" : ", ") + approver.name;
  return names;
}

Diagnostic& refused(Session& session, Span span, std::string message, std::string help) {
  return session.diagnostics.error(Code::approval_missing, span, std::move(message), std::move(help));
}

bool says(const program::Program& program, const std::string& what) {
  if (what == "owner") return !program.owner.empty();
  if (what == "ticket") return !program.ticket.empty();
  if (what == "why") return !program.why.empty();
  if (what == "runbook") return !program.runbook.empty();
  return program.expires.has_value();
}

// Rows that a run without a plan would change; nothing when that is not known before it runs, or cannot be counted.
std::optional<std::int64_t> rows_to_change(Session& session) {
  auto clock = run::system_clock();
  Diagnostics looked;
  std::int64_t rows = 0;
  const auto previews = run::preview(session.program, session.plan, session.targets(), *clock, looked);
  for (std::size_t i = 0; i < previews.size(); ++i) {
    if (!program::changes_rows(session.program.steps[i].kind) || previews[i].decision.kind == run::DecisionKind::reuse) continue;
    if (previews[i].would_change < 0) return std::nullopt;
    rows += run::rows_in_all(previews[i]);
  }
  return looked.has_errors() ? std::nullopt : std::optional(rows);
}

struct Asked {
  std::int64_t signatures = 0;
  bool not_author = false;
  std::string why;
};

Asked asked(Session& session, const run::KeptPlan* kept) {
  const program::Program& program = session.program;
  const project::Policy& policy = session.project.policy;
  Asked all;
  if (program.approval) all = {program.approval->signatures, program.approval->not_author, "the job"};
  if (policy.approvals && policy.approvals->value > all.signatures) all.signatures = policy.approvals->value, all.why = "the policy of the project";
  all.not_author |= policy.not_author && policy.not_author->value;
  if (!policy.rows_without_approval || all.signatures > 0) return all;
  const auto rows = !kept ? rows_to_change(session) : kept->facts().holds_statements() ? std::nullopt : std::optional(kept->facts().rows());
  const std::int64_t most = policy.rows_without_approval->value;
  if (rows && *rows <= most) return all;
  all.signatures = 1;
  all.why = rows ? fmt::format("the policy of the project, of whoever would change more than {}, and {} would change,", report::counted(most, "row"), report::counted(*rows, "row"))
                 : "the policy of the project, where nobody knows how many rows would change,";
  return all;
}

}  // namespace

Approvals approvals_of(const run::KeptPlan& kept, const project::Project& project, bool not_author) {
  Approvals all;
  std::vector<PublicKey> keys;
  for (const project::Approver& approver : project.approvers)
    if (const auto key = public_key(approver.key)) keys.push_back(*key);
  const auto note = read_note(kept.note(), keys);
  if (!note || note->text != kept.note_text()) return all;
  all.forged = note->forged;
  all.times = note->times;
  for (const project::Approver& approver : project.approvers) {
    if (std::find(note->signers.begin(), note->signers.end(), approver.name) == note->signers.end()) continue;
    if (not_author && made_by(kept.facts(), approver)) all.author.push_back(approver.name);
    else all.given.push_back(approver);
  }
  return all;
}

bool may_run(Session& session, const run::KeptPlan* kept) {
  const program::Program& program = session.program;
  const Span at = program.approval ? program.approval->span : program.job_span;
  if (const Timestamp now = run::system_clock()->now(); program.expires && *program.expires < now)
    refused(session, program.expires_span, fmt::format("the job has expired: it was good until {}", format_timestamp(*program.expires)), "look at it again; if it still holds, move `expires`");
  const auto& required = session.project.policy.require;
  for (const std::string& what : required ? required->value : std::vector<std::string>())
    if (!says(program, what)) session.diagnostics.error(Code::policy_forbids, program.job_span, fmt::format("the job says no `{}`, and the policy of the project asks for it", what), fmt::format("write `{} …` in the braces of the job", what));
  (void)keeps_rules(session);
  const Asked needs = asked(session, kept);
  if (needs.signatures == 0) return !session.diagnostics.has_errors();
  const std::string wanted = fmt::format("{} asks for {}{}", needs.why, report::counted(needs.signatures, "approval"), needs.not_author ? ", none of whoever made the plan" : "");
  if (!kept) {
    refused(session, at, wanted + ", and there is no plan to approve", fmt::format("`bfl plan {} -o FILE`, `bfl approve FILE`, `bfl run --plan FILE`", session.path));
    return false;
  }
  const Approvals approvals = approvals_of(*kept, session.project, needs.not_author);
  if (!approvals.forged && static_cast<std::int64_t>(approvals.given.size()) >= needs.signatures) return !session.diagnostics.has_errors();
  Diagnostic& diagnostic = refused(session, at, fmt::format("{}, and {} has {}{}", wanted, kept->path(), approvals.given.empty() ? "none" : std::to_string(approvals.given.size()), approvals.given.empty() ? "" : ": " + listed(approvals.given)),
                                   session.project.approvers.empty() ? "nobody is listed who may approve: `[approvers]` in bfl.toml" : fmt::format("`bfl approve {}`; who may: {}", kept->path(), listed(session.project.approvers)));
  for (const std::string& name : approvals.author) diagnostic.notes.push_back(fmt::format("{} has signed, and made the plan", name));
  if (approvals.forged) diagnostic.notes.push_back("a signature that claims to be an approver's does not hold");
  return false;
}

namespace {

// Why a signature that holds will not count when the plan is run; empty: nothing speaks against it.
std::string why_in_vain(const run::PlanFacts& facts, const project::Project& project, const project::Approver* approver) {
  if (!approver) return "nobody is listed who may approve";
  const auto& not_author = project.policy.not_author;
  return (facts.not_author || (not_author && not_author->value)) && made_by(facts, *approver) ? fmt::format("{} made the plan, and whoever made it is not to approve it", approver->name) : "";
}

}  // namespace

int approve_plan(const Arguments& arguments) {
  const std::string& path = arguments.operands[0];
  if (path.ends_with(".bfl")) return approve_stage(arguments);
  auto opened = run::KeptPlan::open(path);
  if (!opened) {
    const bool missing = access(path.c_str(), R_OK) != 0;
    const int code = failed(Code::plan_damaged, opened.error());
    return missing ? exit_code::script : code;
  }
  const run::KeptPlan& kept = **opened;
  auto key = signing_key(arguments.value("key"));
  if (!key) return failed(Code::key_unusable, key.error());
  std::error_code ignored;
  const fs::path job = (fs::absolute(path, ignored).parent_path() / kept.facts().path).lexically_normal();
  Diagnostics wrong;
  const project::Project project = project_of(job.string(), wrong);
  if (wrong.has_errors()) return show(wrong, project.texts), exit_code_of(wrong);
  const auto approver = std::find_if(project.approvers.begin(), project.approvers.end(), [&](const project::Approver& one) { return one.key == key->open.text(); });
  const bool listed_here = approver != project.approvers.end();
  if (!project.approvers.empty() && !listed_here)
    return failed(Code::key_unusable, {ErrorClass::refused, fmt::format("`{}` is no approver of this project", key->open.name), {}, fmt::format("who may approve: {} (bfl.toml); sign with such a key: `--key NAME`", listed(project.approvers))});
  const auto note = read_note(kept.note(), {key->open});
  const bool json = arguments.has("json");
  if (!json) report::put(stdout, fmt::format("{}\nmade by {}@{} at {}\ndigest {}\n", kept.facts().text, kept.facts().who, kept.facts().host, kept.facts().made, hex(kept.digest())));
  const std::string vain = why_in_vain(kept.facts(), project, listed_here ? &*approver : nullptr);
  const auto told = [&](std::string_view what) {
    if (!vain.empty()) {
      Diagnostics warned;
      warned.warning(Code::approval_missing, {}, "the signature does not count here: " + vain, listed_here ? "let another approver sign" : fmt::format("list the key in bfl.toml, `[approvers]`: `bfl key show {}` prints it", key->open.name));
      Sources texts;
      texts.add(path, "");
      show(warned, texts);
    }
    if (json) report::put(stdout, fmt::format("{{\"plan\": \"{}\", \"approver\": \"{}\", \"signed\": true}}\n", hex(kept.digest()), key->open.name));
    else report::put(stdout, fmt::format("{} by {}\n", what, key->open.name));
    return exit_code::done;
  };
  if (note && !note->signers.empty()) return told("approved already");
  if (!agreed(arguments, fmt::format("sign it as {}?", key->open.name))) return report::say(stderr, "not signed\n"), exit_code::failed;
  const std::string text = kept.note_text(), signature = sign_note_at(text, *key, run::system_clock()->now().micros / 1'000'000).substr(text.size() + 1);
  const int file = open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  const bool written = file >= 0 && write(file, signature.data(), signature.size()) == static_cast<ssize_t>(signature.size()) && fsync(file) == 0;
  const std::string why = written ? "" : std::strerror(errno);
  if (file >= 0) close(file);
  if (!written) return failed(Code::plan_damaged, {ErrorClass::data, fmt::format("the plan {} cannot be written: {}", path, why), {}, "make it writable, or copy it to where you may write"});
  return told("approved");
}

}  // namespace bfl::cli
