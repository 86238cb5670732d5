// What `bfl plan --json` prints: the plan and its previews as one JSON document.
//
//   schema_version  1; fields may be added under it, none is removed or given another meaning
//   job, owner, ticket, why, runbook, expires, approvals, not_author, promote, rollback
//   sensitive       ["shop.people.email"]              columns whose values are not shown
//   sources         [{name, url}]                      url: the form that is safe to print
//   parameters      [{name, type, value, given}]       value: as a script writes it; `***` of a secret
//   steps           in the order in which they will run, each
//     step, kind, about
//     decision      run | resume | reuse | stop
//     reason        why, in words
//     changed_components  [name]                       of the memo key, since the newest generation
//     generation    the one to open or to go on with
//     memo_key, pacing, key_components {name: digest}
//     asserts       [{text, message}]                  check, verify
//     table, rows, set [{column, value}], class, route, route_reason, walk [column], chunk_rows, atomic,
//     expect        [{of, bound, rows}]                of: changed | skipped; bound: at_most | at_least | exactly; of a share
//                                                      {percent, share_of} in place of rows
//     done_when, risk                                  sql
//     left_out      [{reason, rows, keys}]             rows that the step's clauses leave out; missing when there are none
//     would_change, table_rows                         update; left out when they were not counted
//     counted_before [step]                            these will have changed what the step reads: counted as if they had not
//     shipped [text], shipped_rows                     tables of other sources, brought to where the step is computed
//     columns [{column, changed, filled, emptied, sum_before, sum_after, changes [{before, after, rows}], uncounted}]
//                                                      of each column that is set, over all rows that would change. filled, emptied:
//                                                      null before, after; sums as exact texts, of numbers; changes: the most
//                                                      frequent, each with at most `uncounted` rows more
//     access [{text, table, whole}]                    how the statement finds its rows, as the database's planner says
//     sets_off [text], locks, risks [{name, reason}]
//     sample [text], proof, sql [text]
//   Decision and what is measured are left out of steps that could not be previewed.
//   edges           [{from, to, kind, column, reason}] kind: writes_then_reads | reads_then_writes | both_write | by_hand | guarded
//   summary         {steps, run, resume, reuse, stop, would_change}
#pragma once
#include <string>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/preview.h"

namespace bfl::report {

std::string plan_document(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews);

}  // namespace bfl::report
