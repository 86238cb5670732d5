// The plan: what `bfl plan` prints and `bfl run` executes; one value, so that the two cannot disagree.
//
// Pure: made from a Program alone. The DAG (Boost.Graph stays in dag.cpp), a memo key per step with its components kept
// for explaining, and the work of each step. Many kinds of step lower to few kinds of work; the executor knows works.
#pragma once
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/base/digest.h"
#include "interpreter/check/program.h"

namespace bfl::plan {

// `guarded`: a step that writes waits for the checks that stand before it in the text, whatever they look at. The checks form a
// chain, of which it waits for the last: linear, and each check is evaluated though one before it has failed.
enum class EdgeReason : std::uint8_t { writes_then_reads, reads_then_writes, both_write, by_hand, guarded };

struct Edge {
  std::size_t from = 0, to = 0;          // indexes of steps; `to` waits for `from`
  EdgeReason reason{};
  program::ColumnUse use{};              // the column that they share; meaningless for by_hand and guarded
};

// One named part of a memo key, as text and digest, so that a change can be explained by name.
struct KeyComponent {
  std::string name;                      // "meaning", "schema", "target", "content" (of files), "semantics", "time zones", "walk"
  std::string digest;                    // hex; empty: it cannot be computed, so nothing is reused
  std::string shown;                     // short text for people; never a secret
  bool resumes_only = false;             // not in the key's digest: a finished step stays finished when it changes, but an
                                         // unfinished one cannot go on under it ("walk": the cursor would mean something else)
};

struct MemoKey {
  std::vector<KeyComponent> components;  // always in the same order
  std::string digest;                    // over all components but `resumes_only`
  std::string pacing;                    // digest of what describes or paces only: owner, chunk, expect
};

enum class WorkKind : std::uint8_t {
  assertion,     // check, verify
  keep,          // a relation is computed once and kept
  direct_write,  // chunked by the live key
  sealed_write,  // intents kept first, then applied by compare-and-set
  whole_write,   // one transaction
};

struct StepPlan {
  std::size_t step = 0;                  // index into Program::steps
  WorkKind work{};
  MemoKey key;
};

struct Plan {
  std::vector<Edge> edges;               // at most one for a pair of steps, its strongest reason; by `to`, then `from`. Linear in
                                         // the columns used: what a chain through the same column implies is left out
  std::vector<std::size_t> order;        // topological, the text as tie-breaker
  std::vector<StepPlan> steps;           // in step with Program::steps
  std::string meaning;                   // digest of what all steps but verifications mean, wherever they are run: hex
};

// `targets[i]`: the identity of Program::sources[i] (ledger::identity), part of each key. Cycles made by `after` are
// diagnosed; then the plan is empty.
Plan make(const program::Program& program, const std::vector<std::string>& targets, Diagnostics& diagnostics);

std::string to_text(const Plan& plan, const program::Program& program);     // `bfl graph`
std::string to_dot(const Plan& plan, const program::Program& program);
std::string to_mermaid(const Plan& plan, const program::Program& program);
std::string to_json(const Plan& plan, const program::Program& program);     // job, steps [{step, kind}], edges [{from, to, reason, column, text}]
std::string_view name_of(EdgeReason reason);                                 // "writes_then_reads"
std::string_view name_of(program::StepKind kind);                            // "update"
std::string name_of(const program::ColumnUse& use, const program::Program& program);  // "shop.orders.total", "shop.orders"
std::string describe(const Edge& edge, const program::Program& program);    // "fix_totals writes shop.orders.total, which none_left reads"

}  // namespace bfl::plan
