// The modules of a job: read, parsed, and known by their recipes.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/syntax/expand.h"

namespace bfl::syntax {

// An item and the file that it stands in.
struct Place {
  const ast::File* file = nullptr;
  ast::NodeId node = ast::no_node;
};

class Modules {
 public:
  Modules(Sources& sources, const LoadModule& load, Diagnostics& diagnostics) : sources_(sources), load_(load), diagnostics_(diagnostics) {}

  // Follows the `use "…"` of a file and takes note of its recipes.
  void read(const ast::File& file);
  const std::map<std::string_view, Place>& recipes() const { return recipes_; }
  // Functions, and uses of the library, in the modules' files.
  const std::vector<Place>& items() const { return items_; }

 private:
  void use(const ast::File& file, ast::NodeId item);
  void module_item(const ast::File& file, ast::NodeId item);
  void add_recipe(const ast::File& file, ast::NodeId item);
  std::string chain(const std::string& last) const;

  Sources& sources_;
  const LoadModule& load_;
  Diagnostics& diagnostics_;
  std::vector<std::unique_ptr<ast::File>> files_;
  std::map<std::string, bool> known_;      // by path; true while it is being read
  std::vector<std::string> open_;          // paths, from the outside in
  std::map<std::string_view, Place> recipes_;
  std::vector<Place> items_;
};

inline bool names_file(std::string_view module) { return module.find('/') != std::string_view::npos || module.ends_with(".bfl"); }
// The library's recipes are read when a job asks for them; its functions are always there.
inline constexpr std::string_view library_recipes = "std.recipes";

}  // namespace bfl::syntax
