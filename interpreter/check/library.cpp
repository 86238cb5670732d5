#include "interpreter/check/library.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

#include "interpreter/syntax/parse.h"

namespace bfl::check {

namespace {

struct Module {
  const char* name;
  const char* text;
};
constexpr Module embedded[] = {
#include "embedded_modules.inc"
};

void count_uses(const ast::File& file, ast::NodeId node, Function& function) {
  if (file[node].kind == ast::NodeKind::name)
    for (FunctionParameter& parameter : function.parameters) parameter.uses += parameter.name == file[node].text;
  for (ast::NodeId child : ast::children(file, node)) count_uses(file, child, function);
}

}  // namespace

std::vector<Type> parameter_types(const Function& function) {
  std::vector<Type> types;
  for (const auto& parameter : function.parameters) types.push_back(parameter.type);
  return types;
}

std::string shown(const Function& function) {
  std::string text(function.name);
  text += '(';
  for (const auto& parameter : function.parameters)
    text += fmt::format("{}{}: {}", &parameter == function.parameters.data() ? "" : ", ", parameter.name, to_string(parameter.type));
  return text + ") -> " + to_string(function.result);
}

std::optional<Type> read_type(const ast::File& file, ast::NodeId node, Diagnostics& diagnostics) {
  const ast::Node& type = file[node];
  Type result;
  if (const ast::NodeId element = ast::child(file, node, ast::NodeKind::type); element != ast::no_node) {
    auto inner = read_type(file, element, diagnostics);
    if (!inner) return std::nullopt;
    result = array_of(*inner);
  } else {
    const auto kind = kind_named(type.text);
    if (!kind) {
      std::vector<std::string> known;
      for (int k = static_cast<int>(Kind::boolean); k < static_cast<int>(Kind::array); ++k) known.emplace_back(kind_name(static_cast<Kind>(k)));
      std::string meant = nearest(type.text, known);
      for (const auto& [habit, ours] : {std::pair{"integer", "int"}, {"bigint", "int"}, {"boolean", "bool"}, {"string", "text"}, {"varchar", "text"},
                                        {"str", "text"}, {"double", "float"}, {"real", "float"}, {"numeric", "decimal"}, {"number", "decimal"},
                                        {"datetime", "timestamp"}, {"blob", "bytes"}, {"interval", "duration"}, {"jsonb", "json"}})
        if (type.text == habit) meant = ours;
      diagnostics.error(Code::unknown_type, type.span, fmt::format("unknown type `{}`", type.text),
                        meant.empty() ? "the types are int, decimal, float, bool, text, bytes, date, timestamp, duration, uuid, json and arrays like [int]"
                                      : fmt::format("did you mean `{}`?", meant));
      return std::nullopt;
    }
    result.kind = *kind;
    result.nullable = (type.flags & ast::flag::element_nullable) != 0;
    if (type.flags & ast::flag::array) result = array_of(result);
  }
  result.nullable = (type.flags & ast::flag::nullable) != 0;
  return result;
}

std::optional<Function> read_function(const ast::File& file, ast::NodeId fn, std::string_view module, Diagnostics& diagnostics) {
  constexpr std::size_t most_parameters = 200;
  Function function{.file = &file, .node = fn, .name = file[fn].text, .module = module, .native = (file[fn].flags & ast::flag::native) != 0};
  bool good = true, has_result = false;
  for (ast::NodeId child : ast::children(file, fn)) {
    if (file[child].kind == ast::NodeKind::fn_param) {
      if (function.parameters.size() == most_parameters) {
        diagnostics.error(Code::wrong_arguments, file[child].name_span, fmt::format("`{}` has more than {} parameters", function.name, most_parameters),
                          "pass what belongs together as one value, or compute it in several functions");
        return std::nullopt;
      }
      const ast::NodeId type = ast::child(file, child, ast::NodeKind::type);
      auto read = type == ast::no_node ? std::nullopt : read_type(file, type, diagnostics);
      for (const auto& other : function.parameters)
        if (other.name == file[child].text) {
          diagnostics.error(Code::duplicate_name, file[child].name_span, fmt::format("`{}` has two parameters called `{}`", function.name, other.name),
                            "give each parameter a name of its own");
          good = false;
        }
      if (read) function.parameters.push_back({file[child].text, *read});
      else good = false;
    } else if (file[child].kind == ast::NodeKind::type) {
      auto read = read_type(file, child, diagnostics);
      if (read) function.result = *read;
      good &= has_result = read.has_value();
    } else {
      function.body = child;
    }
  }
  if (function.body != ast::no_node) count_uses(file, function.body, function);
  if (!good || !has_result || (function.body == ast::no_node && !function.native)) return std::nullopt;
  return function;
}

Library::Library(Sources& sources) : sources_(&sources) {
  Diagnostics diagnostics;
  for (const Module& module : embedded) modules_.emplace_back(module.name);
  for (std::size_t i = 0; i < modules_.size(); ++i) {
    const std::uint32_t source = sources.add(fmt::format("std/{}.bfl", modules_[i]), embedded[i].text);
    files_.push_back(std::make_unique<ast::File>(syntax::parse(sources, source, diagnostics)));
    const ast::File& file = *files_.back();
    for (ast::NodeId item : ast::children(file, file.root)) {
      if (file[item].kind != ast::NodeKind::fn) continue;
      if (auto function = read_function(file, item, modules_[i], diagnostics)) functions_[function->name].push_back(std::move(*function));
    }
  }
  if (diagnostics.has_errors()) {  // the library is part of the program: tests keep it sound
    std::fputs(render(diagnostics, sources).c_str(), stderr);
    std::abort();
  }
}

const std::vector<Function>* Library::overloads(std::string_view name) const {
  const auto found = functions_.find(name);
  return found == functions_.end() ? nullptr : &found->second;
}

std::vector<FunctionDoc> Library::documentation() const {
  std::vector<FunctionDoc> docs;
  for (std::size_t i = 0; i < files_.size(); ++i) {
    const ast::File& file = *files_[i];
    Diagnostics none;
    for (ast::NodeId item : ast::children(file, file.root)) {
      if (file[item].kind == ast::NodeKind::recipe) {
        std::string text = fmt::format("{}(", file[item].text);
        for (ast::NodeId part : ast::children(file, item))
          if (file[part].kind == ast::NodeKind::fn_param) text += fmt::format("{}{}", text.ends_with('(') ? "" : ", ", sources_->slice(file[part].span));
        docs.push_back({modules_[i], std::string(file[item].text), text + ")", ast::documentation(file, *sources_, item), false});
      }
      if (file[item].kind != ast::NodeKind::fn) continue;
      if (auto function = read_function(file, item, modules_[i], none))
        docs.push_back({modules_[i], std::string(function->name), shown(*function), ast::documentation(file, *sources_, item), function->native});
    }
  }
  return docs;
}

std::optional<std::string_view> library_module(std::string_view name) {
  for (const Module& module : embedded)
    if (name == fmt::format("std.{}", module.name)) return module.text;
  return std::nullopt;
}

std::shared_ptr<const Library> load_library(Sources& sources) { return std::make_shared<const Library>(sources); }
std::vector<FunctionDoc> documentation(const Library& library) { return library.documentation(); }

}  // namespace bfl::check
