#include "interpreter/check/sql_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace bfl::check {

namespace {

bool letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || static_cast<unsigned char>(c) >= 0x80; }
bool digit(char c) { return c >= '0' && c <= '9'; }
bool blank(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  return out;
}

// Words that are calls without brackets.
constexpr std::string_view clock_words[] = {"current_timestamp", "current_date", "current_time", "localtime", "localtimestamp"};

class Reader {
 public:
  Reader(std::string_view text, bool postgres) : text_(text), postgres_(postgres) {}

  SqlText read() {
    out_.pieces.emplace_back();
    while (at_ < text_.size() && out_.problem.empty()) token();
    if (out_.problem.empty() && depth_ > 0) fail("a bracket is not closed", "close it");
    if (out_.problem.empty() && out_.first.empty()) fail("the text holds no statement", "write the statement");
    return std::move(out_);
  }

 private:
  void fail(std::string problem, std::string help) {
    out_.problem = std::move(problem);
    out_.help = std::move(help);
  }
  char ahead(std::size_t by) const { return at_ + by < text_.size() ? text_[at_ + by] : '\0'; }
  void take(std::size_t length) {
    out_.pieces.back() += text_.substr(at_, length);
    at_ += length;
  }
  void called(std::string name) {
    if (std::find(out_.called.begin(), out_.called.end(), name) == out_.called.end()) out_.called.push_back(std::move(name));
  }

  // Up to the closing mark; doubled it stands for itself.
  void quoted(char close, bool escapes, std::string_view what) {
    std::size_t end = at_ + 1;
    for (; end < text_.size(); ++end) {
      if (escapes && text_[end] == '\\') ++end;
      else if (text_[end] == close && end + 1 < text_.size() && text_[end + 1] == close) ++end;
      else if (text_[end] == close) break;
    }
    if (end >= text_.size()) return fail(fmt::format("{} is not closed", what), "close it");
    if (lower_case(text_.substr(at_, end + 1 - at_)) == "'now'") called("'now'");
    take(end + 1 - at_);
  }

  void comment() {
    if (text_[at_] == '-') return take(std::min(text_.find('\n', at_), text_.size()) - at_);
    std::size_t end = at_ + 2;
    for (int depth = 1; depth > 0; ++end) {
      if (end + 1 >= text_.size()) return fail("a comment is not closed", "close it: `*/`");
      if (text_[end] == '*' && text_[end + 1] == '/') --depth, ++end;
      else if (postgres_ && text_[end] == '/' && text_[end + 1] == '*') ++depth, ++end;
    }
    take(end - at_);
  }

