#include "interpreter/run/workbench.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "interpreter/ledger/stored.h"
#include "interpreter/lower/writer.h"
#include "interpreter/run/queries.h"

namespace bfl::run {
namespace {

using connect::RawRow;
using connect::RawValue;

const char* declaration(const Column& column) {
  switch (lower::affinity(column.declared)) {
    case lower::Affinity::integer: return "INTEGER";
    case lower::Affinity::text: return "TEXT";
    case lower::Affinity::blob: return "BLOB";
    case lower::Affinity::real: return "REAL";
    case lower::Affinity::numeric: return "NUMERIC";
  }
  return "";
}

std::string listed(const Table& table, const std::vector<int>& columns, bool declared) {
  std::string list;
  for (const int column : columns) {
    const Column& of = table.columns[static_cast<std::size_t>(column)];
    list += (list.empty() ? "" : ", ") + lower::quote_identifier(of.name) + (declared ? std::string(" ") + declaration(of) : "");
  }
  return list;
}

Error of_source(Error error, const program::Program& program, int source) {
  const std::string& name = program.sources[static_cast<std::size_t>(source)].name;
  error.message = fmt::format("reading `{}`: {}", name, error.message);
  return error;
}

// Rows of a source on their way into the table that was made for them.
class Carrier {
 public:
  Carrier(const Shipment& shipment, connect::Connector& from, connect::Connector& to, connect::Prepared& insert, const Table& here, const Table& there)
      : from_(from), to_(to), insert_(insert), here_(here), columns_(shipment.columns), same_(from.engine() == to.engine() && here.query < 0), arenas_(shipment.columns.size()) {
    for (std::size_t i = 0; i < shipment.columns.size(); ++i) {
      const auto column = static_cast<std::size_t>(shipment.columns[i]);
      places_.push_back(shipment.image ? shipment.identity.size() + column : i);
      given_.push_back(lower::wire_of(here.columns[column]));
      kept_.push_back(lower::wire_of(there.columns[column]));
    }
    image_ = shipment.image;
    values_.resize(places_.size());
    stored_.resize(places_.size() + (image_ ? 1 : 0));
  }

  bool carry(RawRow row) {
    for (std::size_t i = 0; i < places_.size(); ++i) {
      stored_[i] = row[places_[i]];
      if (same_) continue;
      auto value = from_.decode(stored_[i], given_[i]);
      if (!value) return fail(at_the_row(value.error(), row, i));
      if (here_.query >= 0 && value->is_null() && !given_[i].type.nullable) return fail(at_the_row({ErrorClass::data, "it is null, which the declaration does not allow"}, row, i));
      values_[i] = std::move(*value);  // what is encoded may lie in it
      auto raw = to_.encode(values_[i], kept_[i], arenas_[i]);
      if (!raw) return fail(raw.error());
      stored_[i] = *raw;
    }
    if (image_) {
      packed_.clear();
      for (const RawValue& value : row) ledger::put(packed_, value);
      stored_.back() = {.kind = RawValue::Class::blob, .bytes = packed_};
    }
    auto inserted = insert_.run_raw(stored_);
    if (!inserted && here_.query >= 0 && inserted.error().kind == ErrorClass::data) return fail({ErrorClass::data, fmt::format("`{}`{}: the key is not alone", here_.name, key_of(row)), {}, "a key tells rows apart: declare more of its columns"});
    if (!inserted) return fail(inserted.error());
    ++rows;
    return true;
  }

  std::int64_t rows = 0;
  Result<void> sound;

 private:
  // A type that does not fit says which column, and of which row.
  Error at_the_row(Error error, RawRow row, std::size_t place) const {
    if (!from_.has_sql()) return error;  // a file names its line
    error.message = fmt::format("`{}.{}`{}: {}", here_.name, name(columns_[place]), key_of(row), error.message);
    if (here_.query >= 0) error.help = "declare what the SQL gives: another type, or `?` behind it where it may be null";
    return error;
  }
  std::string name(int column) const { return here_.columns[static_cast<std::size_t>(column)].name; }
  std::string key_of(RawRow row) const {
    std::string key;
    if (const Key* identity = here_.identity())
      for (const int column : identity->columns) {
        const auto found = std::find(columns_.begin(), columns_.end(), column);
        if (found == columns_.end()) continue;
        const RawValue& value = row[places_[static_cast<std::size_t>(found - columns_.begin())]];
        key += fmt::format("{}{} = {}", key.empty() ? " of the row with " : ", ", name(column), ledger::display({ledger::Stored::of(value)}));
      }
    return key;
  }
  bool fail(Error error) {
    sound = std::move(error);
    return false;
  }

