// Databases of a test's own on a PostgreSQL server, and a source's tables made in them.
//
// A role that may create databases gets one for each source of the job: nothing else on the server can be reached from there.
// Any other role has to give a database without tables, where schemas and tables are made under their own names and marked by
// a comment. Either way they are gone with this object; what a killed test has left is dropped by the next one on the server:
// databases carry the test's time and id in their names, marks in their text, and whoever is alive holds an advisory lock.
#pragma once
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/connect/connector.h"

namespace bfl::connect::postgres {

class Scratch {
 public:
  // `url`: any database of the server. `id`: of this test, letters, digits and `_`.
  static Result<std::unique_ptr<Scratch>> open(const std::string& url, const std::string& id);
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  // The address of an empty database, sorted and searched as `like` is (none: as the server has it, and as
  // the names of the catalogue are found). What stood under this number
  // before is gone; connections to it are ended.
  Result<std::string> empty(std::size_t number, Connector* like, const Catalogue* catalogue = nullptr);
  // Makes the tables of `like` in it: columns, types, defaults, computed columns, keys. Without it what the catalogue tells of them.
  Result<void> make_tables(const std::string& url, Connector* like, const Catalogue& catalogue) const;
  // What was dropped because a test before had left it.
  const std::vector<std::string>& left_over() const { return left_over_; }

 private:
  Scratch() = default;
  Result<void> look_around();
  Result<void> take_whole_databases();
  Result<void> take_given_database();
  Result<void> clear();
  Result<void> sweep(const std::string& url) const;
  std::string mark() const;

  std::string url_, id_;
  std::unique_ptr<Connector> keeper_{};  // holds the lock
  bool whole_ = false;                   // databases can be created
  bool locked_ = false;                  // what is marked is this test's, or nobody's
  std::map<std::size_t, std::string> made_{};
  std::vector<std::string> left_over_{};
};

Result<void> each_row(Connector& connector, const std::string& sql, const std::function<void(RawRow)>& row);
// The statements that make them, and what else is to be there: see postgres_definition.cpp. `mark`: the comment on whatever is made;
// empty: none, and extensions that types need are made as well.
Result<void> define_tables(Connector* source, const Catalogue& catalogue, Connector& target, const std::string& mark);
// Which tables of a database have their rows in a copy, and whether those of one have the rows there that they refer to.
struct Copied {
  std::function<bool(const Table&)> table;
  std::function<bool(const Table& child, const Table& parent)> reference;
};
// Puts what such rows have to hold upon them: checks, foreign keys, exclusions, and keys by expressions. In transactions of both that are under way.
// Gives those that the copy does not take, `orders.total_fits`: they need code of the database's own.
Result<std::vector<std::string>> constrain(Connector& source, const Catalogue& catalogue, Connector& target, const Copied& copied);
// The numbers that the server gives go on behind those that the rows have.
Result<void> number_on(Connector& target);

}  // namespace bfl::connect::postgres
