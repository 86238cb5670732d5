// Opens a PostgreSQL database: a URL, or the keywords of libpq (`host=… dbname=…`, `service=…`); what they leave open comes
// from the PG* variables, the service file and the password file, as libpq has it.
#pragma once
#include <memory>
#include <string>

#include "interpreter/connect/connector.h"

namespace bfl::connect::postgres {

Result<std::unique_ptr<Connector>> open(const std::string& url, const OpenOptions& options);

}  // namespace bfl::connect::postgres
