// By which name the tables are known in which jobs keep relations: snapshots, and what their steps did.
#pragma once
#include <string>
#include <string_view>

namespace bfl::check {

// Unique in a database that several jobs share, and readable: `bfl_kept_3fa94c21_ranked`. `relation`: a snapshot, or `STEP.inserted`.
std::string kept_name(const std::string& job, std::string_view relation);
inline constexpr std::string_view effect_names[] = {"inserted", "updated", "deleted"};  // in step with program::EffectKind

}  // namespace bfl::check
