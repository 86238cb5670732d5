// The preupdate hook: every row change of a transaction, before it happens, as the observer wants to see it.
//
// It runs once per changed row of up to millions: nothing here allocates once the arrays have grown to the widest table. SQLite
// itself allocates three times and takes its record apart again to answer the hook; therefore an UPDATE that holds bfl_keep
// (lower/sql.h) brings row and values along, and the hook only confirms them. Whatever was not brought, the hook looks up.
#pragma once
#include <sqlite3.h>

#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"
#include "interpreter/lower/writer.h"

namespace bfl::connect::sqlite {

class Watcher {
 public:
  Watcher(sqlite3* db, ChangeObserver observer, std::string_view table, std::vector<int> assigned);
  ~Watcher();
  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // What bfl_keep is told: the value of an assigned column, and behind the last of them the row.
  void keep(int column, const RawValue& value, std::span<sqlite3_value*> row);

 private:
  // How the hook's column numbers, which count what a row stores, follow from the catalogue's, which count every column.
  struct Shape {
    std::string table;
    int columns = 0;
    std::vector<int> stored;     // by column: its place in the row; -1: a virtual generated column
    std::vector<int> defaulted;  // columns whose absence from an old row does not mean null
    std::vector<int> key;        // WITHOUT ROWID: its primary key
    std::vector<lower::Affinity> affinities;
    bool has_rowid = true;
    bool own = false;                                                                         // bfl's own table: not shown
    std::unique_ptr<sqlite3_stmt, int (*)(sqlite3_stmt*)> reread{nullptr, sqlite3_finalize};  // the defaulted columns of one row
  };

  static void hook(void* self, sqlite3* db, int operation, const char* database, const char* table, sqlite3_int64 before,
                   sqlite3_int64 after);
  void change(int operation, const char* table, sqlite3_int64 rowid);
  Shape& shape_of(const char* table);
  Shape& shape_named(std::string_view table);
  void compare(int column);
  void read_old(Shape& shape, sqlite3_int64 rowid);
  void fill_defaults(Shape& shape, sqlite3_int64 rowid);
  RawValue old_value(const Shape& shape, int column);
  RawValue new_value(const Shape& shape, int column);

  sqlite3* db_;
  ChangeObserver observer_;
  std::string table_;
  std::vector<int> assigned_;
  std::deque<Shape> shapes_;       // they stay where they are
  Shape* own_ = nullptr;           // of `table`
  Shape* latest_ = nullptr;        // that was asked for last
  const char* latest_name_ = nullptr;
  std::vector<RawValue> before_, after_;
  std::vector<int> changed_;
  std::vector<std::string> kept_;  // bytes of default values
  std::vector<std::string> told_bytes_;  // by column: texts of assigned values, until the row comes
  std::size_t told_ = 0;           // values of the row under way that will be stored as they were told
  bool confirm_ = false;           // the observer has been shown the row whose hook comes next
};

}  // namespace bfl::connect::sqlite
