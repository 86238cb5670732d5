// The catalogues that a project keeps in its repository: `schema/SOURCE.json` beside its bfl.toml, or, where there is none, beside
// the job.
#pragma once
#include <optional>
#include <string>

#include "interpreter/cli/session.h"

namespace bfl::cli {

std::string kept_path(const Session& session, const std::string& source);
// Nothing where none is kept; an error where the file is none.
Result<std::optional<Catalogue>> kept_catalogue(const Session& session, const std::string& source);

// The job checked against the kept catalogues: nothing is connected, and no variable of the environment is missed. What only a database
// can say is left open: what SQL in the job gives, and whether its user may write. False with diagnostics.
bool check_offline(Session& session);
// … and whether its steps have an order.
bool plan_offline(Session& session);
// Whether every source of a job that can be read has its catalogue kept.
bool all_kept(const Session& session);
// Warns of sources that are no longer as their kept catalogue says.
void compare_kept(Session& session);

}  // namespace bfl::cli
