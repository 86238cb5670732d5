#include "interpreter/ledger/columns.h"

#include <cmath>
#include <cstring>
#include <optional>

namespace bfl::ledger {
namespace {

using connect::RawValue;
using Class = RawValue::Class;

// Beside the storage classes: a REAL that is exactly the nearest double of a whole number of cents, kept as that number.
constexpr std::uint8_t cents_class = 5;
constexpr std::size_t max_streams = 2 * 32'768;  // SQLite's own limit of columns
constexpr std::uint64_t max_records = 1u << 20;   // of a block; far above what a writer puts into one

double of_cents(std::int64_t cents) { return static_cast<double>(cents) / 100.0; }

std::optional<std::int64_t> cents_of(double value) {
  constexpr double most = 9e13;  // far inside the integers that a double holds
  if (!(std::fabs(value) < most)) return std::nullopt;
  const std::int64_t cents = std::llround(value * 100.0);
  const double back = of_cents(cents);
  if (std::memcmp(&back, &value, sizeof back) != 0) return std::nullopt;  // -0.0 is not 0.0 here
  return cents;
}

std::int64_t minus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
}
std::int64_t plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

void end_run(ColumnStream& stream) {
  if (stream.run == 0) return;
  char* to = stream.classes.room(1 + varint_room);
  *to++ = static_cast<char>(stream.current);
  stream.classes.written(put_varint(to, stream.run));
  stream.run = 0;
}

// What an integer is told from: after a change the value before it, else that of the row above.
std::int64_t base(const std::vector<std::pair<bool, std::int64_t>>& numbers, std::size_t column, bool after, std::int64_t previous) {
  return after && column < numbers.size() && numbers[column].first ? numbers[column].second : previous;
}

void note(std::vector<std::pair<bool, std::int64_t>>& numbers, bool is_number, std::int64_t number) {
  numbers.emplace_back(is_number, number);
}

// Text or bytes behind their length.
void append(Growing& to, std::string_view bytes) {
  char* at = put_varint(to.room(varint_room + bytes.size()), bytes.size());
  if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
  to.written(at + bytes.size());
}

}  // namespace

void ColumnWriter::put(ColumnStream& stream, const RawValue& value, std::size_t column, bool after) {
  auto kind = static_cast<std::uint8_t>(value.kind);
  std::int64_t number = value.integer;
  if (value.kind == Class::real) {
    if (const auto cents = cents_of(value.real)) kind = cents_class, number = *cents;
  }
  if (kind != stream.current) {
    end_run(stream);
    stream.current = kind;
  }
  ++stream.run;
  const bool is_number = kind == static_cast<std::uint8_t>(Class::integer) || kind == cents_class;
  if (is_number) {
    const std::int64_t step = minus(number, base(numbers_, column, after, stream.previous));
    stream.content.written(put_varint(stream.content.room(varint_room), zigzag(step)));
    stream.previous = number;
  } else if (value.kind == Class::real) {
    char* to = stream.content.room(sizeof value.real);
    std::memcpy(to, &value.real, sizeof value.real);
    stream.content.written(to + sizeof value.real);
  } else if (value.kind != Class::null) {
    append(stream.content, value.bytes);
  }
  if (!after) note(numbers_, is_number, number);
}

// The head of a record is all of it but the values. Heads are the same for thousands of rows.
void ColumnWriter::end_head_run() {
  if (head_run_ == 0) return;
  heads_.written(put_varint(heads_.room(varint_room), head_run_));
  append(heads_, last_head_);
  head_run_ = 0;
}

void ColumnWriter::add(std::string_view record) {
  Reader reader{record};
  const char* from = record.data();
  head_.clear();
  const auto keep_head = [&] { head_.append(from, static_cast<std::size_t>(reader.rest.data() - from)); };
  const auto value_done = [&] { from = reader.rest.data(); };

  (void)reader.bytes(1);
  (void)reader.bytes(reader.varint());
  (void)reader.varint();
  const std::uint64_t before = reader.varint();
  keep_head();
  numbers_.clear();
  for (std::size_t i = 0; i < before; ++i) put(stream(2 * i), reader.value(), i, false);
  value_done();
  const std::uint64_t after = reader.varint();
  for (std::uint64_t i = 0; i < after; ++i) {
    const auto column = static_cast<std::size_t>(reader.varint());
    keep_head();
    put(stream(2 * column + 1), reader.value(), column, true);
    value_done();
  }
  (void)reader.bytes(reader.varint());
  keep_head();

  if (head_ != last_head_) {
    end_head_run();
    last_head_.swap(head_);
  }
  ++head_run_;
  ++records_;
}

