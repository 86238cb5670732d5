// One snapshot for everything that is read within a scope: a transaction of its own, unless the caller is in one already.
#pragma once
#include "interpreter/connect/connector.h"

namespace bfl::connect {

class HeldRead {
 public:
  explicit HeldRead(Connector& connector) : connector_(connector) {
    if (connector.in_transaction()) return;
    begun = connector.begin_read();
    own_ = static_cast<bool>(begun);
  }
  ~HeldRead() {
    if (own_) connector_.rollback();
  }
  HeldRead(const HeldRead&) = delete;
  HeldRead& operator=(const HeldRead&) = delete;

  Result<void> begun{};

 private:
  Connector& connector_;
  bool own_ = false;
};

}  // namespace bfl::connect
