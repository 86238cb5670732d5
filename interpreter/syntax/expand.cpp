#include "interpreter/syntax/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

#include "interpreter/syntax/modules.h"
#include "interpreter/syntax/parse.h"

namespace bfl::syntax {

namespace {

using ast::File;
using ast::Node;
using ast::NodeId;
using ast::NodeKind;

bool name_character(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_'; }
bool is_name(std::string_view text) {
  return !text.empty() && !(text[0] >= '0' && text[0] <= '9') && std::all_of(text.begin(), text.end(), name_character);
}
// In texts `$` is nothing but a character.
bool holds_marks(const Node& node) {
  switch (node.kind) {
    case NodeKind::string: case NodeKind::string_piece: case NodeKind::fstring: case NodeKind::object_entry: case NodeKind::file: return false;
    default: return (node.flags & ast::flag::backticked) == 0 && node.text.find('$') != std::string_view::npos;
  }
}

using Arguments = std::map<std::string_view, NodeId>;  // what `$name` stands for, as a tree of the job's file

class Expander {
 public:
  Expander(File& file, Sources& sources, const LoadModule& load, Diagnostics& diagnostics)
      : file_(file), sources_(sources), diagnostics_(diagnostics), modules_(sources, load, diagnostics) {}

  void run() {
    modules_.read(file_);
    std::vector<NodeId> items;
    for (const Place& item : modules_.items()) items.push_back(copy(*item.file, item.node, {}));
    const bool marked = sources_.file(file_.source).text().find('$') != std::string_view::npos;
    std::vector<NodeId> written;
    for (const NodeId item : ast::children(file_, file_.root)) written.push_back(item);
    for (const NodeId item : written) {
      const Node node = file_[item];
      if (node.kind == NodeKind::use && names_file(node.text)) continue;
      if (node.kind == NodeKind::recipe) continue;
      if (node.kind == NodeKind::apply || node.kind == NodeKind::for_) {
        if (marked && node.kind == NodeKind::apply) find_marks(item);
        emit(file_, item, {}, {}, items);
      } else {
        if (marked) find_marks(item);
        items.push_back(item);
      }
    }
    file_.nodes[file_.root].first_child = ast::no_node;
    for (std::size_t i = items.size(); i-- > 0;) {
      file_.nodes[items[i]].next_sibling = file_[file_.root].first_child;
      file_.nodes[file_.root].first_child = items[i];
    }
  }

 private:
  // What is wrong in a recipe or a loop is said once, however often it is looked at.
  Diagnostic& error(Code code, Span span, std::string message, std::string help = {}) {
    for (const Diagnostic& known : diagnostics_.all())
      if (known.code == code && known.span == span && known.message == message) return repeated_ = {};
    return diagnostics_.error(code, span, std::move(message), std::move(help));
  }

  bool full(Span span) {
    if (file_.nodes.size() < max_expanded_nodes) return false;
    if (!full_reported_) error(Code::expansion_too_large, span, "recipes and loops expand to more than the limit", "write fewer values, or another job");
    return full_reported_ = true;
  }

  // A `$` where nothing is put in its place.
  void find_marks(NodeId node) {
    if (holds_marks(file_[node]) && sources_.slice(file_[node].name_span).find('`') == std::string_view::npos) unknown_mark(file_[node], file_[node].text);
    for (const NodeId child : ast::children(file_, node)) find_marks(child);
  }
  void unknown_mark(const Node& node, std::string_view text) {
    error(Code::unknown_name, node.name_span, fmt::format("nothing is put in place of `{}` here", text.substr(text.find('$'))),
          "`$x` is a parameter of the recipe around it, or the name of the loop");
  }

  // ---- copies -------------------------------------------------------------------------------------------------------
  std::string_view keep(std::string text) {
    file_.names.push_back(std::make_unique<std::string>(std::move(text)));
    return *file_.names.back();
  }

  bool given_text(const Node& node, const Arguments& given) const {
    if (node.kind != NodeKind::name || !holds_marks(node)) return false;
    const auto found = given.find(node.text.substr(1));
    return found == given.end() || file_[found->second].kind != NodeKind::member;
  }
  // What an argument comes to within a name.
  std::optional<std::string> as_name(NodeId argument) {
    const Node& node = file_[argument];
    if (node.kind == NodeKind::name) return std::string(node.text);
    if (node.kind == NodeKind::integer) return std::string(node.text);
    if (node.kind == NodeKind::string) return string_content(file_, argument, diagnostics_);
    return std::nullopt;
  }

  // The longest parameter that the text behind a `$` begins with: `$r_totals` is `$r` and `_totals` if there is no other.
  Arguments::const_iterator parameter_at(std::string_view behind, const Arguments& given) const {
    std::size_t length = 0;
    while (length < behind.size() && name_character(behind[length])) ++length;
    for (; length > 0; --length)
      if (const auto found = given.find(behind.substr(0, length)); found != given.end()) return found;
    return given.end();
  }

  std::string_view put_in(const Node& node, const Arguments& given) {
    std::string text;
    for (std::size_t i = 0; i < node.text.size();) {
      if (node.text[i] != '$') {
        text += node.text[i++];
        continue;
      }
      const auto found = parameter_at(node.text.substr(i + 1), given);
      if (found == given.end()) {
        unknown_mark(node, node.text.substr(i));
        return node.text;
      }
      const auto name = as_name(found->second);
      const bool fits = name && std::all_of(name->begin(), name->end(), name_character) && !name->empty();
      if (!fits) {
        error(Code::type_mismatch, file_[found->second].span, fmt::format("`${}` stands within a name, and this is none", found->first), "give a name, or a text that could be one")
            .labels.push_back({node.name_span, "put in here"});
        return node.text;
      }
      text += *name;
      i += 1 + found->first.size();
    }
    if (!is_name(text) && text.find('.') == std::string::npos)
      error(Code::type_mismatch, node.name_span, fmt::format("`{}` becomes `{}`, which is no name", node.text, text), "a name begins with a letter");
    return keep(std::move(text));
  }

  // `only_name`: nothing but a name can stand here, so that a text is taken for one.
  NodeId copy(const File& from, NodeId id, const Arguments& given, bool only_name = false) {
    const Node node = from[id];
    if (full(node.span)) return id_of({.kind = NodeKind::error, .span = node.span, .name_span = node.span}, depth_);
    const bool marked = holds_marks(node);
    if (marked && node.kind == NodeKind::name && node.text[0] == '$' && !only_name)
      if (const auto found = given.find(node.text.substr(1)); found != given.end()) return copy(file_, found->second, {});
    Node made = node;
    if (marked && !given.empty()) made.text = put_in(node, given);
    bool put = false;
    std::vector<NodeId> parts;
    for (const NodeId child : children_of(from, id)) {
      put |= node.kind == NodeKind::fstring && holds_marks(from[child]);
      const bool names = (node.kind == NodeKind::member && given_text(from[child], given)) || node.kind == NodeKind::using_ || node.word == "after";
      parts.push_back(copy(from, child, given, names));
    }
    if (put) {
      if (const auto text = folded(parts)) {
        made.kind = NodeKind::string;
        made.text = keep(*text);
        parts.clear();
      }
    }
    made.first_child = made.next_sibling = ast::no_node;
    const NodeId copied = id_of(made, &from == &file_ && id >= first_copy_ ? level_of(id) : depth_);
    link(copied, parts);
    return copied;
  }
  // `level`: how many recipes deep the words stand that it was made of. What was given to a recipe stands outside of it.
  NodeId id_of(const Node& node, std::uint8_t level) {
    file_.nodes.push_back(node);
    levels_.push_back(level);
    return static_cast<NodeId>(file_.nodes.size() - 1);
  }
  std::uint8_t level_of(NodeId copied) const { return levels_[copied - first_copy_]; }
  void link(NodeId parent, const std::vector<NodeId>& parts) {
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (i == 0) file_.nodes[parent].first_child = parts[0];
      file_.nodes[parts[i]].next_sibling = i + 1 < parts.size() ? parts[i + 1] : ast::no_node;
    }
  }
  // A copy: the file grows while its own nodes are copied.
  static std::vector<NodeId> children_of(const File& from, NodeId id) {
    std::vector<NodeId> all;
    for (const NodeId child : ast::children(from, id)) all.push_back(child);
    return all;
  }

  // f"shop_{$r}.db" with a text in place of its hole is a text.
  std::optional<std::string> folded(const std::vector<NodeId>& parts) {
    std::string text = "\"";
    for (const NodeId part : parts) {
      const Node& node = file_[part];
      if (node.kind == NodeKind::string_piece) {
        for (std::size_t i = 0; i < node.text.size(); ++i) {
          text += node.text[i];
          const bool doubled = (node.text[i] == '{' || node.text[i] == '}') && i + 1 < node.text.size() && node.text[i + 1] == node.text[i];
          if (doubled) ++i;
        }
        continue;
      }
      const auto content = node.kind == NodeKind::string || node.kind == NodeKind::integer ? as_name(part) : std::nullopt;
      if (!content) return std::nullopt;
      for (const char c : *content) {
        if (c == '"' || c == '\\') text += '\\';
        if (c == '\n') text += "\\n";
        else text += c;
      }
    }
    return text + "\"";
  }

  // ---- items --------------------------------------------------------------------------------------------------------
  // What an item of a recipe or a loop, or one that stands for others, comes to.
  void emit(const File& from, NodeId item, const Arguments& given, const std::vector<ast::Use>& uses, std::vector<NodeId>& items) {
    const Node node = from[item];
    if (full(node.span)) return;
    if (uses.size() >= max_expansion_depth) {
      error(Code::expansion_too_large, node.span, fmt::format("recipes and loops stand more than {} deep in each other", max_expansion_depth), "write some of them out");
      return;
    }
    if (node.kind == NodeKind::apply) return apply(from, item, given, uses, items);
    if (node.kind == NodeKind::for_) return loop(from, item, given, uses, items);
    if (node.kind == NodeKind::job || node.kind == NodeKind::use || node.kind == NodeKind::recipe || (node.kind == NodeKind::step && node.word == "test")) {
      error(Code::unexpected_token, node.span.end > node.name_span.end ? node.name_span : node.span, "this item stands once in a file, not in a recipe or a loop", "move it out");
      return;
    }
    const NodeId made = copy(from, item, given);
    file_.origins.push_back({made, uses});
    items.push_back(made);
  }

  void loop(const File& from, NodeId item, const Arguments& given, const std::vector<ast::Use>& uses, std::vector<NodeId>& items) {
    const std::string_view name = from[item].text;
    const std::vector<NodeId> parts = children_of(from, item);
    if (parts.empty()) return;
    const NodeId values = copy(from, parts[0], given);
    for (const NodeId value : children_of(file_, values)) {
      const NodeKind kind = file_[value].kind;
      if (kind != NodeKind::string && kind != NodeKind::integer && kind != NodeKind::name && kind != NodeKind::member && kind != NodeKind::decimal && kind != NodeKind::date) {
        error(Code::not_constant, file_[value].span, "a loop goes over texts, numbers, dates and names", fmt::format("write `for {} in [\"eu\", \"us\"]`", name));
        continue;
      }
      Arguments inner = given;
      inner[name] = value;
      std::vector<ast::Use> around{{file_[value].span, fmt::format("for {} = {}", name, sources_.slice(file_[value].span))}};
      around.insert(around.end(), uses.begin(), uses.end());
      for (std::size_t i = 1; i < parts.size(); ++i) emit(from, parts[i], inner, around, items);
    }
  }

  void apply(const File& from, NodeId item, const Arguments& given, const std::vector<ast::Use>& uses, std::vector<NodeId>& items) {
    const Node node = from[item];
    const auto found = modules_.recipes().find(node.text);
    if (found == modules_.recipes().end()) {
      std::vector<std::string> known;
      for (const auto& [name, place] : modules_.recipes()) known.emplace_back(name);
      const std::string meant = nearest(node.text, known);
      error(Code::unknown_name, node.name_span, fmt::format("unknown recipe `{}`", node.text),
            meant.empty() ? "write it: `recipe NAME($t: table) { … }`, or `use` the module that holds it; those of the library are in `std.recipes`" : fmt::format("did you mean `{}`?", meant));
      return;
    }
    const Place recipe = found->second;
    if (std::find(open_.begin(), open_.end(), node.text) != open_.end()) {
      Diagnostic& wrong = error(Code::recursive_definition, node.span, fmt::format("the recipe `{}` applies itself", node.text), "a recipe is made of steps and of other recipes");
      std::string chain;
      for (const std::string_view name : open_) chain += fmt::format("{} -> ", name);
      wrong.notes.push_back(chain + std::string(node.text));
      return;
    }
    Arguments inner;
    std::string_view prefix;
    if (!take_arguments(from, item, given, recipe, inner, prefix)) return;
    std::vector<ast::Use> around{{node.span, fmt::format("`{}` is applied here", node.text)}};
    around.insert(around.end(), uses.begin(), uses.end());
    std::vector<NodeId> made;
    const auto first_node = static_cast<NodeId>(file_.nodes.size());
    ++depth_;
    open_.push_back(found->first);
    for (const NodeId part : children_of(*recipe.file, recipe.node))
      if ((*recipe.file)[part].kind != NodeKind::fn_param) emit(*recipe.file, part, inner, around, made);
    rename(made, prefix, first_node);
    open_.pop_back();
    --depth_;
    items.insert(items.end(), made.begin(), made.end());
  }

  bool take_arguments(const File& from, NodeId item, const Arguments& given, const Place& recipe, Arguments& inner, std::string_view& prefix) {
    struct Parameter { std::string_view name; Node type; };
    std::vector<Parameter> parameters;
    for (const NodeId part : ast::children(*recipe.file, recipe.node))
      if ((*recipe.file)[part].kind == NodeKind::fn_param && (*recipe.file)[part].text.size() > 1)
        parameters.push_back({(*recipe.file)[part].text.substr(1), (*recipe.file)[ast::child(*recipe.file, part, NodeKind::type)]});
    std::size_t position = 0;
    bool good = true;
    for (const NodeId part : children_of(from, item)) {
      const Node node = from[part];
      if (node.kind == NodeKind::alias) {
        prefix = file_[copy(from, part, given)].text;
        continue;
      }
      const bool named = node.kind == NodeKind::named_arg;
      const auto wanted = named ? std::find_if(parameters.begin(), parameters.end(), [&](const Parameter& each) { return each.name == node.text; })
                                : parameters.begin() + static_cast<std::ptrdiff_t>(std::min(position++, parameters.size()));
      if (wanted == parameters.end() || inner.contains(wanted->name)) {
        error(Code::wrong_arguments, node.span, named ? fmt::format("`{}` has no parameter `${}` to give", from[item].text, node.text) : fmt::format("`{}` takes {} arguments", from[item].text, parameters.size()),
              signature(recipe));
        good = false;
        continue;
      }
      const NodeId argument = copy(from, named ? node.first_child : part, given);
      good &= fits(argument, wanted->name, wanted->type);
      inner[wanted->name] = argument;
    }
    for (const Parameter& parameter : parameters)
      if (good && !inner.contains(parameter.name)) {
        error(Code::wrong_arguments, from[item].span, fmt::format("`{}` is not given `${}`", from[item].text, parameter.name), signature(recipe));
        good = false;
      }
    return good;
  }
  std::string signature(const Place& recipe) const {
    std::string text = fmt::format("it is `{}(", (*recipe.file)[recipe.node].text);
    bool first = true;
    for (const NodeId part : ast::children(*recipe.file, recipe.node))
      if ((*recipe.file)[part].kind == NodeKind::fn_param) {
        text += fmt::format("{}{}", first ? "" : ", ", sources_.slice((*recipe.file)[part].span));
        first = false;
      }
    return text + ")`";
  }
  bool fits(NodeId argument, std::string_view name, const Node& type) {
    const Node& node = file_[argument];
    const bool path = node.kind == NodeKind::name || node.kind == NodeKind::member;
    if (type.text == "table" && !path && node.kind != NodeKind::relation) {
      error(Code::type_mismatch, node.span, fmt::format("`${}` is a table", name), "write `source.table`, or the name of a `let`");
      return false;
    }
    if (type.text == "column" && node.kind != NodeKind::name) {
      error(Code::type_mismatch, node.span, fmt::format("`${}` is a column", name), "write its name alone");
      return false;
    }
    return true;
  }

  // What a recipe defines gets its prefix, where it is defined and where the recipe speaks of it. What was given to the recipe
  // keeps its names; what came out of a recipe within it, already with that one's prefix, gets this one's as well.
  void rename(const std::vector<NodeId>& items, std::string_view prefix, NodeId first_node) {
    struct Names { std::set<std::string> steps, relations, functions; } own, inner;
    for (const NodeId item : items) {
      const Node& node = file_[item];
      for (Names* names : {&own, level_of(item) > depth_ ? &inner : &own}) {
        if (node.kind == NodeKind::step) names->steps.emplace(node.text);
        if (node.kind == NodeKind::let || node.word == "snapshot") names->relations.emplace(node.text);
        if (node.kind == NodeKind::fn) names->functions.emplace(node.text);
      }
    }
    const auto put = [&](NodeId id, std::set<std::string> Names::*kind) {
      Node& node = file_.nodes[id];
      if (level_of(id) >= depth_ && ((level_of(id) > depth_ ? inner : own).*kind).contains(std::string(node.text))) node.text = keep(fmt::format("{}_{}", prefix, node.text));
    };
    std::set<NodeId> of_steps;  // names that can only be those of steps
    for (auto id = first_node; id < file_.nodes.size(); ++id) {
      const Node& node = file_[id];
      const bool effect = node.kind == NodeKind::member && (node.text == "inserted" || node.text == "updated" || node.text == "deleted");
      if (effect || ((node.kind == NodeKind::clause || node.kind == NodeKind::statement) && node.word == "after"))
        for (const NodeId child : ast::children(file_, id))
          if (file_[child].kind == NodeKind::name) of_steps.insert(child);
    }
    for (auto id = first_node; id < file_.nodes.size(); ++id) {
      switch (file_[id].kind) {
        case NodeKind::name: put(id, of_steps.contains(id) ? &Names::steps : &Names::relations); break;
        case NodeKind::call: case NodeKind::fn: put(id, &Names::functions); break;
        case NodeKind::step: put(id, &Names::steps); break;
        case NodeKind::let: put(id, &Names::relations); break;
        default: break;
      }
    }
  }

  File& file_;
  Sources& sources_;
  Diagnostics& diagnostics_;
  Modules modules_;
  const NodeId first_copy_ = static_cast<NodeId>(file_.nodes.size());
  std::vector<std::uint8_t> levels_;  // of copies
  std::uint8_t depth_ = 0;            // of recipes
  std::vector<std::string_view> open_;  // recipes, from the outside in
  bool full_reported_ = false;
  Diagnostic repeated_;
};

}  // namespace

void expand(File& file, Sources& sources, const LoadModule& load, Diagnostics& diagnostics) {
  const auto needs = [&](NodeId item) {
    const NodeKind kind = file[item].kind;
    return kind == NodeKind::recipe || kind == NodeKind::apply || kind == NodeKind::for_ || (kind == NodeKind::use && names_file(file[item].text));
  };
  bool any = sources.file(file.source).text().find('$') != std::string_view::npos;
  for (const NodeId item : ast::children(file, file.root)) any = any || needs(item);
  if (any) Expander(file, sources, load, diagnostics).run();
}

}  // namespace bfl::syntax
