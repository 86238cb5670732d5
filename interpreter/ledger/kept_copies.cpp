#include "interpreter/ledger/kept_copies.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>

#include "interpreter/ledger/kept_known.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/registry.h"
#include "interpreter/lower/sql.h"

namespace bfl::ledger {
namespace {

using connect::RawRow;
using connect::RawValue;

constexpr std::string_view of_answers = "_answers";

// On PostgreSQL without length and scale: a cast would cut a value to them. A domain has its own: no type.
struct KeptColumn { std::string name, type; };
using Relations = std::map<std::string, std::vector<KeptColumn>>;

Result<Relations> relations(connect::Connector& target) {
  const bool server = target.engine() == "postgres";
  auto listed = target.prepare(server ? "SELECT CAST(c.relname AS TEXT), CAST(a.attname AS TEXT), CASE WHEN t.typtype = 'd' THEN '' ELSE format_type(a.atttypid, -1) END FROM pg_attribute AS a JOIN pg_type AS t ON t.oid = a.atttypid JOIN pg_class AS c ON c.oid = a.attrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace"
                                        " WHERE n.nspname = 'bfl' AND c.relkind = 'r' AND c.relname LIKE 'bfl\\_kept\\_%' AND a.attnum > 0 AND NOT a.attisdropped ORDER BY 1, a.attnum"
                                      : "SELECT s.name, c.name, c.type FROM sqlite_schema AS s, pragma_table_info(s.name) AS c WHERE s.type = 'table' AND s.name LIKE 'bfl\\_kept\\_%' ESCAPE '\\' ORDER BY 1, c.cid");
  if (!listed) return listed.error();
  Relations all;
  auto read = (*listed)->query_raw({}, [&](RawRow row) {
    all[std::string(row[0].bytes)].push_back({std::string(row[1].bytes), std::string(row[2].bytes)});
    return true;
  });
  if (!read) return read.error();
  return all;
}

// In a transaction what fails is taken back alone. An error of the connection itself, or one that another try may mend, is nobody's answer.
bool is_of_statement(const Error& error) {
  return error.kind != ErrorClass::transient && error.kind != ErrorClass::unknown_commit && error.kind != ErrorClass::held && error.kind != ErrorClass::interrupted;
}
Result<void> alone(connect::Connector& target, const std::function<Result<void>()>& act, std::string& failed) {
  const bool marked = target.in_transaction();
  if (marked)
    if (auto begun = target.execute("SAVEPOINT bfl_kept"); !begun) return begun;
  auto done = act();
  if (!done && !is_of_statement(done.error())) return done;
  if (!done) failed = done.error().message;
  if (!marked) return {};
  return target.execute(done ? "RELEASE SAVEPOINT bfl_kept" : "ROLLBACK TO SAVEPOINT bfl_kept;RELEASE SAVEPOINT bfl_kept");
}

std::vector<RawValue> bound(const KeptCopy& copy) {
  std::vector<RawValue> values;
  for (const Stored& value : copy.values) values.push_back(value.view());
  return values;
}

std::string literal(const Stored& value) {
  switch (value.kind) {
    case RawValue::Class::integer: return std::to_string(value.integer);
    case RawValue::Class::real: return fmt::format("{}", value.real);
    case RawValue::Class::blob: return "x'" + hex(value.bytes) + "'";
    default: return lower::quote_text(value.bytes);
  }
}

class Looking {
 public:
  Looking(connect::Connector& target, const Table& table, const TypedKey& key) : target_(target), table_(table), key_(key), server_(target.engine() == "postgres") {}

  // By the columns that hold the key; nothing: it has them not, and `untold` says so.
  Result<void> find(KeptCopy& copy, const KeptOrigin& origin, const std::vector<KeptColumn>& columns) {
    const ::bfl::Key& identity = *table_.identity();
    for (std::size_t i = 0; i < identity.columns.size(); ++i) {
      const std::string& there = table_.columns[static_cast<std::size_t>(identity.columns[i])].name;
      const auto pair = std::find_if(origin.columns.begin(), origin.columns.end(), [&](const auto& of) { return of.second == there; });
      const auto column = pair == origin.columns.end() ? columns.end() : std::find_if(columns.begin(), columns.end(), [&](const KeptColumn& kept) { return kept.name == pair->first; });
      if (column == columns.end()) {
        copy.untold = fmt::format("it was made of `{}` and has not kept `{}`", table_.name, there);
        return {};
      }
      copy.where += i ? " AND " : "";
      copy.condition += i ? " AND " : "";
      auto added = server_ ? on_server(copy, *column, key_.columns[i]) : in_file(copy, *column, key_.columns[i]);
      if (!added || !copy.untold.empty()) return added;
    }
    auto count = target_.prepare("SELECT count(*) FROM " + copy.relation + " WHERE " + copy.where);
    if (!count) return count.error();
    return (*count)->query_raw(bound(copy), [&](RawRow row) {
      copy.rows = row[0].integer;
      return false;
    });
  }

  Result<bool> is_empty(const std::string& relation) {
    bool empty = true;
    auto any = target_.prepare("SELECT 1 FROM " + relation + " LIMIT 1");
    if (!any) return any.error();
    auto read = (*any)->query_raw({}, [&](RawRow) { return empty = false; });
    if (!read) return read.error();
    return empty;
  }

 private:
  // The server compares by the column's type: blanks behind a CHAR(n), numbers by value.
  Result<void> on_server(KeptCopy& copy, const KeptColumn& column, const TypedValue& value) {
    if (value.text.empty() || column.type.empty()) {
      copy.untold = fmt::format("it cannot be asked by `{}`", column.name);
      return {};
    }
    copy.values.push_back(Stored::of(text(value.text)));
    copy.where += fmt::format("{} = CAST(CAST(${} AS TEXT) AS {})", lower::quote_identifier(column.name), copy.values.size(), column.type);
    const bool number = value.forms.front().kind == RawValue::Class::integer && std::to_string(value.forms.front().integer) == value.text;
    copy.condition += lower::quote_identifier(column.name) + " = " + (number ? value.text : lower::quote_text(value.text));
    return {};
  }

