// The tables of the state file, and what marks the file as bfl's.
#pragma once
#include <cstdint>

namespace bfl::store {

inline constexpr std::int32_t application_id = 0x62666c53;  // "bflS", in the file's header
extern const char* const schema;

}  // namespace bfl::store
