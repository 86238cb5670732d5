// What a verification found: where, as exactly as can be said, and what is wrong there.
#pragma once
#include <string>

namespace bfl {

struct Damage {
  std::string place;  // "bfl_ledger, step 3, lane 0, seq 12: pack"
  std::string what;
};

}  // namespace bfl
