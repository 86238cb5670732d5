#include "interpreter/run/through.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <unordered_map>

#include "interpreter/base/fault_points.h"
#include "interpreter/base/json.h"
#include "interpreter/check/types.h"
#include "interpreter/eval/json_value.h"
#include "interpreter/lower/writer.h"
#include "interpreter/run/child.h"

namespace bfl::run {
namespace {

constexpr const char* answers_stay = "nothing was kept of the snapshot; what the program has answered is, for the next run";

std::string answers_table(const program::Program& program, const program::Step& step) {
  const Table& kept = program.table(step.target);
  const std::string name = lower::quote_identifier(kept.name + "_answers");
  return kept.schema.empty() ? "main." + name : lower::quote_identifier(kept.schema) + "." + name;
}

Error wrong_answer(const program::OutsideProgram& program, std::size_t line, std::string what) {
  return {ErrorClass::fatal, fmt::format("`{}` answers wrongly: line {} {}", program.name, line, what), {},
          "for each line `{\"row\": N, \"takes\": {…}}` it writes one `{\"row\": N, \"gives\": {…}}`, in the same order"};
}

// A piece of an answer, for people.
std::string brief(std::string text) {
  constexpr std::size_t most = 60;
  text = legible(std::move(text));
  if (text.size() <= most) return text;
  std::size_t end = most - 1;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end) + "…";
}

const JsonNode* member(const JsonNode& object, std::string_view name) {
  const auto found = std::find(object.keys.rbegin(), object.keys.rend(), name);  // of several the last
  return found == object.keys.rend() ? nullptr : &object.items[static_cast<std::size_t>(object.keys.rend() - found) - 1];
}

// A value as JSON says it; nothing when it is none of that type.
std::optional<Value> value_of(const JsonNode& node, const Type& type) {
  if (node.kind == JsonKind::null) return type.nullable ? std::optional(Value()) : std::nullopt;
  if (type.kind == Kind::json) return Value(Json{write_json(node)});
  if (type.kind == Kind::boolean) return node.kind == JsonKind::boolean ? std::optional(Value(node.boolean)) : std::nullopt;
  const bool number = type.kind == Kind::integer || type.kind == Kind::floating;
  const bool fits = node.kind == (number ? JsonKind::number : JsonKind::text) || (type.kind == Kind::decimal && node.kind == JsonKind::number);
  if (!fits || (type.kind != Kind::text && node.text.find('_') != std::string::npos)) return std::nullopt;
  check::Parsed parsed = check::parse_value(node.text, type.with_null(false));
  return parsed.error.empty() ? std::optional(std::move(parsed.value)) : std::nullopt;
}

class Asking {
 public:
  Asking(Context& context, const program::Step& step)
      : context_(context), step_(step), program_(*step.through->program), target_(context.target(step.target.source)), kept_(context.program.table(step.target)), table_(answers_table(context.program, step)) {}

  std::optional<StepEnd> all(std::vector<ledger::Key>& rows) {
    if (auto known = read_known(); !known) return context_.fail(step_, known.error(), "nothing was kept");
    std::vector<std::string> asked;
    asked.reserve(rows.size());
    std::vector<std::size_t> open;  // rows without an answer; of those that look the same the first
    for (std::size_t i = 0; i < rows.size(); ++i) {
      auto line = taken(rows[i]);
      if (!line) return failed(line.error());
      asked.push_back(std::string(as_bytes(sha256(identity() + *line))));
      if (answers_.emplace(asked.back(), std::string()).second) open.push_back(i);
    }
    const std::size_t before = answers_.size() - open.size();
    for (std::size_t at = 0; at < open.size();) {
      const std::size_t count = std::min(open.size() - at, static_cast<std::size_t>(program_.batch_rows));
      if (auto end = context_.pause(step_, step_.target.source)) return end;
      if (auto done = batch(rows, asked, std::span(open).subspan(at, count)); !done) return failed(done.error());
      at += count;
      tell(before + at, before + open.size());
    }
    for (std::size_t i = 0; i < rows.size(); ++i)
      if (auto put = append(rows[i], answers_.at(asked[i])); !put) return failed(put.error());
    return std::nullopt;
  }

 private:
  StepEnd failed(const Error& error) { return context_.fail(step_, Code::program_failed, error, answers_stay); }

