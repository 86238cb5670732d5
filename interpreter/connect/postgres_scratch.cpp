#include "interpreter/connect/postgres_scratch.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "interpreter/connect/postgres_address.h"

namespace bfl::connect::postgres {
namespace {

constexpr std::string_view prefix = "bfl_test_", marked = "made by bfl test";
constexpr int lock_class = 0x62666c74;  // of the advisory locks: `bflt`

// One row of texts and numbers, as texts.
Result<std::vector<std::string>> one_row(Connector& connector, const std::string& sql) {
  std::vector<std::string> values;
  auto read = each_row(connector, sql, [&](RawRow row) {
    for (const RawValue& value : row) values.push_back(value.kind == RawValue::Class::integer ? std::to_string(value.integer) : std::string(value.bytes));
  });
  if (!read) return read.error();
  return values;
}

Result<std::vector<std::string>> first_column(Connector& connector, const std::string& sql) {
  std::vector<std::string> values;
  auto read = each_row(connector, sql, [&](RawRow row) { values.emplace_back(row[0].bytes); });
  if (!read) return read.error();
  return values;
}

// An address as keywords, with another database and search path.
Result<std::string> address(const std::string& url, const std::string& database, const std::string& search_path) {
  auto words = words_of(url);
  if (!words) return words.error();
  if (!search_path.empty()) {
    std::string& options = (*words)["options"];
    options += options.empty() ? "-csearch_path=" : " -csearch_path=";
    for (const char c : search_path) options += c == ' ' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
  }
  if (!database.empty()) (*words)["dbname"] = database;
  std::string text = "postgres:";
  for (const auto& [name, value] : *words) {
    text += (text.back() == ':' ? "" : " ") + name + "='";
    for (const char c : value) text += c == '\'' || c == '\\' ? std::string{'\\', c} : std::string(1, c);
    text += "'";
  }
  return text;
}

// The place of the lock of a test in pg_locks, by a SQL text of its id.
std::string alive(const std::string& id) {
  return fmt::format("EXISTS (SELECT FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.classid = {} AND l.objid::bigint = (hashtext({})::bigint & 4294967295))", lock_class, id);
}

}  // namespace

Result<void> each_row(Connector& connector, const std::string& sql, const std::function<void(RawRow)>& row) {
  auto statement = connector.prepare(sql);
  if (!statement) return statement.error();
  return (*statement)->query_raw({}, [&](RawRow found) {
    row(found);
    return true;
  });
}

Result<std::unique_ptr<Scratch>> Scratch::open(const std::string& url, const std::string& id) {
  std::unique_ptr<Scratch> made(new Scratch());
  made->url_ = url;
  made->id_ = id;
  auto keeper = connect::open(url, {});
  if (!keeper) return keeper.error();
  made->keeper_ = std::move(*keeper);
  if (auto looked = made->look_around(); !looked) return looked.error();
  return made;
}

std::string Scratch::mark() const { return whole_ ? "" : fmt::format("{} {}; the next test drops it", marked, id_); }

Result<void> Scratch::look_around() {
  if (auto set = keeper_->execute("SET idle_session_timeout = 0"); !set) return set;
  auto may = one_row(*keeper_, "SELECT (rolcreatedb OR rolsuper)::int FROM pg_roles WHERE rolname = current_user");
  if (!may) return may.error();
  whole_ = !may->empty() && may->front() == "1";
  return whole_ ? take_whole_databases() : take_given_database();
}

Result<void> Scratch::take_whole_databases() {
  if (auto locked = keeper_->execute(fmt::format("SELECT pg_advisory_lock({}, hashtext('{}{}'))", lock_class, prefix, id_)); !locked) return locked;
  locked_ = true;
  auto dead = first_column(*keeper_, fmt::format("SELECT d.datname FROM pg_database AS d WHERE d.datname ~ '^{}[0-9]+t[0-9]+_[0-9a-f]+_[0-9]+$' AND pg_has_role(d.datdba, 'MEMBER') AND NOT {}"
                                                 " ORDER BY 1", prefix, alive("regexp_replace(d.datname, '_[0-9]+$', '')")));
  if (!dead) return dead.error();
  for (const std::string& name : *dead)
    if (keeper_->execute("DROP DATABASE IF EXISTS " + lower::quote_identifier(name) + " WITH (FORCE)")) left_over_.push_back(name);
  return {};
}

Result<void> Scratch::take_given_database() {
  auto named = one_row(*keeper_, "SELECT current_database()");
  if (!named) return named.error();
  const std::string database = named->front();
  if (auto locked = keeper_->execute(fmt::format("SELECT pg_advisory_lock({}, 0)", lock_class)); !locked)
    return Error{ErrorClass::fatal, fmt::format("another test is at work in the database `{}`", database), locked.error().message, "wait until it has ended"};
  locked_ = true;
  if (auto cleared = clear(); !cleared) return cleared;
  auto there = one_row(*keeper_, "SELECT n.nspname || '.' || c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
                                 " AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema' AND NOT EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = 'pg_class'::regclass AND"
                                 " d.objid = c.oid AND d.deptype = 'e') ORDER BY 1 LIMIT 1");
  if (!there) return there.error();
  if (there->empty()) return {};
  return Error{ErrorClass::refused, fmt::format("the role may not create databases, and the database `{}` is not empty: it has `{}`", database, there->front()), {},
               "give a role with CREATEDB, or a database without tables"};
}

Result<void> Scratch::clear() {
  if (whole_) return {};
  const std::string like = fmt::format("LIKE '{}%'", marked);
  auto found = first_column(*keeper_, fmt::format("SELECT what FROM (SELECT 1 AS place, format('DROP SCHEMA %I CASCADE', nspname) AS what FROM pg_namespace WHERE obj_description(oid, 'pg_namespace') {0}"
                                                  " UNION ALL SELECT 2, format('DROP TABLE %s CASCADE', oid::regclass) FROM pg_class WHERE relkind = 'r' AND obj_description(oid, 'pg_class') {0}"
                                                  "  AND coalesce(obj_description(relnamespace, 'pg_namespace'), '') NOT {0}"
                                                  " UNION ALL SELECT 3, format('DROP TYPE %s CASCADE', oid::regtype) FROM pg_type WHERE obj_description(oid, 'pg_type') {0}"
                                                  "  AND coalesce(obj_description(typnamespace, 'pg_namespace'), '') NOT {0}) AS x ORDER BY place", like));
  if (!found) return found.error();
  for (const std::string& drop : *found) {
    if (auto dropped = keeper_->execute(drop); !dropped) return dropped;
    if (made_.empty()) left_over_.push_back(drop.substr(5, drop.rfind(' ') - 5));
  }
  return {};
}

// All that a database of its own holds.
Result<void> Scratch::sweep(const std::string& url) const {
  auto place = connect::open(url, {});
  if (!place) return place.error();
  auto ended = first_column(**place, "SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()");
  if (!ended) return ended.error();
  auto drops = first_column(**place, "SELECT format('DROP SCHEMA %I CASCADE;', nspname) FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'");
  if (!drops) return drops.error();
  std::string all;
  for (const std::string& drop : *drops) all += drop;
  return (*place)->execute(all + "CREATE SCHEMA public");
}

Scratch::~Scratch() {
  if (!locked_) return;
  (void)clear();
  for (const auto& [number, name] : made_)
    if (whole_) (void)keeper_->execute("DROP DATABASE IF EXISTS " + lower::quote_identifier(name) + " WITH (FORCE)");
}

Result<std::string> Scratch::empty(std::size_t number, Connector* like, const Catalogue* catalogue) {
  std::string collate, search_path;
  if (like) {
    auto facts = one_row(*like, "SELECT array_to_string(ARRAY(SELECT quote_ident(s) FROM unnest(current_schemas(false)) AS s), ', '), datcollate, datctype FROM pg_database WHERE datname = current_database()");
    if (!facts) return facts.error();
    search_path = (*facts)[0].empty() ? "public" : (*facts)[0];
    collate = fmt::format(" LC_COLLATE {} LC_CTYPE {}", lower::quote_text((*facts)[1]), lower::quote_text((*facts)[2]));
  }
  if (!like && catalogue) {
    std::set<std::string> schemas;
    for (const Table& table : catalogue->tables)
      if (table.kept.empty() && table.name == table.relation && schemas.insert(table.schema).second) search_path += (search_path.empty() ? "" : ", ") + lower::quote_identifier(table.schema);
  }
  if (!whole_) {
    if (!made_.empty() && !made_.contains(number))
      return Error{ErrorClass::refused, "the role may not create databases, and one database cannot stand for several", {}, "give a role with CREATEDB"};
    made_[number] = "";
    if (auto cleared = clear(); !cleared) return cleared.error();
    return address(url_, "", search_path);
  }
  const std::string name = fmt::format("{}{}_{}", prefix, id_, number), quoted = lower::quote_identifier(name);
  if (made_.contains(number)) {  // dropping a database costs the server a checkpoint
    auto url = address(url_, name, search_path);
    if (!url) return url;
    auto swept = sweep(*url);
    return swept ? url : Result<std::string>(swept.error());
  }
  made_[number] = name;
  const std::string create = "CREATE DATABASE " + quoted + " TEMPLATE template0 ENCODING 'UTF8'";
  auto created = keeper_->execute(create + collate);
  // A server without that locale: texts sort by code point, which is what bfl means anyway.
  if (!created && !collate.empty()) created = keeper_->execute(create + " LC_COLLATE 'C' LC_CTYPE 'C'");
  if (!created) return created.error();
  return address(url_, name, search_path);
}

Result<void> Scratch::make_tables(const std::string& url, Connector* like, const Catalogue& catalogue) const {
  auto target = connect::open(url, {});
  if (!target) return target.error();
  return define_tables(like, catalogue, **target, mark());
}

}  // namespace bfl::connect::postgres
