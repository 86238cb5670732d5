// Programs of the user's, and the rows that go through them.
#include <algorithm>
#include <cstdlib>

#include "interpreter/base/digest.h"
#include "interpreter/check/checker.h"
#include "interpreter/check/visit.h"
#include "interpreter/syntax/parse.h"

namespace bfl::check {

using program::OutsideProgram;
using program::Through;

namespace {

constexpr std::int64_t most_rows = 100'000, longest_call_s = 24 * 60 * 60;

// Of what a program takes and gives: whatever a line of JSON says without loss.
bool goes_through(const Type& type, bool gives) {
  switch (type.kind) {
    case Kind::boolean: case Kind::integer: case Kind::decimal: case Kind::text: case Kind::date: case Kind::timestamp: case Kind::uuid: case Kind::json: case Kind::floating: return true;
    case Kind::array: return !gives && type.element && goes_through(*type.element, false);
    case Kind::null: return !gives;
    case Kind::bytes: case Kind::duration: break;
  }
  return false;
}

bool plain_name(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; });
}

}  // namespace

// A file of the job's folder: its content is a part of what the program is.
bool Checker::add_file(OutsideProgram& made, std::string_view path, Span span, Hasher& content) {
  std::string_view rest = path;
  if (rest.starts_with("./")) rest.remove_prefix(2);
  const std::string whole = "/" + std::string(rest) + "/";
  if (rest.empty() || rest.front() == '/' || whole.find("/../") != std::string::npos || rest.find('\0') != std::string_view::npos) {
    error(Code::program_unsaid, span, fmt::format("`{}` is no file of the job's folder", path), "name it by its path from there: `./house_hash.py`");
    return false;
  }
  made.files.emplace_back(rest);
  content.field(rest);
  if (!settings_.file_digest) return true;
  auto digest = settings_.file_digest((settings_.job_directory.empty() ? "" : settings_.job_directory + "/") + std::string(rest));
  if (!digest) {
    error(Code::program_unsaid, span, digest.error().message, "a program is made of files in the job's folder, which are there when the job is checked");
    return false;
  }
  content.field(as_bytes(*digest));
  return true;
}

void Checker::declare_program(NodeId item) {
  if (!take_name(item, {.kind = Declared::program, .node = item, .index = programs_.size()})) return;
  programs_.push_back(nullptr);
  const std::size_t errors = diagnostics_.errors();
  auto made = std::make_shared<OutsideProgram>();
  made->name = at(item).text;
  made->folder = settings_.job_directory.empty() ? "." : settings_.job_directory;
  Hasher content;
  const std::string example = fmt::format("write `program {} = [\"python3\", \"./{}.py\"] {{ gives NAME: TYPE }}`", made->name, made->name);
  std::vector<std::string_view> seen;
  for (NodeId part : ast::children(script_, item)) {
    switch (at(part).kind) {
      case NodeKind::column_decl: {
        const NodeId type_node = ast::child(script_, part, NodeKind::type);
        const auto type = type_node == ast::no_node ? std::nullopt : read_type(script_, type_node, diagnostics_);
        if (!type) break;
        if (!goes_through(*type, true)) error(Code::type_mismatch, at(type_node).span, fmt::format("a program cannot give {}", with_article(*type)), "it answers in JSON: let it give a `text`, and read that");
        if (std::any_of(made->gives.begin(), made->gives.end(), [&](const auto& column) { return column.name == at(part).text; }))
          error(Code::duplicate_name, at(part).name_span, fmt::format("`{}` is given twice", at(part).text), "leave one of them out");
        made->gives.push_back({std::string(at(part).text), *type});
        break;
      }
      case NodeKind::assign: program_variable(*made, part); break;
      case NodeKind::entry:
        if (at(part).text != "file" && std::find(seen.begin(), seen.end(), at(part).text) != seen.end()) error(Code::repeated_clause, at(part).span, fmt::format("`{}` is given twice", at(part).text), "leave one of them out");
        seen.push_back(at(part).text);
        program_entry(*made, part, content);
        break;
      case NodeKind::array:
        for (NodeId word : ast::children(script_, part)) {
          const auto text = at(word).kind == NodeKind::string ? syntax::string_content(script_, word, diagnostics_) : std::nullopt;
          if (at(word).kind != NodeKind::string) error(Code::not_constant, at(word).span, "the words of a command stand in the script, as texts", "what is not to be seen goes in through `env NAME = …`");
          if (!text) continue;
          if (text->find('\0') != std::string::npos) error(Code::invalid_literal, at(word).span, "a word of a command cannot hold a zero byte");
          else if (!text->starts_with("./") || add_file(*made, *text, at(word).span, content)) made->words.push_back(*text);
        }
        break;
      default: error(Code::not_constant, at(part).span, "a command is a list of texts", example);
    }
  }
  if (diagnostics_.errors() != errors) return;
  if (made->words.empty() || made->words[0].empty()) error(Code::program_unsaid, at(item).name_span, fmt::format("`{}` has no command", made->name), example);
  else if (made->files.empty())
    error(Code::program_unsaid, at(item).name_span, fmt::format("nothing says which program `{}` is", made->name), "name its file in the job's folder, `./NAME`: another content is another piece of work");
  if (made->gives.empty()) error(Code::program_unsaid, at(item).name_span, fmt::format("`{}` gives nothing", made->name), "say what comes back: `gives NAME: TYPE`");
  if (diagnostics_.errors() != errors) return;
  made->content = hex(content.finish());
  programs_.back() = std::move(made);
}

