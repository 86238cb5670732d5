#include "interpreter/check/kinds.h"

#include <algorithm>

namespace bfl::check {

using program::StepKind;

const std::vector<StepKindRow>& step_kinds() {
  static const std::vector<StepKindRow> kinds = {
      {"check", StepKind::check, "what must hold before anything that depends on it is written", {"after"}, {"assert"}, "check small { assert count(wrong) <= 1_000 }"},
      {"update", StepKind::update, "new values for columns of the rows of a relation", {"after", "expect", "chunk", "once", "atomic"}, {"set"},
       "update fix of shop.orders { set total = subtotal + tax }"},
      {"verify", StepKind::verify, "what must hold at the end, asked on every run", {"after"}, {"assert"}, "verify done { assert count(wrong) == 0 }"},
  };
  return kinds;
}

const StepKindRow* step_kind(std::string_view verb) {
  for (const StepKindRow& row : step_kinds())
    if (row.verb == verb) return &row;
  return nullptr;
}

namespace {

const LaterWord* find(const std::vector<LaterWord>& words, std::string_view word) {
  for (const LaterWord& later : words)
    if (later.word == word) return &later;
  return nullptr;
}

}  // namespace

const LaterWord* later_verb(std::string_view word) {
  static const std::vector<LaterWord> words = {
      {"snapshot", "a `let` shows the rows as they are when a step reads them"},
      {"insert", "`update` changes rows that are there"},
      {"upsert", "`update` changes rows that are there"},
      {"delete", "mark the rows with an `update`, and delete them by hand"},
      {"sql", "say it with `update`, or run the statement by hand"},
      {"test", "run the job on a copy of the database: `--source NAME=sqlite:COPY`"},
  };
  return find(words, word);
}

const LaterWord* later_clause(std::string_view word) {
  static const std::vector<LaterWord> words = {
      {"match", "write a `case`, or a step for each kind of row"},
      {"unique", "compute the name in a `case`"},
      {"on", "write the steps so that no two rows want one key"},
      {"key", "a key is taken from the catalogue: `chunk N by COLUMNS` chooses one"},
      {"when", "put the condition into the `where`"},
      {"pace", "`chunk N` sets the size of a transaction"},
      {"retry", "a database that is busy is asked again by itself"},
      {"quarantine", "leave such rows out: `skip where C \"reason\"`"},
      {"cascades", "write the child rows in a step of their own"},
      {"reads", "reads are known from the step"},
      {"writes", "writes are known from the step"},
      {"into", "`update NAME of RELATION` names the rows"},
      {"from", "`update NAME of RELATION` names the rows"},
  };
  return find(words, word);
}

bool is_step_clause(std::string_view word) {
  for (const StepKindRow& row : step_kinds())
    if (std::find(row.clauses.begin(), row.clauses.end(), word) != row.clauses.end()) return true;
  return false;
}

bool is_relation_clause(std::string_view word) {
  static constexpr std::string_view words[] = {"where", "skip", "derive", "join", "group", "order", "limit", "keep", "window", "distinct", "expand", "union", "follow"};
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace bfl::check
