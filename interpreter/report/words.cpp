#include "interpreter/report/words.h"

#include <fmt/format.h>

#include <algorithm>

namespace bfl::report {

std::string grouped(std::int64_t number) {
  std::string digits = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) digits.insert(static_cast<std::size_t>(at), ",");
  return digits;
}

std::string counted(std::int64_t number, std::string_view one, std::string_view many) {
  if (number == 1) return fmt::format("1 {}", one);
  return many.empty() ? fmt::format("{} {}s", grouped(number), one) : fmt::format("{} {}", grouped(number), many);
}

std::string duration(double seconds) {
  if (seconds < 59.995) return fmt::format("{:.2f} s", seconds);
  const auto whole = static_cast<std::int64_t>(seconds + 0.5);
  if (whole < 3600) return fmt::format("{} min {:02} s", whole / 60, whole % 60);
  return fmt::format("{} h {:02} min", whole / 3600, whole / 60 % 60);
}

std::string left_out(const run::LeftOut& part) {
  std::string keys;
  for (const std::string& key : part.keys) keys += (keys.empty() ? " (" : ", ") + key;
  if (static_cast<std::int64_t>(part.keys.size()) < part.rows && !keys.empty()) keys += ", …";
  return fmt::format("{} left out: {}{}{}", counted(part.rows, "row"), part.reason, keys, keys.empty() ? "" : ")");
}

std::string printable(std::string_view text) {
  // Marks that are obeyed and not seen: they turn the direction of the text around them, or end the line.
  constexpr std::pair<std::string_view, std::string_view> unseen[] = {
      {"\u200e", "\\u200e"}, {"\u200f", "\\u200f"}, {"\u2028", "\\u2028"}, {"\u2029", "\\u2029"}, {"\u202a", "\\u202a"}, {"\u202b", "\\u202b"}, {"\u202c", "\\u202c"},
      {"\u202d", "\\u202d"}, {"\u202e", "\\u202e"}, {"\u2066", "\\u2066"}, {"\u2067", "\\u2067"}, {"\u2068", "\\u2068"}, {"\u2069", "\\u2069"}};
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte < 0x20 || byte == 0x7f) {
      out += fmt::format("\\x{:02x}", byte);
      continue;
    }
    const auto* mark = byte == 0xe2 ? std::find_if(std::begin(unseen), std::end(unseen), [&](const auto& one) { return text.substr(i).starts_with(one.first); }) : std::end(unseen);
    if (mark == std::end(unseen)) {
      out += text[i];
      continue;
    }
    out += mark->second;
    i += mark->first.size() - 1;
  }
  return out;
}

std::string_view verb(program::StepKind kind) {
  switch (kind) {
    case program::StepKind::check: return "check";
    case program::StepKind::snapshot: return "snapshot";
    case program::StepKind::update: return "update";
    case program::StepKind::insert: return "insert";
    case program::StepKind::upsert: return "upsert";
    case program::StepKind::remove: return "delete";
    case program::StepKind::verify: return "verify";
    case program::StepKind::sql: return "sql";
  }
  return "";
}

std::string_view done_word(program::StepKind kind) {
  switch (kind) {
    case program::StepKind::insert: return "added";
    case program::StepKind::upsert: return "added or changed";
    case program::StepKind::remove: return "deleted";
    default: return "changed";
  }
}

std::string_view word(run::DecisionKind kind) {
  switch (kind) {
    case run::DecisionKind::run: return "run";
    case run::DecisionKind::resume: return "resume";
    case run::DecisionKind::reuse: return "reuse";
    case run::DecisionKind::stop: return "stop";
  }
  return "";
}

std::string_view word(program::Idempotence kind) {
  switch (kind) {
    case program::Idempotence::reads: return "reads only";
    case program::Idempotence::convergent: return "convergent";
    case program::Idempotence::guarded: return "guarded";
    case program::Idempotence::staged: return "staged";
    case program::Idempotence::once: return "once";
  }
  return "";
}

std::string_view word(ErrorClass kind) {
  switch (kind) {
    case ErrorClass::transient: return "transient";
    case ErrorClass::data: return "data";
    case ErrorClass::permission: return "permission";
    case ErrorClass::conflict: return "conflict";
    case ErrorClass::unknown_commit: return "unknown commit";
    case ErrorClass::held: return "held";
    case ErrorClass::interrupted: return "interrupted";
    case ErrorClass::refused: return "refused";
    case ErrorClass::stale_schema: return "design";
    case ErrorClass::over_limit: return "over limit";
    case ErrorClass::fatal: return "fatal";
  }
  return "";
}

std::string_view word(program::Route route) {
  switch (route) {
    case program::Route::none: return "";
    case program::Route::direct: return "direct";
    case program::Route::sealed: return "sealed";
    case program::Route::whole: return "whole";
  }
  return "";
}

std::string indented(std::string_view text) {
  std::string result;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    if (end > 0) result += fmt::format("    {}", text.substr(0, end));
    result += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::string hanging(std::string text) {
  for (auto at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 1)) text.insert(at + 1, "        ");
  return text;
}

}  // namespace bfl::report
