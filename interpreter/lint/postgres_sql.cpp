#include "interpreter/lint/postgres_sql.h"

#include <pg_query.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace bfl::lint {
namespace {

using nlohmann::json;

// The parser counts characters from 1.
std::size_t byte_of(std::string_view text, int character) {
  std::size_t byte = 0;
  for (int at = 1; at < character && byte < text.size(); ++at)
    do ++byte;
    while (byte < text.size() && (text[byte] & 0xc0) == 0x80);
  return byte;
}

class Looking {
 public:
  explicit Looking(std::vector<Sight>& sights) : sights_(sights) {}

  void statement(const json& node, std::size_t begin) {
    for (const auto& [kind, body] : node.items()) {
      static constexpr std::string_view of_rows[] = {"SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"};
      if (std::find(std::begin(of_rows), std::end(of_rows), kind) == std::end(of_rows)) sights_.push_back({Striking::other_statement, begin, kind.substr(0, kind.rfind("Stmt"))});
    }
    look(node, begin);
  }

 private:
  // `near`: the last place that was told, for nodes that have none.
  void look(const json& node, std::size_t near) {
    if (node.is_array()) {
      for (const json& each : node) look(each, near);
    } else if (node.is_object()) {
      if (const auto place = node.find("location"); place != node.end() && place->is_number_unsigned()) near = place->get<std::size_t>();
      for (const auto& [kind, body] : node.items()) {
        if (body.is_object()) seen(kind, body, near);
        look(body, near);
      }
    }
  }

  static std::size_t place(const json& body, std::size_t near) { return body.value("location", near); }

  void seen(const std::string& kind, const json& body, std::size_t near) {
    if (kind == "UpdateStmt" || kind == "DeleteStmt") {
      if (body.contains("whereClause")) return;
      const json relation = body.value("relation", json::object());
      sights_.push_back({kind == "UpdateStmt" ? Striking::whole_update : Striking::whole_delete, place(relation, near), relation.value("relname", "")});
    } else if (kind == "SelectStmt") {
      if (const auto into = body.find("intoClause"); into != body.end()) {
        const json relation = into->value("rel", json::object());
        sights_.push_back({Striking::makes_table, place(relation, near), relation.value("relname", "")});
      }
      if (const auto count = body.find("limitCount"); count != body.end() && !body.contains("sortClause")) sights_.push_back({Striking::limit_without_order, first_place(*count, near), {}});
    } else if (kind == "FuncCall") {
      if (const auto name = body.find("funcname"); name != body.end() && !name->empty())
        sights_.push_back({Striking::call, place(body, near), name->back().value("/String/sval"_json_pointer, "")});
    } else if (kind == "SQLValueFunction") {
      const std::string op = body.value("op", "");
      if (op.find("CURRENT_DATE") != std::string::npos || op.find("TIME") != std::string::npos) sights_.push_back({Striking::clock, place(body, near), {}});
    } else if (kind == "BoolExpr" && body.value("boolop", "") == "NOT_EXPR") {
      const json inner = body.value("/args/0/SubLink"_json_pointer, json::object());
      if (inner.value("subLinkType", "") == "ANY_SUBLINK") sights_.push_back({Striking::not_in_select, place(inner, place(body, near)), {}});
    } else if (kind == "A_Expr" && body.value("kind", "") == "AEXPR_OP") {
      const std::string name = body.value("/name/0/String/sval"_json_pointer, "");
      if (name != "=" && name != "<>") return;
      for (const char* side : {"lexpr", "rexpr"})
        if (body.contains(side) && body[side].contains("A_Const") && body[side]["A_Const"].value("isnull", false)) sights_.push_back({Striking::equals_null, place(body, near), name});
    }
  }

  static std::size_t first_place(const json& node, std::size_t near) {
    if (node.is_object()) {
      if (node.contains("location")) return place(node, near);
      for (const auto& [kind, body] : node.items())
        if (body.is_structured()) return first_place(body, near);
    }
    return near;
  }

  std::vector<Sight>& sights_;
};

}  // namespace

SqlReading read_postgres_sql(const std::string& text) {
  SqlReading reading;
  const PgQueryParseResult parsed = pg_query_parse(text.c_str());
  if (parsed.error != nullptr) {
    reading.problem = parsed.error->message;
    reading.offset = byte_of(text, parsed.error->cursorpos);
  } else {
    const json tree = json::parse(parsed.parse_tree, nullptr, false);
    if (tree.is_object())
      for (const json& statement : tree.value("stmts", json::array())) Looking(reading.sights).statement(statement.value("stmt", json::object()), statement.value("stmt_location", std::size_t{0}));
  }
  pg_query_free_parse_result(parsed);
  return reading;
}

}  // namespace bfl::lint
