#include "interpreter/connect/nested.h"

#include <utility>

namespace bfl::connect {
namespace {

// SQLite rolls everything back by itself when it is out of memory or room.
Error gone() { return {ErrorClass::fatal, "the database has rolled back the transaction of the whole job", {}, "see what it said before; nothing was changed by this run"}; }

}  // namespace

Result<void> Nested::begin_all() {
  if (auto begun = inner_.begin_write(WriteKind::rows); !begun) return begun;
  spans_ = true;
  part_ = false;
  return {};
}

Result<void> Nested::commit_all() {
  if (!inner_.in_transaction()) return spans_ = false, gone();
  auto committed = inner_.commit();
  if (committed || !inner_.in_transaction()) spans_ = false;
  return committed;
}

void Nested::rollback_all() {
  if (!std::exchange(spans_, false)) return;
  part_ = false;
  inner_.rollback();
}

Result<void> Nested::begin_part() {
  if (!inner_.in_transaction()) return gone();
  if (auto marked = inner_.execute("SAVEPOINT bfl_part"); !marked) return marked;
  part_ = true;
  return {};
}

Result<void> Nested::commit() {
  if (!spans_) return inner_.commit();
  auto released = inner_.in_transaction() ? inner_.execute("RELEASE SAVEPOINT bfl_part") : Result<void>(gone());
  if (released) part_ = false;
  else rollback();
  return released;
}

void Nested::rollback() {
  if (!spans_) return inner_.rollback();
  if (!std::exchange(part_, false) || !inner_.in_transaction()) return;
  (void)inner_.execute("ROLLBACK TO SAVEPOINT bfl_part;RELEASE SAVEPOINT bfl_part");  // what goes wrong with a connection is met by its next use
}

}  // namespace bfl::connect
