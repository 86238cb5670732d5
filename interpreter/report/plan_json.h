// What `bfl plan --json` prints: the plan and its previews as one JSON document.
//
//   schema_version  1; fields may be added under it, none is removed or given another meaning
//   job, owner, ticket, why, runbook, expires, approvals, not_author, promote, rollback
//   atomic          each run is one transaction
//   refused         [text]                             why a run would be refused; missing where it would not
//   pace            [text]                             of the job, and of steps: missing where there is none
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
//     asserts       [{text, message, holds, found}]    check, verify; holds, found: on top of the steps before it, where that can be told;
//                                                      found: on the sides of a comparison that does not hold
//     table, rows, set [{column, value}], class, route, route_reason, walk [column], chunk_rows, atomic,
//     expect        [{of, bound, rows}]                of: changed | skipped; bound: at_most | at_least | exactly; of a share
//                                                      {percent, share_of} in place of rows
//     done_when, risk                                  sql
//     left_out      [{reason, rows, keys}]             rows that the step's clauses leave out; missing when there are none
//     would_change, table_rows                         update; left out when they were not counted
//     already_right                                    update: rows that it takes, and that have their values
//     estimate {seconds, tried_rows, tried_seconds, pace}  how long it would take: by some rows that were tried in a copy, and by its pace
//     on_top_of [step]                                 on top of what these would change; what is not known yet: `unknown` says why
//     counted_before [step], why_counted_before        these will have changed what the step reads: counted as if they had not
//     applies                                          whether its `when` holds
//     with_them [{table, rows}]                        rows of other tables that go with those of the step
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
//   summary         {steps, run, resume, reuse, stop, would_change, fails}   fails: checks and verifications that do not hold
#pragma once
#include <string>
#include <vector>

#include "interpreter/check/program.h"
#include "interpreter/plan/plan.h"
#include "interpreter/run/preview.h"

namespace bfl::report {

std::string plan_document(const program::Program& program, const plan::Plan& plan, const std::vector<run::Preview>& previews, const std::vector<std::string>& refused = {});

}  // namespace bfl::report
