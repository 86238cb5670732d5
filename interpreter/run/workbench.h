// Where the relations of a step are computed: in the one SQLite database that it reads, or, when it reads several sources or
// one that cannot compute what the step says exactly (a CSV file, PostgreSQL), in a database to which the missing rows are
// shipped first.
//
// The rows that are shipped lie in temporary tables of the connection that computes, never in the database itself: SQLite
// keeps them in a file of its own and drops them when the reading ends. Only the columns that are used travel, and only rows
// that the relation's own filters let through, where those can be asked of the source. Everything is read in one snapshot per
// source. Rows that the step changes bring their image along, as their own database stores them. Expressions and lowering know nothing of it: tables keep their numbers, columns their places; only the catalogue
// that the lowering sees says that a table lies elsewhere.
// Rejected: ATTACH (one engine only, and a second file in every transaction), computing joins in bfl.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/run/row_spool.h"

namespace bfl::run {

// What snapshots would hold and effects would be, while a plan is looked at, of sources that cannot hold tables for so long.
using KeptAside = std::map<program::TableRef, RowSpool>;

struct Shipment {
  program::TableRef table;
  std::vector<int> columns;             // in table order
  std::vector<int> sought;              // of them, those by which rows are looked up
  bool image = false;                   // the whole row comes along, packed, with what it is found again by in front:
  std::vector<int> identity;            // columns; -1: its place
  program::RelationPtr rows;            // of the table: all, or those that filters let through which the source can apply
  bool filtered = false;

  std::vector<int> asked(const Table& from) const;  // the columns of what is read
};

// Which database computes a step, and what must be brought there. Pure: made from the program alone.
struct Arrangement {
  int home = 0;                         // a source; -1: a scratch database
  std::vector<Shipment> shipments;      // relations of SQL as well, wherever they are: they are asked once
  std::vector<program::TableRef> asked; // relations of SQL that are a part of the statements at home (PostgreSQL)
  const program::Program* given = nullptr;
  std::unique_ptr<program::Program> moved;  // with catalogues that say where the shipped tables lie; none: nothing is shipped

  // To lower the step's relations and expressions with.
  const program::Program& program() const { return moved ? *moved : *given; }
  lower::Dialect dialect() const {
    return home < 0 ? lower::Dialect::sqlite : lower::dialect_of(given->catalogues[static_cast<std::size_t>(home)]);
  }
};
// `names_rows`: for a second reading, by functions that say at which row they fail; SQLite computes it.
Arrangement arrange(const program::Program& program, const program::Step& step, const KeptAside& aside = {}, bool names_rows = false);
// "list.rows (id, kind)", one for each table.
std::vector<std::string> shown(const Arrangement& arrangement);

// Reads begun in every source that the step reads, with the rows shipped. They end with it.
class Workbench {
 public:
  static Result<std::unique_ptr<Workbench>> open(const program::Program& program, const program::Step& step,
                                                 const std::vector<connect::Connector*>& sources, const eval::Context& evaluation,
                                                 const KeptAside& aside = {}, bool names_rows = false);
  ~Workbench();
  Workbench(const Workbench&) = delete;
  Workbench& operator=(const Workbench&) = delete;

  const program::Program& program() const { return arrangement_.program(); }
  lower::Dialect dialect() const { return arrangement_.dialect(); }
  connect::Connector& engine() const { return *engine_; }
  const Arrangement& arrangement() const { return arrangement_; }
  std::int64_t shipped_rows() const { return rows_; }

 private:
  Workbench() = default;
  Result<void> begin(connect::Connector& source);
  Result<void> ship(const Shipment& shipment, connect::Connector& source, const eval::Context& evaluation, const KeptAside& aside);

  Arrangement arrangement_;
  std::unique_ptr<connect::Connector> scratch_;
  connect::Connector* engine_ = nullptr;
  std::vector<connect::Connector*> reading_;
  std::vector<connect::Connector*> saved_;  // PostgreSQL, in a transaction of others: what fails here ends none of it
  std::int64_t rows_ = 0;
  bool guest_ = false;                  // in a transaction that was begun before
};

// Snapshots: whether their rows come to be where they are kept; and the rows of one of which they do not, as its table
// stores them, without what a program gives.
bool computed_where_kept(const program::Program& program, const program::Step& step);
Result<RowSpool> rows_to_keep(const program::Program& program, const program::Step& step, const std::vector<connect::Connector*>& targets, const eval::Context& evaluation, const KeptAside& aside);

}  // namespace bfl::run