  // PostgreSQL: $tag$ … $tag$
  bool dollar_quoted() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && (letter(text_[end]) || (end > at_ + 1 && digit(text_[end])))) ++end;
    if (end >= text_.size() || text_[end] != '$') return false;
    const std::string_view mark = text_.substr(at_, end + 1 - at_);
    const auto close = text_.find(mark, end + 1);
    if (close == std::string_view::npos) fail(fmt::format("the text that begins with `{}` is not closed", mark), "close it");
    else take(close + mark.size() - at_);
    return true;
  }

  void word() {
    std::size_t end = at_;
    while (end < text_.size() && (letter(text_[end]) || digit(text_[end]) || text_[end] == '$')) ++end;
    const std::string name = lower_case(text_.substr(at_, end - at_));
    if (out_.first.empty()) out_.first = name;
    std::size_t next = end;
    while (next < text_.size() && blank(text_[next])) ++next;
    if (next < text_.size() && text_[next] == '(') {
      std::size_t inside = next + 1;
      while (inside < text_.size() && blank(text_[inside])) ++inside;
      called(name);
      if (inside < text_.size() && text_[inside] == ')') called(name + "()");
    } else if (std::find(std::begin(clock_words), std::end(clock_words), name) != std::end(clock_words)) {
      called(name);
    }
    take(end - at_);
  }

  void parameter() {
    std::size_t end = at_ + 1;
    while (end < text_.size() && (letter(text_[end]) || digit(text_[end]))) ++end;
    out_.parameters.emplace_back(text_.substr(at_ + 1, end - at_ - 1));
    out_.pieces.emplace_back();
    at_ = end;
    after_operand_ = true;
  }

  void token() {
    const char c = text_[at_];
    const bool behind = std::exchange(after_operand_, false);
    if (ended_ && !blank(c) && c != ';' && !(c == '-' && ahead(1) == '-') && !(c == '/' && ahead(1) == '*'))
      return fail("the text holds several statements", "write one statement");
    if (c == '-' && ahead(1) == '-') return comment();
    if (c == '/' && ahead(1) == '*') return comment();
    if (blank(c)) return take(1);
    if (c == '\'') return quoted('\'', false, "a text in single quotes"), void(after_operand_ = true);
    if (postgres_ && (c == 'e' || c == 'E') && ahead(1) == '\'') {
      take(1);
      return quoted('\'', true, "a text in single quotes");
    }
    if (c == '"') return quoted('"', false, "a name in double quotes"), void(after_operand_ = true);
    if (!postgres_ && c == '`') return quoted('`', false, "a name in backticks");
    if (!postgres_ && c == '[') return quoted(']', false, "a name in square brackets");
    if (letter(c)) return word(), void(after_operand_ = true);
    if (digit(c)) {
      while (at_ < text_.size() && (digit(text_[at_]) || letter(text_[at_]) || text_[at_] == '.')) take(1);
      after_operand_ = true;
      return;
    }
    if (c == ':' && ahead(1) == ':') return take(2);
    if (c == ':' && letter(ahead(1)) && !behind) return parameter();  // behind an operand it is a slice: `a[b:c]`
    if (c == '$' && postgres_ && dollar_quoted()) return;
    if ((c == '$' && (digit(ahead(1)) || !postgres_)) || (!postgres_ && (c == '?' || c == '@')))
      return fail(fmt::format("`{}` stands for a value that nothing gives", text_.substr(at_, 2)), "name a parameter of the job: `:since`");
    if (c == ';') {
      ended_ = !out_.first.empty();
      ++at_;  // a subquery has none
      return;
    }
    if (c == '(') ++depth_;
    if (c == ')' && --depth_ < 0) return fail("a bracket is closed that was not opened", "leave it out");
    after_operand_ = c == ')' || c == ']';
    take(1);
  }

  std::string_view text_;
  bool postgres_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool ended_ = false, after_operand_ = false;
  SqlText out_;
};

}  // namespace

SqlText read_sql(std::string_view text, bool postgres) { return Reader(text, postgres).read(); }

namespace {

// What gives something else each time it is asked, so that a run that goes on would see other rows than the one that began.
constexpr std::string_view unstable_everywhere[] = {"random", "current_timestamp", "current_date", "current_time", "'now'"};
constexpr std::string_view unstable_in_sqlite[] = {"randomblob", "last_insert_rowid", "changes", "total_changes", "date()", "time()", "datetime()", "julianday()", "unixepoch()"};
constexpr std::string_view unstable_in_postgres[] = {
    "now", "clock_timestamp", "transaction_timestamp", "statement_timestamp", "timeofday", "localtime", "localtimestamp", "random_normal", "setseed",
    "gen_random_uuid", "gen_random_bytes", "uuid_generate_v1", "uuid_generate_v1mc", "uuid_generate_v4", "nextval", "currval", "lastval", "setval", "txid_current",
    "pg_current_xact_id", "pg_backend_pid", "pg_sleep"};

template <std::size_t N>
bool holds(const std::string_view (&names)[N], std::string_view name) { return std::find(std::begin(names), std::end(names), name) != std::end(names); }

}  // namespace

bool unstable(std::string_view name, bool postgres) {
  return holds(unstable_everywhere, name) || (postgres ? holds(unstable_in_postgres, name) : holds(unstable_in_sqlite, name));
}

}  // namespace bfl::check
