#include "interpreter/syntax/modules.h"

#include <fmt/format.h>

#include <set>

#include "interpreter/base/type.h"
#include "interpreter/syntax/parse.h"

namespace bfl::syntax {

using ast::NodeId;
using ast::NodeKind;

void Modules::read(const ast::File& file) {
  const bool module = !open_.empty();
  std::set<std::string_view> used;
  for (const NodeId item : ast::children(file, file.root)) {
    const ast::Node& node = file[item];
    if (node.kind == NodeKind::use && (names_file(node.text) || node.text == library_recipes)) {
      if (used.insert(node.text).second) use(file, item);
      else diagnostics_.error(Code::duplicate_name, node.span, fmt::format("`{}` is used twice", node.text), "leave one of them out");
    } else if (node.kind == NodeKind::recipe) {
      add_recipe(file, item);
    } else if (module) {
      module_item(file, item);
    }
  }
}

std::string Modules::chain(const std::string& last) const {
  std::string text;
  for (const std::string& path : open_) text += path + " -> ";
  return text + last;
}

void Modules::use(const ast::File& file, NodeId item) {
  const Span span = file[item].name_span;
  const std::string written(file[item].text);
  if (!load_) {
    diagnostics_.error(Code::unknown_module, span, fmt::format("`{}` cannot be read here", written));
    return;
  }
  auto loaded = load_(written);
  if (!loaded) {
    Diagnostic& wrong = diagnostics_.error(Code::unknown_module, span, loaded.error().message, loaded.error().help);
    if (!loaded.error().detail.empty()) wrong.notes.push_back(loaded.error().detail);
    return;
  }
  const std::string path = loaded->path;
  const auto [known, fresh] = known_.emplace(path, true);
  if (!fresh) {
    if (known->second)
      diagnostics_.error(Code::recursive_definition, span, fmt::format("the module `{}` uses itself", path), "put what both need into a third module")
          .notes.push_back(chain(path));
    return;
  }
  if (open_.size() >= max_expansion_depth) {
    diagnostics_.error(Code::expansion_too_large, span, fmt::format("modules use each other more than {} deep", max_expansion_depth), "use the inner ones directly")
        .notes.push_back(chain(path));
    return;
  }
  open_.push_back(path);
  const std::uint32_t source = sources_.add(path, std::move(loaded->text));
  const std::size_t errors = diagnostics_.errors();
  files_.push_back(std::make_unique<ast::File>(parse(sources_, source, diagnostics_)));
  if (diagnostics_.errors() == errors) read(*files_.back());
  open_.pop_back();
  known_[path] = false;
}

void Modules::module_item(const ast::File& file, NodeId item) {
  const ast::Node& node = file[item];
  if (node.kind == NodeKind::fn || node.kind == NodeKind::use) {
    items_.push_back({&file, item});
    return;
  }
  diagnostics_.error(Code::not_supported, node.name_span, "a module holds functions and recipes, nothing else",
                     "put this into the job, or into a recipe that the job applies");
}

void Modules::add_recipe(const ast::File& file, NodeId item) {
  std::set<std::string_view> names;
  for (const NodeId part : ast::children(file, item)) {
    const ast::Node& parameter = file[part];
    if (parameter.kind != NodeKind::fn_param) continue;
    if (parameter.text.size() < 2 || parameter.text[0] != '$')
      diagnostics_.error(Code::unknown_name, parameter.name_span, fmt::format("the parameter `{}` of a recipe begins with `$`", parameter.text), fmt::format("write `${}: …`", parameter.text));
    else if (!names.insert(parameter.text).second)
      diagnostics_.error(Code::duplicate_name, parameter.name_span, fmt::format("`{}` has two parameters called `{}`", file[item].text, parameter.text), "give each parameter a name of its own");
    const ast::Node& type = file[ast::child(file, part, NodeKind::type)];
    if (type.text != "table" && type.text != "column" && !kind_named(type.text))
      diagnostics_.error(Code::unknown_type, type.span, fmt::format("unknown type `{}`", type.text), "a parameter of a recipe is a `table`, a `column`, or a value: `text`, `int`, …");
  }
  const auto [known, fresh] = recipes_.emplace(file[item].text, Place{&file, item});
  if (fresh) return;
  const Place& first = known->second;
  diagnostics_.error(Code::duplicate_name, file[item].name_span, fmt::format("the recipe `{}` is defined already", file[item].text), "give it a name of its own")
      .labels.push_back({(*first.file)[first.node].name_span, "first here"});
}

}  // namespace bfl::syntax
