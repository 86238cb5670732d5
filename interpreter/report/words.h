// How numbers, times and the kinds of things are written for people: the same in plans, progress and history.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "interpreter/check/program.h"
#include "interpreter/run/decide.h"

namespace bfl::report {

std::string grouped(std::int64_t number);      // 1,234,567
std::string duration(double seconds);          // `0.04 s`, `2 min 05 s`, `3 h 10 min`
std::string counted(std::int64_t number, std::string_view one, std::string_view many = {});  // `1 row`, `1,200 rows`

std::string_view verb(program::StepKind kind);
std::string_view word(run::DecisionKind kind);
std::string_view word(program::Idempotence kind);
std::string_view word(program::Route route);

}  // namespace bfl::report
