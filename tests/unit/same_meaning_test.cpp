// An expression means the same in SQL and in the evaluator: every native function and every form of expression, over columns
// full of hostile values, computed by both and compared, failures and their words included.
//
// Functions are found in the evaluator's table and forms in the enumeration, so that a new one is tested unasked.
#include "tests/unit/hostile_world.h"

using namespace bfl;
using namespace bfl::hostile_world;

namespace {

constexpr CompareOp all_ops[] = {CompareOp::equal,      CompareOp::not_equal, CompareOp::less,
                                 CompareOp::less_equal, CompareOp::greater,   CompareOp::greater_equal};
const Type boolean{Kind::boolean};

// Expressions of one form; the switch has no default, so that a new form must say here how it is tested.
std::vector<ExprPtr> examples(World& world, ExprKind form, const Function& reciprocal) {
  std::vector<ExprPtr> made;
  const auto& flags = world.columns.at(Kind::boolean);
  const auto& numbers = world.columns.at(Kind::integer);
  const ExprPtr fails = comparison(CompareOp::greater, call(reciprocal, {numbers[0], numbers[1]}),
                                   make(ExprKind::convert, Type{Kind::decimal, true}, {numbers[2]}));
  switch (form) {
    case ExprKind::literal:
      for (const StoredKind& stored : stored_kinds)
        for (const Value& value : hostile(stored.kind)) made.push_back(lower::literal(value, Type{stored.kind, value.is_null()}));
      break;
    case ExprKind::column:
      for (const auto& [kind, columns] : world.columns) made.insert(made.end(), columns.begin(), columns.end());
      break;
    case ExprKind::compare:
      for (CompareOp op : all_ops)
        for (const auto& [kind, columns] : world.columns) {
          if (kind == Kind::json && op != CompareOp::equal && op != CompareOp::not_equal) continue;
          for (std::size_t i = 0; i < columns.size(); ++i) {
            made.push_back(comparison(op, columns[i], columns[(i + 1) % columns.size()]));
            const auto values = hostile(kind);
            for (int n = 0; n < 4; ++n) {
              const Value& value = values[world.random() % values.size()];
              const ExprPtr constant = lower::literal(value, Type{kind, value.is_null()});
              made.push_back(n % 2 ? comparison(op, columns[i], constant) : comparison(op, constant, columns[i]));
            }
          }
        }
      break;
    case ExprKind::and_:
      made = {lower::all_of({flags[0], flags[1]}), lower::all_of({flags[0], fails}), lower::all_of({fails, flags[0]}),
              lower::all_of({flags[0], fails, flags[1]})};
      break;
    case ExprKind::or_:
      made = {lower::any_of({flags[0], flags[1]}), lower::any_of({flags[0], fails}), lower::any_of({fails, flags[0]})};
      break;
    case ExprKind::not_:
      made = {lower::negation(flags[0]), lower::negation(fails), lower::negation(comparison(CompareOp::less, numbers[0], numbers[1])),
              lower::negation(lower::all_of({flags[0], flags[1]}))};
      break;
    case ExprKind::coalesce:
      for (const auto& [kind, columns] : world.columns) made.push_back(make(form, Type{kind, true}, {columns[0], columns[1], columns[2]}));
      made.push_back(
          make(form, Type{Kind::decimal, true}, {call(reciprocal, {numbers[0], numbers[1]}), world.columns.at(Kind::decimal)[0]}));
      break;
    case ExprKind::case_:
      for (const auto& [kind, columns] : world.columns) {
        made.push_back(make(form, Type{kind, true}, {flags[0], columns[0], flags[1], columns[1], columns[2]}));
        made.push_back(
            make(form, Type{kind, true}, {flags[0], columns[0], comparison(CompareOp::less, numbers[0], numbers[1]), columns[1]}));
      }
      break;
    case ExprKind::in_list:
      for (const auto& [kind, columns] : world.columns) {
        std::vector<ExprPtr> args{columns[0]};
        for (const Value& value : hostile(kind))
          if (world.random() % 2) args.push_back(lower::literal(value, Type{kind, value.is_null()}));
        made.push_back(make(form, boolean, args));
        made.push_back(make(form, boolean, {columns[0], columns[1], columns[2]}));
        made.push_back(make(form, boolean, {columns[0]}));
      }
      break;
    case ExprKind::convert:
      for (auto [from, to] : {std::pair{Kind::integer, Kind::decimal},
                              {Kind::integer, Kind::floating},
                              {Kind::decimal, Kind::floating},
                              {Kind::date, Kind::timestamp}})
        for (const ExprPtr& column : world.columns.at(from)) {
          made.push_back(make(form, Type{to, true}, {column}));
          made.push_back(comparison(CompareOp::less, make(form, Type{to, true}, {column}), world.columns.at(to)[0]));
          made.push_back(comparison(CompareOp::equal, make(form, Type{to, true}, {column}), world.columns.at(to)[1]));
        }
      for (const auto& [kind, columns] : world.columns) {
        const ExprPtr null = make(form, Type{kind, true}, {lower::literal(Value(), Type{Kind::null, true})});
        made.push_back(comparison(CompareOp::equal, columns[0], null));
        made.push_back(comparison(CompareOp::not_equal, null, columns[0]));
        made.push_back(make(ExprKind::coalesce, Type{kind, true}, {null, columns[0]}));
      }
      break;
    case ExprKind::object: {
      const auto key = [](const char* name) { return lower::literal(std::string(name), {Kind::text}); };
      made.push_back(make(form, {Kind::json},
                          {key("n"), numbers[0], key("t"), world.columns.at(Kind::text)[0], key("j"), world.columns.at(Kind::json)[0],
                           key("b"), flags[0], key("d"), world.columns.at(Kind::decimal)[0]}));
      break;
    }
    case ExprKind::bind: {
      Expr bound = *make(form, Type{Kind::decimal, true},
                         {numbers[0], call(reciprocal, {make(ExprKind::local, Type{Kind::integer, true}, {}), numbers[1]})});
      made.push_back(std::make_shared<const Expr>(bound));
      break;
    }
    case ExprKind::clock:
      made = {make(form, {Kind::timestamp}, {}),
              comparison(CompareOp::less, world.columns.at(Kind::timestamp)[0], make(form, {Kind::timestamp}, {}))};
      break;
    case ExprKind::call:      // every function, below
    case ExprKind::array:     // arguments of functions; in no column
    case ExprKind::subquery:  // tests of their own, below
    case ExprKind::aggregate:
    case ExprKind::window:
    case ExprKind::local: break;  // with bind
  }
  return made;
}

}  // namespace

