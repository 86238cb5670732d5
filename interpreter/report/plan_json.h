// What `bfl plan --json` prints: the plan and its previews as one JSON document, `schema_version` 1.
//
//   schema_version  1; a field may be added without a new number, none is removed or given another meaning
//   job, owner, ticket, why
//   parameters      [{name, type, value, given}]
//   sources         [{name, url}]                     url: the form that is safe to print
//   order           [name]                            of the steps, as they will run
//   edges           [{from, to, reason, column, text}]  reason: writes_then_reads | reads_then_writes | both_write | by_hand
//   steps           in order of the text, each
//     step, kind, doc
//     decision      {kind, why, changed, generation}   kind: run | resume | reuse | stop
//     key           {digest, pacing, components: [{name, digest, shown}]}
//     assertions    [{text, message}]                  check, verify
//     update        {table, rows, set: [{column, value}], class, route, route_reason, walk, chunk_rows, atomic, expect,
//                    would_change, table_rows, sample, proof}    would_change, table_rows, chunk_rows: null when unknown
//     sql           [text]
//   summary         {steps, run, resume, reuse, stop, would_change}
#pragma once
#include <string>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/executor.h"

namespace bfl::report {

std::string plan_json(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews);

}  // namespace bfl::report
