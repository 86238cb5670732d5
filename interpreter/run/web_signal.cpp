#include "interpreter/run/web_signal.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "interpreter/web/http.h"

namespace bfl::run {
namespace {

using Json = nlohmann::json;

// Numbers, also those that are written as texts, and truths.
std::optional<double> number_of(const Json& value) {
  if (value.is_boolean()) return value.get<bool>() ? 1 : 0;
  if (value.is_string()) return number_written(value.get<std::string>());
  if (!value.is_number() || !std::isfinite(value.get<double>())) return std::nullopt;
  return value.get<double>();
}

// https://prometheus.io/docs/prometheus/latest/querying/api/: a scalar, or a vector of one sample; each is a time and a value.
Result<std::optional<double>> sample_of(const Json& answer) {
  const Json none;
  const auto member = [&](const Json& of, const char* name) -> const Json& { return of.is_object() && of.contains(name) ? of[name] : none; };
  const Json& result = member(member(answer, "data"), "result");
  if (member(answer, "status") != "success" || !result.is_array()) return Error{ErrorClass::refused, "the answer is none of a Prometheus server"};
  const bool vector = member(member(answer, "data"), "resultType") == "vector";
  if (vector && result.empty()) return std::optional<double>();
  if (vector && result.size() > 1) return Error{ErrorClass::refused, fmt::format("the query gives {} samples, expected one: `max(…)`, `sum(…)`", result.size())};
  const Json& sample = vector ? member(result[0], "value") : result;
  return sample.is_array() && sample.size() == 2 ? number_of(sample[1]) : std::optional<double>();
}

}  // namespace

std::optional<double> number_written(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  return end != text.c_str() && *end == '\0' && std::isfinite(number) ? std::optional(number) : std::nullopt;
}

Result<std::optional<double>> number_told_by(const program::PaceRule& rule, double seconds, const std::function<bool()>& hurry) {
  const bool prometheus = rule.signal == program::SignalKind::prometheus;
  std::string address = rule.address;
  if (prometheus) {
    while (address.ends_with('/')) address.pop_back();
    address += "/api/v1/query?query=" + web::escaped(rule.statement);
  }
  const auto answer = web::get({std::move(address), seconds, hurry});
  if (!answer) return answer.error();
  const Json document = Json::parse(*answer, nullptr, false);
  if (document.is_discarded()) return Error{ErrorClass::refused, "the answer is neither a number nor JSON"};
  if (prometheus) return sample_of(document);
  try {
    const Json::json_pointer place(rule.statement);
    return document.contains(place) ? number_of(document.at(place)) : std::optional<double>();
  } catch (const Json::exception&) {  // no pointer, or one that looks for a position with a word
    return std::optional<double>();
  }
}

}  // namespace bfl::run