std::string_view ColumnWriter::finish() {
  block_.clear();
  if (records_ > 0) {
    end_head_run();
    std::uint64_t used = 0;
    for (ColumnStream& stream : streams_) {
      end_run(stream);
      if (!stream.classes.text().empty()) ++used;
    }
    const auto number = [this](std::uint64_t value) { block_.written(put_varint(block_.room(varint_room), value)); };
    number(records_);
    append(block_, heads_.text());
    number(used);
    for (std::size_t i = 0; i < streams_.size(); ++i) {
      const ColumnStream& stream = streams_[i];
      if (stream.classes.text().empty()) continue;
      number(i);
      append(block_, stream.classes.text());
      append(block_, stream.content.text());
    }
  }
  heads_.clear();
  last_head_.clear();
  records_ = 0;
  for (ColumnStream& stream : streams_) {
    stream.classes.clear();
    stream.content.clear();
    stream.current = 0xff;
    stream.previous = 0;
  }
  return block_.text();
}

ColumnReader::ColumnReader(std::string_view block) {
  Reader reader{block};
  left_ = reader.varint();
  heads_.rest = reader.bytes(reader.varint());
  const std::uint64_t used = reader.varint();
  for (std::uint64_t i = 0; i < used && !reader.failed; ++i) {
    const std::uint64_t number = reader.varint();
    if (number >= max_streams) reader.failed = true;
    if (reader.failed) break;
    if (number >= streams_.size()) streams_.resize(number + 1);
    streams_[number].classes.rest = reader.bytes(reader.varint());
    streams_[number].content.rest = reader.bytes(reader.varint());
  }
  failed_ = reader.failed || !reader.rest.empty() || left_ > max_records;
}

bool ColumnReader::take(std::string& out, std::size_t number, std::size_t column, bool after) {
  if (number >= streams_.size()) return false;
  Stream& stream = streams_[number];
  if (stream.run == 0) {
    const std::string_view kind = stream.classes.bytes(1);
    stream.run = stream.classes.varint();
    if (stream.classes.failed || stream.run == 0) return false;
    stream.current = static_cast<std::uint8_t>(kind[0]);
  }
  --stream.run;
  RawValue value;
  std::int64_t given = 0;
  const bool is_number = stream.current == static_cast<std::uint8_t>(Class::integer) || stream.current == cents_class;
  if (is_number) {
    given = plus(unzigzag(stream.content.varint()), base(numbers_, column, after, stream.previous));
    stream.previous = given;
    value.kind = stream.current == cents_class ? Class::real : Class::integer;
    if (value.kind == Class::real) value.real = of_cents(given);
    else value.integer = given;
  } else if (stream.current == static_cast<std::uint8_t>(Class::real)) {
    const std::string_view content = stream.content.bytes(sizeof value.real);
    value.kind = Class::real;
    if (!stream.content.failed) std::memcpy(&value.real, content.data(), sizeof value.real);
  } else if (stream.current == static_cast<std::uint8_t>(Class::text) || stream.current == static_cast<std::uint8_t>(Class::blob)) {
    value.kind = static_cast<Class>(stream.current);
    value.bytes = stream.content.bytes(stream.content.varint());
  } else if (stream.current != static_cast<std::uint8_t>(Class::null)) {
    return false;
  }
  if (stream.content.failed) return false;
  ledger::put(out, value);
  if (!after) note(numbers_, is_number, given);
  return true;
}

bool ColumnReader::next(std::string& record) {
  record.clear();
  if (failed_ || left_ == 0) return false;
  if (head_run_ == 0) {
    head_run_ = heads_.varint();
    head_ = heads_.bytes(heads_.varint());
    if (heads_.failed || head_run_ == 0) return !(failed_ = true);
  }
  --head_run_;
  --left_;
  Reader reader{head_};
  const char* from = head_.data();
  const auto keep_head = [&] {
    record.append(from, static_cast<std::size_t>(reader.rest.data() - from));
    from = reader.rest.data();
  };
  (void)reader.bytes(1);
  (void)reader.bytes(reader.varint());
  (void)reader.varint();
  const std::uint64_t before = reader.varint();
  if (reader.failed) return !(failed_ = true);
  keep_head();
  numbers_.clear();
  for (std::size_t i = 0; i < before; ++i)
    if (!take(record, 2 * i, i, false)) return !(failed_ = true);
  const std::uint64_t after = reader.varint();
  for (std::uint64_t i = 0; i < after; ++i) {
    const auto column = static_cast<std::size_t>(reader.varint());
    if (reader.failed || column >= max_streams) return !(failed_ = true);
    keep_head();
    if (!take(record, 2 * column + 1, column, true)) return !(failed_ = true);
  }
  (void)reader.bytes(reader.varint());
  if (reader.failed || !reader.rest.empty()) return !(failed_ = true);
  keep_head();
  return true;
}

}  // namespace bfl::ledger
