// What bfl says about a script that is wrong: data first, wording once, drawing last.
//
// A stage that finds something wrong appends to a Diagnostics and goes on as far as it can, so that one run reports many
// mistakes. It yields no value if the list holds an error. Message style: lower case, no final stop, script text in
// backticks, what was found before what was expected; the help line is something to do.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/source.h"
#include "interpreter/base/span.h"

namespace bfl {

enum class Severity : std::uint8_t { error, warning, note };

// Every code that bfl can show, one row each in codes.def: BFL_CODE(enumerator, "BFL0101", "title").
enum class Code : std::uint16_t {
#define BFL_CODE(id, text, title) id,
#include "interpreter/base/codes.def"
#undef BFL_CODE
};

std::string_view code_text(Code code);   // "BFL0101"
std::string_view code_title(Code code);  // one line: what kind of mistake this is

struct Label {
  Span span;
  std::string text;
};

struct Diagnostic {
  Code code{};
  Severity severity = Severity::error;
  std::string message;
  Span span;                       // drawn with carets
  std::string label{};             // text behind the carets; may be empty
  std::vector<Label> labels{};     // further places, drawn with dashes
  std::vector<std::string> notes{};
  std::string help{};              // one thing to do; may be empty
};

class Diagnostics {
 public:
  // Keeps at most `limit` errors and as many warnings; further ones are counted, not kept.
  explicit Diagnostics(std::size_t limit = 50) : limit_(limit) {}
  Diagnostic& add(Diagnostic diagnostic);
  Diagnostic& error(Code code, Span span, std::string message, std::string help = {});
  Diagnostic& warning(Code code, Span span, std::string message, std::string help = {});
  bool has_errors() const { return errors_ > 0; }
  std::size_t errors() const { return errors_; }
  std::size_t warnings() const { return warnings_; }
  bool full() const { return errors_ >= limit_; }  // further errors are only counted: no need to word them well
  const std::vector<Diagnostic>& all() const { return list_; }
  void sort_by_position();

 private:
  std::size_t limit_;
  std::size_t errors_ = 0, warnings_ = 0;
  std::vector<Diagnostic> list_;
  Diagnostic dropped_;
};

struct RenderStyle {
  bool color = false;
};

// The drawn form: `error[BFL0101]: message`, ` --> file:line:col`, the source line, carets, notes, help.
std::string render(const Diagnostic& diagnostic, const Sources& sources, RenderStyle style = {});
std::string render(const Diagnostics& diagnostics, const Sources& sources, RenderStyle style = {});
// One JSON object: code, severity, message, file, line, column, end_line, end_column, begin, end, labels, notes, help.
std::string to_json(const Diagnostic& diagnostic, const Sources& sources);

// The nearest of `candidates` to `word`, or empty: equal but for case first, then restricted Damerau-Levenshtein with a
// limit of max(length, 3) / 3, then the same words of a snake_case name in another order.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace bfl
