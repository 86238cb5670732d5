#include "interpreter/run/workbench.h"

#include <fmt/format.h>

#include <algorithm>

#include "interpreter/lower/writer.h"

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
  Carrier(connect::Connector& from, connect::Connector& to, connect::Prepared& insert, std::vector<lower::Wire> given, const Table& there,
          const std::vector<int>& columns)
      : from_(from), to_(to), insert_(insert), given_(std::move(given)), same_(from.engine() == to.engine()), arenas_(columns.size()) {
    for (const int column : columns) kept_.push_back(lower::wire_of(there.columns[static_cast<std::size_t>(column)]));
  }

  bool carry(RawRow row) {
    std::span<const RawValue> stored = row;
    if (!same_) {
      values_.resize(row.size());
      stored_.resize(row.size());
      for (std::size_t i = 0; i < row.size(); ++i) {
        auto value = from_.decode(row[i], given_[i]);
        if (!value) return fail(value.error());
        values_[i] = std::move(*value);  // what is encoded may lie in it
        auto raw = to_.encode(values_[i], kept_[i], arenas_[i]);
        if (!raw) return fail(raw.error());
        stored_[i] = *raw;
      }
      stored = stored_;
    }
    auto inserted = insert_.run_raw(stored);
    if (!inserted) return fail(inserted.error());
    ++rows;
    return true;
  }

  std::int64_t rows = 0;
  Result<void> sound;

 private:
  bool fail(Error error) {
    sound = std::move(error);
    return false;
  }

  connect::Connector &from_, &to_;
  connect::Prepared& insert_;
  std::vector<lower::Wire> given_, kept_;
  bool same_;
  std::vector<std::string> arenas_;
  std::vector<Value> values_;
  std::vector<RawValue> stored_;
};

}  // namespace

Result<std::unique_ptr<Workbench>> Workbench::open(const program::Program& program, const program::Step& step,
                                                   const std::vector<connect::Connector*>& sources, const eval::Context& evaluation) {
  std::unique_ptr<Workbench> bench(new Workbench);
  bench->arrangement_ = arrange(program, step);
  const Arrangement& arrangement = bench->arrangement_;
  if (arrangement.home >= 0) {
    bench->engine_ = sources[static_cast<std::size_t>(arrangement.home)];
  } else {
    auto scratch = connect::open_scratch();
    if (!scratch) return scratch.error();
    bench->scratch_ = std::move(*scratch);
    bench->engine_ = bench->scratch_.get();
  }
  if (auto begun = bench->begin(*bench->engine_); !begun) return begun.error();
  // Every snapshot is taken before the first row is asked for.
  for (const Shipment& shipment : arrangement.shipments)
    if (auto begun = bench->begin(*sources[static_cast<std::size_t>(shipment.table.source)]); !begun)
      return of_source(begun.error(), program, shipment.table.source);
  for (const Shipment& shipment : arrangement.shipments)
    if (auto shipped = bench->ship(shipment, *sources[static_cast<std::size_t>(shipment.table.source)], evaluation); !shipped)
      return of_source(shipped.error(), program, shipment.table.source);
  return bench;
}

Workbench::~Workbench() {
  for (connect::Connector* source : reading_) source->rollback();
}

Result<void> Workbench::begin(connect::Connector& source) {
  if (std::find(reading_.begin(), reading_.end(), &source) != reading_.end()) return {};
  auto begun = source.begin_read();
  if (begun) reading_.push_back(&source);
  return begun;
}

Result<void> Workbench::ship(const Shipment& shipment, connect::Connector& source, const eval::Context& evaluation) {
  const Table& from = arrangement_.given->table(shipment.table);
  const Table& there = program().table(shipment.table);
  const std::string name = lower::qualified(there);
  if (auto made = engine_->execute(fmt::format("CREATE TABLE {} ({})", name, listed(there, shipment.columns, true))); !made) return made;
  std::string parameters;
  for (std::size_t i = 0; i < shipment.columns.size(); ++i) parameters += fmt::format("{}?{}", i ? ", " : "", i + 1);
  auto insert = engine_->prepare(fmt::format("INSERT INTO {} VALUES ({})", name, parameters));
  if (!insert) return insert.error();

  std::vector<lower::Wire> wires;
  for (const int column : shipment.columns) wires.push_back(lower::wire_of(from.columns[static_cast<std::size_t>(column)]));
  Carrier carrier(source, *engine_, **insert, wires, there, shipment.columns);
  const connect::RowCallback carry = [&carrier](RawRow row) { return carrier.carry(row); };
  if (source.has_sql()) {
    const Catalogue& catalogue = arrangement_.given->catalogues[static_cast<std::size_t>(shipment.table.source)];
    auto select = lower::select_in(*arrangement_.given, *shipment.rows, lower::dialect_of(catalogue));
    if (!select) return select.error();
    select->many = true;
    auto prepared = source.prepare(*select, evaluation);
    if (!prepared) return prepared.error();
    if (auto read = (*prepared)->query_raw({}, carry); !read) return read;
  } else if (auto read = source.scan(from, shipment.columns, carry); !read) {
    return read;
  }
  if (!carrier.sound) return carrier.sound;
  rows_ += carrier.rows;
  for (const std::vector<int>& index : there.indexes) {
    const std::string index_name = lower::quote_identifier(fmt::format("{}_{}", there.name, &index - there.indexes.data()));
    auto made = engine_->execute(
        fmt::format("CREATE INDEX temp.{} ON {} ({})", index_name, lower::quote_identifier(there.name), listed(there, index, false)));
    if (!made) return made;
  }
  return {};
}

}  // namespace bfl::run
