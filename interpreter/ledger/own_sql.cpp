#include "interpreter/ledger/own_sql.h"

namespace bfl::ledger {

Result<connect::Prepared*> OwnSql::prepared(std::string_view sql) {
  auto& kept = kept_[sql];
  if (!kept) {
    auto statement = target_.prepare(sql);
    if (!statement) {
      kept_.erase(sql);
      return statement.error();
    }
    kept = std::move(*statement);
  }
  return kept.get();
}

Result<std::int64_t> OwnSql::run(std::string_view sql, const std::vector<connect::RawValue>& values) {
  auto statement = prepared(sql);
  if (!statement) return statement.error();
  return (*statement)->run_raw(values);
}

Result<void> OwnSql::query(std::string_view sql, const std::vector<connect::RawValue>& values, const connect::RowCallback& row) {
  auto statement = prepared(sql);
  if (!statement) return statement.error();
  return (*statement)->query_raw(values, row);
}

}  // namespace bfl::ledger
