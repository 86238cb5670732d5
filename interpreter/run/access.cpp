#include "interpreter/run/access.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>
#include <optional>

namespace bfl::run {
namespace {

struct Naming {
  const program::Program& program;
  int source;

  // What the statement calls a table: by its name, or as `t5`, the place of the input.
  std::optional<program::TableRef> table(std::string_view called) const {
    unsigned id = 0;
    if (called.size() > 1 && called[0] == 't') {
      const auto [end, problem] = std::from_chars(called.data() + 1, called.data() + called.size(), id);
      if (problem == std::errc() && end == called.data() + called.size() && id < program.inputs.size() && program.inputs[id].table) return program.inputs[id].table;
    }
    const auto& tables = program.catalogues[static_cast<std::size_t>(source)].tables;
    for (std::size_t i = 0; i < tables.size(); ++i)
      if (tables[i].name == called || tables[i].relation == called) return program::TableRef{source, static_cast<int>(i)};
    return std::nullopt;
  }
  void add(std::vector<Access>& all, std::string_view called, bool whole, const std::string& by) const {
    const auto ref = table(called);
    if (!ref || !program.table(*ref).kept.empty()) return;
    const std::string text = whole ? fmt::format("reads all of {}{}", program.shown(*ref), by) : fmt::format("finds rows of {}{}", program.shown(*ref), by);
    if (std::none_of(all.begin(), all.end(), [&](const Access& known) { return known.text == text; })) all.push_back({text, *ref, whole});
  }
};

// `SEARCH t5 USING INDEX by_date (created_at>? AND created_at<?)`
void read_sqlite(std::string_view detail, const Naming& naming, std::vector<Access>& all) {
  const bool scans = detail.starts_with("SCAN "), searches = detail.starts_with("SEARCH ");
  if (!scans && !searches) return;
  detail.remove_prefix(detail.find(' ') + 1);
  const std::string_view called = detail.substr(0, detail.find(' '));
  const auto using_index = detail.find(" USING ");
  std::string by;
  if (using_index != std::string_view::npos) {
    std::string_view how = detail.substr(using_index + 7);
    const auto bracket = how.find(" (");
    const std::string condition(bracket == std::string_view::npos ? "" : how.substr(bracket));
    std::string_view index = how.substr(0, std::min(bracket, how.size()));
    const auto name = index.rfind("INDEX ");
    if (how.starts_with("INTEGER PRIMARY KEY") || how.starts_with("PRIMARY KEY")) by = " by its key" + condition;
    else if (how.starts_with("AUTOMATIC")) by = " by an index that is made for it" + condition;
    else if (name != std::string_view::npos) by = fmt::format(" {} index {}{}", scans ? "along" : "by", index.substr(name + 6), condition);
  }
  naming.add(all, called, scans, by);
}

void read_postgres(const nlohmann::json& node, const Naming& naming, std::vector<Access>& all, std::string_view within = {}) {
  if (!node.is_object()) return;
  const auto text = [&](const char* name) { return node.contains(name) && node[name].is_string() ? node[name].get<std::string>() : std::string(); };
  const std::string kind = text("Node Type"), condition = text("Index Cond");
  std::string relation = text("Relation Name");
  if (relation.empty()) relation = within;
  const std::string by = condition.empty() ? std::string() : " " + condition;
  if (kind == "Seq Scan") naming.add(all, relation, true, "");
  if (kind == "Index Scan" || kind == "Index Only Scan" || kind == "Bitmap Index Scan") naming.add(all, relation, condition.empty(), fmt::format(" {} index {}{}", condition.empty() ? "along" : "by", text("Index Name"), by));
  if (kind == "Tid Scan" || kind == "Tid Range Scan") naming.add(all, relation, false, " by their places");
  if (node.contains("Plans") && node["Plans"].is_array())
    for (const auto& part : node["Plans"]) read_postgres(part, naming, all, relation);
}

}  // namespace

std::vector<Access> accesses(connect::Connector& target, const program::Program& program, int source, const lower::Statement& statement, const eval::Context& evaluation) {
  std::vector<Access> all;
  const bool sqlite = target.engine() == "sqlite";
  if (!sqlite && target.engine() != "postgres") return all;
  lower::Statement asked = statement;
  asked.text = (sqlite ? "EXPLAIN QUERY PLAN " : "EXPLAIN (FORMAT JSON) ") + statement.text;
  asked.shows = lower::Shows::rows;
  asked.columns.assign(sqlite ? 4 : 1, lower::wire_of(Type{Kind::text, true, {}}));
  asked.keeping.clear();
  asked.images.clear();
  asked.of_shown.clear();
  asked.together.clear();
  asked.many = false;
  // What a planner does not take must not end the reading that is under way.
  const bool apart = !sqlite && target.in_transaction();
  if (apart && !target.execute("SAVEPOINT bfl_access")) return all;
  const Naming naming{program, source};
  const std::vector<connect::RawValue> nothing(statement.parameters.size());  // of later parameters: any value does
  auto prepared = target.prepare(asked, evaluation);
  Result<void> read = prepared ? (*prepared)->query_raw(nothing, [&](connect::RawRow row) {
    if (sqlite) {
      read_sqlite(row[row.size() - 1].bytes, naming, all);
    } else {
      const auto plans = nlohmann::json::parse(row[0].bytes, nullptr, false);
      if (plans.is_array() && !plans.empty() && plans[0].contains("Plan")) read_postgres(plans[0]["Plan"], naming, all);
    }
    return true;
  }) : Result<void>(prepared.error());
  if (!read) all.clear();
  if (apart) (void)target.execute("ROLLBACK TO SAVEPOINT bfl_access;RELEASE SAVEPOINT bfl_access");
  return all;
}

}  // namespace bfl::run
