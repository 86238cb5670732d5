#include "interpreter/cli/source_named.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>

#include "interpreter/cli/state_path.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

constexpr std::size_t runs_looked_at = 100;

bool open_address(Session& session, const std::string& name, const std::string& url, Access access) {
  session.texts.add(url, "");
  auto connector = connect::open(url, {.read_only = access == Access::read});
  if (!connector) return add(session.diagnostics, Code::cannot_connect, {}, connector.error()), false;
  program::Source& source = session.program.sources.emplace_back();
  source.name = name;
  source.url = url;
  session.connectors.push_back(std::move(*connector));
  return true;
}

bool is_name(const std::string& operand) {
  return !operand.empty() && std::all_of(operand.begin(), operand.end(), [](char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; });
}

}  // namespace

bool open_source(Session& session, const Arguments& arguments, const std::string& name, const std::string& job, Access access) {
  std::vector<std::string> jobs;
  if (!job.empty()) {
    jobs.push_back(job);
  } else {
    for (const std::string& pair : arguments.all("source"))
      if (pair.starts_with(name + "=")) return open_address(session, name, pair.substr(name.size() + 1), access);
    if (const std::string path = state_path_of(arguments); std::filesystem::exists(path)) {
      auto state = store::open_state(path);
      auto runs = state ? (*state)->runs(runs_looked_at) : Result<std::vector<store::RunRecord>>{state.error()};
      if (!runs) {
        session.texts.add(path, "");
        return add(session.diagnostics, Code::state_unusable, {}, runs.error()), false;
      }
      for (const store::RunRecord& run : *runs)
        if (std::filesystem::exists(run.path) && std::find(jobs.begin(), jobs.end(), run.path) == jobs.end()) jobs.push_back(run.path);
    }
  }
  const auto begin_anew = [&] {
    Session fresh;
    session = std::move(fresh);
  };
  for (const std::string& each : jobs) {
    begin_anew();
    if (!load(session, arguments, each) || !open_sources(session, access, name)) return false;
    if (!session.connectors.empty()) return true;
  }
  begin_anew();
  session.texts.add(name, "");
  session.diagnostics.error(Code::unknown_source, {}, fmt::format("no source `{}` is known here", name), fmt::format("name the job that has it, or its address: `--source {}=URL`", name));
  return false;
}

bool open_named(Session& session, const Arguments& arguments, const std::string& operand, Access access) {
  if (operand.ends_with(".bfl")) return load(session, arguments, operand) && open_sources(session, access);
  if (is_name(operand)) return open_source(session, arguments, operand, {}, access);
  return open_address(session, operand.find("://") == std::string::npos ? operand : "target", operand, access);
}

}  // namespace bfl::cli
