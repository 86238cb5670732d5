// A key as people type it, in the forms in which an engine may keep it: so that it is found among images, and in tables.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/catalogue.h"
#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"
#include "interpreter/ledger/stored.h"
#include "interpreter/lower/sql.h"

namespace bfl::ledger {

struct TypedValue {
  std::vector<Stored> forms;    // the canonical one first
  std::string text{};           // as PostgreSQL reads it; empty where it is not told so
  bool spelled = false;         // stored as a text that may be written in several ways: others than `forms` may mean the same
  lower::Wire wire{};
  // Whether it is this one, however it is written.
  bool is(connect::Connector& target, const connect::RawValue& stored) const;
};
// The value of one column. An error of class data, with this help, where it is no such value.
Result<TypedValue> typed_value(connect::Connector& target, const Table& table, int column, std::string_view typed, const std::string& help);
// Whether a stored value has the form in which the engine itself would write it.
bool is_canonical(connect::Connector& target, const Column& column, const connect::RawValue& stored);

struct TypedKey {
  std::vector<TypedValue> columns;  // in the order of the key
  bool is(connect::Connector& target, const std::vector<connect::RawValue>& key) const;
  std::vector<Key> spellings() const;  // of all forms
};

}  // namespace bfl::ledger
