#include "interpreter/run/row_spool.h"

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "interpreter/ledger/stored.h"

namespace bfl::run {
namespace {

constexpr std::size_t most_in_memory = std::size_t{1} << 20;  // bytes

Error failed() { return {ErrorClass::fatal, "the temporary file of rows cannot be used", std::strerror(errno), "make room where temporary files lie"}; }

}  // namespace

RowSpool::~RowSpool() {
  if (file_) std::fclose(file_);
}

RowSpool::RowSpool(RowSpool&& other) noexcept : file_(std::exchange(other.file_, nullptr)), last_(std::move(other.last_)), rows_(std::exchange(other.rows_, 0)) { other.last_.clear(); }

RowSpool& RowSpool::operator=(RowSpool&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(last_, other.last_);
  std::swap(rows_, other.rows_);
  return *this;
}

Result<void> RowSpool::add(connect::RawRow row) {
  const std::size_t head = last_.size();
  last_.append(sizeof(std::uint64_t), '\0');
  for (const connect::RawValue& value : row) ledger::put(last_, value);
  const std::uint64_t size = last_.size() - head - sizeof size;
  std::memcpy(last_.data() + head, &size, sizeof size);
  ++rows_;
  if (last_.size() < most_in_memory) return {};
  if (!file_) file_ = std::tmpfile();
  if (!file_ || std::fwrite(last_.data(), last_.size(), 1, file_) != 1) return failed();
  last_.clear();
  return {};
}

Result<void> RowSpool::each(const connect::RowCallback& row) const {
  std::vector<connect::RawValue> values;
  const auto shown = [&](std::string_view bytes) {
    values.clear();
    for (ledger::Reader reader{bytes}; !reader.rest.empty();) values.push_back(reader.value());
    return row(values);
  };
  if (file_) {
    if (std::fflush(file_) != 0 || std::fseek(file_, 0, SEEK_SET) != 0) return failed();
    std::string bytes;
    for (std::uint64_t size = 0; std::fread(&size, sizeof size, 1, file_) == 1;) {
      bytes.resize(size);
      if (size > 0 && std::fread(bytes.data(), size, 1, file_) != 1) return failed();
      if (!shown(bytes)) return {};
    }
    if (std::ferror(file_)) return failed();
  }
  for (std::string_view rest = last_; !rest.empty();) {
    std::uint64_t size = 0;
    std::memcpy(&size, rest.data(), sizeof size);
    const std::string_view bytes = rest.substr(sizeof size, size);
    rest.remove_prefix(sizeof size + size);
    if (!shown(bytes)) return {};
  }
  return {};
}

}  // namespace bfl::run
