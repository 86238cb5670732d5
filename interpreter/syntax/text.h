// What has to hold of the bytes of a script before anything is parsed.
#pragma once
#include <cstdint>

#include "interpreter/base/diagnostic.h"
#include "interpreter/base/source.h"

namespace bfl::syntax {

// UTF-8, within the size limit, and free of characters that show a reader something else than what runs: control
// characters and those that turn the direction of writing. Reports each kind of offence; false if there was any.
bool check_text(const SourceFile& file, std::uint32_t source, Diagnostics& diagnostics);

}  // namespace bfl::syntax
