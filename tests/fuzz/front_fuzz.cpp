// The whole front end on any text: parse, and check against a fixed catalogue. Nothing may crash, hang or leak, and what is
// accepted has a meaning that can be printed.
#include <cstddef>
#include <cstdint>

#include "tests/unit/shop.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace bfl;
  static const Catalogue catalogue = test::shop_catalogue();
  static Sources library_texts;
  static const auto library = check::load_library(library_texts);
  if (size > 20'000) return 0;
  Sources texts = library_texts;
  Diagnostics diagnostics;
  const auto source = texts.add("job.bfl", std::string(reinterpret_cast<const char*>(data), size));
  const ast::File file = syntax::parse(texts, source, diagnostics);
  if (!diagnostics.has_errors()) {
    check::Settings settings;
    auto sources = check::sources_of(file, texts, settings, diagnostics);
    const std::vector<Catalogue> catalogues(sources.size(), catalogue);
    const auto program = check::check(file, texts, library, std::move(sources), catalogues, settings, diagnostics);
    if (!diagnostics.has_errors()) {
      for (const auto& step : program.steps) {
        (void)program::meaning(step, program);
        if (step.relation) (void)program::to_string(*step.relation, program);
        for (const auto& assignment : step.assignments) (void)program::to_string(*assignment.value, program);
        for (const auto& assertion : step.assertions) (void)program::to_string(*assertion.condition, program);
      }
    }
  }
  (void)render(diagnostics, texts);
  return 0;
}
