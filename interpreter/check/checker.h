// The state of one check, shared by the files of this folder.
//
// Definitions (`let`, `fn`) are checked once where they stand, with their mistakes reported there, and then read again, silently,
// at each use: so every use has inputs of its own, and no later stage knows that there were names. A null ExprPtr is an
// expression whose mistake was reported: everything that touches it stays silent.
#pragma once
#include <fmt/format.h>

#include <functional>
#include <optional>
#include <set>

#include "interpreter/check/scope.h"
#include "interpreter/check/symbols.h"
#include "interpreter/check/types.h"

namespace bfl::check {

enum class DefinitionState : std::uint8_t { fresh, open, good, broken };

struct Declared {
  enum Kind : std::uint8_t { parameter, let, source, snapshot, program } kind{};
  NodeId node = ast::no_node;
  std::size_t index = 0;      // of parameters, of sources, of programs
  ExprPtr value{};            // parameters; null: its mistake was reported
  DefinitionState state = DefinitionState::fresh;  // lets
  bool used = false;
};

struct TableNames { std::unordered_map<std::string_view, int> columns; };
struct SourceNames {
  std::unordered_map<std::string_view, int> tables;
  std::unordered_map<int, TableNames> columns;                       // by table, made when first used
  std::unordered_map<std::string_view, std::vector<std::size_t>> keys_of_child, keys_of_parent;  // into foreign_keys
};

class Checker {
 public:
  Checker(const ast::File& script, const Sources& texts, const Library& library, const Settings& settings, Diagnostics& diagnostics, Symbols* symbols);
  void run();  // check.cpp: all items

  program::Program program;

