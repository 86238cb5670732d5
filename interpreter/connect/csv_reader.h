// Records of a CSV file, by RFC 4180 with a delimiter of choice: fields in double quotes may hold delimiters, quotes (doubled)
// and line ends. UTF-8, with or without a byte order mark. What is not so is an error that names the line.
#pragma once
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "interpreter/base/digest.h"
#include "interpreter/base/result.h"

namespace bfl::connect::csv {

inline constexpr std::size_t max_field_bytes = 16u << 20;  // a quote that is never closed should not fill the memory

struct Field {
  std::string_view text;
  bool quoted = false;
};

class Reader {
 public:
  Reader(std::FILE* file, char delimiter, Hasher* hasher) : file_(file), delimiter_(delimiter), hasher_(hasher) {}

  // The next record; false at the end. Lines without a character between records are passed over.
  Result<bool> next();
  const std::vector<Field>& fields() const { return fields_; }
  std::int64_t line() const { return record_line_; }  // where the record began; the first is 1

 private:
  struct Place { std::size_t begin, end; bool quoted; };
  int get();
  int peek();
  bool fill();
  Error broken(std::int64_t line, std::string what, std::string help) const;
  Result<bool> record();
  Result<void> quoted_field();
  Result<void> plain_field();

  std::FILE* file_;
  char delimiter_;
  Hasher* hasher_;
  std::vector<char> buffer_ = std::vector<char>(1 << 16);
  std::size_t at_ = 0, end_ = 0;
  bool started_ = false;
  std::int64_t line_ = 1, record_line_ = 1;
  std::string bytes_;           // of the record
  std::vector<Place> places_;
  std::vector<Field> fields_;
};

}  // namespace bfl::connect::csv
