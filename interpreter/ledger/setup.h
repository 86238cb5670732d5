// What makes bfl's tables, as SQL: for bfl itself, and for somebody else who may where bfl may not.
#pragma once
#include <string>
#include <vector>

namespace bfl::ledger {

// Orders to whoever runs a job, and who took them back; an empty job stands for all. See control.h. By hand it takes `job` and `kind`. Tables
// that were made before there was a `pace` learn of it with the first one (control.cpp).
inline constexpr const char* control_table = R"(CREATE TABLE bfl_control (
  id INTEGER PRIMARY KEY, job TEXT NOT NULL, kind TEXT NOT NULL CHECK (kind IN ('pause', 'cancel', 'halt', 'pace')), who TEXT NOT NULL DEFAULT '',
  reason TEXT NOT NULL DEFAULT '', given TEXT NOT NULL DEFAULT '', lifted_by TEXT NOT NULL DEFAULT '', lifted TEXT NOT NULL DEFAULT ''))";

// In order, of an engine: "sqlite", "postgres". The identity of the target is made by the database when they are carried out.
std::vector<std::string> set_up_statements(const std::string& engine);

// What a role needs that runs jobs, and no more; on bfl's own tables. Each with what it is for.
struct Grant { std::string sql, purpose; };
std::vector<Grant> grants(const std::string& role);

}  // namespace bfl::ledger
