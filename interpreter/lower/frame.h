// The frame of a block of SQL, the same in every dialect: FROM with its joins, WHERE in the order of the text with the checks of
// joins that must find a row or must not find two, GROUP BY, ORDER BY. What a dialect writes in words of its own it gives by
// the virtual functions.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "interpreter/check/program.h"

namespace bfl::lower {

// The conjuncts of a condition. `plain` ones never fail and may be tested in any order, so that indexes can be used; the
// others are tested in their order and only where all plain ones hold. In a relation's `where` a plain one may thus keep a
// row from an earlier one that would fail on it; inside an expression (`strict`) the order of the text is kept.
struct Conjuncts {
  struct Late {
    program::ExprPtr expr;  // fused with its neighbours; or
    std::string text{};     // SQL of its own
    bool guarded = false;   // needs no plain conjunct to hold
  };
  std::vector<std::string> plain;
  std::vector<std::string> hints;  // implied by the late ones: for the planner only
  std::vector<Late> late;
  bool strict = false;
  bool fails = false;  // something so far can fail
};

std::string alias_of(program::InputId id);  // `t5`

class Frame {
 public:
  // ` FROM … WHERE … GROUP BY …`; `more_plain` are conjuncts beyond the relation's own, `more` one tested last.
  std::string body(const program::Relation& relation, const std::vector<std::string>& more_plain = {}, const program::ExprPtr& more = nullptr);
  std::string order_and_limit(const program::Relation& relation);             // with a blank in front, or empty
  std::string order_by(const std::vector<program::OrderKey>& keys);           // ORDER BY …, nulls last in both directions
  std::string order_from_end(const std::vector<program::OrderKey>& keys);     // the other way round
  virtual std::string sortable(const program::ExprPtr& expr) = 0;             // in a form that the engine sorts as bfl does

  std::vector<int> exposed{};  // set before writing: key columns of the anchor that nested anchored blocks pass on
  // While rows are written that the anchor is none of, of tables of their own: joined ones, subqueries.
  class Apart {
   public:
    explicit Apart(Frame& frame) : frame_(frame), exposed_(std::exchange(frame.exposed, {})) {}
    ~Apart() { frame_.exposed = std::move(exposed_); }
    Apart(const Apart&) = delete;
    Apart& operator=(const Apart&) = delete;

   private:
    Frame& frame_;
    std::vector<int> exposed_;
  };

 protected:
  Frame() = default;
  Frame(const Frame&) = default;
  ~Frame() = default;
  // `given`, then the columns of the anchor that are passed on, as a list that is not empty.
  std::string select_list(const program::Relation& relation, std::string given);

 private:
  // An input with its alias; `marked`: a column of it must tell whether the join found a row.
  virtual std::string input_from(const program::Input& input, bool marked) = 0;
  virtual std::string is_missing(const program::Input& input) = 0;            // such a join found none
  virtual std::string join_condition(const program::ExprPtr& on) = 0;
  virtual std::string condition(const program::ExprPtr& expr) = 0;            // as a whole, lazy
  virtual void split(const program::ExprPtr& condition, Conjuncts& into) = 0;
  virtual std::string join(const Conjuncts& conjuncts) = 0;                   // "" for none
  virtual std::string group_key(const program::ExprPtr& expr) = 0;
  virtual std::string anchor_column(const program::Relation& relation, int column) = 0;
  virtual std::string_view truth(bool value) const = 0;
  // Fails when it is evaluated: `join one x found no row for id = 5`.
  virtual std::string raise(const program::Relation& relation, const program::Input& input, std::string_view found) = 0;

  std::string join_checks(const program::Relation& relation, Conjuncts& first, const program::ExprPtr& more);
};

}  // namespace bfl::lower
