// The diary without what is old.
#pragma once
#include <cstdint>
#include <string>

#include "interpreter/base/result.h"

namespace bfl::store {

struct Pruned {
  std::int64_t runs = 0, entries = 0;
  bool left_in_files = false;  // what was taken out lies in them still, while somebody else reads an older state
};
// Takes out the runs, with their entries, that ended (killed ones: began) before that instant (ISO 8601), as far as none that stays stands
// before them in the diary: its chain then begins behind the last entry taken, whose digest is kept. `path`: of a state file.
Result<Pruned> prune(const std::string& path, const std::string& before);

}  // namespace bfl::store
