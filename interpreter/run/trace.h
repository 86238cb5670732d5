// By what a run, its steps and its chunks are found in logs that are not bfl's: the form is that of the W3C's Trace Context.
#pragma once
#include <string>
#include <string_view>

#include "interpreter/connect/connector.h"

namespace bfl::run {

// A run as others count runs: always the same for the same one (RFC 9562, version 8).
std::string uuid_of(std::string_view run);
// 32 hexadecimal digits: the trace that the environment says the run belongs to (`TRACEPARENT`, or null), else the digits of uuid_of(run).
std::string trace_of(std::string_view run, const char* parent);
// Of one attempt at a chunk. `chunk`: its number in its lane, behind that of a lane that is not the first (`3.17`); `span`: 16 digits, by which the ledger knows the attempt.
std::string new_attempt();  // such a span
connect::Label label_of(std::string_view run, std::string_view trace, std::string_view job, std::string_view step, std::string_view chunk, std::string_view span);

}  // namespace bfl::run
