// A CSV file as a source: one table, `rows`, that can be read and nothing else.
//
// The whole file is looked through once when it is opened, so that a broken line is an error before anything is changed, and
// so that its digest can stand for its content. A file that is altered afterwards is an error at the next look.
#pragma once
#include <memory>
#include <string>

#include "interpreter/connect/connector.h"

namespace bfl::connect::csv {

inline constexpr const char* table_name = "rows";

Result<std::unique_ptr<Connector>> open(const std::string& path, const OpenOptions& options);

}  // namespace bfl::connect::csv
