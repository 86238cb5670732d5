// Rows of the statement that computes a set of intents, in the forms in which the target stores them.
//
// Computed in the target itself they are so already. Computed elsewhere, keys and values are read there and written as the
// target would; images came along packed and are taken as they are.
#pragma once
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"

namespace bfl::run {

class IntentRows {
 public:
  // `stored`: how the target stores the key, then each value, then each `from.x`; of no use where `engine` is the target.
  IntentRows(const lower::Intent& intent, const lower::Statement& select, std::vector<lower::Wire> stored, connect::Connector& engine,
             connect::Connector& target);

  // Views are valid until the next row. An error of class data: a value that the target cannot hold.
  Result<void> read(connect::RawRow row);
  connect::RawRow key() const { return key_; }
  connect::RawRow image() const { return image_; }    // empty: the row is not there
  connect::RawRow values() const { return values_; }  // and `from.x` behind them

 private:
  Result<void> convert(connect::RawRow row, std::size_t from_column, std::size_t first_wire, std::vector<connect::RawValue>& into);

  const lower::Intent intent_;
  const std::vector<lower::Wire> given_, stored_;
  connect::Connector &engine_, &target_;
  const bool same_;
  std::vector<connect::RawValue> unpacked_, made_key_, made_values_;
  std::vector<Value> read_;
  std::vector<std::string> arenas_;
  connect::RawRow key_, image_, values_;
};

}  // namespace bfl::run
