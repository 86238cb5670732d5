// Opens a SQLite file, with the settings that every later guarantee rests on.
#pragma once
#include <memory>
#include <string>

#include "interpreter/connect/connector.h"

namespace bfl::connect::sqlite {

Result<std::unique_ptr<Connector>> open(const std::string& path, const OpenOptions& options);
Result<std::unique_ptr<Connector>> open_scratch();

}  // namespace bfl::connect::sqlite
