// The exact meaning of expressions, relations and steps as a text: the basis of memo keys.
//
// Everything that decides what is computed is in it, nothing else: tables and columns by name, constants by type and value,
// functions by signature; inputs and locals numbered in the order in which they appear. Two texts are equal exactly when the
// trees are.
#include "interpreter/check/meaning.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "interpreter/base/secrets.h"
#include "interpreter/check/any_order.h"

namespace bfl::program {

namespace {

constexpr std::string_view kind_names[] = {"literal", "column", "call", "compare", "and", "or", "not", "coalesce", "case", "in", "convert",
                                           "array", "object", "subquery", "aggregate", "window", "now", "local", "bind"};
constexpr std::string_view compare_names[] = {"==", "!=", "<", "<=", ">", ">="};
constexpr std::string_view aggregate_names[] = {"count", "count_distinct", "sum", "min", "max", "average", "any", "every", "first", "last", "list", "clusters", "fold", "exists"};
constexpr std::string_view window_names[] = {"row_number", "rank", "dense_rank", "lag", "lead", "aggregate"};
constexpr std::string_view loop_names[] = {"error", "skip", "stop"};
constexpr std::string_view step_names[] = {"check", "snapshot", "update", "insert", "upsert", "delete", "verify", "sql"};
// Natives of std.time that ask for the rules of a zone, which is their last argument.
constexpr std::string_view ask_for_zones[] = {"wall_time", "from_wall_time", "from_wall_time_first", "from_wall_time_last", "date_in_zone", "utc_offset"};
constexpr std::string_view input_names[] = {"from", "one", "optional", "many"};

class Writer {
 public:
  explicit Writer(const Program& program, bool any_order = false) : program_(program), any_order_(any_order) {}
  std::string out;
  std::set<std::string> zones;  // see Meaning

  // Texts carry their length, so that no text can pretend to be structure.
  void text(std::string_view content) { fmt::format_to(std::back_inserter(out), " {}:{}", content.size(), content); }

  void input(InputId id) { fmt::format_to(std::back_inserter(out), " #{}", number(inputs_, id)); }

  void table(TableRef ref) {
    fmt::format_to(std::back_inserter(out), " s{}", ref.source);
    if (const Query* query = program_.query(ref)) return sql(*query, program_.table(ref));
    text(program_.table(ref).name);
  }

  void sql(const Query& query, const Table& table) {
    out += "(sql";
    sql(query.sql);
    for (const Column& column : table.columns) {
      text(column.name);
      text(to_string(column.type));
    }
    for (const Key& key : table.keys)
      for (const int column : key.columns) fmt::format_to(std::back_inserter(out), " key {}", column);
    out += ')';
  }

  void sql(const RawSql& raw) {
    for (const std::string& piece : raw.pieces) text(piece);
    list("(values", raw.parameters);
  }

  void expr(const Expr& e) {
    if (any_order_ && (e.kind == ExprKind::and_ || e.kind == ExprKind::or_)) {
      std::vector<const Expr*> list;
      parts(e, e.kind, list);
      out += e.kind == ExprKind::and_ ? "(and" : "(or";
      sorted(std::move(list));
      out += ')';
      return;
    }
    out += '(';
    out += kind_names[static_cast<std::size_t>(e.kind)];
    switch (e.kind) {
      case ExprKind::literal:
        text(to_string(e.type));
        text(e.secret ? secret_digest(e.value.as<std::string>()) : to_canonical(e.value));
        break;
      case ExprKind::column: column(e); break;
      case ExprKind::call:
        text(e.native->signature);
        if (std::find(std::begin(ask_for_zones), std::end(ask_for_zones), e.native->name) == std::end(ask_for_zones) || e.args.empty()) break;
        if (const Expr& zone = *e.args.back(); zone.kind == ExprKind::literal && !zone.value.is_null()) zones.insert(zone.value.as<std::string>());
        else zones.insert("");
        break;
      case ExprKind::compare:
        out += ' ';
        out += compare_names[static_cast<std::size_t>(e.op)];
        break;
      case ExprKind::convert:
      case ExprKind::array: text(to_string(e.type)); break;
      case ExprKind::local:
      case ExprKind::bind: fmt::format_to(std::back_inserter(out), " ${}", number(slots_, e.slot)); break;
      case ExprKind::subquery: relation(*e.relation); break;
      default: break;
    }
    if (any_order_ && e.kind == ExprKind::compare && (e.op == CompareOp::equal || e.op == CompareOp::not_equal)) sorted({e.args[0].get(), e.args[1].get()});
    else for (const auto& argument : e.args) expr(*argument);
    if (e.aggregate) aggregate(*e.aggregate, !e.relation);
    if (e.window) window(*e.window);
    out += ')';
  }

