// Columns that are marked `sensitive`: what a value tells of them. The mark lies in base/catalogue.h, on the columns of the user's
// tables and on those that are kept of them; no value made of a sensitive one goes into a column without it (BFL0421), so that who
// shows values asks the columns alone.
#pragma once
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "interpreter/check/program.h"

namespace bfl::check {

// A yes or no and a count tell nothing; everything else that is made of such a value does.
class Tells {
 public:
  // `within`: where the expressions that are asked for stand; its inputs are known then, whatever they are.
  explicit Tells(const program::Program& program, const program::Relation* within = nullptr);
  bool operator()(const program::Expr& expr);
  // A sensitive column that was met on the way.
  const std::optional<program::ColumnUse>& met() const { return met_; }

 private:
  bool column(program::InputId input, int column);
  bool field(const program::Relation& relation, int column);
  bool aggregate(const program::Expr& expr);
  void know(const program::Relation& rows);  // its inputs, and those of all blocks in it

  const program::Program& program_;
  bool any_ = false;                                            // in the whole job
  std::map<program::InputId, const program::Input*> inputs_{};
  std::map<program::InputId, program::InputId> same_as_{};      // the row before, in a `follow`
  std::map<std::pair<program::InputId, int>, bool> known_{};
  std::set<std::uint32_t> slots_{};
  std::optional<program::ColumnUse> met_{};
};

bool any_sensitive(const program::Program& program);
// What it reads or writes, or the tables whose rows it changes, have such columns: an error may speak of their values.
bool handles_sensitive(const program::Program& program, const program::Step& step);
// `shop.people.email`, of the user's own tables.
std::vector<std::string> sensitive_columns(const program::Program& program);
// A foreign key holds the values of the key that it refers to.
void mark_references(Catalogue& catalogue);

}  // namespace bfl::check
