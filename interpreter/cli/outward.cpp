#include "interpreter/cli/outward.h"

#include <cstdlib>
#include <filesystem>
#include <fmt/format.h>

#include "interpreter/base/address.h"
#include "interpreter/base/secrets.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

constexpr double seconds_for_hooks = 5;  // at the end of a run, for what is still to be told

void warn(const std::string& message) { report::say(stderr, "{}: {}\n", paint(stderr, Paint::title, "warning"), message); }

// As OpenLineage names them: a server's by host and database, a file by its path.
notify::Dataset dataset_of(const program::Program& program, program::TableRef ref) {
  const Table& table = program.table(ref);
  const program::Source& source = program.sources[static_cast<std::size_t>(ref.source)];
  const std::string& engine = program.catalogues[static_cast<std::size_t>(ref.source)].engine;
  notify::Dataset made{engine, table.schema.empty() ? table.name : table.schema + "." + table.name};
  for (const Column& column : table.columns) made.columns.push_back(column.name);
  std::string_view place = source.shown;
  if (engine == "postgres") {
    const auto begin = place.find("://");
    if (begin == std::string_view::npos) return made;
    place.remove_prefix(begin + 3);
    place = place.substr(0, place.find('?'));
    if (const auto at = place.rfind('@'); at != std::string_view::npos) place.remove_prefix(at + 1);
    const auto slash = place.find('/');
    const std::string_view host = place.substr(0, slash);
    made.space = fmt::format("postgres://{}{}", host, host.find(':') == std::string_view::npos ? ":5432" : "");
    if (slash != std::string_view::npos) made.name = fmt::format("{}.{}", place.substr(slash + 1), made.name);
    return made;
  }
  place = place.substr(std::min(place.size(), place.find(':') + 1));
  made.name = engine == "csv" ? std::string(place) : fmt::format("{}.{}", place, table.name);
  return made;
}

// `…$NAME` at the end of what the project says, or as all of it: of the environment, and not to be seen.
Result<std::string> filled_in(const std::string& written) {
  const auto at = written.rfind('$');
  if (at == std::string::npos || (at > 0 && written[at - 1] != '=')) return written;
  const std::string name = written.substr(at + 1);
  if (name.empty() || name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") != std::string::npos) return written;
  const char* value = std::getenv(name.c_str());
  if (!value || !*value) return Error{ErrorClass::data, fmt::format("the environment variable `{}` is not set, and `[outside]` of the project's file names it", name), {}, "set it, or take it out of the file"};
  remember_secret(value);
  return written.substr(0, at) + value;
}

struct Wanted {
  std::vector<std::string> hooks;
  std::string metrics, metrics_port, lineage;
};

// Flags go before what the project says; hooks are told beside each other. Paths of the project begin at its folder.
Result<Wanted> wanted(const Session& session, const Arguments& arguments) {
  const project::Outside& said = session.project.outside;
  Wanted all{{}, arguments.value("metrics"), arguments.value("metrics-port", said.metrics_port.text), arguments.value("lineage")};
  for (const project::Outside::Told& hook : said.hooks) {
    auto filled = filled_in(hook.text);
    if (!filled) return filled.error();
    all.hooks.push_back(std::move(*filled));
  }
  for (const std::string& hook : arguments.all("hook")) all.hooks.push_back(hook);
  const auto of_project = [&](std::string& to, const project::Outside::Told& told) -> Result<void> {
    if (!to.empty() || told.text.empty()) return {};
    auto filled = filled_in(told.text);
    if (!filled) return filled.error();
    to = filled->find("://") == std::string::npos ? (std::filesystem::path(told.folder) / *filled).string() : *filled;
    return {};
  };
  if (auto metrics = of_project(all.metrics, said.metrics); !metrics) return metrics.error();
  if (auto lineage = of_project(all.lineage, said.lineage); !lineage) return lineage.error();
  return all;
}

notify::Lineage lineage_of(const Session& session, const std::string& to) {
  const program::Program& program = session.program;
  notify::Lineage made{to, program.why, BFL_VERSION, {}, {}};
  for (const program::Step& step : program.steps) {
    for (const program::ColumnUse& use : step.reads)
      if (program.table(use.table).kept.empty() && !program.query(use.table)) made.inputs.insert(dataset_of(program, use.table));
    if (program::changes_rows(step.kind)) made.outputs.emplace(step.name, dataset_of(program, step.target));
  }
  return made;
}

}  // namespace

void check_outside(const project::Project& project, Diagnostics& diagnostics) {
  const project::Outside& said = project.outside;
  const auto wrong = [&](const project::Outside::Told& told, const Error& error) { diagnostics.error(Code::bad_setting, told.span, error.message, error.help); };
  for (const project::Outside::Told& told : said.hooks)
    if (auto hook = notify::hook_of(told.text); !hook) wrong(told, hook.error());
  if (const auto& told = said.metrics_port; !told.text.empty())
    if (auto place = notify::Metrics::place_of(told.text); !place) wrong(told, place.error());
  if (const auto& told = said.metrics; told.text.find("://") != std::string::npos)
    wrong(told, {ErrorClass::data, fmt::format("`{}` is no file", host_of(told.text)), {}, "metrics are kept in a file, and served on a port: `metrics_port = \"9464\"`"});
  if (const auto& told = said.lineage; told.text.find("://") != std::string::npos && !told.text.starts_with("http://") && !told.text.starts_with("https://"))
    wrong(told, {ErrorClass::data, fmt::format("nothing can be told to `{}`", host_of(told.text)), {}, "write a file, or an address that begins with `http://` or `https://`"});
}

bool tells_outside(const project::Project& project, const Arguments& arguments) {
  const auto given = [&](const char* flag) { return arguments.has(flag); };
  return project.outside.any() || given("hook") || given("metrics") || given("metrics-port") || given("lineage");
}

Result<std::unique_ptr<Outward>> Outward::open(const Session& session, const Arguments& arguments, const run::Options& options) {
  auto made = std::make_unique<Outward>();
  const program::Program& program = session.program;
  const std::string folder = std::filesystem::absolute(session.path).parent_path().string();
  std::vector<notify::Hook> hooks;
  auto all = wanted(session, arguments);
  if (!all) return all.error();
  for (const std::string& written : all->hooks) {
    auto hook = notify::hook_of(written);
    if (!hook) return hook.error();
    hooks.push_back(std::move(*hook));
  }
  if (!hooks.empty())
    made->hooks_ = std::make_unique<notify::Hooks>(std::move(hooks), notify::About{options.version, options.who, options.host, program.why, program.ticket, program.owner, folder});
  if (!all->metrics.empty() || !all->metrics_port.empty()) {
    auto metrics = notify::Metrics::open({all->metrics, all->metrics_port}, options.version);
    if (!metrics) return metrics.error();
    made->metrics_ = std::move(*metrics);
  }
  if (!all->lineage.empty()) made->lineage_ = std::make_unique<notify::LineageTeller>(lineage_of(session, all->lineage));
  return made;
}

void Outward::on(const run::Event& event) {
  if (hooks_) hooks_->on(event);
  if (metrics_) metrics_->on(event);
  if (lineage_) lineage_->on(event);
}

void Outward::finish() {
  if (metrics_)
    if (auto written = metrics_->finish(); !written) warn(written.error().message);
  if (lineage_)
    if (auto told = lineage_->finish(); !told) warn(fmt::format("lineage was not told: {}", told.error().message));
  if (hooks_)
    for (const std::string& line : hooks_->finish(seconds_for_hooks)) warn(line);
}

}  // namespace bfl::cli
