// How numbers, times and the kinds of things are written for people: the same in plans, progress and history.
#pragma once
#include <fmt/format.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#include "interpreter/base/secrets.h"
#include "interpreter/check/program.h"
#include "interpreter/run/decide.h"
#include "interpreter/run/measure.h"

namespace bfl::report {

// A stream whose reader has left is no reason to stop changing rows: what cannot be written is lost, and nothing is thrown.
// No secret goes out.
inline void put(std::FILE* stream, std::string_view given) {
  const std::string text = without_secrets(std::string(given));
  (void)std::fwrite(text.data(), 1, text.size(), stream);
}
template <class... Args>
void say(std::FILE* stream, fmt::format_string<Args...> text, Args&&... args) {
  put(stream, fmt::format(text, std::forward<Args>(args)...));
}

std::string grouped(std::int64_t number);      // 1,234,567
std::string duration(double seconds);          // `0.04 s`, `2 min 05 s`, `3 h 10 min`
std::string counted(std::int64_t number, std::string_view one, std::string_view many = {});  // `1 row`, `1,200 rows`

std::string left_out(const run::LeftOut& part);        // `2 rows left out: customer is gone (17, 22)`

std::string indented(std::string_view text);           // each line by four blanks, empty ones by none
std::string hanging(std::string text);                 // each line but the first by eight blanks

// Texts and keys come from a database: what would steer the terminal is shown instead.
std::string printable(std::string_view text);

std::string_view verb(program::StepKind kind);
std::string_view done_word(program::StepKind kind);  // what happened to its rows: "changed", "added", "deleted"
std::string_view word(run::DecisionKind kind);
std::string_view word(program::Idempotence kind);
std::string_view word(ErrorClass kind);
std::string_view word(program::Route route);

}  // namespace bfl::report
