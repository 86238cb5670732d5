#include "interpreter/run/through.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <unordered_set>

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

  std::optional<StepEnd> all(RowSpool& rows) {
    if (auto known = read_known(); !known) return context_.fail(step_, known.error(), "nothing was kept");
    std::optional<StepEnd> end;
    std::int64_t passed = 0;
    auto read = rows.each([&](connect::RawRow row) {
      ++passed;
      if (auto added = want(row); !added) end = failed(added.error());
      else if (open_.size() >= static_cast<std::size_t>(program_.batch_rows)) end = ask_open(passed, rows.rows());
      return !end;
    });
    if (!end && !read) end = failed(read.error());
    if (!end && !open_.empty()) end = ask_open(passed, rows.rows());
    if (end) return end;
    RowSpool whole;
    read = rows.each([&](connect::RawRow row) {
      if (auto added = add_answered(row, whole); !added) end = failed(added.error());
      return !end;
    });
    if (!end && !read) end = failed(read.error());
    rows = std::move(whole);
    return end;
  }

 private:
  // A row without an answer; of those that look the same the first.
  struct Open {
    std::string asked, line;  // the digest of what is asked, and that
    ledger::Key row;
  };

  StepEnd failed(const Error& error) { return context_.fail(step_, Code::program_failed, error, answers_stay); }

  // What an answer depends on beside the row.
  const std::string& identity() {
    if (!identity_.empty()) return identity_;
    Hasher hasher;
    hasher.field(program::meaning(step_, context_.program));
    return identity_ = hex(hasher.finish());
  }

  // The digests come in no order: an index of them (of half of each, which is enough to tell them apart) is kept here, and none in the
  // database, where it would be written anew with each batch.
  Result<void> read_known() {
    const bool postgres = target_.engine() == "postgres";
    auto made = target_.execute(fmt::format("CREATE TABLE IF NOT EXISTS {} (asked {} NOT NULL, given TEXT NOT NULL)", table_, postgres ? "BYTEA" : "BLOB"));
    if (!made) return made;
    auto scratch = connect::open_scratch();
    if (!scratch) return scratch.error();
    scratch_ = std::move(*scratch);
    // Gone with this process anyway.
    for (const char* setting : {"PRAGMA journal_mode = OFF", "PRAGMA cache_size = -12288"})
      if (auto set = scratch_->execute(setting); !set) return set;
    if (auto begun = scratch_->begin_read(); !begun) return begun;
    made = scratch_->execute("CREATE TABLE answers (asked BLOB PRIMARY KEY, given TEXT NOT NULL) WITHOUT ROWID");
    if (!made) return made;
    auto known = scratch_->prepare("INSERT OR IGNORE INTO answers VALUES (substr(?1, 1, 16), ?2)");
    auto answer = scratch_->prepare("SELECT given FROM answers WHERE asked = substr(?1, 1, 16)");
    if (!known || !answer) return known ? answer.error() : known.error();
    known_ = std::move(*known);
    answer_ = std::move(*answer);
    lower::Statement all;
    all.text = fmt::format("SELECT asked, given FROM {}", table_);
    all.many = true;
    auto select = target_.prepare(all, eval::Context{});
    if (!select) return select.error();
    Result<void> sound;
    auto read = (*select)->query_raw({}, [&](connect::RawRow row) {
      if (auto added = known_->run_raw(row); !added) sound = added.error();
      return bool(sound);
    });
    return read ? sound : read;
  }

  Result<std::optional<std::string>> answer_to(const std::string& asked) {
    std::optional<std::string> given;
    const connect::RawValue key{.kind = connect::RawValue::Class::blob, .bytes = asked};
    auto read = answer_->query_raw({&key, 1}, [&](connect::RawRow row) {
      given = row[0].bytes;
      return false;
    });
    if (!read) return read.error();
    return given;
  }

  // The digest of what is asked of a row, and that.
  Result<std::pair<std::string, std::string>> question(connect::RawRow row) {
    auto line = taken(row);
    if (!line) return line.error();
    std::string asked(as_bytes(sha256(identity() + *line)));
    return std::pair(std::move(asked), std::move(*line));
  }

  Result<void> want(connect::RawRow row) {
    auto question = this->question(row);
    if (!question) return question.error();
    if (asking_.contains(question->first)) return {};
    auto known = answer_to(question->first);
    if (!known) return known.error();
    if (*known) return {};
    asking_.insert(question->first);
    open_.push_back({std::move(question->first), std::move(question->second), ledger::key_of(row, row.size())});
    return {};
  }

  std::optional<StepEnd> ask_open(std::int64_t passed, std::int64_t of) {
    if (auto end = context_.pause(step_, step_.target.source)) return end;
    if (auto done = batch(); !done) return failed(done.error());
    open_.clear();
    asking_.clear();
    tell(passed, of);
    return std::nullopt;
  }

  Result<void> add_answered(connect::RawRow row, RowSpool& whole) {
    auto question = this->question(row);
    if (!question) return question.error();
    auto given = answer_to(question->first);
    if (!given) return given.error();
    if (!*given) return Error{ErrorClass::fatal, fmt::format("an answer that was kept in `{}` is gone", table_), {}, "run again: the program is asked again"};
    ledger::Key made = ledger::key_of(row, row.size());
    if (auto put = append(made, **given); !put) return put;
    return whole.add(ledger::views(made));
  }

  // What the program is shown of a row.
  Result<std::string> taken(connect::RawRow row) {
    std::string text = "{";
    for (const int field : step_.through->takes) {
      const Column& column = kept_.columns[static_cast<std::size_t>(field)];
      auto value = target_.decode(row[static_cast<std::size_t>(field)], lower::wire_of(column));
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

  std::string of_row(connect::RawRow row) {
    if (kept_.keys.empty()) return {};
    std::string text;
    for (const int column : kept_.keys[0].columns) {
      const Column& of = kept_.columns[static_cast<std::size_t>(column)];
      text += fmt::format("{}{} = {}", text.empty() ? ", in the row with " : ", ", of.name, shown(target_.decode(row[static_cast<std::size_t>(column)], lower::wire_of(of))));
    }
    return text;
  }

  Result<void> batch() {
    std::string question;
    for (std::size_t i = 0; i < open_.size(); ++i) question += fmt::format("{{\"row\": {}, \"takes\": {}}}\n", i + 1, open_[i].line);
    Result<void> lost;  // the hold on the job
    auto answer = ask(program_, question, [&] {
      if (auto kept = context_.keep_lease(step_.target.source); !kept) lost = kept;
      return !lost || context_.stop.level.load() > 1;
    });
    if (!lost) return lost;
    if (!answer) return answer.error();
    auto given = read_all(answer->text);
    if (given) return keep(*given);
    Error error = given.error();
    error.detail = answer->told;
    return error;
  }

  // A line for each row, or what is wrong.
  Result<std::vector<std::string>> read_all(std::string_view rest) {
    std::vector<std::string> given;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
      if (given.size() == open_.size()) return Error{ErrorClass::fatal, fmt::format("`{}` answers with more lines than the {} that it was given", program_.name, open_.size()), {}, "it writes one line for each row, and whatever else it has to say to standard error"};
      auto part = read_line(line, given.size() + 1, open_[given.size()].row);
      if (!part) return part.error();
      given.push_back(std::move(*part));
    }
    if (given.size() != open_.size()) return Error{ErrorClass::fatal, fmt::format("`{}` answers with {} lines for {} rows", program_.name, given.size(), open_.size()), {}, "it writes one line for each row, and ends with another exit code than 0 when it cannot"};
    return given;
  }

  // What a line gives, found to be what was promised.
  Result<std::string> read_line(std::string_view line, std::size_t number, const ledger::Key& of) {
    const std::vector<connect::RawValue> row = ledger::views(of);
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

  Result<void> keep(const std::vector<std::string>& given) {
    fault_point("answered");
    if (auto begun = target_.begin_write(connect::WriteKind::own); !begun) return begun;
    auto insert = target_.prepare(fmt::format("INSERT INTO {} VALUES ({}) ON CONFLICT DO NOTHING", table_, target_.engine() == "postgres" ? "$1, $2" : "?1, ?2"));
    Result<void> sound = insert ? Result<void>() : Result<void>(insert.error());
    for (std::size_t i = 0; i < open_.size() && sound; ++i)
      if (auto added = (*insert)->run_raw(pair_of(open_[i].asked, given[i])); !added) sound = added.error();
    if (sound) sound = target_.commit();
    if (!sound && target_.in_transaction()) target_.rollback();
    if (!sound) return sound;
    fault_point("answers_kept");
    for (std::size_t i = 0; i < open_.size() && sound; ++i)
      if (auto added = known_->run_raw(pair_of(open_[i].asked, given[i])); !added) sound = added.error();
    return sound;
  }

  static std::array<connect::RawValue, 2> pair_of(const std::string& asked, const std::string& given) {
    return {{{.kind = connect::RawValue::Class::blob, .bytes = asked}, {.kind = connect::RawValue::Class::text, .bytes = given}}};
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

  void tell(std::int64_t answered, std::int64_t of) {
    Event staged = context_.event(EventKind::step_staged, step_);
    staged.rows_total = of;
    staged.rows_done = answered;
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
  std::unique_ptr<connect::Connector> scratch_;        // all answers, by the digest of what was asked
  std::unique_ptr<connect::Prepared> known_, answer_;
  std::vector<Open> open_;                             // of the batch that is next
  std::unordered_set<std::string> asking_;             // their digests
};

}  // namespace

std::optional<StepEnd> go_through(Context& context, const program::Step& step, RowSpool& rows) { return Asking(context, step).all(rows); }

Result<void> drop_answers(connect::Connector& target, const program::Program& program, const program::Step& step) {
  return target.execute(fmt::format("DROP TABLE IF EXISTS {}", answers_table(program, step)));
}

}  // namespace bfl::run
