#include "interpreter/ledger/heard.h"

#include "interpreter/ledger/own_sql.h"

namespace bfl::ledger {

Result<void> enter_heard(Writer& writer, connect::Connector& target, const Order& order, bool taken_back) {
  EntryFields said{{"order", order.kind}, {"given_by", order.who}, {"given", order.given}, {"reason", order.reason}, {"of_every_job", order.job.empty() ? "true" : "false"}};
  if (taken_back) {
    said["taken_back"] = said["taken_back_by"] = "";
    auto read = OwnSql(target).query("SELECT lifted, lifted_by FROM bfl_control WHERE job = ?1 AND kind = ?2 AND given = ?3 AND lifted <> '' ORDER BY id DESC LIMIT 1",
                                     {text(order.job), text(order.kind), text(order.given)}, [&](connect::RawRow row) {
                                       said["taken_back"] = std::string(row[0].bytes);
                                       said["taken_back_by"] = std::string(row[1].bytes);
                                       return false;
                                     });
    if (!read) return read;
  }
  return writer.attest("order", {said.begin(), said.end()});
}

}  // namespace bfl::ledger
