// Rows as their database stores them, from one reading to another: few in memory, more in a temporary file without a name.
#pragma once
#include <cstdio>
#include <string>

#include "interpreter/connect/connector.h"

namespace bfl::run {

class RowSpool {
 public:
  RowSpool() = default;
  ~RowSpool();
  RowSpool(RowSpool&& other) noexcept;
  RowSpool& operator=(RowSpool&& other) noexcept;
  RowSpool(const RowSpool&) = delete;
  RowSpool& operator=(const RowSpool&) = delete;

  // An error of class fatal when there is no room.
  Result<void> add(connect::RawRow row);
  std::int64_t rows() const { return rows_; }
  // From the first to the last; views are valid until the callback returns, which ends the reading by false.
  Result<void> each(const connect::RowCallback& row) const;

 private:
  std::FILE* file_ = nullptr;
  std::string last_;  // rows behind those in the file, each behind its length
  std::int64_t rows_ = 0;
};

}  // namespace bfl::run
