#include "interpreter/report/audit_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

using Json = nlohmann::ordered_json;

std::string listed(const std::vector<Damage>& damages) {
  std::string text;
  for (const Damage& damage : damages) text += fmt::format("  {}: {}\n", damage.place, damage.what);
  return text;
}

Json array_of(const std::vector<Damage>& damages) {
  Json all = Json::array();
  for (const Damage& damage : damages) all.push_back({{"place", damage.place}, {"what", damage.what}});
  return all;
}

}  // namespace

bool Audit::sound() const {
  return proven.damages.empty() && std::all_of(targets.begin(), targets.end(), [](const auto& target) { return target.second.damages.empty(); });
}

std::string audit_text(const Audit& audit) {
  std::string text;
  if (audit.targets.empty()) text += "no ledger: nothing was ever changed by bfl here\n";
  for (const auto& [name, found] : audit.targets) {
    text += fmt::format("{}: {} of {}, {} with {} in {}{}\n", name, counted(found.generations, "generation"), counted(static_cast<std::int64_t>(found.jobs.size()), "job"),
                        counted(found.entries, "entry", "entries"), counted(found.images, "image"), counted(found.packs, "pack"),
                        found.sealed ? fmt::format(", {} sealed", counted(found.sealed, "row")) : "");
    for (const ledger::ProvenJob& job : found.jobs) text += fmt::format("  {} root {} over {}\n", job.name, hex(job.root), counted(job.entries, "entry", "entries"));
    text += found.damages.empty() ? "  everything holds\n" : listed(found.damages);
  }
  if (!audit.diary.empty()) {
    text += fmt::format("{}: {}, {}\n", audit.diary, counted(audit.proven.runs, "run"), counted(audit.proven.entries, "entry", "entries"));
    text += audit.proven.damages.empty() ? "  everything holds\n" : listed(audit.proven.damages);
  }
  return text;
}

std::string audit_json(const Audit& audit) {
  Json document{{"ok", audit.sound()}, {"targets", Json::array()}};
  for (const auto& [name, found] : audit.targets) {
    Json jobs = Json::array();
    for (const ledger::ProvenJob& job : found.jobs) jobs.push_back({{"job", job.name}, {"entries", job.entries}, {"root", hex(job.root)}});
    document["targets"].push_back({{"source", name}, {"identity", found.identity}, {"jobs", std::move(jobs)}, {"generations", found.generations},
                                   {"entries", found.entries}, {"packs", found.packs}, {"images", found.images}, {"sealed", found.sealed},
                                   {"damages", array_of(found.damages)}});
  }
  if (!audit.diary.empty())
    document["diary"] = {{"path", audit.diary}, {"runs", audit.proven.runs}, {"entries", audit.proven.entries}, {"damages", array_of(audit.proven.damages)}};
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bfl::report
