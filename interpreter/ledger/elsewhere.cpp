#include "interpreter/ledger/elsewhere.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

#include "interpreter/ledger/image_table.h"
#include "interpreter/ledger/kept_known.h"
#include "interpreter/ledger/key_index.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/verify_text.h"
#include "interpreter/lower/sql.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;

constexpr std::size_t most_listed = 10;

class Looking {
 public:
  Looking(connect::Connector& target, const NamedTable& table, const TypedKey& key, const std::vector<Table>& tables, const KeptKnown& known)
      : target_(target), sql_(target), table_(table), key_(key), tables_(tables), known_(known) {}

  Result<Elsewhere> run() {
    std::vector<EntryFields> opened;
    auto read = sql_.query("SELECT l.entry FROM bfl_step AS s JOIN bfl_ledger AS l ON l.step = s.id AND l.lane = 0 WHERE s.name = '' AND l.entry LIKE '%\"kind\":\"open\"%' ORDER BY l.id", {}, [&](RawRow row) {
      opened.push_back(fields_of(row[0].bytes));
      return true;
    });
    if (!read) return read.error();
    for (const EntryFields& entry : opened)
      if (auto looked = look(entry); !looked) return looked.error();
    look_at_kept();
    tell();
    return std::move(found_);
  }

 private:
  using Steps = std::set<std::string>;

  Result<void> look(const EntryFields& entry) {
    const std::vector<ImageTable> images = described_tables(in(entry, "tables"));
    const std::string step = fmt::format("`{}` of {}", in(entry, "step"), in(entry, "job"));
    for (const ImageTable& of : images) {
      if (table_.is(of.named()) == Same::yes && in(entry, "route").starts_with("plan ")) plans_.insert(in(entry, "route").substr(5));
      if (!is_gone(of.named()) || !looks_alike(of)) continue;
      auto held = has_key(in(entry, "step_row"), of.name);
      if (!held) return held.error();
      if (*held) renamed_[of.name].insert(step);
    }
    if (images.size() > 1 && std::any_of(images.begin(), images.end(), [&](const ImageTable& of) { return table_.is(of.named()) == Same::yes; }))
      for (const ImageTable& of : images)
        if (table_.is(of.named()) == Same::no) together_[step].insert(of.name);
    if (in(entry, "route") == "undo" || images.empty()) return {};
    const auto reads = described_names(in(entry, "reads"));
    if (!reads) unknown_.insert(step);
    else if (std::any_of(reads->begin(), reads->end(), [&](const TableName& of) { return table_.is(of) != Same::no; })) readers_[step].insert(images.front().name);
    return {};
  }

  bool is_gone(const TableName& named) const {
    if (named.name.empty() || named.name == KeptOrigin::not_known || table_.is(named) != Same::no) return false;
    return std::none_of(tables_.begin(), tables_.end(), [&](const Table& table) { return NamedTable{table}.is(named) != Same::no; });
  }

  // Columns come and go; by other names of its key nobody could ask for a row.
  bool looks_alike(const ImageTable& images) const {
    const ::bfl::Key* identity = table_.table.identity();
    if (!identity || identity->columns.size() != images.key.size()) return false;
    for (std::size_t i = 0; i < images.key.size(); ++i)
      if (images.columns[static_cast<std::size_t>(images.key[i])] != table_.table.columns[static_cast<std::size_t>(identity->columns[i])].name) return false;
    const auto known = std::count_if(images.columns.begin(), images.columns.end(), [&](const std::string& name) { return table_.table.column_index(name) >= 0; });
    return 2 * static_cast<std::size_t>(known) >= images.columns.size();
  }

