// Packs: what goes in comes out bit for bit, small, and nothing of it can be altered unseen.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>

#include "interpreter/ledger/columns.h"
#include "interpreter/ledger/merkle.h"
#include "interpreter/ledger/pack.h"

using namespace bfl;
using connect::ChangeKind;
using connect::RawValue;
using connect::RowChange;
using ledger::Pack;
using ledger::PackWriter;
using ledger::Record;
using ledger::Stored;

namespace {

RawValue null() { return {}; }
RawValue integer(std::int64_t value) { return {.kind = RawValue::Class::integer, .integer = value}; }
RawValue real(double value) { return {.kind = RawValue::Class::real, .real = value}; }
RawValue text(std::string_view bytes) { return {.kind = RawValue::Class::text, .bytes = bytes}; }
RawValue blob(std::string_view bytes) { return {.kind = RawValue::Class::blob, .bytes = bytes}; }

RowChange update(const std::vector<RawValue>& before, const std::vector<RawValue>& after, const std::vector<int>& changed) {
  RowChange change;
  change.kind = ChangeKind::update;
  change.table = "orders";
  change.before = before;
  change.after = after;
  change.changed = changed;
  return change;
}

std::vector<Record> records_of(const Pack& pack) {
  std::vector<Record> all;
  auto read = ledger::read_pack(pack.bytes, pack.root, [&](const Record& record) { all.push_back(record); return true; });
  REQUIRE_MESSAGE(read, (read ? "" : read.error().message));
  return all;
}

std::string message_of(std::string_view bytes, const Digest& root) {
  auto read = ledger::read_pack(bytes, root, [](const Record&) { return true; });
  return read ? "" : read.error().message;
}

const std::vector<RawValue>& awkward() {
  static const std::string nul("a\0b", 3), long_text(300'000, 'x');
  static const std::vector<RawValue> all = {null(),
                                            integer(0),
                                            integer(-1),
                                            integer(std::numeric_limits<std::int64_t>::max()),
                                            integer(std::numeric_limits<std::int64_t>::min()),
                                            real(0.0),
                                            real(-0.0),
                                            real(0.1),
                                            real(12.34),
                                            real(-12.34),
                                            real(1e300),
                                            real(9e13),
                                            real(std::numeric_limits<double>::denorm_min()),
                                            real(std::nan("")),
                                            real(std::numeric_limits<double>::infinity()),
                                            real(1.005),
                                            real(0.07),
                                            text(""),
                                            text("é\n"),
                                            text(nul),
                                            blob(""),
                                            blob("\xff\x00\x01"),
                                            text(long_text)};
  return all;
}

}  // namespace

TEST_CASE("a row comes back as it was, whatever it holds, and whatever stood above it") {
  PackWriter writer;
  std::mt19937 random(7);
  const auto& values = awkward();
  std::vector<std::vector<RawValue>> before, after;
  std::vector<std::vector<int>> changed;
  for (int i = 0; i < 2'000; ++i) {
    auto& row = before.emplace_back();
    auto& next = after.emplace_back();
    auto& columns = changed.emplace_back();
    const int width = i % 50 == 0 ? 7 : 5;  // tables of other widths in between
    for (int c = 0; c < width; ++c) row.push_back(values[random() % (values.size() - (i % 100 == 0 ? 0 : 1))]), next.push_back(null());
    for (int c = 0; c < width; ++c)
      if (random() % 3 == 0) next[static_cast<std::size_t>(c)] = values[random() % (values.size() - 1)], columns.push_back(c);
    writer.add(update(row, next, columns), true);
  }
  const Pack pack = writer.finish();
  CHECK(pack.records == 2'000);
  const auto records = records_of(pack);
  REQUIRE(records.size() == before.size());
  bool all = true;
  for (std::size_t i = 0; i < records.size(); ++i) {
    all = all && records[i].before.size() == before[i].size() && records[i].after.size() == changed[i].size() && records[i].kind == 'u' &&
          records[i].table.empty();
    for (std::size_t c = 0; all && c < before[i].size(); ++c) all = ledger::same(records[i].before[c].view(), before[i][c]);
    for (std::size_t c = 0; all && c < changed[i].size(); ++c)
      all = records[i].after[c].first == changed[i][c] &&
            ledger::same(records[i].after[c].second.view(), after[i][static_cast<std::size_t>(changed[i][c])]);
  }
  CHECK(all);
}

TEST_CASE("inserts, deletes, conflicts, skips and planned rows keep what is theirs") {
  PackWriter writer;
  RowChange change;
  change.table = "audit";
  change.depth = 2;
  const std::vector<RawValue> row{integer(1), text("x")};
  change.kind = ChangeKind::insert;
  change.after = row;
  writer.add(change, false);
  change.kind = ChangeKind::remove;
  change.after = {};
  change.before = row;
  writer.add(change, false);
  const std::vector<RawValue> key{text("k"), integer(3)}, now{text("k"), integer(3), real(1.5)}, wanted{real(2.5)};
  const std::vector<int> columns{2};
  writer.conflict(key, "the row is gone");
  writer.skip(key, "no longer matches");
  writer.plan(key, now, columns, wanted);
  const auto records = records_of(writer.finish());
  REQUIRE(records.size() == 5);
  CHECK(records[0].kind == 'i');
  CHECK(records[0].table == "audit");
  CHECK(records[0].depth == 2);
  CHECK(records[0].before.empty());
  REQUIRE(records[0].after.size() == 2);
  CHECK(records[0].after[1].first == 1);
  CHECK(records[0].after[1].second.bytes == "x");
  CHECK(records[1].kind == 'd');
  CHECK(records[1].before.size() == 2);
  CHECK(records[2].kind == 'c');
  CHECK(records[2].reason == "the row is gone");
  CHECK(ledger::display(records[2].before) == "k, 3");
  CHECK(records[3].kind == 's');
  CHECK(records[4].kind == 'p');
  CHECK(records[4].before.size() == 5);
  CHECK(records[4].after[0].first == 2);
  CHECK(records[4].after[0].second.real == 2.5);
}

TEST_CASE("a writer goes on with the next pack, and a discarded one leaves nothing behind") {
  PackWriter writer;
  const std::vector<RawValue> row{integer(1)}, next{integer(2)};
  const std::vector<int> changed{0};
  for (int i = 0; i < 50'000; ++i) writer.add(update(row, next, changed), true);
  CHECK(writer.raw_bytes() > 0);
  writer.discard();
  CHECK(writer.raw_bytes() == 0);
  const Pack empty = writer.finish();
  CHECK(empty.records == 0);
  CHECK(empty.bytes.empty());
  CHECK(hex(empty.root) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(message_of("", empty.root).empty());
  writer.add(update(row, next, changed), true);
  const Pack first = writer.finish();
  writer.add(update(row, next, changed), true);
  const Pack second = writer.finish();
  CHECK(records_of(first).size() == 1);
  CHECK(records_of(second).size() == 1);
  CHECK(first.root != second.root);  // salts are fresh: equal rows cannot be told from outside
}

TEST_CASE("no byte of a pack can be altered, cut off or added unseen") {
  PackWriter writer;
  std::vector<std::string> notes;
  for (int i = 0; i < 60; ++i) notes.push_back("note " + std::to_string(i * 7919));
  for (int i = 0; i < 60; ++i) {
    const std::vector<RawValue> row{integer(i), real(i / 100.0), text(notes[static_cast<std::size_t>(i)])},
        next{null(), real(i / 10.0), null()};
    const std::vector<int> changed{1};
    writer.add(update(row, next, changed), true);
  }
  const Pack pack = writer.finish();
  const auto rows_of = [](const std::string& bytes, const Digest& root) {
    std::string all;
    auto read = ledger::read_pack(bytes, root, [&](const Record& record) {
      all += ledger::encode(record.before);
      for (const auto& [column, value] : record.after) all += std::to_string(column) + ledger::encode({value});
      return true;
    });
    return read ? all : "refused";
  };
  const std::string sound = rows_of(pack.bytes, pack.root);
  std::size_t unseen = 0;
  for (std::size_t i = 0; i < pack.bytes.size(); ++i)
    for (const int bit : {1, 16, 128}) {
      std::string altered = pack.bytes;
      altered[i] = static_cast<char>(altered[i] ^ bit);
      const std::string rows = rows_of(altered, pack.root);
      CHECK((rows == "refused" || rows == sound));
      if (rows == sound) ++unseen;
    }
  CHECK(unseen * 50 < pack.bytes.size());  // the head of a zstd frame has bits that mean nothing
  for (std::size_t size = 0; size < pack.bytes.size(); ++size)
    CHECK_FALSE(message_of(std::string_view(pack.bytes).substr(0, size), pack.root).empty());
  CHECK_FALSE(message_of(pack.bytes + "x", pack.root).empty());
  Digest other = pack.root;
  other[0] ^= 1;
  CHECK(message_of(pack.bytes, other).find("root") != std::string::npos);
}

TEST_CASE("a block of nonsense is refused and never read beyond its end") {
  std::mt19937 random(11);
  ledger::ColumnWriter writer;
  std::string record("u\0\0", 3), row;
  ledger::put_varint(record, 2);
  ledger::put(record, integer(5));
  ledger::put(record, text("abc"));
  ledger::put_varint(record, 1);
  ledger::put_varint(record, 1);
  ledger::put(record, text("abd"));
  ledger::put_varint(record, 0);
  for (int i = 0; i < 20; ++i) writer.add(record);
  const std::string block(writer.finish());
  ledger::ColumnReader sound(block);
  int rows = 0;
  while (sound.next(row)) {
    CHECK(row == record);
    ++rows;
  }
  CHECK(rows == 20);
  CHECK_FALSE(sound.failed());
  for (int i = 0; i < 20'000; ++i) {
    std::string altered = block.substr(0, random() % (block.size() + 1));
    for (unsigned n = random() % 4; n > 0 && !altered.empty(); --n) altered[random() % altered.size()] = static_cast<char>(random());
    ledger::ColumnReader reader(altered);
    for (int n = 0; n < 5'000 && reader.next(row); ++n) {}
  }
}

TEST_CASE("the tree is that of RFC 6962") {
  // The test vectors of Certificate Transparency.
  const std::string leaves[] = {"",
                                std::string("\x00", 1),
                                "\x10",
                                "\x20\x21",
                                "\x30\x31",
                                "\x40\x41\x42\x43",
                                "\x50\x51\x52\x53\x54\x55\x56\x57",
                                "\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f"};
  const char* roots[] = {"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                         "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                         "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                         "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                         "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                         "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                         "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                         "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  ledger::MerkleTree tree;
  for (std::size_t i = 0; i < 8; ++i) {
    tree.add({}, leaves[i]);
    CHECK(hex(tree.root()) == roots[i]);
  }
}

TEST_CASE("a million-row chunk of orders takes less than half of its size") {
  PackWriter writer;
  std::mt19937 random(3);
  const char* states[] = {"new", "paid", "shipped", "returned"};
  std::int64_t bytes = 0, raw = 0;
  for (int i = 0; i < 50'000; ++i) {
    const auto cents = static_cast<std::int64_t>(100 + (static_cast<std::uint64_t>(i) * 7919) % 900'000);
    char when[32];
    const int minute = i * 37 / 60;
    std::snprintf(when, sizeof when, "2020-09-%02dT%02d:%02d:%02dZ", 1 + minute / 1440 % 28, minute / 60 % 24, minute % 60, i * 37 % 60);
    char note[128];
    std::snprintf(note, sizeof note, "%08X the customer left a note about delivery and wrapping %08X", static_cast<unsigned>(random()),
                  static_cast<unsigned>(random()));
    const std::string_view shown = std::string_view(note).substr(0, 20 + random() % 41);
    const std::vector<RawValue> row{integer(i),     integer(random() % 50'000), text(when), integer(cents), integer(cents / 10),
                                    integer(cents), text(states[random() % 4]), text(shown)};
    const std::vector<RawValue> next{null(), null(), null(), null(), null(), integer(cents + cents / 10), null(), null()};
    const std::vector<int> changed{5};
    writer.add(update(row, next, changed), true);
    raw += 4 + 2 + 20 + 3 + 3 + 3 + 8 + static_cast<std::int64_t>(shown.size());  // about what SQLite stores
  }
  bytes = static_cast<std::int64_t>(writer.finish().bytes.size());
  MESSAGE("bytes per row: ", static_cast<double>(bytes) / 50'000,
          ", of the stored row: ", static_cast<double>(bytes) / static_cast<double>(raw));
  CHECK(bytes * 100 < raw * 45);
}