  void relation(const Relation& r) {
    out += "(relation";
    std::size_t filter = 0;
    const auto filters = [&](std::size_t inputs) {
      while (filter < r.filters.size() && r.filters[filter].after_inputs <= inputs) {
        std::vector<const Expr*> together;  // neighbours that say `where`
        for (; any_order_ && filter < r.filters.size() && r.filters[filter].after_inputs <= inputs && !r.filters[filter].skip; ++filter) parts(*r.filters[filter].condition, ExprKind::and_, together);
        if (!together.empty()) {
          out += "(where";
          sorted(std::move(together));
          out += ')';
          continue;
        }
        out += r.filters[filter].skip ? "(skip" : "(where";
        expr(*r.filters[filter++].condition);
        out += ')';
      }
    };
    for (std::size_t i = 0; i < r.inputs.size(); ++i) {
      const Input& in = r.inputs[i];
      out += '(';
      out += input_names[static_cast<std::size_t>(in.kind)];
      if (in.skip_missing) out += " skip";
      input(in.id);
      if (in.table) table(*in.table);
      if (in.sub) relation(*in.sub);
      for (const auto& more : in.united) relation(*more);
      if (in.elements) expr(*in.elements);
      if (in.on) expr(*in.on);
      if (in.when) {
        out += "(when";
        expr(*in.when);
        out += ')';
      }
      out += ')';
      filters(i + 1);
    }
    filters(r.inputs.size() + 1);
    if (r.follow) {
      fmt::format_to(std::back_inserter(out), "(follow {} {}", r.follow->each ? "each" : r.follow->many ? "many" : "one", loop_names[static_cast<std::size_t>(r.follow->on_loop)]);
      input(r.follow->previous);
      input(r.follow->place);
      list("(first", r.follow->first);
      list("(start", r.follow->start_key);
      list("(key", r.follow->key);
      out += ')';
    }
    if (r.grouped) list("(group", r.group_by);
    if (!r.fields.empty()) {
      out += "(fields";
      for (const Field& field : r.fields) expr(*field.expr);
      out += ')';
    }
    order(r.order);
    if (r.limit) fmt::format_to(std::back_inserter(out), "(limit {})", *r.limit);
    out += ')';
  }

  void step(const Step& s) {
    out += '(';
    out += step_names[static_cast<std::size_t>(s.kind)];
    for (const Assertion& assertion : s.assertions) expr(*assertion.condition);
    if (s.relation) {
      table(s.target);
      relation(*s.relation);
      if (s.kind == StepKind::snapshot)
        for (const Field& field : s.relation->fields) text(field.name);
      for (const Assignment& assignment : s.assignments) {
        out += "(set";
        text(program_.table(s.target).columns[static_cast<std::size_t>(assignment.column)].name);
        expr(*assignment.value);
        out += ')';
      }
      if (s.once) out += "(once)";
      if (!s.key.empty()) out += "(key";
      for (int column : s.key) text(program_.table(s.target).columns[static_cast<std::size_t>(column)].name);
      if (!s.key.empty()) out += ')';
      if (!s.once_per.empty()) list("(once per", s.once_per);
      const auto names = [&](const std::vector<int>& columns) {
        for (int column : columns) text(program_.table(s.target).columns[static_cast<std::size_t>(column)].name);
      };
      if (s.duplicates) {
        out += s.duplicates->keep_last ? "(keep last" : "(keep first";
        names(s.duplicates->columns);
        order(s.duplicates->order);
        out += ')';
      }
      if (s.free_name) {
        out += "(unique";
        names(s.free_name->within);
        expr(*s.free_name->compared);
        order(s.free_name->order);
        expr(*s.free_name->candidate);
        out += ')';
      }
      for (TableRef cascade : s.cascades) {
        out += "(cascades";
        table(cascade);
        out += ')';
      }
    }
    if (s.through) {
      const OutsideProgram& outside = *s.through->program;
      out += "(through";
      for (const std::string& word : outside.words) text(word);
      text(outside.content);
      out += "(takes";
      for (const int field : s.through->takes) text(s.relation->fields[static_cast<std::size_t>(field)].name);
      out += ")(gives";
      for (const auto& column : outside.gives) text(column.name), text(to_string(column.type));
      out += ")(env";
      for (const auto& variable : outside.environment) text(variable.name), text(variable.ambient ? "" : variable.secret ? secret_digest(variable.value) : variable.value);
      out += "))";
    }
    if (s.sql) {
      table(s.target);
      for (TableRef other : s.cascades) table(other);
      sql(*s.sql);
      out += s.idempotence == Idempotence::once ? "(once)" : "";
    }
    if (s.done_when) {
      out += "(done when";
      expr(*s.done_when);
      out += ')';
    }
    if (s.when) {
      out += "(when";
      expr(*s.when);
      out += ')';
    }
    out += ')';
  }

