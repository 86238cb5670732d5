// bfl's own SQL on its own tables: statements kept prepared by their text, values as the engine stores them.
//
// Written once, in what SQLite and PostgreSQL share: parameters are `?1`, tables `bfl_name`, sums are cast to BIGINT, ids are
// left to the engine. in_dialect() turns that into what the engine takes; ` FOR UPDATE` is said where a row must be waited
// for, and left out for an engine whose write transactions exclude each other.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/connect/connector.h"

namespace bfl::ledger {

inline connect::RawValue number(std::int64_t value) { return {.kind = connect::RawValue::Class::integer, .integer = value}; }
inline connect::RawValue text(std::string_view value) { return {.kind = connect::RawValue::Class::text, .bytes = value}; }
inline connect::RawValue blob(std::string_view value) { return {.kind = connect::RawValue::Class::blob, .bytes = value}; }

std::string in_dialect(std::string_view sql, const std::string& engine);

class OwnSql {
 public:
  explicit OwnSql(connect::Connector& target) : target_(target) {}
  // `sql` is a literal: it lives as long as the program.
  Result<std::int64_t> run(std::string_view sql, const std::vector<connect::RawValue>& values = {});   // rows changed
  Result<void> query(std::string_view sql, const std::vector<connect::RawValue>& values, const connect::RowCallback& row);

 private:
  Result<connect::Prepared*> prepared(std::string_view sql);
  connect::Connector& target_;
  std::map<std::string_view, std::unique_ptr<connect::Prepared>> kept_;
};

}  // namespace bfl::ledger
