// 4xx and 5xx of the script: values, and what the text gives away.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <set>

#include "interpreter/lint/subject.h"

namespace bfl::lint {

using ast::NodeId, ast::NodeKind, ast::Op;

namespace {

bool is_letter(char c) { return std::isalnum(static_cast<unsigned char>(c)) != 0; }

// Something with letters, an `@`, and a domain behind it.
std::string_view address_in(std::string_view text) {
  for (auto at = text.find('@'); at != std::string_view::npos; at = text.find('@', at + 1)) {
    std::size_t begin = at, end = at + 1, dot = std::string_view::npos;
    while (begin > 0 && (is_letter(text[begin - 1]) || std::string_view("._+-").find(text[begin - 1]) != std::string_view::npos)) --begin;
    for (; end < text.size() && (is_letter(text[end]) || text[end] == '.' || text[end] == '-'); ++end)
      if (text[end] == '.') dot = end;
    if (begin < at && dot != std::string_view::npos && dot > at + 1 && dot + 2 < end) return text.substr(begin, end - begin);
  }
  return {};
}

// Domains that belong to nobody (RFC 2606), in whatever letters.
bool nobodys(std::string_view address) {
  std::string domain(address.substr(address.rfind('@')));
  std::transform(domain.begin(), domain.end(), domain.begin(), [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  return domain.find("@example.") != std::string::npos || domain.find(".example.") != std::string::npos || domain.ends_with(".example");
}

bool in_job(const Subject& subject, NodeId id) { return subject.within(id, NodeKind::job); }
bool in_test(const Subject& subject, NodeId id) {
  for (id = subject.parent(id); id != ast::no_node; id = subject.parent(id))
    if (subject.at(id).kind == NodeKind::step) return subject.at(id).word == "test";
  return false;
}

std::vector<NodeId> texts(const Subject& subject) {
  std::vector<NodeId> list = subject.all(NodeKind::string), pieces = subject.all(NodeKind::string_piece);
  list.insert(list.end(), pieces.begin(), pieces.end());
  return list;
}

}  // namespace

void case_without_else(const Subject& subject, Findings& findings) {
  for (const NodeId id : subject.all(NodeKind::case_))
    if (ast::child(subject.file, id, NodeKind::case_else) == ast::no_node)
      findings.add(subject.at(id).name_span, "a value that no arm fits stops the run", "add `else => …`, or `else => error(\"…\")` in your words");
}

void repeated_arm(const Subject& subject, Findings& findings) {
  for (const NodeId id : subject.all(NodeKind::case_)) {
    std::set<std::string_view> seen;
    for (const NodeId arm : subject.children(id)) {
      if (subject.at(arm).kind != NodeKind::case_arm) continue;
      auto parts = subject.children(arm);
      parts.pop_back();
      for (const NodeId value : parts)
        if (!seen.insert(subject.text(value)).second) findings.add(subject.at(value).span, fmt::format("`{}` has an arm above: this one is never reached", subject.text(value)), "leave it out, or write the value that was meant");
    }
  }
}

void set_to_itself(const Subject& subject, Findings& findings) {
  for (const NodeId step : subject.steps())
    for (const NodeId set : subject.clauses(step, "set")) {
      const NodeId assign = subject.at(set).first_child;
      const NodeId value = subject.at(assign).first_child;
      // In an insert the name on the right is a column of the rows that it comes from.
      if (subject.at(step).word == "update" && subject.at(value).kind == NodeKind::name && subject.at(value).text == subject.at(assign).text)
        findings.add(subject.at(set).span, fmt::format("`{}` is set to its own value", subject.at(assign).text), "leave the line out, or name the column that was meant");
    }
}

void useless_fallback(const Subject& subject, Findings& findings) {
  for (const NodeId id : subject.all(NodeKind::binary))
    if (subject.at(id).op == Op::coalesce && subject.at(subject.children(id)[1]).kind == NodeKind::null_)
      findings.add(subject.at(id).span, "null in place of null changes nothing", "write the value that was meant, or leave `?? null` out");
}

void repeated_element(const Subject& subject, Findings& findings) {
  for (const NodeKind kind : {NodeKind::array, NodeKind::tuple})
    for (const NodeId id : subject.all(kind)) {
      const NodeId above = subject.parent(id);
      if (kind == NodeKind::tuple && (subject.at(above).kind != NodeKind::binary || (subject.at(above).op != Op::in && subject.at(above).op != Op::not_in) || subject.children(above)[1] != id)) continue;
      if (in_test(subject, id)) continue;
      std::set<std::string_view> seen;
      for (const NodeId element : subject.children(id)) {
        const NodeKind of = subject.at(element).kind;
        const bool plain = of == NodeKind::string || (kind == NodeKind::tuple && (of == NodeKind::integer || of == NodeKind::date || of == NodeKind::decimal)) || of == NodeKind::object;
        if (plain && !seen.insert(subject.text(element)).second) findings.add(subject.at(element).span, "this element stands in the list already", "leave it out, or write the one that was meant");
      }
    }
}

void long_list(const Subject& subject, Findings& findings) {
  for (const NodeKind kind : {NodeKind::array, NodeKind::tuple})
    for (const NodeId id : subject.all(kind))
      if (const auto count = ast::child_count(subject.file, id); count > 100)
        findings.add({subject.at(id).span.begin, subject.at(id).span.begin + 1, subject.at(id).span.file}, fmt::format("{} values stand in the text", count), "put them into a CSV file: `source list = csv(\"list.csv\")`");
}

void personal_literal(const Subject& subject, Findings& findings) {
  for (const NodeId id : texts(subject)) {
    const std::string_view found = address_in(subject.at(id).text);
    if (!found.empty() && !nobodys(found) && !in_job(subject, id)) findings.add(subject.at(id).span, fmt::format("`{}` is somebody's address", found), "name the row by its key, or read addresses from a file");
  }
}

void credential_literal(const Subject& subject, Findings& findings) {
  constexpr std::string_view marks[] = {"AKIA", "-----BEGIN ", "ghp_", "xoxb-", "sk_live_", "eyJhbGciOi", "glpat-"};
  for (const NodeId id : texts(subject)) {
    const std::string_view text = subject.at(id).text;
    if (std::any_of(std::begin(marks), std::end(marks), [&](std::string_view mark) { return text.find(mark) != std::string_view::npos && text.size() > mark.size() + 10; }))
      findings.add(subject.at(id).span, "this looks like a credential", "declare `param NAME: secret text` and give it from the environment");
  }
}

void fixed_place(const Subject& subject, Findings& findings) {
  for (const NodeId source : subject.all(NodeKind::source)) {
    const NodeId call = subject.at(source).first_child;
    if (call == ast::no_node || subject.at(call).kind != NodeKind::call) continue;
    const NodeId place = subject.at(call).first_child;
    if (place == ast::no_node || subject.at(place).kind != NodeKind::string) continue;
    const std::string_view text = subject.at(place).text;
    if (text.starts_with("\"/") || text.find("://") != std::string_view::npos || text.find("host=") != std::string_view::npos)
      findings.add(subject.at(place).span, "the job names one machine", "write `env(\"…\")`, or a path beside the job");
  }
}

}  // namespace bfl::lint
