#include "interpreter/check/kinds.h"

#include <algorithm>

namespace bfl::check {

using program::StepKind;

const std::vector<StepKindRow>& step_kinds() {
  static const std::vector<StepKindRow> kinds = {
      {"check", StepKind::check, "what must hold before anything that depends on it is written", {"after"}, {"assert"}, "check small { assert count(wrong) <= 1_000 }"},
      {"snapshot", StepKind::snapshot, "a relation that is computed once and seen unchanged by every later step", {"after", "through"}, {}, "snapshot wrong = shop.orders where total != subtotal + tax"},
      {"update", StepKind::update, "new values for columns of the rows of a relation", {"after", "expect", "chunk", "key", "once", "atomic", "when", "retry", "pace", "quarantine", "rollout"}, {"set", "match", "unique", "on"},
       "update fix of shop.orders { set total = subtotal + tax }"},
      {"insert", StepKind::insert, "rows that are missing in a table", {"into", "from", "key", "once", "after", "expect", "chunk", "atomic", "when", "retry", "pace", "quarantine", "rollout"}, {"set", "unique", "on"},
       "insert add into shop.totals from shop.orders { set order_id = id key order_id }"},
      {"upsert", StepKind::upsert, "rows that are missing in a table or differ there", {"into", "from", "key", "after", "expect", "chunk", "atomic", "when", "retry", "pace", "quarantine", "rollout"}, {"set", "on"},
       "upsert keep into shop.totals from shop.orders { set order_id = id set total = total key order_id }"},
      {"delete", StepKind::remove, "the rows of a relation are taken out of their table", {"after", "expect", "chunk", "key", "once", "atomic", "when", "cascades", "retry", "pace", "quarantine", "rollout"}, {},
       "delete stale of shop.orders where total == 0"},
      {"sql", StepKind::sql, "a statement of the database's own, whose effect is declared, seen row by row and guarded", {"on", "writes", "reads", "done", "once", "after", "expect", "when"}, {},
       "sql touch on shop \"\"\"UPDATE orders SET note = 'x' WHERE id = 1\"\"\" { writes orders(note) done when count(shop.orders where id == 1 and note != \"x\") == 0 }"},
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

const LaterWord* later_clause(std::string_view word) {
  static const std::vector<LaterWord> words = {
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
  static constexpr std::string_view words[] = {"where", "skip", "derive", "join", "group", "order", "limit", "keep", "window", "distinct", "expand", "union", "follow", "cluster"};
  return std::find(std::begin(words), std::end(words), word) != std::end(words);
}

}  // namespace bfl::check
