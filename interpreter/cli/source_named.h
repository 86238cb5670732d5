// The database that an operand names: by a job, by an address, or by the name of a source.
#pragma once
#include <string>

#include "interpreter/cli/session.h"

namespace bfl::cli {

// Opens what a job, an address or the name of a source stands for, unchecked; false with diagnostics. A job stands for all of its sources.
bool open_named(Session& session, const Arguments& arguments, const std::string& operand, Access access = Access::read);
// The source of that name: of `job` where one is given, of `--source`, or of the newest job of this folder that has one. False with
// diagnostics.
bool open_source(Session& session, const Arguments& arguments, const std::string& name, const std::string& job, Access access = Access::read);

}  // namespace bfl::cli
