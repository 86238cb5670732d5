#include "interpreter/run/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <random>

#include "interpreter/base/digest.h"
#include "interpreter/web/http.h"

namespace bfl::run {
namespace {

constexpr std::size_t longest_name = 63;  // bytes that PostgreSQL keeps of `application_name`

// 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
std::string_view trace_within(std::string_view parent) {
  constexpr std::string_view digits = "0123456789abcdef";
  if (parent.size() < 55 || parent[2] != '-' || parent[35] != '-' || parent[52] != '-' || parent.substr(0, 2) == "ff") return {};
  const std::string_view trace = parent.substr(3, 32);
  return trace.find_first_not_of(digits) == std::string_view::npos && trace.find_first_not_of('0') != std::string_view::npos ? trace : std::string_view();
}

}  // namespace

std::string uuid_of(std::string_view run) {
  Digest digest = sha256(fmt::format("bfl run {}", run));
  digest[6] = static_cast<std::uint8_t>(0x80 | (digest[6] & 0x0f));  // version 8: as its maker says
  digest[8] = static_cast<std::uint8_t>(0x80 | (digest[8] & 0x3f));
  const std::string text = hex(digest);
  return fmt::format("{}-{}-{}-{}-{}", text.substr(0, 8), text.substr(8, 4), text.substr(12, 4), text.substr(16, 4), text.substr(20, 12));
}

std::string trace_of(std::string_view run, const char* parent) {
  if (const auto given = trace_within(parent ? parent : ""); !given.empty()) return std::string(given);
  std::string trace = uuid_of(run);
  std::erase(trace, '-');
  return trace;
}

std::string new_attempt() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}", random(), random());
}

connect::Label label_of(std::string_view run, std::string_view trace, std::string_view job, std::string_view step, std::string_view chunk, std::string_view span) {
  connect::Label label;
  // The chunk comes last and is never cut; of long names the step's is worth more than the job's.
  const std::size_t taken = std::string_view("bfl  ").size() + run.size() + chunk.size(), room = longest_name - std::min(longest_name, taken);
  std::string name = fmt::format("{}/{}", job, step);
  if (name.size() > room) name = step.substr(0, room);
  for (const char c : fmt::format("bfl {} {} {}", run, name, chunk)) label.session += c == '\'' || c == '\\' ? '_' : c;
  label.comment = fmt::format(" /*chunk='{}',job='{}',run='{}',step='{}'", web::escaped(chunk), web::escaped(job), web::escaped(run), web::escaped(step));
  if (!trace.empty()) label.comment += fmt::format(",traceparent='00-{}-{}-01'", trace, span);
  label.comment += "*/";
  return label;
}

}  // namespace bfl::run
