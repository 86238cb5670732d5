// The tables of the state file, and what marks the file as bfl's.
#pragma once
#include <cstdint>

namespace bfl::store {

// Of a file that old runs were taken out of: an older bfl, which would take that for damage, refuses it. All others keep format_version.
inline constexpr int pruned_version = 3;
inline constexpr std::int32_t application_id = 0x62666c53;  // "bflS", in the file's header
extern const char* const schema;
extern const char* const to_format_2;  // of a file of format 1: what was written before has no digests
extern const char* const to_pruned;    // where such a diary begins

}  // namespace bfl::store
