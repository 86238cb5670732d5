// Items other than steps: the job, parameters and their values, modules, functions, and what a source says about columns.
#include <algorithm>

#include "interpreter/check/checker.h"
#include "interpreter/check/column_types.h"
#include "interpreter/check/listed.h"
#include "interpreter/check/sensitive.h"
#include "interpreter/check/visit.h"
#include "interpreter/eval/evaluate.h"

namespace bfl::check {

using program::Parameter;

bool Checker::take_name(NodeId item, Declared declared) {
  const auto [entry, fresh] = names_.emplace(at(item).text, std::move(declared));
  if (fresh) return true;
  error(Code::duplicate_name, at(item).name_span, fmt::format("`{}` is defined already", at(item).text), "give it a name of its own")
      .labels.push_back({at(entry->second.node).name_span, "first here"});
  return false;
}

void Checker::declare() {
  std::vector<NodeId> jobs, programs;
  std::size_t sources = 0, steps = 0;
  for (NodeId item : ast::children(script_, script_.root)) {
    const Within from(origin_, origin_of(item));
    switch (at(item).kind) {
      case NodeKind::job: jobs.push_back(item); break;
      case NodeKind::use: use_module(item); break;
      case NodeKind::param: declare_parameter(item); break;
      case NodeKind::program: programs.push_back(item); break;
      case NodeKind::fn: declare_function(item); break;
      case NodeKind::let:
        if (take_name(item, {.kind = Declared::let, .node = item})) lets_.push_back(item);
        break;
      case NodeKind::source:
        take_name(item, {.kind = Declared::source, .node = item, .index = sources});
        declare_columns(item, static_cast<int>(sources++));
        break;
      case NodeKind::step: {
        if (at(item).word == "test") break;
        const auto [entry, fresh] = steps_.emplace(at(item).text, steps++);
        if (fresh && at(item).word == "snapshot") take_name(item, {.kind = Declared::snapshot, .node = item});
        if (!fresh)
          error(Code::duplicate_name, at(item).name_span, fmt::format("the step `{}` is defined already", at(item).text), "a step's name is its identity in the ledger: give it one of its own");
        break;
      }
      default: break;
    }
  }
  for (NodeId item : programs) {  // whose environment speaks of parameters
    const Within from(origin_, origin_of(item));
    declare_program(item);
  }
  for (NodeId job : jobs) declare_job(job);
  if (jobs.empty())
    error(Code::no_job, {0, 0, script_.source}, "the file declares no job", "begin with `job NAME { why \"what was wrong\" }`");
  else if (jobs.size() > 1)
    error(Code::duplicate_name, at(jobs[1]).name_span, "the file declares two jobs", "write one file for each").labels.push_back({at(jobs[0]).name_span, "first here"});
  check_settings();
}

void Checker::declare_job(NodeId item) {
  if (!program.job.empty()) return;
  program.job = at(item).text;
  program.job_span = at(item).name_span;
  std::vector<std::string_view> seen;
  for (NodeId entry : ast::children(script_, item)) {
    const bool clause = at(entry).kind == NodeKind::clause;
    if (!clause && at(entry).kind != NodeKind::entry) continue;
    const std::string_view word = clause ? at(entry).word : at(entry).text;
    if (std::find(seen.begin(), seen.end(), word) != seen.end()) error(Code::repeated_clause, at(entry).span, fmt::format("`{}` is given twice", word), "leave one of them out");
    seen.push_back(word);
    if (word == "retry" && clause) program.retry = retry(entry);
    else if (word == "approve" && clause) program.approval = approval(entry);
    else if (word == "rollback" && clause) program.rollback = rollback(entry);
    else if (word == "promote" && clause) program.promotion = promotion(entry);
    else if (word == "atomic" && clause) program.atomic = {.span = at(entry).span};
    else if (clause) program.pace = pace(entry);
    if (clause) continue;
    std::string* place = word == "owner" ? &program.owner : word == "ticket" ? &program.ticket : word == "why" ? &program.why : word == "runbook" ? &program.runbook : nullptr;
    if (word == "expires") {
      program.expires_span = at(at(entry).first_child).span;
      const auto end = constant(at(entry).first_child, {Kind::timestamp}, "`expires`");
      if (end && *end && (*end)->kind == ExprKind::literal) program.expires = (*end)->value.as<Timestamp>();
      continue;
    }
    ExprPtr value = expression(at(entry).first_child);
    if (!value || !place) continue;
    if (value->kind == ExprKind::literal && value->type.kind == Kind::text) *place = value->value.as<std::string>();
    else error(Code::not_constant, at(at(entry).first_child).span, fmt::format("`{}` is a text, found {}", word, with_article(value->type)), fmt::format("write `{} \"…\"`", word));
  }
}

void Checker::use_module(NodeId item) {
  const std::string_view written = at(item).text;
  std::string_view name = written;
  if (name.starts_with("std.")) name.remove_prefix(4);
  for (const std::string& known : library_.modules())
    if (name == known) return;  // its functions are in sight anyway: the line tells the reader where they come from
  std::vector<std::string> known;
  for (const std::string& module : library_.modules()) known.push_back("std." + module);
  std::string help = did_you_mean(written, known);
  if (help.empty()) {
    help = "the modules are";
    for (const std::string& module : known) help += fmt::format("{} `{}`", &module == known.data() ? "" : ",", module);
  }
  error(Code::unknown_module, at(item).name_span, fmt::format("unknown module `{}`", written), std::move(help));
}

void Checker::declare_function(NodeId item) {
  if (at(item).flags & ast::flag::native) {
    error(Code::not_supported, at(item).name_span, "a native function belongs to the library", "write its body: `fn … = EXPRESSION`");
    return;
  }
  auto function = read_function(script_, item, {}, diagnostics_);
  if (aggregate_named(at(item).text) || at(item).text == "now" || at(item).text == "error") {
    error(Code::duplicate_name, at(item).name_span, fmt::format("`{}` is a function of the language", at(item).text), "give yours another name");
    return;
  }
  if (!function) {
    functions_[at(item).text];  // its calls stay silent
    return;
  }
  auto& all = functions_[function->name];
  const std::string mine = signature(function->name, parameter_types(*function));
  for (const Function& other : all)
    if (signature(other.name, parameter_types(other)) == mine) {
      error(Code::duplicate_name, at(item).name_span, fmt::format("`{}` is defined already", mine), "give one of them another name").labels.push_back({at(other.node).name_span, "first here"});
      return;
    }
  all.push_back(std::move(*function));
}

// The value of an expression that must be known before any row is read.
namespace {

// Written out in the script.
bool is_document(const Expr& expr) {
  const bool written = expr.kind == ExprKind::literal || expr.kind == ExprKind::object || expr.kind == ExprKind::array || expr.kind == ExprKind::convert || (expr.kind == ExprKind::call && expr.native->name == "to_json");
  return written && std::all_of(expr.args.begin(), expr.args.end(), [](const ExprPtr& part) { return is_document(*part); });
}

}  // namespace

std::optional<ExprPtr> Checker::constant(NodeId node, const Type& type, std::string_view what) {
  ExprPtr value = expression(node);
  if (!value) return std::nullopt;
  bool secret = false;
  for_each(*value, [&](const Expr& part) { secret |= part.secret; });
  if (secret) {
    error(Code::secret_kept, at(node).span, fmt::format("{} would be a secret that nothing marks as one", what), "use the secret parameter itself, where it is needed");
    return std::nullopt;
  }
  if (!distance(value->type, type)) {
    error(Code::type_mismatch, at(node).span, fmt::format("{} is {}, expected {}", what, with_article(value->type), with_article(type)));
    return std::nullopt;
  }
  if (value->type.nullable && !type.nullable) {
    error(Code::type_mismatch, at(node).span, fmt::format("{} is null, expected {}", what, with_article(type)), fmt::format("declare `{}?`", to_string(type)));
    return std::nullopt;
  }
  if (value->kind == ExprKind::array && std::all_of(value->args.begin(), value->args.end(), [](const ExprPtr& item) { return item->kind == ExprKind::literal; })) {
    std::vector<Value> items;
    for (const ExprPtr& item : value->args) items.push_back(widened(item->value, *type.element));
    return constant_of(Array{std::make_shared<const std::vector<Value>>(std::move(items))}, type, at(node).span);
  }
  value = convert(std::move(value), type);
  if (value && value->kind == ExprKind::clock) return value;  // frozen when the run first starts
  if (value && type.kind == Kind::json && is_document(*value))
    if (auto document = eval::constant(value, eval::Context{}); std::holds_alternative<Value>(document)) return constant_of(std::get<Value>(std::move(document)), type, at(node).span);
  if (value && value->kind != ExprKind::literal) {
    error(Code::not_constant, at(node).span, fmt::format("{} is computed, expected a literal", what), "write the value itself");
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> Checker::whole_number(NodeId node, std::string_view what, std::int64_t least, std::int64_t most) {
  if (node == ast::no_node) return std::nullopt;
  const Within no_scope(scope_, static_cast<Scope*>(nullptr));
  const NodeKind kind = at(node).kind;
  const bool plain = kind == NodeKind::integer || kind == NodeKind::unary || (kind == NodeKind::name && names_.contains(at(node).text) && names_.at(at(node).text).kind == Declared::parameter);
  if (!plain) {
    error(Code::not_constant, at(node).span, fmt::format("{} must be known before the run, found `{}`", what, slice(at(node).span)), "write a number, or a parameter of type int");
    return std::nullopt;
  }
  auto value = constant(node, {Kind::integer}, what);
  if (!value || !*value) return std::nullopt;
  const std::int64_t number = (*value)->value.as<std::int64_t>();
  if (number < least || number > most) {
    error(Code::value_out_of_range, at(node).span, fmt::format("{} of {}, expected {}", what, number, most >= INT64_MAX - 1 ? fmt::format("{} or more", least) : fmt::format("{} to {}", least, most)),
          most >= INT64_MAX - 1 ? fmt::format("write {}, or more", least) : "write a number of that range");
    return std::nullopt;
  }
  return number;
}

void Checker::declare_parameter(NodeId item) {
  Declared declared{.kind = Declared::parameter, .node = item, .index = program.parameters.size()};
  Parameter made{.name = std::string(at(item).text), .span = at(item).name_span};
  const NodeId type_node = ast::child(script_, item, NodeKind::type);
  const auto type = type_node == ast::no_node ? std::nullopt : read_type(script_, type_node, diagnostics_);
  NodeId written = ast::no_node;
  for (NodeId part : ast::children(script_, item))
    if (part != type_node) written = part;
  made.secret = (at(item).flags & ast::flag::secret) != 0;
  if (type && made.secret) {
    made.type = *type;
    made.given = settings_.parameters.contains(made.name);
    declared.value = secret_value(made.name, *type, written, made.span);
    if (declared.value) made.value = declared.value->value;
  } else if (type) {
    made.type = *type;
    const auto given = settings_.parameters.find(made.name);
    std::optional<ExprPtr> fallback;
    if (written != ast::no_node) fallback = constant(written, *type, fmt::format("the default of `{}`", made.name));
    if (given != settings_.parameters.end()) {
      Parsed parsed = parse_value(given->second, *type);
      made.given = true;
      if (!parsed.error.empty()) error(Code::invalid_literal, made.span, fmt::format("--set {}: {}", made.name, parsed.error));
      else declared.value = constant_of(std::move(parsed.value), *type, made.span);
    } else if (fallback) {
      declared.value = *fallback;
    } else if (written == ast::no_node) {
      error(Code::missing_parameter, made.span, fmt::format("the parameter `{}` has no value", made.name), fmt::format("give it: `--set {}=…`", made.name));
    }
    if (declared.value) made.value = declared.value->value;
    made.is_clock = declared.value && declared.value->kind == ExprKind::clock;
  }
  if (take_name(item, std::move(declared))) program.parameters.push_back(std::move(made));
}

void Checker::check_settings() {
  std::vector<std::string> known;
  for (const Parameter& parameter : program.parameters) known.push_back(parameter.name);
  for (const auto& [name, value] : settings_.parameters) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    if (const auto found = names_.find(name); found != names_.end() && found->second.kind == Declared::parameter) continue;
    std::string help = did_you_mean(name, known);
    error(Code::unknown_parameter, program.job_span, fmt::format("--set {}: the job has no such parameter", name), help.empty() && known.empty() ? "it declares none" : std::move(help));
  }
}

// `column orders.note: json`: what the catalogue is too weak to say. The stored format is kept.
void Checker::declare_columns(NodeId source, int index) {
  if (static_cast<std::size_t>(index) >= program.catalogues.size() || !known(static_cast<std::size_t>(index))) return;
  Catalogue& catalogue = program.catalogues[static_cast<std::size_t>(index)];
  for (NodeId item : ast::children(script_, source)) {
    if (at(item).kind != NodeKind::column_decl) continue;
    const std::string_view path = at(item).text;
    const auto dot = path.rfind('.');
    const auto bare = [](std::string_view part) { return part.size() > 1 && part.front() == '`' && part.back() == '`' ? part.substr(1, part.size() - 2) : part; };
    if (dot == std::string_view::npos) {
      error(Code::unknown_column, at(item).name_span, fmt::format("`{}` names no column of a table", path),
            (at(item).flags & ast::flag::secret) != 0 ? "write `sensitive TABLE.COLUMN`" : "write `column TABLE.COLUMN: TYPE`");
      continue;
    }
    const std::string_view table_name = bare(path.substr(0, dot)), name = bare(path.substr(dot + 1));
    const auto found = std::find_if(catalogue.tables.begin(), catalogue.tables.end(), [&](const Table& candidate) { return candidate.name == table_name; });
    if (found == catalogue.tables.end()) {
      std::vector<std::string> known;
      for (const Table& candidate : catalogue.tables) known.push_back(candidate.name);
      std::string help = did_you_mean(table_name, known);
      if (help.empty()) help = known.empty() ? "it has no tables" : listed("its tables are", known);
      error(Code::unknown_table, at(item).name_span, fmt::format("`{}` has no table `{}`", at(source).text, table_name), std::move(help));
      continue;
    }
    const int c = found->column_index(std::string(name));
    if (c < 0) {
      std::vector<std::string> known;
      for (const Column& candidate : found->columns) known.push_back(candidate.name);
      std::string help = did_you_mean(name, known);
      if (help.empty()) help = listed("its columns are", known);
      error(Code::unknown_column, at(item).name_span, fmt::format("`{}` has no column `{}`", table_name, name), std::move(help));
      continue;
    }
    Column& column = found->columns[static_cast<std::size_t>(c)];
    if ((at(item).flags & ast::flag::secret) != 0) column.sensitive = some_sensitive_ = true;
    const NodeId type_node = ast::child(script_, item, NodeKind::type);
    if (type_node == ast::no_node) continue;
    if (const auto type = read_type(script_, type_node, diagnostics_)) {
      const std::string wrong = catalogue.engine == "csv"        ? declare_field(column, *type)
                                : catalogue.engine == "postgres" ? declare_in_postgres(column, *type)
                                                                 : declare_type(column, *type);
      if (!wrong.empty()) error(Code::untyped_column, at(type_node).span, fmt::format("`{}` cannot be read as {}", path, to_string(type->with_null(false))), wrong);
    }
  }
  mark_references(catalogue);
}

void Checker::report_unused() {
  if (diagnostics_.has_errors()) return;  // a mistake may hide the use
  for (std::size_t i = 0; i < program.catalogues.size(); ++i)
    if (!known(i)) return;  // and so may what was left unread
  for (const auto& parameter : program.parameters)
    if (!names_.at(parameter.name).used) warning(Code::unused_name, parameter.span, fmt::format("the parameter `{}` is never used", parameter.name), "leave it out, or use it where it was meant");
  for (NodeId let : lets_)
    if (!names_.at(at(let).text).used) warning(Code::unused_name, at(let).name_span, fmt::format("the relation `{}` is never used", at(let).text), "leave it out, or use it where it was meant");
  for (const auto& [name, declared] : names_)
    if (declared.kind == Declared::program && !declared.used)
      warning(Code::unused_name, script_[declared.node].name_span, fmt::format("the program `{}` is never used", name), "leave it out, or use it: `snapshot NAME = … through " + std::string(name) + "(…)`");
    else if (declared.kind == Declared::snapshot && !declared.used)
      warning(Code::unused_name, script_[declared.node].name_span, fmt::format("the relation `{}` is never used", name), "leave it out, or use it where it was meant");
  for (NodeId item : ast::children(script_, script_.root))
    if (const auto own = at(item).kind == NodeKind::fn && at(item).span.file == script_.source ? functions_.find(at(item).text) : functions_.end(); own != functions_.end())
      for (const Function& function : own->second)
        if (function.node == item && !called_[&function]) warning(Code::unused_name, at(function.node).name_span, fmt::format("the function `{}` is never used", function.name), "leave it out, or use it where it was meant");
}

}  // namespace bfl::check
