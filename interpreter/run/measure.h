// What is counted when a writing step begins: the rows that its clauses leave out, by reason, and what its bounds come to.
//
// A step without such clauses costs nothing. The figures are those of one snapshot, taken right before the step looks for its
// rows; they are kept with the entry that opens the step in the ledger, and a run that goes on with it takes them from there.
#pragma once
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/check/program.h"
#include "interpreter/connect/connector.h"
#include "interpreter/run/workbench.h"

namespace bfl::run {

inline constexpr std::size_t most_keys = 10;   // that are listed of a reason

struct LeftOut {
  std::string reason;
  std::int64_t rows = 0;
  std::vector<std::string> keys{};             // of the first `most_keys` rows, as people write them
};

// A bound of `expect`, in rows.
struct Limit {
  program::Counted what{};
  program::Bound bound{};
  std::int64_t rows = 0;
  std::string share{};                         // "5% of the 1,200 rows of `shop.orders`"; empty: it was written as a number
};

bool meets(std::int64_t rows, const Limit& limit);
std::string_view words(program::Bound bound);  // "at most"

struct Measured {
  std::vector<LeftOut> left_out;
  std::map<std::string, std::int64_t> counted;  // R of `… of R`, as written, and its rows
  std::vector<Limit> limits;

  std::int64_t rows_left_out() const;
};

// `aside`: of a plan, what snapshots would hold.
Result<Measured> measure(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources,
                         const eval::Context& evaluation, const KeptAside* aside = nullptr);
// The same from what was kept; what was not kept is measured.
Result<Measured> measured_before(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& sources,
                                 const eval::Context& evaluation, const std::string& kept);
void add(std::vector<LeftOut>& all, LeftOut part);   // to those of the same reason
// One row more; its key is asked for only where it is listed.
void add(std::vector<LeftOut>& all, std::string_view reason, const std::function<std::string()>& key);
// For the ledger; empty when there is nothing to tell.
std::string to_text(const Measured& measured);

}  // namespace bfl::run