  // What an answer depends on beside the row.
  const std::string& identity() {
    if (!identity_.empty()) return identity_;
    Hasher hasher;
    hasher.field(program::meaning(step_, context_.program));
    return identity_ = hex(hasher.finish());
  }

  Result<void> read_known() {
    const bool postgres = target_.engine() == "postgres";
    auto made = target_.execute(fmt::format("CREATE TABLE IF NOT EXISTS {} (asked {} PRIMARY KEY, given TEXT NOT NULL)", table_, postgres ? "BYTEA" : "BLOB"));
    if (!made) return made;
    auto select = target_.prepare(fmt::format("SELECT asked, given FROM {}", table_));
    if (!select) return select.error();
    return (*select)->query_raw({}, [&](connect::RawRow row) {
      answers_.emplace(row[0].bytes, row[1].bytes);
      return true;
    });
  }

  // What the program is shown of a row.
  Result<std::string> taken(const ledger::Key& row) {
    std::string text = "{";
    for (const int field : step_.through->takes) {
      const Column& column = kept_.columns[static_cast<std::size_t>(field)];
      auto value = target_.decode(row[static_cast<std::size_t>(field)].view(), lower::wire_of(column));
      if (!value) return value.error();
      if (text.size() > 1) text += ", ";
      append_json_text(text, column.name);
      text += ": ";
      // A decimal goes as a text: most readers of JSON would make a double of it.
      const bool digits = value->kind() == Kind::decimal;
      if (digits) text += '"';
      if (!eval::append_json(text, *value)) return Error{ErrorClass::data, fmt::format("`{}` is {}, which JSON cannot say{}", column.name, shown(*value), of_row(row))};
      if (digits) text += '"';
    }
    std::erase(text, '\n');  // only between the parts of a document
    return text + "}";
  }

  std::string of_row(const ledger::Key& row) {
    if (kept_.keys.empty()) return {};
    std::string text;
    for (const int column : kept_.keys[0].columns) {
      const Column& of = kept_.columns[static_cast<std::size_t>(column)];
      text += fmt::format("{}{} = {}", text.empty() ? ", in the row with " : ", ", of.name, shown(target_.decode(row[static_cast<std::size_t>(column)].view(), lower::wire_of(of))));
    }
    return text;
  }

  Result<void> batch(const std::vector<ledger::Key>& rows, const std::vector<std::string>& asked, std::span<const std::size_t> open) {
    std::string question;
    for (std::size_t i = 0; i < open.size(); ++i) {
      auto line = taken(rows[open[i]]);
      if (!line) return line.error();
      question += fmt::format("{{\"row\": {}, \"takes\": {}}}\n", i + 1, *line);
    }
    Result<void> lost;  // the hold on the job
    auto answer = ask(program_, question, [&] {
      if (auto kept = context_.keep_lease(step_.target.source); !kept) lost = kept;
      return !lost || context_.stop.level.load() > 1;
    });
    if (!lost) return lost;
    if (!answer) return answer.error();
    auto given = read_all(answer->text, rows, open);
    if (given) return keep(asked, open, *given);
    Error error = given.error();
    error.detail = answer->told;
    return error;
  }

  // A line for each row, or what is wrong.
  Result<std::vector<std::string>> read_all(std::string_view rest, const std::vector<ledger::Key>& rows, std::span<const std::size_t> open) {
    std::vector<std::string> given;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      if (given.size() == open.size()) return Error{ErrorClass::fatal, fmt::format("`{}` answers with more lines than the {} that it was given", program_.name, open.size()), {}, "it writes one line for each row, and whatever else it has to say to standard error"};
      auto part = read_line(line, given.size() + 1, rows[open[given.size()]]);
      if (!part) return part.error();
      given.push_back(std::move(*part));
    }
    if (given.size() != open.size()) return Error{ErrorClass::fatal, fmt::format("`{}` answers with {} lines for {} rows", program_.name, given.size(), open.size()), {}, "it writes one line for each row, and ends with another exit code than 0 when it cannot"};
    return given;
  }

