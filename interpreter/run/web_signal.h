// Signals of `pace` that an address gives: the number that it answers with, or a sample of a Prometheus server.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include "interpreter/base/result.h"
#include "interpreter/check/program.h"

namespace bfl::run {

// Nothing: there is no such value now. An error names the host, never the rest of the address. `hurry`: true ends it.
Result<std::optional<double>> number_told_by(const program::PaceRule& rule, double seconds, const std::function<bool()>& hurry);
// Of a text that is a finite number and nothing else.
std::optional<double> number_written(const std::string& text);

}  // namespace bfl::run