  // By the very bytes that are stored; where they may be spelled in several ways, by all that are there and mean the same.
  Result<void> in_file(KeptCopy& copy, const KeptColumn& column, const TypedValue& value) {
    const std::string name = lower::quote_identifier(column.name);
    std::vector<Stored> forms = value.forms;
    if (value.spelled) {
      forms.clear();
      auto distinct = target_.prepare("SELECT DISTINCT " + name + " COLLATE BINARY FROM " + copy.relation);
      if (!distinct) return distinct.error();
      auto read = (*distinct)->query_raw({}, [&](RawRow row) {
        if (value.is(target_, row[0])) forms.push_back(Stored::of(row[0]));
        return true;
      });
      if (!read) return read;
    }
    std::vector<std::string> places, literals;
    for (const Stored& form : forms) {
      copy.values.push_back(form);
      places.push_back(fmt::format("?{}", copy.values.size()));
      literals.push_back(literal(form));
    }
    copy.where += fmt::format("{} COLLATE BINARY IN ({})", name, fmt::join(places, ", "));
    copy.condition += literals.size() == 1 ? name + " = " + literals.front() : fmt::format("{} IN ({})", name, fmt::join(literals, ", "));
    return {};
  }

  connect::Connector& target_;
  const Table& table_;
  const TypedKey& key_;
  bool server_ = false;
};

}  // namespace

Result<std::vector<KeptCopy>> kept_copies(connect::Connector& target, const NamedTable& named, const TypedKey& key, const std::vector<std::string>& columns_asked, const std::optional<std::string>& of_job) {
  const Table& table = named.table;
  std::vector<KeptCopy> found;
  const ::bfl::Key* identity = table.identity();
  auto all = relations(target);
  if (!all) return all.error();
  if (!identity || key.columns.size() != identity->columns.size() || all->empty()) return found;
  auto known = KeptKnown::read(target);
  if (!known) return known.error();
  const bool server = target.engine() == "postgres";
  std::map<std::string, bool> over;  // by job
  Looking looking(target, table, key);
  for (const auto& [name, columns] : *all) {
    const bool answers = name.ends_with(of_answers) && columns.size() == 2 && columns[0].name == "asked" && columns[1].name == "given";
    const std::string told_as = answers ? name.substr(0, name.size() - of_answers.size()) : name;
    KeptCopy copy{(server ? "bfl." : "") + lower::quote_identifier(name)};
    copy.job = known->job(told_as);
    if (of_job && copy.job != *of_job) continue;
    const KeptOrigin* origin = known->origin(told_as);
    if (!known->made_of(told_as, named)) continue;
    const auto is_it = [&](Same same) { return [&named, same](const TableName& of) { return named.is(of) == same; }; };
    const bool doubtful = origin && std::none_of(origin->tables.begin(), origin->tables.end(), is_it(Same::yes)) && std::any_of(origin->tables.begin(), origin->tables.end(), is_it(Same::untold));
    const bool one_each = origin && named.is(origin->rows_of) == Same::yes && !answers;
    // Of columns that it is known not to have it holds nothing.
    const auto is_asked = [&](const auto& of) { return std::find(columns_asked.begin(), columns_asked.end(), of.second) != columns_asked.end(); };
    if (one_each && !columns_asked.empty() && origin->columns.size() == columns.size() && std::none_of(origin->columns.begin(), origin->columns.end(), is_asked)) continue;
    std::string unread;
    auto looked = alone(target, [&]() -> Result<void> {
      if (one_each) return looking.find(copy, *origin, columns);
      auto empty = looking.is_empty(copy.relation);
      if (!empty) return empty.error();
      if (*empty) return {};
      copy.untold = answers  ? "it holds what a program was asked and has answered"
                    : doubtful ? fmt::format("several schemas have a table `{}`, and the ledger does not tell of which it was made", named.relation())
                    : origin && std::none_of(origin->tables.begin(), origin->tables.end(), is_it(Same::yes)) ? "what lies behind the tables that it was made of is not known"
                    : origin ? fmt::format("it was made of `{}`{}", table.name, origin->tables.size() > 1 ? " and others" : ", and its rows are not rows of it")
                             : "the ledger does not tell of what it was made";
      return {};
    }, unread);
    if (!looked) return looked.error();
    if (!unread.empty()) copy.untold = "it cannot be read", copy.refusal = unread;
    if (copy.rows == 0 && copy.untold.empty()) continue;
    if (!copy.job.empty() && !over.contains(copy.job)) {
      auto ended = is_over(target, copy.job);
      if (!ended) return ended.error();
      over[copy.job] = *ended;
    }
    copy.in_use = !copy.job.empty() && !over[copy.job];
    found.push_back(std::move(copy));
  }
  return found;
}

Result<std::optional<std::int64_t>> take_out(connect::Connector& target, const KeptCopy& copy) {
  std::int64_t rows = 0;
  std::string refused;
  auto done = alone(target, [&]() -> Result<void> {
    auto statement = target.prepare("DELETE FROM " + copy.relation + " WHERE " + copy.where);
    auto gone = statement ? (*statement)->run_raw(bound(copy)) : Result<std::int64_t>{statement.error()};
    if (!gone) return gone.error();
    rows = *gone;
    return {};
  }, refused);
  if (!done) return done.error();
  return refused.empty() ? std::optional(rows) : std::nullopt;
}

}  // namespace bfl::ledger
