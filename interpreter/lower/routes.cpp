// Which route a step takes where its engine has no exact words for it.
#include "interpreter/lower/sql.h"

namespace bfl::lower {

bool walks_in_sql(const program::Program& program, const program::Step& step) {
  const Dialect dialect = dialect_of(program.catalogues[static_cast<std::size_t>(step.target.source)]);
  return dialect == Dialect::sqlite || bool(direct_update(program, step, dialect));
}

void settle_routes(program::Program& program) {
  for (program::Step& step : program.steps) {
    if (step.route != program::Route::direct || walks_in_sql(program, step)) continue;
    step.route = program::Route::sealed;
    step.route_reason = "PostgreSQL has no exact words for it: what it makes of each row is computed and kept first";
  }
}

}  // namespace bfl::lower
