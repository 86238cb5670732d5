// What the parts of `bfl audit` share: the ledgers that an operand names, proved, and how a refusal is told.
#pragma once
#include <string>
#include <utility>
#include <vector>

#include "interpreter/cli/session.h"
#include "interpreter/cli/source_named.h"
#include "interpreter/report/audit_text.h"

namespace bfl::cli {

int failed(const Error& error);             // tells it; gives the exit code
int failed(Code code, const Error& error);  // the same with its code
int failed(const Session& session);

// The ledgers of the session's sources, proved, with the connectors that they were read by.
struct ProvenTarget {
  connect::Connector* target = nullptr;
  std::string name;
  ledger::Proven proven;
};
Result<std::vector<ProvenTarget>> prove_ledgers(const Session& session);

// Adds to each target what of its ledger is not as the checkpoints in the files of `--anchor` say.
Result<void> compare_with_anchors(const Arguments& arguments, std::vector<ProvenTarget>& targets);
int write_checkpoint(const Arguments& arguments);  // evidence.cpp
int export_ledger(const Arguments& arguments);     // evidence.cpp
int redact_row(const Arguments& arguments);        // redact.cpp

}  // namespace bfl::cli