  Result<bool> has_key(const std::string& step, const std::string& name) {
    bool any = false;
    for (const Key& spelling : key_.spellings()) {
      const std::string form = sortable(views(spelling)), low = upper_end(form), high = lower_end(form);
      auto read = sql_.query("SELECT detail FROM bfl_key WHERE step = ?1 AND name = ?2 AND low <= ?3 AND high >= ?4", {number(std::strtoll(step.c_str(), nullptr, 10)), text(name), blob(low), blob(high)},
                             [&](RawRow row) { return !(any = any || blocks_with(row[0].bytes, form)); });
      if (!read) return read.error();
    }
    return any;
  }

  // What one is made of may be a table of another source as well, unless its rows are rows of it.
  void look_at_kept() {
    for (const auto& [relation, origin] : known_.origins()) {
      const auto gone = std::find_if(origin.tables.begin(), origin.tables.end(), [&](const TableName& of) { return is_gone(of); });
      if (gone == origin.tables.end() || known_.made_of(relation, table_)) continue;
      const bool one_each = is_gone(origin.rows_of);
      if (one_each && !std::all_of(origin.columns.begin(), origin.columns.end(), [&](const auto& of) { return table_.table.column_index(of.second) >= 0; })) continue;
      const std::string shown = (target_.engine() == "postgres" ? "bfl." : "") + lower::quote_identifier(relation);
      bool any = false;
      auto asked = target_.prepare("SELECT 1 FROM " + shown + " LIMIT 1");
      if (asked) (void)(*asked)->query_raw({}, [&](RawRow) { return !(any = true); });
      if (any) (one_each ? found_.renamed : found_.made).push_back(fmt::format("{}, which {} keeps, was made of `{}`, {}", shown, known_.job(relation).empty() ? "a job" : known_.job(relation), gone->name, once_called(gone->name)));
    }
  }

  std::string once_called(const std::string& name) const {
    return fmt::format("which is no table of this database now: if that is what `{}` was called, redact with `--was {}` as well", table_.table.name, name);
  }

  Steps::const_iterator first(std::size_t most) const { return std::next(unknown_.begin(), static_cast<std::ptrdiff_t>(std::min(most, unknown_.size()))); }

  void tell() {
    for (const auto& [name, steps] : renamed_) found_.renamed.push_back(fmt::format("images in {} hold a row with this key of `{}`, {}", fmt::join(steps, ", "), name, once_called(name)));
    for (const auto& [step, tables] : readers_)
      found_.made.push_back(fmt::format("{} has read other rows of `{}`, or what was kept of them, for what it wrote into `{}`: values of this one may have gone there, and into the images of those rows", step, table_.table.name, fmt::join(tables, "`, `")));
    for (const auto& [step, tables] : together_) found_.made.push_back(fmt::format("{} has changed rows of `{}` together with rows of `{}`: the images of those that refer to this one are their own", step, fmt::join(tables, "`, `"), table_.table.name));
    if (!unknown_.empty()) found_.made.push_back(fmt::format("an older bfl has not kept what {} of its steps have read for what they wrote: {}{}", unknown_.size(), fmt::join(unknown_.begin(), first(most_listed), ", "), unknown_.size() > most_listed ? ", …" : ""));
    for (const std::string& plan : plans_) found_.made.push_back(fmt::format("a plan with the digest {} has changed rows of `{}`: its file holds them as they were and as they became", plan.substr(0, 12), table_.table.name));
  }

  connect::Connector& target_;
  OwnSql sql_;
  const NamedTable& table_;
  const TypedKey& key_;
  const std::vector<Table>& tables_;
  const KeptKnown& known_;
  std::map<std::string, Steps> renamed_{}, readers_{}, together_{};  // by table; by step, the tables that it wrote
  Steps unknown_{}, plans_{};
  Elsewhere found_{};
};

}  // namespace

Result<Elsewhere> elsewhere(connect::Connector& target, const NamedTable& table, const TypedKey& key, const std::vector<Table>& tables) {
  auto there = exists(target);
  if (!there) return there.error();
  if (!*there) return Elsewhere{};
  auto known = KeptKnown::read(target);
  if (!known) return known.error();
  return Looking(target, table, key, tables, *known).run();
}

}  // namespace bfl::ledger
