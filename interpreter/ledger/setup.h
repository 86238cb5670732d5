// What makes bfl's tables, as SQL: for bfl itself, and for somebody else who may where bfl may not.
#pragma once
#include <string>
#include <vector>

namespace bfl::ledger {

// In order, of an engine: "sqlite", "postgres". The identity of the target is made by the database when they are carried out.
std::vector<std::string> set_up_statements(const std::string& engine);

// What a role needs that runs jobs, and no more; on bfl's own tables. Each with what it is for.
struct Grant { std::string sql, purpose; };
std::vector<Grant> grants(const std::string& role);

}  // namespace bfl::ledger