 private:
  static void parts(const Expr& e, ExprKind kind, std::vector<const Expr*>& into) {
    if (e.kind != kind) return into.push_back(&e);
    for (const auto& part : e.args) parts(*part, kind, into);
  }
  // By what each says where the numbers of inputs are those that are known so far.
  void sorted(std::vector<const Expr*> list) {
    std::vector<std::pair<std::string, const Expr*>> said;
    for (const Expr* one : list) {
      Writer alone(*this);
      alone.out.clear();
      alone.expr(*one);
      said.emplace_back(std::move(alone.out), one);
    }
    std::stable_sort(said.begin(), said.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (const auto& each : said) expr(*each.second);
  }

  template <class Map>
  std::size_t number(Map& numbers, std::uint32_t id) { return numbers.emplace(id, numbers.size()).first->second; }

  void column(const Expr& e) {
    input(e.input);
    const auto& named = e.input < program_.inputs.size() ? program_.inputs[e.input].table : std::optional<TableRef>();
    if (named) text(program_.table(*named).columns[static_cast<std::size_t>(e.column)].name);
    else fmt::format_to(std::back_inserter(out), " {}", e.column);
  }

  void list(std::string_view head, const std::vector<ExprPtr>& items) {
    out += head;
    for (const auto& item : items) expr(*item);
    out += ')';
  }

  void order(const std::vector<OrderKey>& keys) {
    if (keys.empty()) return;
    out += "(order";
    for (const OrderKey& key : keys) {
      if (key.descending) out += " desc";
      expr(*key.expr);
    }
    out += ')';
  }

  void window(const Window& w) {
    fmt::format_to(std::back_inserter(out), "(over {} {}{}", window_names[static_cast<std::size_t>(w.function)], w.distance, w.running ? " running" : "");
    list("(partition", w.partition);
    order(w.order);
    out += ')';
  }

  void aggregate(const Aggregate& a, bool operand) {
    out += '(';
    out += aggregate_names[static_cast<std::size_t>(a.kind)];
    if (a.start) {
      expr(*a.start);
      input(a.so_far);
    }
    if (a.operand && operand) expr(*a.operand);
    if (a.filter) {
      out += "(where";
      expr(*a.filter);
      out += ')';
    }
    order(a.order);
    out += ')';
  }

  const Program& program_;
  const bool any_order_;
  std::unordered_map<InputId, std::size_t> inputs_;
  std::unordered_map<std::uint32_t, std::size_t> slots_;
};

}  // namespace

std::string meaning(const Expr& expr, const Program& program) {
  Writer writer(program);
  writer.expr(expr);
  return std::move(writer.out);
}

std::string meaning(const Relation& relation, const Program& program) {
  Writer writer(program);
  writer.relation(relation);
  return std::move(writer.out);
}

std::string meaning(const Step& step, const Program& program) {
  Writer writer(program);
  writer.step(step);
  return std::move(writer.out);
}

std::string meaning_in_any_order(const Step& step, const Program& program) {
  Writer writer(program, true);
  writer.step(step);
  return std::move(writer.out);
}

Meaning meaning_and_zones(const Step& step, const Program& program) {
  Writer writer(program);
  writer.step(step);
  return {std::move(writer.out), std::move(writer.zones)};
}

}  // namespace bfl::program
