#include "interpreter/ledger/approval.h"

#include <fmt/format.h>

#include "interpreter/base/signed_note.h"
#include "interpreter/base/value.h"
#include "interpreter/ledger/verify_text.h"

namespace bfl::ledger {
namespace {

constexpr std::string_view plan_word = " approves plan ", key_word = " with the key ", time_word = " at ";

}  // namespace

std::string Approval::text() const {
  return approver + std::string(plan_word) + plan + (when.empty() ? "" : std::string(time_word) + when) + std::string(key_word) + key;
}

Approval approval_in(const EntryFields& entry) {
  return {in(entry, "approver"), in(entry, "key"), in(entry, "plan"), in(entry, "signed"), in(entry, "run"), in(entry, "time")};
}

std::string fault_of(const Approval& approval, std::string_view note) {
  const auto key = public_key(approval.key);
  if (!key) return "it names no public key";
  const auto read = read_note(note, {*key});
  if (!read || read->signers.empty()) return fmt::format("the signature of {} does not hold", approval.approver);
  if (key->name != approval.approver) return fmt::format("the key is not that of {}", approval.approver);
  if (read->text.find("\n" + approval.plan + "\n") == std::string::npos) return "what was signed is another plan";
  const auto time = read->times.find(key->name);
  if ((time == read->times.end() ? std::string() : format_timestamp({time->second * 1'000'000})) != approval.when) return "it was signed at another time";
  return {};
}

Approval approval_told(std::string_view text) {
  Approval told;
  const auto take = [&](std::string_view word) {
    const auto at = text.find(word);
    if (at == std::string_view::npos) return std::string();
    std::string before(text.substr(0, at));
    text.remove_prefix(at + word.size());
    return before;
  };
  told.approver = take(plan_word);
  if (text.find(time_word) != std::string_view::npos) {
    told.plan = take(time_word);
    told.when = take(key_word);
  } else {
    told.plan = take(key_word);
  }
  told.key = std::string(text);
  return told;
}

}  // namespace bfl::ledger