TEST_CASE("every native function gives the same value or failure in SQL and in the evaluator") {
  World world;
  std::vector<std::string> unreached;
  for (std::string_view signature : eval::native_signatures()) {
    const auto function = discover(world, signature);
    if (!function) {
      unreached.emplace_back(signature);
      continue;
    }
    // Between hostile dates lie up to a million others, in each of the rows.
    const std::size_t step = signature == "dates(date,date)" ? 6 : 1, row_step = step == 1 ? 10 : rows;
    for (std::size_t turn = 0; turn < 7; turn += step) {
      std::vector<ExprPtr> args;
      if (turn == 6) args = function->working;
      for (std::size_t i = 0; i < function->native->params.size() && turn < 6; ++i)
        args.push_back(world.leaf(function->native->params[i], turn + (turn + 1) * i));
      const ExprPtr expr = call(*function, args);
      if (function->result.kind != Kind::array) {
        world.same(expr, std::string(signature));
        continue;
      }
      // Arrays are in no column: compared inside the function.
      for (int row = 0; row < rows; row += static_cast<int>(row_step)) {
        const auto outcome = world.evaluate(*eval::compile(expr, context), row);
        if (const auto* value = std::get_if<Value>(&outcome))
          world.same(comparison(CompareOp::equal, expr, lower::literal(*value, function->result)), std::string(signature));
      }
    }
  }
  CHECK(world.compared > 10'000);
  CHECK(world.failures > 100);
  // Functions that gave no value for any arguments: those that never do. Others need an argument that fits in `hostile`.
  for (const std::string& signature : unreached) CHECK(signature == "error(text)");
}

TEST_CASE("every form of expression gives the same value or failure in SQL and in the evaluator") {
  World world;
  const auto reciprocal = discover(world, "/(int,int)");
  REQUIRE(reciprocal);
  for (int form = 0; form <= static_cast<int>(ExprKind::bind); ++form)
    for (const ExprPtr& expr : examples(world, static_cast<ExprKind>(form), *reciprocal))
      world.same(expr, "form " + std::to_string(form) + " over " + to_string(expr->args.empty() ? expr->type : expr->args[0]->type));
  CHECK(world.compared > 10'000);
}

TEST_CASE("`a != b + c` finds overflow whatever the signs") {
  World world;
  for (const char* signature : {"+(int,int)", "-(int,int)"}) {
    const auto function = discover(world, signature);
    REQUIRE(function);
    const auto& n = world.columns.at(Kind::integer);
    const ExprPtr least = lower::literal(INT64_MIN, {Kind::integer}), one = lower::literal(std::int64_t{1}, {Kind::integer}),
                  minus = lower::literal(std::int64_t{-1}, {Kind::integer});
    for (const ExprPtr& left : {n[0], least})
      for (const ExprPtr& a : {n[1], least})
        for (const ExprPtr& b : {n[2], one, minus}) {
          if (left == least && a == least) continue;
          world.same(comparison(CompareOp::not_equal, left, call(*function, {a, b})), signature);
          world.same(comparison(CompareOp::not_equal, call(*function, {a, b}), left), signature);
        }
  }
}

TEST_CASE("random compositions give the same value or failure in SQL and in the evaluator") {
  World world;
  std::map<Kind, std::vector<Function>> functions;
  for (std::string_view signature : eval::native_signatures())
    if (const auto function = discover(world, signature); function && function->result.kind != Kind::array)
      functions[function->result.kind].push_back(*function);
  const Kind kinds[] = {Kind::boolean, Kind::integer,   Kind::decimal,  Kind::floating, Kind::text, Kind::bytes,
                        Kind::date,    Kind::timestamp, Kind::duration, Kind::uuid,     Kind::json};

  std::function<ExprPtr(const Type&, int)> grow = [&](const Type& type, int depth) -> ExprPtr {
    const std::size_t turn = world.random() % 1000;
    if (depth == 0 || type.kind == Kind::array || turn % 5 == 0) return world.leaf(type, turn);
    const Type nullable = type.with_null();
    switch (turn % 9) {
      case 0: return make(ExprKind::coalesce, nullable, {grow(type, depth - 1), grow(type, depth - 1)});
      case 1: return make(ExprKind::case_, nullable, {grow(boolean, depth - 1), grow(type, depth - 1), grow(type, depth - 1)});
      case 2:
      case 3:
        if (type.kind == Kind::boolean) {
          const Kind of = kinds[world.random() % std::size(kinds)];
          const CompareOp op = all_ops[of == Kind::json ? world.random() % 2 : world.random() % std::size(all_ops)];
          return comparison(op, grow(Type{of}, depth - 1), grow(Type{of}, depth - 1));
        }
        break;
      case 4:
        if (type.kind == Kind::boolean) {
          std::vector<ExprPtr> parts{grow(type, depth - 1), grow(type, depth - 1)};
          return world.random() % 2 ? lower::all_of(parts) : lower::any_of(parts);
        }
        break;
      case 5:
        if (type.kind == Kind::boolean) return lower::negation(grow(type, depth - 1));
        break;
      default: break;
    }
    const auto found = functions.find(type.kind);
    if (found == functions.end()) return world.leaf(type, turn);
    const Function& function = found->second[world.random() % found->second.size()];
    std::vector<ExprPtr> args;
    for (const Type& param : function.native->params) args.push_back(grow(param, depth - 1));
    return call(function, args);
  };
  for (int i = 0; i < 600; ++i)
    world.same(grow(Type{kinds[static_cast<std::size_t>(i) % std::size(kinds)]}, 1 + i % 4), "composition " + std::to_string(i));
  CHECK(world.compared > 5'000);
}
