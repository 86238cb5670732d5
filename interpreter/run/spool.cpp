#include "interpreter/run/spool.h"

#include <cerrno>
#include <cstring>
#include <utility>

namespace bfl::run {
namespace {

constexpr std::int64_t pack_bytes = 512 << 10;

struct Head {
  std::int64_t rows, bytes;
  Digest root;
};

Error failed() {
  return {ErrorClass::fatal, "the temporary file of the sealed set cannot be used", std::strerror(errno),
          "make room where temporary files lie"};
}

}  // namespace

Spool::Spool() : file_(std::tmpfile()) {}

Spool::~Spool() {
  if (file_) std::fclose(file_);
}

Result<void> Spool::add(const ledger::Pack& pack) {
  const Head head{pack.records, static_cast<std::int64_t>(pack.bytes.size()), pack.root};
  if (!file_ || std::fwrite(&head, sizeof head, 1, file_) != 1 || std::fwrite(pack.bytes.data(), pack.bytes.size(), 1, file_) != 1)
    return failed();
  rows_ += pack.records;
  return {};
}

Result<std::optional<ledger::StageBlock>> Spool::next(bool from_start) {
  if (from_start) {
    given_ = 0;
    if (!file_ || std::fflush(file_) != 0 || std::fseek(file_, 0, SEEK_SET) != 0) return failed();
  }
  Head head{};
  if (std::fread(&head, sizeof head, 1, file_) != 1) {
    if (std::ferror(file_) || given_ != rows_) return failed();
    return std::optional<ledger::StageBlock>{};
  }
  ledger::StageBlock block{given_, head.rows, head.root, std::string(static_cast<std::size_t>(head.bytes), '\0')};
  if (std::fread(block.bytes.data(), block.bytes.size(), 1, file_) != 1) return failed();
  given_ += head.rows;
  return std::optional(std::move(block));
}

void Spool::swap(Spool& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(rows_, other.rows_);
  std::swap(in_between_, other.in_between_);
  std::swap(given_, other.given_);
}

Result<void> each_planned(const ledger::Writer::BlockSource& blocks, const std::function<bool(const ledger::Record&)>& row) {
  bool more = true;
  for (bool from_start = true; more; from_start = false) {
    auto block = blocks(from_start);
    if (!block) return block.error();
    if (!*block) break;
    auto read = ledger::read_pack((*block)->bytes, (*block)->root, [&](const ledger::Record& record) { return more = row(record); });
    if (!read) return read;
  }
  return {};
}

Result<void> each_changed(const ledger::Writer::BlockSource& blocks, ledger::Joining joining, const std::function<bool(const ledger::Record&)>& row) {
  return each_planned(blocks, [&](const ledger::Record& record) {
    const ledger::Record* const whole = joining.whole(record);
    return !whole || row(*whole);
  });
}

Result<void> PlannedRows::add(connect::RawRow key, connect::RawRow row, std::span<const int> columns, connect::RawRow values, std::string_view table,
                              std::string_view reason) {
  pack_.plan(key, row, columns, values, table, reason);
  if (reason == ledger::in_between) into_.note_in_between();
  return pack_.raw_bytes() >= pack_bytes ? into_.add(pack_.finish()) : Result<void>{};
}

Result<void> PlannedRows::end() { return pack_.raw_bytes() > 0 ? into_.add(pack_.finish()) : Result<void>{}; }

}  // namespace bfl::run