void Checker::program_entry(OutsideProgram& made, NodeId entry, Hasher& content) {
  const std::string_view word = at(entry).text;
  const NodeId value = at(entry).first_child;
  if (word == "file") {
    const auto path = at(value).kind == NodeKind::string ? syntax::string_content(script_, value, diagnostics_) : std::nullopt;
    if (path) add_file(made, *path, at(value).span, content);
    else if (at(value).kind != NodeKind::string) error(Code::not_constant, at(value).span, "a file is named by a text", "write `file \"./keys.txt\"`");
  } else if (word == "batch") {
    made.batch_rows = whole_number(value, "a batch", 1, most_rows).value_or(made.batch_rows);
  } else if (word == "within") {
    const auto limit = constant(value, {Kind::duration}, "`within`");
    if (!limit || !*limit) return;
    made.limit = (*limit)->value.as<Duration>();
    if (made.limit.micros < 1'000 || made.limit.micros > longest_call_s * 1'000'000) error(Code::value_out_of_range, at(value).span, "a call takes from 1ms to 24h", "write `within 30s`");
  } else {
    error(Code::unknown_clause, at(entry).name_span, fmt::format("a program has no `{}`", word), did_you_mean(word, {"gives", "env", "within", "batch", "file"}));
  }
}

// `env KEY = key`: a text of the script, a parameter, which may be a secret, or a variable that bfl itself has.
void Checker::program_variable(OutsideProgram& made, NodeId node) {
  OutsideProgram::Variable variable{.name = std::string(at(node).text), .value = {}, .shown = {}};
  const NodeId value = at(node).first_child;
  if (!plain_name(variable.name)) error(Code::invalid_literal, at(node).name_span, fmt::format("`{}` is no name of an environment variable", variable.name), "it is made of letters, digits and `_`");
  if (std::any_of(made.environment.begin(), made.environment.end(), [&](const auto& known) { return known.name == variable.name; }))
    error(Code::duplicate_name, at(node).name_span, fmt::format("`{}` is set twice", variable.name), "leave one of them out");
  if (at(value).kind == NodeKind::call && at(value).text == "env") {
    const NodeId argument = at(value).first_child;
    const auto name = argument != ast::no_node && at(argument).kind == NodeKind::string ? syntax::string_content(script_, argument, diagnostics_) : std::nullopt;
    if (!name) return void(error(Code::wrong_arguments, at(value).span, "`env` takes the name of a variable", "write `env(\"NAME\")`"));
    const char* held = std::getenv(name->c_str());
    if (!held) return void(error(Code::environment_missing, at(argument).span, fmt::format("the environment variable `{}` is not set", *name), "set it where the job runs"));
    variable.value = held;
    variable.shown = fmt::format("env(\"{}\")", *name);
    variable.ambient = true;
  } else {
    const ExprPtr given = expression(value);
    if (!given) return;
    if (given->kind != ExprKind::literal || given->type.kind != Kind::text || given->value.is_null())
      return void(error(Code::not_constant, at(value).span, fmt::format("`{}` is set to {}, expected a text, a parameter of type text, or `env(\"NAME\")`", variable.name, with_article(given->type)), "a secret comes in as a `secret text`"));
    variable.value = given->value.as<std::string>();
    variable.secret = given->secret;
    variable.shown = given->secret ? "***" : to_literal(given->value);
  }
  if (variable.value.find('\0') != std::string::npos) error(Code::invalid_literal, at(value).span, "the value of an environment variable cannot hold a zero byte");
  made.environment.push_back(std::move(variable));
}

// `through reseal(id, token)`: the columns of the snapshot that the program is shown.
std::optional<Through> Checker::through(NodeId clause, const Block& block) {
  const NodeId written = at(clause).first_child;
  const std::string example = "write `through PROGRAM(COLUMN, …)`";
  if (written == ast::no_node || at(written).kind != NodeKind::call || at(written).first_child == ast::no_node) {
    error(Code::program_unsaid, at(clause).span, "which program, and which columns does it see?", example);
    return std::nullopt;
  }
  const auto named = names_.find(at(written).text);
  if (named == names_.end() || named->second.kind != Declared::program) {
    std::vector<std::string> known;
    for (const auto& [name, declared] : names_)
      if (declared.kind == Declared::program) known.emplace_back(name);
    std::sort(known.begin(), known.end());
    std::string help = did_you_mean(at(written).text, known);
    error(Code::unknown_name, at(written).name_span, fmt::format("`{}` is no program of the job", at(written).text), help.empty() ? fmt::format("declare it: `program {} = [\"python3\", \"./{}.py\"] {{ gives NAME: TYPE }}`", at(written).text, at(written).text) : std::move(help));
    return std::nullopt;
  }
  named->second.used = true;
  Through made{.program = programs_[named->second.index], .takes = {}, .span = at(clause).span};
  if (!made.program) return std::nullopt;
  const auto& fields = block.relation->fields;
  const std::size_t errors = diagnostics_.errors();
  for (NodeId column : ast::children(*file_, written)) {
    const auto found = std::find_if(fields.begin(), fields.end(), [&](const auto& field) { return at(column).kind == NodeKind::name && field.name == at(column).text; });
    if (found == fields.end()) {
      std::vector<std::string> known;
      for (const auto& field : fields) known.push_back(field.name);
      std::string help = did_you_mean(at(column).text, known);
      error(Code::unknown_column, at(column).span, fmt::format("`{}` is no column of the snapshot", slice(at(column).span)), help.empty() ? "a program sees columns that the snapshot keeps: say them with `keep { … }`" : std::move(help));
      continue;
    }
    if (!goes_through(found->expr->type, false))
      error(Code::type_mismatch, at(column).span, fmt::format("`{}` is {}, which a line of JSON cannot say", found->name, with_article(found->expr->type)), "keep it as a text: `keep { x = base64(x) }`");
    made.takes.push_back(static_cast<int>(found - fields.begin()));
  }
  for (const auto& given : made.program->gives)
    if (std::any_of(fields.begin(), fields.end(), [&](const auto& field) { return field.name == given.name; }))
      error(Code::duplicate_name, at(written).span, fmt::format("`{}` gives `{}`, which the snapshot has already", made.program->name, given.name), fmt::format("keep the column under another name: `keep {{ before = {} }}`", given.name));
  return diagnostics_.errors() == errors ? std::optional(std::move(made)) : std::nullopt;
}

}  // namespace bfl::check
