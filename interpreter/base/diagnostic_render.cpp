// Draws a diagnostic: the message, the place, the source lines with carets and labels, notes, help.
//
// Columns are cells of a terminal, not bytes: a tab is drawn as spaces, a wide character takes two cells, a combining one
// none, and what a terminal would obey instead of showing (control and bidirectional characters) is replaced.
#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "interpreter/base/diagnostic.h"
#include "interpreter/base/diagnostic_render.h"

namespace bfl {

namespace {

constexpr std::size_t tab_cells = 4;
constexpr std::size_t widest_line = 140;    // cells; longer lines are cut around what is marked
constexpr std::size_t longest_line = 2048;  // bytes that are looked at, around what is marked first

struct Range {
  char32_t first, last;
};

bool in_ranges(char32_t c, const Range* begin, const Range* end) {
  const Range* range = std::lower_bound(begin, end, c, [](const Range& r, char32_t x) { return r.last < x; });
  return range != end && range->first <= c;
}

// The blocks that matter for scripts, not the whole of Unicode: a wrong guess shifts a caret by one cell.
constexpr Range zero_width[] = {{0x300, 0x36f},     {0x483, 0x489},     {0x591, 0x5bd},     {0x610, 0x61a},    {0x64b, 0x65f},
                                {0x6d6, 0x6dc},     {0x900, 0x902},     {0x93c, 0x93c},     {0x941, 0x948},    {0x94d, 0x94d},
                                {0xe31, 0xe31},     {0xe34, 0xe3a},     {0xe47, 0xe4e},     {0x1ab0, 0x1aff},  {0x1dc0, 0x1dff},
                                {0x200b, 0x200d},   {0x20d0, 0x20ff},   {0xfe00, 0xfe0f},   {0xfe20, 0xfe2f},  {0x1f3fb, 0x1f3ff},
                                {0xe0100, 0xe01ef}};
constexpr Range double_width[] = {{0x1100, 0x115f},   {0x231a, 0x231b},   {0x23e9, 0x23ec},   {0x2614, 0x2615},   {0x2648, 0x2653},
                                  {0x26aa, 0x26ab},   {0x26bd, 0x26be},   {0x26c4, 0x26c5},   {0x2705, 0x2705},   {0x270a, 0x270b},
                                  {0x2728, 0x2728},   {0x274c, 0x274c},   {0x2753, 0x2755},   {0x2795, 0x2797},   {0x2e80, 0x303e},
                                  {0x3041, 0x33ff},   {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xa960, 0xa97f},
                                  {0xac00, 0xd7a3},   {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
                                  {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x1fa70, 0x1faff}, {0x20000, 0x3fffd}};

bool is_obeyed_not_shown(char32_t c) {
  return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x61c || (c >= 0x200e && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
         (c >= 0x2066 && c <= 0x2069) || c == 0xfeff;
}

// One character of a source line, as it is drawn.
struct Cell {
  std::size_t byte;    // where it begins in the line
  std::size_t column;  // the first terminal cell that it takes
  std::string_view text;
};

struct DrawnLine {
  std::vector<Cell> cells;
  std::size_t width = 0;
  bool cut_before = false, cut_behind = false;

  std::size_t column_of(std::size_t byte) const {
    const auto cell = std::lower_bound(cells.begin(), cells.end(), byte, [](const Cell& c, std::size_t b) { return c.byte < b; });
    return cell == cells.end() ? width : cell->column;
  }
};

// The length of the UTF-8 sequence at the start of `text` and its code point; length 1 and no code point for a broken one.
std::pair<std::size_t, char32_t> decode(std::string_view text) {
  constexpr char32_t broken = 0xfffd;
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {1, lead};
  const std::size_t length = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
  if (lead < 0xc2 || lead > 0xf4 || text.size() < length) return {1, broken};
  char32_t c = lead & (0x7f >> length);
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {1, broken};
    c = (c << 6) | (byte(i) & 0x3f);
  }
  return {length, c};
}

// A script may be one line of megabytes: only the neighbourhood of `place` is drawn.
DrawnLine draw_line(std::string_view line, std::size_t place) {
  DrawnLine drawn;
  std::size_t at = 0;
  if (line.size() > longest_line) {
    const auto between_characters = [&](std::size_t byte) {
      for (int i = 0; i < 3 && byte > 0 && byte < line.size() && (static_cast<unsigned char>(line[byte]) & 0xc0) == 0x80; ++i) --byte;
      return byte;
    };
    place = std::min(place, line.size());
    at = between_characters(place > longest_line / 2 ? place - longest_line / 2 : 0);
    drawn.cut_before = at > 0;
    const std::size_t end = between_characters(std::min(line.size(), at + longest_line));
    drawn.cut_behind = end < line.size();
    line = line.substr(0, end);
  }
  drawn.cells.reserve(line.size() - at);
  while (at < line.size()) {
    const auto [length, c] = decode(line.substr(at));
    std::size_t width = 1;
    std::string_view text = line.substr(at, length);
    if (c == '\t') {
      width = tab_cells;
      text = "    ";
    } else if (c == 0xfffd || is_obeyed_not_shown(c)) {
      text = "\xef\xbf\xbd";
    } else if (in_ranges(c, std::begin(zero_width), std::end(zero_width))) {
      width = 0;
    } else if (in_ranges(c, std::begin(double_width), std::end(double_width))) {
      width = 2;
    }
    drawn.cells.push_back({at, drawn.width, text});
    drawn.width += width;
    at += length;
  }
  return drawn;
}

// A stretch of one line that is underlined, with what is said about it.
struct Mark {
  std::size_t from, to;  // cells, to > from
  bool primary;
  std::string_view text;
};

struct MarkedLine {
  DrawnLine drawn;
  std::vector<Mark> marks{};
};

class Painter {
 public:
  explicit Painter(RenderStyle style) : style_(style) {}
  std::string paint(std::string_view code, std::string_view text) const {
    if (!style_.color || text.empty()) return std::string(text);
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
  }
  std::string gutter(std::string_view text) const { return paint("1;34", text); }

 private:
  RenderStyle style_;
};

std::string_view severity_color(Severity severity) {
  return severity == Severity::error ? "1;31" : severity == Severity::warning ? "1;33" : "1;36";
}

// The rows of text below a source line. The underlines share the first row; the text of the last mark stands behind it, the
// others hang below, each at its own column, from right to left.
std::vector<std::string> draw_marks(std::vector<Mark> marks, std::string_view color, const Painter& painter) {
  std::stable_sort(marks.begin(), marks.end(), [](const Mark& a, const Mark& b) { return a.from < b.from; });
  std::size_t width = 0;
  for (const Mark& mark : marks) width = std::max(width, mark.to);
  std::string underline(width, ' ');
  for (const Mark& mark : marks) {
    if (!mark.primary) std::fill(underline.begin() + static_cast<long>(mark.from), underline.begin() + static_cast<long>(mark.to), '-');
  }
  for (const Mark& mark : marks) {
    if (mark.primary) std::fill(underline.begin() + static_cast<long>(mark.from), underline.begin() + static_cast<long>(mark.to), '^');
  }
  std::string first;
  for (std::size_t i = 0; i < underline.size();) {
    const std::size_t end = std::min(underline.find_first_not_of(underline[i], i), underline.size());
    const std::string_view run = std::string_view(underline).substr(i, end - i);
    first += run[0] == ' ' ? std::string(run) : painter.paint(run[0] == '^' ? color : "1;34", run);
    i = end;
  }
  const auto said = [&](const Mark& mark) { return painter.paint(mark.primary ? color : "1;34", mark.text); };
  std::vector<std::string> rows;
  const bool last_is_free = std::all_of(marks.begin(), marks.end() - 1, [&](const Mark& m) { return m.to <= marks.back().from; });
  if (last_is_free) {
    if (!marks.back().text.empty()) first += " " + said(marks.back());
    marks.pop_back();
  }
  rows.push_back(std::move(first));
  std::erase_if(marks, [](const Mark& mark) { return mark.text.empty(); });
  const auto bars = [&](std::size_t count) {
    std::string row;
    std::size_t column = 0;
    for (std::size_t i = 0; i < count; ++i) {
      if (marks[i].from < column) continue;
      row.append(marks[i].from - column, ' ');
      row += painter.paint(marks[i].primary ? color : "1;34", "|");
      column = marks[i].from + 1;
    }
    return std::pair(row, column);
  };
  for (std::size_t i = marks.size(); i-- > 0;) {
    rows.push_back(bars(i + 1).first);
    auto [row, column] = bars(i);
    if (column > marks[i].from) {  // two marks begin together: the text of the other one goes below
      column = marks[i].from;
      row.assign(column, ' ');
    }
    row.append(marks[i].from - column, ' ');
    rows.push_back(row + said(marks[i]));
  }
  return rows;
}

class Frame {
 public:
  Frame(std::string_view code, const Diagnostic& diagnostic, const Sources& sources, RenderStyle style)
      : code_(code), diagnostic_(diagnostic), sources_(sources), painter_(style), color_(severity_color(diagnostic.severity)) {}

  std::string draw() {
    const std::string_view kind = diagnostic_.severity == Severity::error     ? "error"
                                  : diagnostic_.severity == Severity::warning ? "warning"
                                                                              : "note";
    out_ += painter_.paint(color_, fmt::format("{}[{}]", kind, code_));
    out_ += painter_.paint("1", ": " + diagnostic_.message) + "\n";
    if (diagnostic_.span.file < sources_.size()) draw_places();
    for (const std::string& note : diagnostic_.notes) trailer("note", note);
    if (!diagnostic_.help.empty()) trailer("help", diagnostic_.help);
    return std::move(out_);
  }

 private:
  void draw_places() {
    mark(diagnostic_.span, true, diagnostic_.label);
    for (const Label& label : diagnostic_.labels) mark(label.span, false, label.text);
    std::size_t last = 1;
    for (const auto& [file, lines] : files_) last = std::max(last, lines.rbegin()->first);
    digits_ = fmt::formatted_size("{}", last);
    const std::string margin(digits_, ' ');
    draw_file(diagnostic_.span.file, diagnostic_.span, "-->");
    for (const auto& [file, lines] : files_) {
      if (file == diagnostic_.span.file) continue;
      for (const Label& label : diagnostic_.labels) {
        if (label.span.file != file) continue;
        draw_file(file, label.span, ":::");
        break;
      }
    }
    if (!diagnostic_.notes.empty() || !diagnostic_.help.empty()) out_ += margin + painter_.gutter(" |") + "\n";
  }

  // What a span covers beyond its first line is not drawn: the carets run to the end of that line.
  void mark(Span span, bool primary, std::string_view text) {
    if (span.file >= sources_.size()) return;
    const SourceFile& file = sources_.file(span.file);
    const Position begin = file.position(span.begin);
    auto [known, fresh] = files_[span.file].try_emplace(begin.line);
    if (fresh) known->second.drawn = draw_line(file.line(begin.line), begin.column - 1);
    const DrawnLine& line = known->second.drawn;
    const std::size_t from = line.column_of(begin.column - 1);
    const std::size_t to = span.end > span.begin ? line.column_of(begin.column - 1 + (span.end - span.begin)) : from;
    known->second.marks.push_back({from, std::max(to, from + 1), primary, text});
  }

  void draw_file(std::uint32_t index, Span place, std::string_view arrow) {
    const SourceFile& file = sources_.file(index);
    const std::string margin(digits_, ' ');
    const Position at = file.position(place.begin);
    out_ += margin + painter_.gutter(arrow) + fmt::format(" {}:{}:{}\n", file.path(), at.line, at.column);
    out_ += margin + painter_.gutter(" |") + "\n";
    std::size_t before = 0;
    for (auto& [number, line] : files_[index]) {
      if (before != 0 && number > before + 1) {
        if (number == before + 2) {
          draw_source(number - 1, {.drawn = draw_line(file.line(number - 1), 0)});
        } else {
          out_ += painter_.gutter("...") + "\n";
        }
      }
      draw_source(number, line);
      before = number;
    }
  }

  void draw_source(std::size_t number, const MarkedLine& marked) {
    const DrawnLine& line = marked.drawn;
    const std::vector<Mark>& marks = marked.marks;
    std::size_t from = 0, to = line.width;
    if (line.width > widest_line) {
      std::size_t anchor = 0;
      for (const Mark& mark : marks) {
        if (mark.primary || marks.size() == 1) anchor = mark.from;
      }
      from = anchor > widest_line / 2 ? anchor - widest_line / 2 : 0;
      to = std::min(line.width, from + widest_line);
    }
    // A secret is pointed at, never shown.
    const auto hidden = [&](std::size_t column) {
      return diagnostic_.code == Code::secret_in_source &&
             std::any_of(marks.begin(), marks.end(), [&](const Mark& mark) { return mark.primary && mark.from <= column && column < mark.to; });
    };
    std::string text;
    std::size_t first_column = from;
    bool any = false;
    for (const Cell& cell : line.cells) {
      if (cell.column < from || cell.column >= to) continue;
      if (!any) first_column = cell.column;
      any = true;
      text += hidden(cell.column) ? "*" : cell.text;
    }
    const std::string_view cut_left = from > 0 || line.cut_before ? "..." : "";
    const bool cut_right = to < line.width || line.cut_behind;
    while (!text.empty() && !cut_right && text.back() == ' ') text.pop_back();
    out_ += painter_.gutter(fmt::format("{:>{}} |", number, digits_));
    if (!text.empty()) out_ += fmt::format(" {}{}{}", cut_left, text, cut_right ? "..." : "");
    out_ += "\n";
    std::vector<Mark> visible;
    for (Mark mark : marks) {
      if (mark.from > to || mark.to < first_column) continue;
      mark.from = std::max(mark.from, first_column) - first_column + cut_left.size();
      mark.to = std::max(std::min(mark.to, to + 1) - first_column + cut_left.size(), mark.from + 1);
      visible.push_back(mark);
    }
    if (visible.empty()) return;
    for (const std::string& row : draw_marks(std::move(visible), color_, painter_)) {
      out_ += std::string(digits_, ' ') + painter_.gutter(" |") + " " + row + "\n";
    }
  }

  void trailer(std::string_view kind, std::string_view text) {
    const std::string margin(digits_ + 1, ' ');
    std::string lead = fmt::format("{}{} {}", margin, painter_.gutter("="), painter_.paint("1", fmt::format("{}: ", kind)));
    const std::string hanging(digits_ + 5 + kind.size(), ' ');
    while (true) {
      const std::size_t end = text.find('\n');
      out_ += lead + std::string(text.substr(0, end)) + "\n";
      if (end == std::string_view::npos) break;
      text.remove_prefix(end + 1);
      lead = hanging;
    }
  }

  const std::string_view code_;
  const Diagnostic& diagnostic_;
  const Sources& sources_;
  Painter painter_;
  std::string_view color_;
  std::map<std::uint32_t, std::map<std::size_t, MarkedLine>> files_;
  std::size_t digits_ = 1;
  std::string out_;
};

}  // namespace

std::string render(const Diagnostic& diagnostic, const Sources& sources, RenderStyle style) {
  return render_as(code_text(diagnostic.code), diagnostic, sources, style);
}

std::string render_as(std::string_view code, const Diagnostic& diagnostic, const Sources& sources, RenderStyle style) {
  return Frame(code, diagnostic, sources, style).draw();
}

std::string render(const Diagnostics& diagnostics, const Sources& sources, RenderStyle style) {
  std::string out;
  std::size_t errors = 0, warnings = 0;
  for (const Diagnostic& diagnostic : diagnostics.all()) {
    if (!out.empty()) out += "\n";
    out += render(diagnostic, sources, style);
    errors += diagnostic.severity == Severity::error ? 1 : 0;
    warnings += diagnostic.severity == Severity::warning ? 1 : 0;
  }
  const auto unshown = [&](std::size_t more, std::string_view what) {
    if (more > 0) out += fmt::format("\n{} more {}{} not shown\n", more, what, more == 1 ? "" : "s");
  };
  unshown(diagnostics.errors() - errors, "error");
  unshown(diagnostics.warnings() - warnings, "warning");
  return out;
}

}  // namespace bfl
