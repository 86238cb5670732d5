#include "interpreter/run/journal.h"

namespace bfl::run {

const char* name_of(EventKind kind) {
  switch (kind) {
    case EventKind::run_started: return "run_started";
    case EventKind::step_started: return "step_started";
    case EventKind::step_resumed: return "step_resumed";
    case EventKind::step_reused: return "step_reused";
    case EventKind::step_staged: return "step_staged";
    case EventKind::chunk_committed: return "chunk_committed";
    case EventKind::chunk_retried: return "chunk_retried";
    case EventKind::step_finished: return "step_finished";
    case EventKind::step_failed: return "step_failed";
    case EventKind::rows_left_out: return "rows_left_out";
    case EventKind::assertion_passed: return "assertion_passed";
    case EventKind::assertion_failed: return "assertion_failed";
    case EventKind::step_left_out: return "step_left_out";
    case EventKind::step_blocked: return "step_blocked";
    case EventKind::draining: return "draining";
    case EventKind::run_finished: return "run_finished";
    case EventKind::held_back: return "held_back";
    case EventKind::goes_on: return "goes_on";
    case EventKind::step_paused: return "step_paused";
    case EventKind::row_quarantined: return "row_quarantined";
    case EventKind::workers_changed: return "workers_changed";
    case EventKind::approved: return "approved";
    case EventKind::stage_begun: return "stage_begun";
    case EventKind::stage_done: return "stage_done";
    case EventKind::transaction_open: return "transaction_open";
    case EventKind::transaction_committed: return "transaction_committed";
    case EventKind::transaction_taken_back: return "transaction_taken_back";
  }
  return "";
}

Listener journal_listener(store::State& state, Result<void>& failed) {
  return [&state, &failed](const Event& event) {
    store::JournalEntry entry;
    entry.run = event.run, entry.job = event.job, entry.step = event.step, entry.kind = name_of(event.kind), entry.time = event.time;
    entry.reason = event.reason, entry.query = event.query, entry.from_key = event.from_key, entry.to_key = event.to_key;
    entry.chunk = event.kind == EventKind::chunk_committed ? event.chunk : -1;
    entry.rows_read = event.kind == EventKind::rows_left_out ? event.rows_left_out : event.rows_read, entry.rows_changed = event.rows_changed, entry.conflicts = event.conflicts;
    entry.seconds = event.seconds;
    if (event.kind == EventKind::row_quarantined) entry.reason = "row " + event.keys.front() + ": " + event.reason;
    else if (event.kind == EventKind::run_started && !event.trace.empty()) entry.reason = "trace " + event.trace;
    else if (event.kind == EventKind::chunk_committed) entry.reason = event.span.empty() ? "" : "span " + event.span;
    else for (const std::string& key : event.keys) entry.reason += (&key == event.keys.data() ? ": " : ", ") + key;
    const auto append = [&](const store::JournalEntry& one) {
      if (auto written = state.append(one); !written && failed) failed = written;
    };
    append(entry);
    if (event.kind != EventKind::chunk_committed) return;
    for (const std::string& key : event.keys) {
      store::JournalEntry row;
      row.run = entry.run, row.job = entry.job, row.step = entry.step, row.kind = row_in_conflict, row.time = entry.time, row.reason = key;
      append(row);
    }
  };
}

}  // namespace bfl::run
