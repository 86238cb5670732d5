// Modules, recipes and loops: what stands for several items becomes those items, before anything is checked.
//
// Everything happens to the tree: an item that comes out of a recipe is one that could have been written out, with the places
// of its parts still pointing into the recipe and into the place of use. File::origins says for each such item where it was
// asked for. Later stages know neither modules nor recipes nor loops.
#pragma once
#include <functional>
#include <string>
#include <vector>

#include "interpreter/base/diagnostic.h"
#include "interpreter/base/result.h"
#include "interpreter/base/source.h"
#include "interpreter/syntax/ast.h"

namespace bfl::syntax {

struct ModuleText {
  std::string path;   // by which it is known: one file has one
  std::string text;
};
// The module that a `use "lib/x.bfl"` names, or why it cannot be had.
using LoadModule = std::function<Result<ModuleText>(const std::string& written)>;

inline constexpr std::size_t max_expanded_nodes = 4'000'000;
inline constexpr std::size_t max_expansion_depth = 16;  // of recipes and loops within each other, and of modules

// Changes `file`. `sources` gains the modules. What is wrong is in `diagnostics`; then the tree must not be checked.
void expand(ast::File& file, Sources& sources, const LoadModule& load, Diagnostics& diagnostics);

}  // namespace bfl::syntax
