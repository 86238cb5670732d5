// What an engine's error code says about what may be done: one table per engine, shown by `bfl explain`.
#pragma once
#include <string_view>

#include "interpreter/base/result.h"

namespace bfl::connect {

struct ErrorRow {
  std::string_view code;   // as the engine's manual writes it; of PostgreSQL also the two characters of a class
  ErrorClass kind;
  std::string_view why;    // what happened, and with it why the class is this one
  std::string_view help{}; // one thing to do, for whoever runs the job
};

}  // namespace bfl::connect
