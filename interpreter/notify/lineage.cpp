#include "interpreter/notify/lineage.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <nlohmann/json.hpp>

#include "interpreter/base/secrets.h"
#include "interpreter/run/trace.h"
#include "interpreter/web/http.h"

namespace bfl::notify {
namespace {

using Json = nlohmann::ordered_json;
using run::EventKind;

constexpr const char* producer = "urn:bfl:" BFL_VERSION;
constexpr double seconds_a_call = 10;

Json facet(const char* schema, Json content) {
  content["_producer"] = producer;
  content["_schemaURL"] = schema;
  return content;
}

Json dataset(const Dataset& of) {
  Json made{{"namespace", of.space}, {"name", of.name}, {"facets", Json::object()}};
  if (of.columns.empty()) return made;
  Json fields = Json::array();
  for (const std::string& column : of.columns) fields.push_back({{"name", column}});
  made["facets"]["schema"] = facet("https://openlineage.io/spec/facets/1-1-1/SchemaDatasetFacet.json", {{"fields", fields}});
  return made;
}

}  // namespace

std::string LineageTeller::event_of(const run::Event& event, std::string_view kind) const {
  Json inputs = Json::array(), outputs = Json::array();
  for (const Dataset& input : lineage_.inputs) inputs.push_back(dataset(input));
  std::map<Dataset, std::int64_t> written;
  for (const auto& [step, output] : lineage_.outputs) {
    const auto found = changed_.find(step);
    written[output] += found == changed_.end() ? 0 : found->second;
  }
  for (const auto& [output, rows] : written) {
    Json made = dataset(output);
    if (kind != "START")
      made["outputFacets"]["outputStatistics"] = facet("https://openlineage.io/spec/facets/1-0-2/OutputStatisticsOutputDatasetFacet.json", {{"rowCount", rows}});
    outputs.push_back(std::move(made));
  }
  Json run{{"runId", run::uuid_of(event.run)}, {"facets", Json::object()}};
  run["facets"]["processing_engine"] = facet("https://openlineage.io/spec/facets/1-1-1/ProcessingEngineRunFacet.json", {{"version", lineage_.version}, {"name", "bfl"}});
  run["facets"]["bfl"] = facet("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunFacet", {{"run", event.run}, {"trace", event.trace}, {"exitCode", event.exit_code}, {"conflicts", event.conflicts}, {"quarantined", event.quarantined}});
  Json job{{"namespace", "bfl"}, {"name", event.job}, {"facets", Json::object()}};
  if (!lineage_.why.empty()) job["facets"]["documentation"] = facet("https://openlineage.io/spec/facets/1-0-1/DocumentationJobFacet.json", {{"description", lineage_.why}});
  const Json whole{{"eventType", kind}, {"eventTime", event.time}, {"run", run}, {"job", job}, {"inputs", inputs}, {"outputs", outputs},
                   {"producer", producer}, {"schemaURL", "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"}};
  return without_secrets(whole.dump(-1, ' ', false, Json::error_handler_t::replace));
}

void LineageTeller::on(const run::Event& event) {
  if (event.kind == EventKind::chunk_committed) changed_[event.step] += event.rows_changed;
  if (event.kind == EventKind::run_started) started_ = event_of(event, "START");
  if (event.kind != EventKind::run_finished) return;
  const int code = event.exit_code;
  ended_ = event_of(event, code == 0 || code == 3 ? "COMPLETE" : code == 75 || code == 130 || code == 143 ? "ABORT" : "FAIL");
}

Result<void> LineageTeller::finish() const {
  const bool address = lineage_.to.starts_with("http://") || lineage_.to.starts_with("https://");
  for (const std::string* event : {&started_, &ended_}) {
    if (event->empty()) continue;
    if (address) {
      if (auto sent = web::post({lineage_.to, seconds_a_call}, *event); !sent) return sent;
      continue;
    }
    std::FILE* out = std::fopen(lineage_.to.c_str(), "ae");
    const std::string line = *event + "\n";
    bool sound = out && std::fwrite(line.data(), 1, line.size(), out) == line.size();
    if (out) sound = std::fclose(out) == 0 && sound;
    if (!sound) return Error{ErrorClass::fatal, fmt::format("`{}` cannot be written: {}", lineage_.to, std::strerror(errno))};
  }
  return {};
}

}  // namespace bfl::notify
