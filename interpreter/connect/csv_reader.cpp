#include "interpreter/connect/csv_reader.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>

#include "interpreter/base/value.h"

namespace bfl::connect::csv {

bool Reader::fill() {
  at_ = 0;
  end_ = std::fread(buffer_.data(), 1, buffer_.size(), file_);
  if (hasher_ && end_ > 0) hasher_->add({buffer_.data(), end_});
  return end_ > 0;
}

int Reader::peek() { return at_ < end_ || fill() ? static_cast<unsigned char>(buffer_[at_]) : EOF; }

int Reader::get() {
  const int c = peek();
  if (c == EOF) return EOF;
  ++at_;
  if (c == '\n') ++line_;
  return c;
}

Error Reader::broken(std::int64_t line, std::string what, std::string help) const {
  return {ErrorClass::data, fmt::format("line {}: {}", line, what), {}, std::move(help)};
}

Result<void> Reader::quoted_field() {
  const std::int64_t opened = line_;
  get();
  for (;;) {
    const int c = get();
    if (c == EOF) return broken(opened, "a quote is never closed", "write a quote within a field twice");
    if (c == '"') {
      if (peek() != '"') break;
      get();
    }
    bytes_ += static_cast<char>(c);
    if (bytes_.size() > max_field_bytes) return broken(opened, "a record of more than 16 MiB", "a quote is probably not closed");
  }
  const int next = peek();
  if (next != EOF && next != delimiter_ && next != '\n' && next != '\r')
    return broken(line_, "text after a closing quote", "write a quote within a field twice, and the whole field in quotes");
  return {};
}

Result<void> Reader::plain_field() {
  for (;;) {
    const int c = peek();
    if (c == EOF || c == delimiter_ || c == '\n' || c == '\r') return {};
    if (c == '"') return broken(line_, "a quote within a field that does not begin with one", "write the field in quotes, and the quote twice");
    bytes_ += static_cast<char>(get());
    if (bytes_.size() > max_field_bytes) return broken(record_line_, "a record of more than 16 MiB", "this is probably no CSV file");
  }
}

Result<bool> Reader::record() {
  bytes_.clear();
  places_.clear();
  while (peek() == '\n' || peek() == '\r') {
    if (get() == '\r' && peek() != '\n') return broken(line_, "a carriage return that ends no line", "end lines with LF or CRLF");
  }
  record_line_ = line_;
  if (peek() == EOF) return false;
  for (;;) {
    Place place{bytes_.size(), 0, peek() == '"'};
    if (auto read = place.quoted ? quoted_field() : plain_field(); !read) return read.error();
    place.end = bytes_.size();
    places_.push_back(place);
    const int c = get();
    if (c == delimiter_) continue;
    if (c == '\r' && get() != '\n') return broken(line_, "a carriage return that ends no line", "end lines with LF or CRLF");
    return true;
  }
}

Result<bool> Reader::next() {
  if (!started_) {
    started_ = true;
    peek();
    const std::string_view begin(buffer_.data(), end_);
    if (begin.starts_with("\xef\xbb\xbf")) at_ = 3;
    if (begin.starts_with("\xff\xfe") || begin.starts_with("\xfe\xff"))
      return Error{ErrorClass::data, "the file is UTF-16", {}, "save it as UTF-8"};
  }
  auto read = record();
  if (!read || !*read) {
    if (read && std::ferror(file_)) return Error{ErrorClass::fatal, fmt::format("the file cannot be read: {}", std::strerror(errno))};
    return read;
  }
  if (!valid_utf8(bytes_)) return broken(record_line_, "bytes that are not valid UTF-8", "save the file as UTF-8");
  if (bytes_.find('\0') != std::string::npos) return broken(record_line_, "a zero byte", "this is probably no CSV file");
  fields_.clear();
  for (const Place& place : places_) fields_.push_back({std::string_view(bytes_).substr(place.begin, place.end - place.begin), place.quoted});
  return true;
}

}  // namespace bfl::connect::csv
