// What the ledger tells of the relations that jobs keep: whose they are, and of what they were made.
#pragma once
#include <map>
#include <string>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/kept_origin.h"

namespace bfl::ledger {

class KeptKnown {
 public:
  static Result<KeptKnown> read(connect::Connector& target);

  std::string job(const std::string& relation) const;  // empty: none of the ledger
  const KeptOrigin* origin(const std::string& relation) const;
  const std::map<std::string, KeptOrigin>& origins() const { return origins_; }  // by the names of their tables
  // Whether it is, or may be, made of rows of the table, by itself or by way of other relations that are kept.
  bool made_of(const std::string& relation, const NamedTable& table) const;

 private:
  void learn(KeptOrigin origin);
  std::map<std::string, std::string> jobs_{};
  std::map<std::string, KeptOrigin> origins_{};
};

}  // namespace bfl::ledger
