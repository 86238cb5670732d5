#include "interpreter/report/registry_text.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <nlohmann/json.hpp>

#include "interpreter/report/words.h"

namespace bfl::report {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t digits_shown = 12, to_the_second = 19;  // of a digest; of a time

std::string state_of(const ledger::RegisteredJob& job, const ledger::RegisteredVersion& version) {
  if (version.state != "running") return version.state;
  return fmt::format("held by {}{}", job.held_by, version.transaction.empty() ? "" : fmt::format(", as one transaction, begun {}", version.transaction.substr(0, to_the_second)));
}

Json of(const ledger::RegisteredStep& step) {
  return {{"step", step.name}, {"route", step.route}, {"state", step.state}, {"applications", step.applications}, {"rows_changed", step.changed},
          {"conflicts", step.conflicts}, {"quarantined", step.quarantined}, {"chunks_lost", step.lost}};
}

}  // namespace

std::string registry_text(const std::vector<Registered>& all) {
  std::string text;
  for (const Registered& target : all) {
    std::int64_t versions = 0;
    for (const ledger::RegisteredJob& job : target.jobs) versions += static_cast<std::int64_t>(job.versions.size());
    if (target.jobs.empty()) {
      text += fmt::format("{}: nothing was ever run by bfl here\n", target.source);
      continue;
    }
    text += fmt::format("{}: {} in {}\n", target.source, counted(static_cast<std::int64_t>(target.jobs.size()), "job"), counted(versions, "version"));
    for (const ledger::RegisteredJob& job : target.jobs) {
      text += fmt::format("{}\n", printable(job.name));
      for (const ledger::RegisteredVersion& version : job.versions) {
        text += fmt::format("  {}  {}  {}, {} changed", version.script.substr(0, digits_shown), state_of(job, version), counted(version.runs, "run"), counted(version.changed, "row"));
        if (version.conflicts) text += fmt::format(", {} in conflict", grouped(version.conflicts));
        if (version.atomic) text += version.atomic == version.runs ? ", atomic" : fmt::format(", {} atomic", counted(version.atomic, "run"));
        text += fmt::format("\n    {} to {} by {}, bfl {}\n", version.first.substr(0, to_the_second), version.last.substr(0, to_the_second), printable(fmt::format("{}", fmt::join(version.who, ", "))), printable(fmt::format("{}", fmt::join(version.programs, ", "))));
        for (const auto& [word, said] : {std::pair("owner", &version.owner), {"ticket", &version.ticket}, {"why", &version.why}})
          if (!said->empty()) text += fmt::format("    {:<6}  {}\n", word, printable(*said));
        for (const ledger::RegisteredStep& step : version.steps) {
          text += fmt::format("    step    {}: {}", printable(step.name), step.state.empty() ? "gone on with" : step.state);
          if (step.changed) text += fmt::format(", {} changed", counted(step.changed, "row"));
          if (step.conflicts) text += fmt::format(", {} in conflict", grouped(step.conflicts));
          if (step.quarantined) text += fmt::format(", {} put in quarantine", grouped(step.quarantined));
          if (step.lost) text += fmt::format(", {} without images: lost with bfl's tables, and taken as done", counted(step.lost, "chunk"));
          if (step.applications > 1) text += fmt::format(", {} applications", step.applications);
          text += '\n';
        }
      }
    }
  }
  return text;
}

std::string registry_json(const std::vector<Registered>& all) {
  Json document{{"targets", Json::array()}};
  for (const Registered& target : all) {
    Json jobs = Json::array();
    for (const ledger::RegisteredJob& job : target.jobs) {
      Json versions = Json::array();
      for (const ledger::RegisteredVersion& version : job.versions) {
        Json made{{"script", version.script}, {"meaning", version.meaning}, {"state", version.state}, {"first", version.first}, {"last", version.last}, {"who", version.who},
                  {"programs", version.programs}, {"runs", version.runs}, {"finished", version.finished}, {"atomic", version.atomic}, {"transaction", version.transaction.empty() ? Json() : Json(version.transaction)}, {"rows_changed", version.changed}, {"conflicts", version.conflicts}};
        for (const auto& [name, said] : {std::pair("owner", &version.owner), {"ticket", &version.ticket}, {"why", &version.why}})
          if (!said->empty()) made[name] = *said;
        made["steps"] = Json::array();
        for (const ledger::RegisteredStep& step : version.steps) made["steps"].push_back(of(step));
        versions.push_back(std::move(made));
      }
      Json made{{"job", job.name}, {"versions", std::move(versions)}};
      if (!job.held_by.empty()) made["held_by"] = job.held_by;
      jobs.push_back(std::move(made));
    }
    document["targets"].push_back({{"source", target.source}, {"identity", target.identity}, {"jobs", std::move(jobs)}});
  }
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace bfl::report
