// How a statement finds its rows: asked of the database's planner, told in words.
#pragma once
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::run {

struct Access {
  std::string text;          // `reads all of shop.orders`, `finds rows of shop.orders by index by_date (created_at>?)`
  program::TableRef table{}; // of the job
  bool whole = false;        // every row of it is read
};
// Of tables of the job, in the order of the planner; nothing where it does not tell.
std::vector<Access> accesses(connect::Connector& target, const program::Program& program, int source, const lower::Statement& statement, const eval::Context& evaluation);

}  // namespace bfl::run
