// `bfl audit checkpoint`, `bfl audit export` and `--anchor`: the ledger as others can check it.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/keys.h"
#include "interpreter/ledger/checkpoint.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

namespace fs = std::filesystem;

Error not_written(const fs::path& path) { return {ErrorClass::fatal, fmt::format("{} cannot be written: {}", path.string(), std::strerror(errno))}; }

Result<void> write_file(const fs::path& path, std::string_view content, std::ios::openmode how) {
  std::error_code problem;
  if (path.has_parent_path()) fs::create_directories(path.parent_path(), problem);
  std::ofstream file(path, std::ios::binary | how);
  if (!file.write(content.data(), static_cast<std::streamsize>(content.size())) || !file.flush()) return not_written(path);
  return {};
}

Result<std::vector<ledger::Anchor>> read_anchors(const std::string& path, const std::vector<PublicKey>& known) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorClass::fatal, fmt::format("{} cannot be read", path), {}, "`bfl audit checkpoint … --anchor FILE` writes it"};
  return ledger::anchors(path, std::string(std::istreambuf_iterator<char>(file), {}), known);
}

// What is signed must hold.
std::optional<int> refuse_damaged(const std::vector<ProvenTarget>& targets) {
  report::Audit audit;
  for (const ProvenTarget& target : targets) audit.targets.emplace_back(target.name, target.proven);
  if (audit.sound() && !targets.empty()) return std::nullopt;
  report::put(stdout, report::audit_text(audit));
  return failed(Code::evidence_refused, {ErrorClass::refused, targets.empty() ? "there is no ledger to sign" : "the ledger does not hold, and is not signed", {}, targets.empty() ? "a job makes it when it first runs" : "see what was altered, and restore it from a backup"});
}

std::string folder_of(const std::string& job) { return valid_key_name(job) ? job : hex(job); }

}  // namespace

Result<void> compare_with_anchors(const Arguments& arguments, std::vector<ProvenTarget>& targets) {
  if (!arguments.has("anchor")) return {};
  auto known = trusted_keys();
  if (!known) return known.error();
  for (const std::string& path : arguments.all("anchor")) {
    auto kept = read_anchors(path, *known);
    if (!kept) return kept.error();
    std::int64_t all = 0;
    for (ProvenTarget& target : targets) {
      std::int64_t used = 0;
      std::vector<std::string> jobs;
      for (const ledger::ProvenJob& job : target.proven.jobs) jobs.push_back(job.name);
      auto found = ledger::compare(*target.target, target.proven.identity, jobs, *kept, used);
      if (!found) return found.error();
      target.proven.damages.insert(target.proven.damages.end(), found->begin(), found->end());
      target.proven.anchored += used;
      all += used;
    }
    // Another ledger in its place would have another identity, and no checkpoint of its own.
    if (all == 0) return Error{ErrorClass::refused, fmt::format("no checkpoint in {} is of this ledger", path), {}, "it is of another database, or the ledger was made anew"};
  }
  return {};
}

int write_checkpoint(const Arguments& arguments) {
  if (!arguments.has("anchor")) return failed({ErrorClass::data, "`bfl audit checkpoint` needs the file in which it is kept", {}, "for example: --anchor checkpoints.txt, in a place that the database's owner cannot change"});
  const std::string path = arguments.value("anchor");
  Session session;
  if (!open_named(session, arguments, arguments.operands[1])) return failed(session);
  auto key = signing_key(arguments.value("key"));
  if (!key) return failed(Code::key_unusable, key.error());
  auto targets = prove_ledgers(session);
  if (!targets) return failed(targets.error());
  if (auto code = refuse_damaged(*targets)) return *code;
  std::vector<ledger::Anchor> before;
  if (fs::exists(path)) {
    auto known = trusted_keys();
    if (!known) return failed(Code::key_unusable, known.error());
    auto kept = read_anchors(path, *known);
    if (!kept) return failed(Code::evidence_refused, kept.error());
    before = std::move(*kept);
  }
  std::string notes, told;
  for (ProvenTarget& target : *targets) {
    std::vector<std::string> jobs;
    for (const ledger::ProvenJob& job : target.proven.jobs) jobs.push_back(job.name);
    std::int64_t used = 0;
    auto found = ledger::compare(*target.target, target.proven.identity, jobs, before, used);
    if (!found) return failed(found.error());
    target.proven.damages = std::move(*found);
    for (const std::string& job : jobs) {
      auto made = ledger::checkpoint(*target.target, target.proven.identity, job);
      if (!made) return failed(made.error());
      told += fmt::format("{}: {} signed by {}, root {}\n", job, report::counted(made->size, "entry", "entries"), key->open.name, hex(made->root));
      const auto kept = [&](const ledger::Anchor& anchor) { return anchor.said.text() == made->text() && anchor.signers == std::vector{key->open.name}; };
      if (std::none_of(before.begin(), before.end(), kept)) notes += sign_note(made->text(), *key) + "\n";
    }
  }
  // What was signed before must still hold.
  if (auto code = refuse_damaged(*targets)) return *code;
  if (auto written = write_file(path, notes, std::ios::app); !written) return failed(Code::evidence_refused, written.error());
  report::put(stdout, told);
  return exit_code::done;
}

int export_ledger(const Arguments& arguments) {
  if (!arguments.has("output")) return failed({ErrorClass::data, "`bfl audit export` needs a folder to write to", {}, "for example: --output evidence"});
  const fs::path folder = arguments.value("output"), unfinished = folder.string() + ".part";
  if (fs::exists(folder)) return failed(Code::evidence_refused, {ErrorClass::refused, fmt::format("there is {} already", folder.string()), {}, "export to another folder"});
  Session session;
  if (!open_named(session, arguments, arguments.operands[1])) return failed(session);
  auto key = signing_key(arguments.value("key"));
  if (!key) return failed(Code::key_unusable, key.error());
  auto targets = prove_ledgers(session);
  if (!targets) return failed(targets.error());
  if (auto code = refuse_damaged(*targets)) return *code;
  std::error_code problem;
  fs::remove_all(unfinished, problem);
  std::string told;
  for (const ProvenTarget& target : *targets)
    for (const ledger::ProvenJob& job : target.proven.jobs) {
      const fs::path log = (targets->size() > 1 ? fs::path(target.name) : fs::path()) / folder_of(job.name);
      auto made = ledger::write_tiles(*target.target, target.proven.identity, job.name,
                                      [&](const std::string& path, std::string_view content) { return write_file(unfinished / log / path, content, std::ios::trunc); });
      if (!made) return failed(made.error());
      if (auto written = write_file(unfinished / log / "checkpoint", sign_note(made->text(), *key), std::ios::trunc); !written) return failed(Code::evidence_refused, written.error());
      told += fmt::format("{}: {}, signed by {}\n", (folder / log).string(), report::counted(made->size, "entry", "entries"), key->open.name);
    }
  fs::rename(unfinished, folder, problem);
  if (problem) return failed(Code::evidence_refused, {ErrorClass::fatal, fmt::format("{} cannot be written: {}", folder.string(), problem.message())});
  report::put(stdout, told);
  return exit_code::done;
}

}  // namespace bfl::cli