  // What a line gives, found to be what was promised.
  Result<std::string> read_line(std::string_view line, std::size_t number, const ledger::Key& row) {
    auto read = read_json(line);
    if (const auto* wrong = std::get_if<JsonError>(&read)) return wrong_answer(program_, number, fmt::format("is no JSON: {}: {}", wrong->message, brief(std::string(line))));
    const JsonNode& node = std::get<JsonNode>(read);
    const JsonNode* place = node.kind == JsonKind::object ? member(node, "row") : nullptr;
    const JsonNode* gives = node.kind == JsonKind::object ? member(node, "gives") : nullptr;
    if (!place || !gives || gives->kind != JsonKind::object) return wrong_answer(program_, number, fmt::format("has no `row` and `gives`: {}", brief(std::string(line))));
    if (place->kind != JsonKind::number || place->text != std::to_string(number)) return wrong_answer(program_, number, fmt::format("is of row {}, expected row {}", write_json(*place), number));
    for (const std::string& key : gives->keys)
      if (std::none_of(program_.gives.begin(), program_.gives.end(), [&](const auto& column) { return column.name == key; }))
        return wrong_answer(program_, number, fmt::format("gives `{}`, which the job does not declare", key));
    for (const auto& column : program_.gives) {
      const JsonNode* value = member(*gives, column.name);
      if (!value) return wrong_answer(program_, number, fmt::format("gives no `{}`{}", column.name, of_row(row)));
      if (!value_of(*value, column.type)) return wrong_answer(program_, number, fmt::format("gives {} for `{}`, expected {}{}", brief(write_json(*value)), column.name, check::with_article(column.type), of_row(row)));
    }
    return write_json(*gives);
  }

  Result<void> keep(const std::vector<std::string>& asked, std::span<const std::size_t> open, const std::vector<std::string>& given) {
    fault_point("answered");
    if (auto begun = target_.begin_write(connect::WriteKind::own); !begun) return begun;
    auto insert = target_.prepare(fmt::format("INSERT INTO {} VALUES ({}) ON CONFLICT DO NOTHING", table_, target_.engine() == "postgres" ? "$1, $2" : "?1, ?2"));
    Result<void> sound = insert ? Result<void>() : Result<void>(insert.error());
    for (std::size_t i = 0; i < open.size() && sound; ++i) {
      const connect::RawValue values[] = {{.kind = connect::RawValue::Class::blob, .bytes = asked[open[i]]}, {.kind = connect::RawValue::Class::text, .bytes = given[i]}};
      if (auto added = (*insert)->run_raw(values); !added) sound = added.error();
    }
    if (sound) sound = target_.commit();
    if (!sound && target_.in_transaction()) target_.rollback();
    if (!sound) return sound;
    fault_point("answers_kept");
    for (std::size_t i = 0; i < open.size(); ++i) answers_[asked[open[i]]] = given[i];
    return {};
  }

  Result<void> append(ledger::Key& row, const std::string& given) {
    const auto read = read_json(given);
    const auto* node = std::get_if<JsonNode>(&read);
    for (std::size_t i = 0; i < program_.gives.size(); ++i) {
      const Column& column = kept_.columns[step_.relation->fields.size() + i];
      const JsonNode* part = node ? member(*node, column.name) : nullptr;
      auto value = part ? value_of(*part, program_.gives[i].type) : std::nullopt;
      if (!value) return Error{ErrorClass::fatal, fmt::format("an answer that was kept in `{}` is broken", table_), {}, "drop the table: the program is asked again"};
      std::string arena;
      auto raw = target_.encode(*value, lower::wire_of(column), arena);
      if (!raw) return raw.error();
      row.push_back(ledger::Stored::of(*raw));
    }
    return {};
  }

  void tell(std::size_t answered, std::size_t of) {
    Event staged = context_.event(EventKind::step_staged, step_);
    staged.rows_total = static_cast<std::int64_t>(of);
    staged.rows_done = static_cast<std::int64_t>(answered);
    staged.reason = fmt::format("`{}` has answered for {} of {} rows", program_.name, answered, of);
    context_.tell(staged);
  }

  Context& context_;
  const program::Step& step_;
  const program::OutsideProgram& program_;
  connect::Connector& target_;
  const Table& kept_;
  const std::string table_;
  std::string identity_;
  std::unordered_map<std::string, std::string> answers_;  // by the digest of what was asked; empty: not yet
};

}  // namespace

std::optional<StepEnd> go_through(Context& context, const program::Step& step, std::vector<ledger::Key>& rows) { return Asking(context, step).all(rows); }

Result<void> drop_answers(connect::Connector& target, const program::Program& program, const program::Step& step) {
  return target.execute(fmt::format("DROP TABLE IF EXISTS {}", answers_table(program, step)));
}

}  // namespace bfl::run