 private:
  // names.cpp
  const ast::Node& at(NodeId node) const { return (*file_)[node]; }
  Diagnostic& error(Code code, Span span, std::string message, std::string help = {});
  Diagnostic& warning(Code code, Span span, std::string message, std::string help = {});
  // False: an error said now is not shown, or the names to choose from are too many to look through.
  bool heard(std::size_t names = 0) const { return quiet_ == 0 && !diagnostics_.full() && names < 5'000; }
  std::string slice(Span span) const;
  struct Lookup {
    bool alias_known = false, found = false;
    ExprPtr expr{};
  };
  Lookup bare(Block& block, std::string_view name, Span span);
  Lookup member(Block& block, std::string_view alias, std::string_view name, Span span);
  ExprPtr column(program::InputId input, program::TableRef table, int column, bool nullable, Span span);
  std::string_view keep_name(const std::string& name);
  int expose(Block& block, const std::string& name, const ExprPtr& expr, Span span);
  ExprPtr name(NodeId node);
  ExprPtr member(NodeId node);
  ExprPtr parameter(std::string_view name);
  void unknown_name(NodeId node);
  std::vector<std::string> names_of(const Block& block) const;
  int column_index(program::TableRef ref, std::string_view column);
  const Table& table(program::TableRef ref) const { return program.table(ref); }
  std::string shown(program::TableRef ref) const;

  // declarations.cpp: jobs, parameters, sources, functions, lets as items
  void declare();
  void declare_job(NodeId item);
  void declare_parameter(NodeId item);
  void declare_function(NodeId item);
  void use_module(NodeId item);
  void define(NodeId let);
  void declare_columns(NodeId source, int index);
  void check_settings();
  // secrets.cpp
  ExprPtr secret_value(std::string_view name, const Type& type, NodeId written, Span span);
  void forbid_secret_data(const program::Step& step);
  // sensitive.cpp
  void keep_sensitive(const program::Step& step);
  void mark_kept(Table& kept, const program::Relation& relation, const std::optional<program::Through>& through);
  // programs.cpp
  void declare_program(NodeId item);
  bool add_file(program::OutsideProgram& made, std::string_view path, Span span, Hasher& content);
  void program_entry(program::OutsideProgram& made, NodeId entry, Hasher& content);
  void program_variable(program::OutsideProgram& made, NodeId variable);
  std::optional<program::Through> through(NodeId clause, const Block& block);
  bool take_name(NodeId item, Declared declared);
  std::optional<program::ExprPtr> constant(NodeId node, const Type& type, std::string_view what);
  std::optional<std::int64_t> whole_number(NodeId node, std::string_view what, std::int64_t least, std::int64_t most);
  void report_unused();

  // expressions.cpp, operators.cpp, literals.cpp
  ExprPtr expression(NodeId node);
  ExprPtr condition(NodeId node, std::string_view what);
  std::optional<std::string> literal_text(NodeId node);  // nothing: none is there, or no text that is written out
  ExprPtr literal(NodeId node);
  ExprPtr format_string(NodeId node);
  ExprPtr make(Expr expr);
  ExprPtr constant_of(Value value, Type type, Span span);
  ExprPtr convert(ExprPtr expr, const Type& type);
  ExprPtr call_native(std::string_view name, const std::vector<Type>& params, const Type& result, std::vector<ExprPtr> args, Span span);
  const program::Native* intern(std::string_view name, const std::vector<Type>& params, const Type& result);
  ExprPtr unary(NodeId node);
  ExprPtr binary(NodeId node);
  ExprPtr arithmetic(NodeId node);
  ExprPtr apply(ast::Op op, Span op_span, Span span, ExprPtr left, ExprPtr right);
  ExprPtr connective(NodeId node);
  ExprPtr coalesce(NodeId node);
  ExprPtr comparison(NodeId node);
  ExprPtr compare(program::CompareOp op, ExprPtr left, ExprPtr right, Span span, Span left_span, Span right_span);
  ExprPtr membership(NodeId node);
  ExprPtr membership_in_list(NodeId node, ExprPtr subject, const std::vector<NodeId>& elements);
  ExprPtr membership_in_relation(NodeId node, NodeId subject, NodeId pick);
  ExprPtr negated(ExprPtr expr, Span span);
  ExprPtr case_of(NodeId node);
  ExprPtr array(NodeId node);
  ExprPtr object(NodeId node);
  void flatten(NodeId node, ast::Op op, std::vector<NodeId>& into) const;
  bool unify(std::vector<ExprPtr>& values, const std::vector<Span>& spans, std::string_view what, Type& type);
  // Work that definitions cause: nodes made, texts read once more, walks over what has grown. What is too much is refused
  // from there on, at once: it is time that is bounded, not only size.
  void spend(std::size_t work);
  bool exhausted() const { return expanded_ > allowed_ || expanded_in_all_ > allowed_in_all_; }
  bool affords(const program::Step& step);
  ExprPtr too_large(Span span);

  // functions.cpp
  ExprPtr call(NodeId node);
  ExprPtr call_function(NodeId node, const std::vector<Function>& candidates);
  ExprPtr inline_function(const Function& function, std::vector<ExprPtr> args, Span span);
  const std::vector<Function>* overloads(std::string_view name) const;
  const Function* choose(const std::vector<Function>& candidates, const std::vector<ExprPtr>& args) const;
  bool check_definition(const Function& function);
  void check_zone(const Function& function, const std::vector<ExprPtr>& args, const std::vector<NodeId>& nodes);
  void check_pattern(const Function& function, const std::vector<ExprPtr>& args, const std::vector<NodeId>& nodes);
  void unknown_function(NodeId node);

  // aggregates.cpp
  ExprPtr aggregate_call(NodeId node, program::AggregateKind kind);
  ExprPtr aggregate_of_group(NodeId node, program::AggregateKind kind);
  std::shared_ptr<program::Aggregate> read_aggregate(NodeId node, program::AggregateKind kind, const std::vector<program::OrderKey>& otherwise);
  ExprPtr aggregate_of_relation(NodeId node, program::AggregateKind kind, NodeId argument);
  bool finish_aggregate(NodeId node, program::AggregateKind kind, const ExprPtr& operand, bool may_be_empty, const Block& rows, Type& type);
  Type list_type(const program::Aggregate& aggregate, Block& block);
  ExprPtr subquery(BlockPtr block, program::Aggregate aggregate, Type type, Span span);

  // windows.cpp
  void over_calls(NodeId node, std::vector<NodeId>& found) const;
  bool names_derived(NodeId node, const Block& block) const;
  void prepare_windows(BlockPtr& block, NodeId node);  // before `node` is read as an expression over the block
  void window(BlockPtr& block, NodeId clause, Scope* outer);
  bool read_window(NodeId node, program::Window& window);
  ExprPtr window_call(NodeId node, NodeId over);
  bool read_fold(NodeId node, NodeId over, Block& rows, program::Aggregate& fold, Type& type);

  // row_sets.cpp
  void distinct(BlockPtr& block, NodeId clause);
  void unite(BlockPtr& block, NodeId clause, Scope* outer);
  void expand(BlockPtr& block, NodeId clause, Scope* outer);

  // cluster.cpp
  void cluster(BlockPtr& block, NodeId clause, Scope* outer);

  // follow.cpp
  void follow(BlockPtr& block, NodeId clause, Scope* outer);
  void match_start(Block& way);
  Lookup reached(Block& way, std::string_view name, bool previous, Span span);
  ExprPtr place_on_way(Block& block, std::string_view alias, int column, Span span);
  ExprPtr place_call(NodeId node);
  bool ends_way(const Block& block, const ExprPtr& condition) const;

  // relations.cpp, joins.cpp
  static BlockPtr broken();  // its mistake was reported
  BlockPtr relation(NodeId node, Scope* outer);
  BlockPtr written_rows(NodeId node);
  BlockPtr operand(NodeId node, Scope* outer);
  // Of `shop.orders` and `shop.sales.orders` the source and the table; no source: it is no such path.
  std::pair<NodeId, std::string> table_path(NodeId node) const;
  BlockPtr table_block(NodeId node, NodeId source, std::string_view name);
  BlockPtr use_let(std::string_view name, NodeId node);
  void apply_clause(BlockPtr& block, NodeId clause, Scope* outer);
  void wrap(BlockPtr& block);
  void open(BlockPtr& block);     // a block that filters and joins can be added to
  static void lose_anchor(Block& block, std::string_view word);
  void where(BlockPtr& block, NodeId clause, Scope* outer, bool skip);
  void derive(BlockPtr& block, NodeId clause, Scope* outer);
  void group(BlockPtr& block, NodeId clause, Scope* outer);
  void keep(BlockPtr& block, NodeId clause, Scope* outer);
  void order(BlockPtr& block, NodeId clause, Scope* outer);
  void limit(BlockPtr& block, NodeId clause);
  void join_rows(BlockPtr& block, NodeId clause, Scope* outer);
  bool proved_single(const Block& block, std::size_t input);
  void lint_join(const ExprPtr& on);
  std::vector<program::OrderKey> order_keys(NodeId clause);
  std::vector<ExprPtr> row_key(Block& block);
  void add_row_key(Block& block, std::vector<program::OrderKey>& order);
  void add_alias(Block& block, Alias alias, Span span);
  void note_not_null(Block& block, const ExprPtr& condition, bool holds);
  program::InputId fresh_input(std::string_view alias, std::optional<program::TableRef> table, const std::shared_ptr<program::Relation>& sub);

  // tests.cpp
  void test(NodeId node);
  void expect_changed(program::Test& made, NodeId value);
  std::optional<program::TableRows> table_rows(NodeId what, NodeId value);
  void given_value(program::GivenRow& row, program::TableRef ref, NodeId entry);

  // steps.cpp, update.cpp
  struct StepParts {
    NodeId node = ast::no_node, relation = ast::no_node;
    std::vector<NodeId> clauses;      // in the header and in the body
    std::vector<NodeId> statements;
  };
  void step(NodeId node);
  StepParts parts_of(NodeId node);
  bool step_clause(program::Step& step, NodeId clause, std::vector<std::string_view>& seen);
  void expect(program::Step& step, NodeId clause);
  bool share(program::Expectation& expectation, NodeId percent, NodeId of);
  void after(program::Step& step, NodeId clause);
  void chunk(program::Step& step, NodeId clause);
  void when(program::Step& step, NodeId clause);
  void assertions(program::Step& step, const StepParts& parts);

  // running.cpp: how a run goes about its work
  std::optional<program::Retry> retry(NodeId clause);
  void rollback_can_be();
  void quarantine_fits(const program::Step& step, const StepParts& parts);
  std::optional<std::int64_t> duration(NodeId node, std::string_view what, int most_days = 1);
  std::optional<program::Pace> pace(NodeId clause);
  std::optional<program::Approval> approval(NodeId clause);
  std::optional<program::Rollback> rollback(NodeId clause);
  std::optional<program::Promotion> promotion(NodeId clause);
  bool rollback_rule(program::Rollback& rollback, NodeId rule);
  bool pace_rule(program::Pace& pace, NodeId rule);
  bool signal(program::PaceRule& rule, NodeId call);
  bool window(program::Pace& pace, NodeId rule);
  // rollout.cpp
  std::optional<program::Rollout> rollout(NodeId clause);
  bool rollout_guard(program::RolloutStage& stage, NodeId guard);
  void rollout_fits(program::Step& step);
  void find_rollout_guards();  // when all steps are known

  void update(program::Step& step, const StepParts& parts);
  BlockPtr anchored_rows(program::Step& step, const StepParts& parts);
  void assignments(program::Step& step, Block& block, const StepParts& parts);
  void assign(program::Step& step, Block& block, NodeId statement, std::unordered_map<int, Span>& seen);
  bool may_be_null(const ExprPtr& expr, const Block& block) const;
  bool writable_table(const program::Step& step, const Block& block, Span span);
  void choose_walk(program::Step& step);
  void forbid_triggers(const program::Step& step);

  // symbols.cpp
  bool noting() const;
  void note(SymbolKind kind, std::string identity, Symbol symbol, Span span);
  void note_items();
  void note_item(SymbolKind kind, NodeId item, Span use, std::string type = {});
  void note_source(std::size_t index, Span span);
  void note_table(program::TableRef ref, Span source, Span span);
  void note_column(const Block& block, std::string_view alias, std::string_view name, const ExprPtr& expr, Span span);
  void note_stored(program::TableRef ref, int index, Span span);
  void note_alias(const Alias& alias, Span span);
  void note_function(const Function& function, Span span);
  void note_argument(const Function& function, std::string_view name, std::string type, Span span);
  void note_step(std::string_view name, Span span);
  void note_unknown_table(NodeId node, std::size_t source);
  void introduce_kept(Block& block, const std::map<std::string_view, NodeId>& items, const std::map<std::string_view, ExprPtr>& kept);
  void introduce(Block& block, NodeId item, const ExprPtr& value);
  bool known(std::size_t source) const { return !program.catalogues[source].engine.empty(); }

  void choose_keepers();  // check.cpp
  const ast::Origin* origin_of(NodeId item) const;
  Diagnostic& placed(Diagnostic& found) const;
  // keys.cpp
  void duplicates(program::Step& step, Block& block, NodeId statement);
  void free_name(program::Step& step, Block& block, NodeId statement);
  std::vector<int> target_columns(const program::Step& step, NodeId list);
  std::vector<program::OrderKey> order_of(Block& block, NodeId clause);

  // match.cpp
  void match(program::Step& step, BlockPtr& block, NodeId statement);
  ExprPtr arm_condition(NodeId arm, const ExprPtr& subject, Span subject_span, std::map<std::string, Span>& taken);
  std::vector<program::Assignment> arm_body(const program::Step& step, BlockPtr& block, NodeId arm, const ExprPtr& applies);
  ExprPtr either(std::vector<ExprPtr> parts, Span span);

  // live.cpp
  void note_live(std::string_view let, Span span, const Block& block);
  void forbid_live_reads(const program::Step& step);

  // remove.cpp, insert.cpp
  void remove(program::Step& step, const StepParts& parts);
  void cascades(program::Step& step, NodeId clause);
  void insert(program::Step& step, const StepParts& parts);
  std::optional<program::TableRef> written_path(NodeId path);
  void target_key(program::Step& step, NodeId clause, bool complete);
  void once_per(program::Step& step, NodeId clause, Block& block);

  // kept.cpp: relations that bfl keeps: snapshots, and what steps did
  struct LiveRead {
    std::string_view let;
    Span span{};
    std::set<program::ColumnUse> columns{};
  };
  struct Snapshot {
    DefinitionState state = DefinitionState::fresh;
    std::vector<LiveRead> live{};
    program::TableRef table{};
    program::RelationPtr relation{};
    std::optional<program::Through> through{};
  };
  void reserve_kept_tables();

  // sql_relations.cpp: relations that the script says in SQL
  BlockPtr sql_block(NodeId node);
  std::optional<program::TableRef> query_of(NodeId node);
  std::optional<int> sql_source(NodeId name);
  std::optional<program::RawSql> sql_of(const std::vector<NodeId>& texts, int source, Span whole, bool reads);
  bool sql_columns(Table& made, const std::vector<NodeId>& columns, NodeId key, int source);
  std::vector<program::TableRef> sql_tables(NodeId clause, int source, std::set<program::ColumnUse>& uses, bool reads);
  void sql_step(program::Step& step, const StepParts& parts);  // sql_steps.cpp
  void sql_effects(program::Step& step, const std::vector<program::TableRef>& written);

  void snapshot(program::Step& step, const StepParts& parts);
  const Snapshot* made_snapshot(NodeId step);
  BlockPtr snapshot_block(NodeId step, NodeId node);
  BlockPtr effect_block(NodeId node, std::string_view step, std::string_view effect);
  BlockPtr kept_block(program::TableRef ref, NodeId node);
  std::optional<Column> kept_column(const std::string& name, const ExprPtr& expr, int source) const;
  std::vector<int> unique_fields(const Block& block) const;
  void read_in_order();

  // effects.cpp, classes.cpp
  void effects(program::Step& step);
  void classify(program::Step& step, const Block& block);

  const ast::File& script_;
  const Sources& texts_;
  const Library& library_;
  const Settings& settings_;
  Diagnostics& diagnostics_;
  Symbols* symbols_;                                 // or null
  Diagnostic ignored_;

  std::unordered_map<std::string_view, Declared> names_;
  std::vector<NodeId> lets_;
  std::vector<std::shared_ptr<const program::OutsideProgram>> programs_;  // null: its mistake was reported
  Overloads functions_;                              // of the script
  std::unordered_map<const Function*, DefinitionState> definitions_;
  std::unordered_map<const Function*, bool> called_;
  std::set<const Function*> querying_;               // with a subquery in the body
  std::vector<SourceNames> source_names_;
  std::unordered_map<std::string, const program::Native*> natives_;
  std::unordered_map<std::string_view, std::size_t> steps_;
  std::unordered_map<NodeId, Snapshot> snapshots_;   // by step
  std::unordered_map<NodeId, std::optional<program::TableRef>> queries_;  // of relations in SQL; none: its mistake was reported
  std::unordered_map<std::size_t, BlockPtr> from_;   // rows that cause new ones, by step
  std::vector<std::string_view> from_names_;         // every `.from.NAME` of the script
  std::vector<LiveRead> live_;                       // what the step at hand reads through `let`s
  std::map<program::ColumnUse, std::size_t> written_by_;  // the last step so far
  std::unordered_map<std::string_view, std::size_t> steps_above_;  // of each `let` so far: how many
  std::vector<NodeId> chunk_by_;                     // of the step at hand
  bool once_ = false;                                // of the step at hand
  bool some_sensitive_ = false;                      // a column of the job's sources; else no step is looked at for that

  const ast::File* file_;                            // the file that is being read: the script or a module
  Scope* scope_ = nullptr;
  const Environment* environment_ = nullptr;
  int quiet_ = 0;                                    // in an expansion: mistakes were reported at the definition
  int depth_ = 0, definitions_open_ = 0;
  std::uint32_t next_slot_ = 0;
  std::size_t expanded_ = 0, expanded_in_all_ = 0;   // work of expansions, in the item at hand and in the script
  std::size_t allowed_, allowed_in_all_;             // of it, by the size of the script
  bool too_large_reported_ = false;
  ExprPtr true_;
  const ast::Origin* origin_ = nullptr;              // of the item at hand: what is wrong with it is shown there too
  std::set<std::string, std::less<>> kept_names_;    // that stand in no text
};

// Sets a variable for the length of a block.
template <class T>
class Within {
 public:
  Within(T& place, T value) : place_(place), before_(std::move(place)) { place_ = std::move(value); }
  ~Within() { place_ = std::move(before_); }
  Within(const Within&) = delete;
  Within& operator=(const Within&) = delete;

 private:
  T& place_;
  T before_;
};

bool holds_secret(const std::string& url);  // sources.cpp
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);
bool is_window_function(std::string_view name);
std::optional<program::AggregateKind> aggregate_named(std::string_view name);

}  // namespace bfl::check
