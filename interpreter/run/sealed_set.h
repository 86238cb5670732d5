// A sealed set of intents in the target, and how they are carried out: by compare-and-set, in the order of the set.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "interpreter/run/families.h"
#include "interpreter/run/intended.h"
#include "interpreter/run/writing.h"

namespace bfl::run {

class SealedSet {
 public:
  // `recompute`: of `once` steps whose values are computed when a row's turn comes; else empty.
  SealedSet(Writing& writing, lower::Intents intents, lower::Hands hands, lower::Statement recompute);

  Result<void> prepare();
  bool sequenced() const { return run::sequenced(writing_.step, hands_, once()); }
  bool once() const { return !recompute_sql_.text.empty(); }
  const lower::Intents& intents() const { return intents_; }
  const lower::Hands& hands() const { return hands_; }
  const std::string& query() const;  // of a chunk

  // (in a transaction) The tables of what later steps read, empty.
  Result<void> make_tables();
  Result<void> open_tables();

  Result<const ledger::Record*> row(std::int64_t number);  // valid until the next call
  // Of a kept plan, `rows` long, whose rows take others with them: which of them are left alone for what became of those.
  Result<void> find_families(std::int64_t rows);
  Result<std::vector<ledger::Key>> keys(std::int64_t from, std::int64_t to);  // of the rows of these ordinals
  // From here on the set is those rows of it alone.
  void narrow(std::function<bool(connect::RawRow key)> wanted) { wanted_ = std::move(wanted); }
  // Rows of ordinals [from, to): how many the database says it changed.
  Result<std::int64_t> apply(std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts);
  // The row at which `apply` failed: of which table, if not the step's own, and its key.
  struct Place {
    std::string table{};
    ledger::Key key{};
  };
  const std::optional<Place>& at() const { return at_; }
  // Of what `apply` did last: rows whose values could not be computed when the set was sealed, and why. Given once.
  std::vector<std::pair<ledger::Key, std::string>> take_set_aside() { return std::exchange(aside_, {}); }
  void forget_place() { at_.reset(); }

 private:
  // The statements by which intents of one table are carried out.
  struct Hand {
    std::unique_ptr<connect::Prepared> change{}, add{}, remove{}, read{};
  };
  // What later steps read of the rows that the step changes, kept with them.
  struct Keeping {
    connect::ChangeKind kind{};
    lower::KeptTable sql;
    std::unique_ptr<connect::Prepared> add{};
    std::vector<connect::Prepared::Parameters> rows{};
    std::vector<ledger::Key> stored{};  // what the rows are views of
  };
  enum class Act : std::uint8_t { nothing, change, add, remove };
  // One intent under way.
  struct Turn {
    const ledger::Record* planned = nullptr;
    const lower::Intent* intent = nullptr;
    std::vector<connect::RawValue> before, values;
    std::vector<ledger::Stored> computed{};
    ledger::Key now_held{};
    bool there = false;              // with its image
    bool found = false, applies = false;
    int differs = -1;                // the first column that is not as it was
    Act act = Act::nothing;
    connect::RawRow key() const { return connect::RawRow(before).first(intent->key); }
    connect::RawRow image() const { return connect::RawRow(before).subspan(intent->key); }
  };

  Result<void> prepare(std::initializer_list<std::pair<std::unique_ptr<connect::Prepared>*, const lower::Statement*>> wanted);
  Result<void> load(std::int64_t number);
  Result<Turn> turn_of(const ledger::Record& planned) const;
  Result<std::vector<Turn>> together(std::int64_t& from, std::int64_t to);
  Result<void> look(Hand& hand, std::vector<Turn>& turns);
  Result<void> compute(std::vector<Turn>& turns);
  Result<void> decide(Turn& turn, ledger::ChunkFacts& facts);
  Result<std::string> held_by_another(const Turn& turn);
  Result<std::int64_t> change(Hand& hand, std::vector<Turn>& turns, ledger::ChunkFacts& facts);
  Result<std::int64_t> one_by_one(std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts);
  Result<std::int64_t> end_of_circle(std::int64_t from, std::int64_t to);
  Result<std::int64_t> circle(std::int64_t from, std::int64_t to, ledger::ChunkFacts& facts);
  void conflict(const Turn& turn, const std::string& why, ledger::ChunkFacts& facts);
  Result<std::int64_t> carry_out(Hand& hand, std::vector<Turn>& turns, ledger::ChunkFacts& facts);
  void keep(const ledger::Record& planned);
  Result<void> flush_kept();
  const lower::Intent* intent_of(const ledger::Record& planned) const;
  const Table& table_of(const ledger::Record& planned) const;

  Writing& writing_;
  const lower::Intents intents_;
  const lower::Hands hands_;
  const lower::Statement recompute_sql_;
  Hand own_{};
  std::map<std::string, Hand, std::less<>> others_{};  // of cascades, by table
  std::unique_ptr<connect::Prepared> recompute_{};
  std::vector<Keeping> keeping_{};
  std::vector<std::unique_ptr<connect::Prepared>> holders_{};  // in step with hands_.uniques
  std::int64_t first_ = 0;                    // of the block under way, unpacked
  std::vector<ledger::Record> block_{};
  std::size_t under_way_ = 0;                 // of the intents that are carried out together
  std::optional<Place> at_{};
  std::vector<std::pair<ledger::Key, std::string>> aside_{};
  std::optional<std::pair<ledger::Key, std::string>> in_the_way_{};  // of a circle that is tried: the row that stays, and why
  std::function<bool(connect::RawRow key)> wanted_{};  // none: all
  std::optional<Families> families_{};
};

}  // namespace bfl::run