  connect::Connector &from_, &to_;
  connect::Prepared& insert_;
  const Table& here_;
  const std::vector<int>& columns_;
  std::vector<std::size_t> places_;       // of each column that is carried, in the row that comes
  std::vector<lower::Wire> given_, kept_;
  bool same_, image_ = false;
  std::vector<std::string> arenas_;
  std::vector<Value> values_;
  std::vector<RawValue> stored_;
  std::string packed_;
};

}  // namespace

Result<std::unique_ptr<Workbench>> Workbench::open(const program::Program& program, const program::Step& step,
                                                   const std::vector<connect::Connector*>& sources, const eval::Context& evaluation,
                                                   const KeptAside& aside, bool names_rows) {
  std::unique_ptr<Workbench> bench(new Workbench);
  bench->arrangement_ = arrange(program, step, aside, names_rows);
  const Arrangement& arrangement = bench->arrangement_;
  if (arrangement.home >= 0) {
    bench->engine_ = sources[static_cast<std::size_t>(arrangement.home)];
  } else {
    auto scratch = connect::open_scratch();
    if (!scratch) return scratch.error();
    bench->scratch_ = std::move(*scratch);
    bench->engine_ = bench->scratch_.get();
  }
  bench->guest_ = bench->engine_->in_transaction();
  if (auto begun = bench->begin(*bench->engine_); !begun) return begun.error();
  // Every snapshot is taken before the first row is asked for.
  for (const Shipment& shipment : arrangement.shipments)
    if (auto begun = bench->begin(*sources[static_cast<std::size_t>(shipment.table.source)]); !begun)
      return of_source(begun.error(), program, shipment.table.source);
  for (const program::TableRef ref : arrangement.asked)
    if (auto fits = rows_fit(program, *program.query(ref), *bench->engine_, evaluation); !fits) return fits.error();
  for (const Shipment& shipment : arrangement.shipments)
    if (auto shipped = bench->ship(shipment, *sources[static_cast<std::size_t>(shipment.table.source)], evaluation, aside); !shipped)
      return of_source(shipped.error(), program, shipment.table.source);
  return bench;
}

Workbench::~Workbench() {
  // What was made in somebody else's transaction would stay with it.
  for (const Shipment& shipment : arrangement_.shipments)
    if (guest_) (void)engine_->execute("DROP TABLE IF EXISTS " + lower::qualified(program().table(shipment.table)));
  for (connect::Connector* source : saved_) (void)source->execute("ROLLBACK TO SAVEPOINT bfl_bench; RELEASE SAVEPOINT bfl_bench");
  for (connect::Connector* source : reading_) source->rollback();
}

Result<void> Workbench::begin(connect::Connector& source) {
  const auto known = [&](const std::vector<connect::Connector*>& sources) { return std::find(sources.begin(), sources.end(), &source) != sources.end(); };
  if (known(reading_) || known(saved_)) return {};
  if (source.in_transaction()) {
    if (source.engine() != "postgres") return {};
    auto saved = source.execute("SAVEPOINT bfl_bench");
    if (saved) saved_.push_back(&source);
    return saved;
  }
  auto begun = source.begin_read();
  if (begun) reading_.push_back(&source);
  return begun;
}

Result<void> Workbench::ship(const Shipment& shipment, connect::Connector& source, const eval::Context& evaluation, const KeptAside& aside) {
  const Table& from = arrangement_.given->table(shipment.table);
  const Table& there = program().table(shipment.table);
  const std::string name = lower::qualified(there);
  std::string declared = listed(there, shipment.columns, true), columns = listed(there, shipment.columns, false), parameters;
  if (shipment.image) {
    // A proof works on a copy of the whole table: what was not shipped is null there.
    std::vector<int> all(there.columns.size());
    std::iota(all.begin(), all.end(), 0);
    declared = fmt::format("{}, {} BLOB", listed(there, all, true), lower::quote_identifier(there.image));
    columns += ", " + lower::quote_identifier(there.image);
  }
  for (std::size_t i = 0; i < shipment.columns.size() + (shipment.image ? 1 : 0); ++i) parameters += fmt::format("{}?{}", i ? ", " : "", i + 1);
  if (auto table = engine_->execute(fmt::format("CREATE TABLE {} ({})", name, declared)); !table) return table;
  // What the script says of a key that SQL gives is true only when the rows are looked at.
  if (const Key* key = there.identity(); key && from.query >= 0)
    if (auto unique = engine_->execute(fmt::format("CREATE UNIQUE INDEX temp.{} ON {} ({})", lower::quote_identifier(there.relation + "_key"), lower::quote_identifier(there.relation), listed(there, key->columns, false))); !unique)
      return unique;
  auto insert = engine_->prepare(fmt::format("INSERT INTO {} ({}) VALUES ({})", name, columns, parameters));
  if (!insert) return insert.error();

  Carrier carrier(shipment, source, *engine_, **insert, from, there);
  const connect::RowCallback carry = [&carrier](RawRow row) { return carrier.carry(row); };
  if (const auto kept = aside.find(shipment.table); kept != aside.end()) {
    std::vector<RawValue> values;
    auto read = kept->second.each([&](RawRow row) {
      values.clear();
      for (const int column : shipment.columns) values.push_back(row[static_cast<std::size_t>(column)]);
      return carrier.carry(values);
    });
    if (!read) return read;
  } else if (source.has_sql()) {
    const lower::Dialect dialect = lower::dialect_of(source.engine());
    auto select = lower::stored_rows(*arrangement_.given, *shipment.rows, shipment.asked(from), dialect);
    if (!select) return select.error();
    auto prepared = source.prepare(*select, evaluation);
    if (!prepared) return prepared.error();
    if (auto read = (*prepared)->query_raw({}, carry); !read) return read;
  } else if (auto read = source.scan(from, shipment.columns, carry); !read) {
    return read;
  }
  if (!carrier.sound) return carrier.sound;
  rows_ += carrier.rows;
  for (const std::vector<int>& index : there.indexes) {
    const std::string index_name = lower::quote_identifier(fmt::format("{}_{}", there.relation, &index - there.indexes.data()));
    auto made = engine_->execute(
        fmt::format("CREATE INDEX temp.{} ON {} ({})", index_name, lower::quote_identifier(there.relation), listed(there, index, false)));
    if (!made) return made;
  }
  return {};
}

}  // namespace bfl::run
