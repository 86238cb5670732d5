// Drawing what is no diagnostic of the language, but looks like one: the findings of lint have codes of their own.
#pragma once
#include <string>
#include <string_view>

#include "interpreter/base/diagnostic.h"

namespace bfl {

// As render(diagnostic, …), with `code` in the place of the diagnostic's own.
std::string render_as(std::string_view code, const Diagnostic& diagnostic, const Sources& sources, RenderStyle style);

}  // namespace bfl
