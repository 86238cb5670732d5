// bfl's own tables in a target: identity, epochs, generations, fences, entries.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include "interpreter/ledger/key_parts.h"
#include "interpreter/ledger/writer.h"
#include "tests/unit/scratch_database.h"

using namespace bfl;
using LedgerKey = ledger::Key;
using ledger::Lane;
using ledger::Stored;
using ledger::Writer;

namespace {

struct Target : ScratchDatabase {
  std::unique_ptr<connect::Connector> connector;
  Timestamp now{1'767'225'600'000'000};
  ledger::Runner runner{"run-1", "ada", "test", "d1", ledger::this_process("here"), "since = 2025-03-01\n", [this] { return now; }};
  plan::MemoKey key{{{"meaning", "m1", "", false}, {"schema", "s1", "", false}}, "k1", ""};

  Target() : ScratchDatabase("CREATE TABLE t(id INTEGER PRIMARY KEY, n INTEGER)") {
    connector = open();
    REQUIRE(ledger::set_up(*connector));
  }
  std::unique_ptr<Writer> take() {
    auto taken = Writer::take_over(*connector, "j", runner);
    REQUIRE_MESSAGE(taken, (taken ? "" : taken.error().message));
    return std::move(*taken);
  }
  std::string ask(const std::string& sql) {
    auto statement = connector->prepare(sql);
    REQUIRE(statement);
    std::string all;
    REQUIRE((*statement)->query_raw({}, [&](connect::RawRow row) {
      all += (all.empty() ? "" : ";") + ledger::display(ledger::key_of(row, row.size()));
      return true;
    }));
    return all;
  }
};

LedgerKey key(std::int64_t number) { return {Stored::of(ledger::number(number))}; }

Result<void> chunk(Target& target, Writer& writer, Lane& lane, std::int64_t hi, const std::string& attempt = "a1") {
  ledger::PackWriter pack;
  const std::vector<connect::RawValue> gone{ledger::number(hi)};
  pack.conflict(gone, "the row is gone");
  if (auto begun = target.connector->begin_write(); !begun) return begun;
  auto done = writer.fence(lane, key(hi));
  ledger::ChunkFacts facts;
  facts.changed = 5;
  facts.query = "UPDATE t";
  facts.attempt = attempt;
  if (done) done = writer.append(lane, key(hi), pack.finish(), facts);
  if (!done) {
    target.connector->rollback();
    return done;
  }
  if (auto committed = target.connector->commit(); !committed) return committed;
  ++lane.seq;
  lane.cursor = key(hi);
  return {};
}

}  // namespace

TEST_CASE("a target has one identity, made at random, and refuses a newer format") {
  Target target, other;
  auto mine = ledger::identity(*target.connector), theirs = ledger::identity(*other.connector);
  REQUIRE(mine);
  CHECK(mine->size() == 32);
  CHECK(*mine != *theirs);
  REQUIRE(ledger::set_up(*target.connector));
  CHECK(*ledger::identity(*target.connector) == *mine);
  ScratchDatabase bare("CREATE TABLE t(x)");
  auto connector = bare.open({.read_only = true});
  CHECK_FALSE(*ledger::exists(*connector));
  CHECK(*ledger::identity(*connector) == "");
  CHECK(ledger::generations(*connector, "j")->empty());
  target.run("UPDATE bfl_meta SET format = 99");
  auto refused = ledger::set_up(*target.connector);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().kind == ErrorClass::refused);
  CHECK(refused.error().message.find("format 99") != std::string::npos);
}

TEST_CASE("a generation is opened, walked, accepted under another text and closed, and each raises what must be raised") {
  Target target;
  auto writer = target.take();
  const auto before = *ledger::revision(*target.connector);
  auto id = writer->open({"fix", "direct", "UPDATE t", &target.key, 1, key(100), 0});
  REQUIRE(id);
  CHECK(*ledger::revision(*target.connector) == before + 1);
  auto lane = *writer->newest_lane(*id);
  CHECK(lane.seq == 0);
  CHECK_FALSE(lane.cursor);
  REQUIRE(chunk(target, *writer, lane, 40));
  REQUIRE(chunk(target, *writer, lane, 100));
  auto now = *writer->newest_lane(*id);
  CHECK(now.seq == 2);
  CHECK(ledger::encode(*now.cursor) == ledger::encode(now.upto));
  const auto list = *ledger::generations(*target.connector, "j");
  REQUIRE(list.size() == 1);
  CHECK(list[0].state == ledger::StepState::open);
  CHECK(list[0].next_seq == 2);
  CHECK(list[0].schema == "s1");
  CHECK(list[0].components.size() == 2);
  plan::MemoKey edited = target.key;
  edited.digest = "k2";
  REQUIRE(writer->rekey(*id, edited));
  REQUIRE(writer->open_lane(*id, key(120)));
  lane = *writer->newest_lane(*id);
  CHECK(lane.lane == 1);
  CHECK(lane.seq == 0);
  REQUIRE(chunk(target, *writer, lane, 120));
  REQUIRE(writer->close(*id));
  const auto closed = *ledger::generations(*target.connector, "j");
  CHECK(closed[0].state == ledger::StepState::done);
  CHECK(closed[0].memo_key == "k2");
  CHECK(closed[0].next_seq == 3);
  CHECK(*ledger::revision(*target.connector) == before + 3);
  REQUIRE(writer->release(true));
  CHECK(target.ask("SELECT holder, clock FROM bfl_job") == ", 0");
  std::string kinds;
  REQUIRE(ledger::entries(*target.connector, "j", [&](const ledger::EntryView& entry) {
    kinds += ledger::field(entry.text, "kind") + " ";
    CHECK(as_bytes(sha256(entry.text)) == entry.hash);
    return true;
  }));
  CHECK(kinds == "begin open chunk chunk accept lane chunk close end ");
}

TEST_CASE("an entry is canonical, says who did what from where, and stays small") {
  Target target;
  auto writer = target.take();
  auto id = writer->open({"fix",
                          "direct",
                          "UPDATE t SET n = '" + std::string(200'000, 'x') + "'",
                          &target.key,
                          1,
                          {Stored::of(ledger::text(std::string(90'000, 'k')))},
                          0});
  REQUIRE(id);
  auto lane = *writer->newest_lane(*id);
  REQUIRE(chunk(target, *writer, lane, 7));
  std::vector<std::string> texts;
  REQUIRE(ledger::entries(*target.connector, "j", [&](const ledger::EntryView& entry) { texts.emplace_back(entry.text); return true; }));
  REQUIRE(texts.size() == 3);
  CHECK(ledger::field(texts[0], "kind") == "begin");
  CHECK(ledger::field(texts[0], "parameters_text") == "since = 2025-03-01\n");
  texts.erase(texts.begin());
  for (const std::string& text : texts) CHECK(text.size() < 60'000);
  CHECK(ledger::field(texts[0], "upto").starts_with("sha256:"));
  const std::string& entry = texts[1];
  CHECK(entry.find(' ') == std::string::npos);
  CHECK(ledger::field(entry, "who") == "ada");
  CHECK(ledger::field(entry, "host") == "here");
  CHECK(ledger::field(entry, "changed") == "5");
  CHECK(ledger::field(entry, "attempt") == "a1");
  CHECK(ledger::field(entry, "from") == "");
  CHECK(ledger::field(entry, "to") == hex(ledger::encode(key(7))));
  CHECK(ledger::field(entry, "statement") == hex(sha256("UPDATE t")));
  CHECK(ledger::field(entry, "previous") == hex(sha256(texts[0])));
  CHECK(ledger::field(entry, "time") == "2026-01-01T00:00:00Z");
}

TEST_CASE("after a take-over nothing of the older epoch commits: no chunk, no opening, no closing, no heartbeat") {
  Target target;
  auto old = target.take();
  auto id = old->open({"fix", "direct", "UPDATE t", &target.key, 1, key(100), 0});
  REQUIRE(id);
  auto lane = *old->newest_lane(*id);
  REQUIRE(chunk(target, *old, lane, 10));
  auto other = target.open();
  auto fresh = Writer::take_over(*other, "j", target.runner);  // the same process: its own hold is no obstacle
  REQUIRE(fresh);
  CHECK((*fresh)->clock() == old->clock());
  const auto beat = old->heartbeat();
  const Result<void> beaten = beat ? Result<void>{} : Result<void>{beat.error()};
  for (const Result<void>& refused : {chunk(target, *old, lane, 20), old->close(*id), beaten, old->open_lane(*id, key(5)),
                                      old->rekey(*id, target.key), old->record_done("x", "check", target.key, 1)}) {
    REQUIRE_FALSE(refused);
    CHECK(refused.error().kind == ErrorClass::held);
    CHECK(refused.error().message.find("ada@here pid") != std::string::npos);
  }
  CHECK_FALSE(old->open({"fix", "direct", "", &target.key, 2, key(100), 0}));
  auto mine = (*fresh)->newest_lane(*id);
  REQUIRE(mine);
  CHECK(mine->seq == 1);
  CHECK_FALSE(target.connector->in_transaction());
}

TEST_CASE("the lane tells whether a commit of unknown outcome took place") {
  Target target;
  auto writer = target.take();
  auto id = writer->open({"fix", "direct", "UPDATE t", &target.key, 1, key(100), 0});
  auto before = *writer->newest_lane(*id);
  CHECK(*writer->committed(before, "a1") == false);
  auto lane = before;
  REQUIRE(chunk(target, *writer, lane, 10, "a1"));
  CHECK(*writer->committed(before, "a1") == true);
  // Under the same epoch only a target that was put back can show another attempt.
  auto other = writer->committed(before, "a2");
  REQUIRE_FALSE(other);
  CHECK(other.error().kind == ErrorClass::refused);
  lane.seq = 5;
  auto lost = writer->committed(lane, "a1");
  REQUIRE_FALSE(lost);
  CHECK(lost.error().kind == ErrorClass::refused);
}

TEST_CASE("a fence moves once: the same chunk cannot be committed twice, whatever its size") {
  Target target;
  auto writer = target.take();
  auto id = writer->open({"fix", "direct", "UPDATE t", &target.key, 1, key(100), 0});
  const auto start = *writer->newest_lane(*id);
  auto first = start, second = start;
  REQUIRE(chunk(target, *writer, first, 50));
  auto refused = chunk(target, *writer, second, 30);
  REQUIRE_FALSE(refused);
  CHECK(target.ask("SELECT seq FROM bfl_lane WHERE step = " + std::to_string(*id)) == "1");
}

TEST_CASE("the clock and the parameters of a job are frozen until it has finished") {
  Target target;
  auto first = target.take();
  const Timestamp began = first->clock();
  REQUIRE(first->release(false));
  target.now.micros += 1'000'000;
  target.runner.parameters = "since = 2025-04-01\n";
  CHECK(*ledger::frozen_clock(*target.connector, "j") == began);
  auto second = target.take();
  CHECK(second->clock() == began);
  CHECK(target.ask("SELECT parameters FROM bfl_job").starts_with("since = 2025-03-01"));
  REQUIRE(second->release(true));
  CHECK_FALSE(ledger::frozen_clock(*target.connector, "j")->has_value());
  CHECK(target.take()->clock() == target.now);
  CHECK(target.ask("SELECT parameters FROM bfl_job").starts_with("since = 2025-04-01"));
}

TEST_CASE("a limit is kept in the target, and a count beyond it changes nothing") {
  Target target;
  auto writer = target.take();
  auto id = writer->open({"fix", "direct", "UPDATE t", &target.key, 1, key(100), 0});
  CHECK(*writer->count(*id, {7, 0, 0}, 10, -1) == true);
  CHECK(*writer->count(*id, {4, 0, 0}, 10, -1) == false);
  CHECK(*writer->count(*id, {3, 1, 0}, 10, -1) == true);
  CHECK(*writer->count(*id, {1'000, 0, 0}, -1, -1) == true);
  CHECK(*writer->count(*id, {0, 0, 2}, -1, 2) == true);
  CHECK(*writer->count(*id, {0, 0, 1}, -1, 2) == false);
  CHECK(target.ask("SELECT changed, conflicts FROM bfl_step WHERE id = " + std::to_string(*id)) == "1010, 1");
}

TEST_CASE("sealed blocks are found by ordinal and proved, and their seal stands in the opening") {
  Target target;
  auto writer = target.take();
  std::vector<ledger::StageBlock> blocks;
  ledger::PackWriter pack;
  for (int b = 0; b < 3; ++b) {
    for (int i = 0; i < 10; ++i) {
      const std::vector<connect::RawValue> row{ledger::number(b * 10 + i)};
      pack.plan(row, {}, {}, {});
    }
    ledger::Pack packed = pack.finish();
    blocks.push_back({b * 10, packed.records, packed.root, packed.bytes});
  }
  std::size_t at = 0;
  auto id = writer->open({"fix", "sealed", "SELECT", &target.key, 1, key(30), 30},
                         [&](bool from_start) -> Result<std::optional<ledger::StageBlock>> {
                           if (from_start) at = 0;
                           return at < blocks.size() ? std::optional(blocks[at++]) : std::optional<ledger::StageBlock>{};
                         });
  REQUIRE(id);
  auto block = writer->stage_block(*id, 14);
  REQUIRE(block);
  CHECK(block->first == 10);
  CHECK(ledger::read_pack(block->bytes, block->root, [](const ledger::Record&) { return true; }));
  CHECK_FALSE(writer->stage_block(*id, 30));
  bool sealed = false;
  REQUIRE(ledger::entries(*target.connector, "j", [&](const ledger::EntryView& entry) {
    sealed = sealed || (ledger::field(entry.text, "sealed_rows") == "30" && ledger::field(entry.text, "sealed_root").size() == 64);
    return true;
  }));
  CHECK(sealed);
}

TEST_CASE("a process is told from one that is gone and from one that took its number since") {
  const auto mine = ledger::this_process("here");
  CHECK(ledger::alive(mine));
  auto later = mine;
  later.start += 1;
  CHECK_FALSE(ledger::alive(later));
  CHECK_FALSE(ledger::alive({"here", 0, 0}));
  const pid_t child = fork();
  if (child == 0) _exit(0);
  REQUIRE(child > 0);
  siginfo_t ended{};
  REQUIRE(waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOWAIT) == 0);
  CHECK_FALSE(ledger::alive({"here", child, 0}));  // ended, but its parent has not asked yet
  int status = 0;
  waitpid(child, &status, 0);
  CHECK_FALSE(ledger::alive({"here", child, 0}));
}

TEST_CASE("keys come back as they were and are shown on one line") {
  const std::string nul("a\0b", 3);
  const LedgerKey all{Stored::of(ledger::number(-5)), Stored::of(ledger::text("é")), Stored::of(ledger::blob("\xff")), Stored{},
                      Stored{connect::RawValue::Class::real, 0, 2.5}};
  auto back = ledger::decode_key(ledger::encode(all));
  REQUIRE(back);
  CHECK(ledger::compare(*back, all) == 0);
  CHECK(ledger::display(all) == "-5, é, x'ff', null, 2.5");
  CHECK(ledger::display({Stored::of(ledger::text(nul))}) == "a\\x00b");
  CHECK(ledger::display({Stored::of(ledger::text(std::string(500, 'x')))}).size() < 100);
  CHECK_FALSE(ledger::decode_key(std::string("\x03\x05" "ab")));
  CHECK(ledger::compare(key(1), key(2)) < 0);
  CHECK(ledger::compare({Stored{}}, key(-9)) < 0);
  CHECK(ledger::compare(key(9), {Stored::of(ledger::text(""))}) < 0);
}

TEST_CASE("a key of several columns is read as it is shown") {
  using namespace ledger;
  using Parts = std::vector<std::string>;
  const auto read = [](std::string_view typed) { return key_parts(typed).value_or(Parts{"(nothing)"}); };
  CHECK(read("7,12") == Parts{"7", "12"});
  CHECK(read("7, 12") == Parts{"7", "12"});
  CHECK(read("a,") == Parts{"a", ""});
  CHECK(read("a ,b ") == Parts{"a ", "b "});
  CHECK(read("\"\"\"\", \" b\"") == Parts{"\"", " b"});
  CHECK(read("a\"b,c") == Parts{"a\"b", "c"});
  for (const char* broken : {"\"a", "\"a\"b,c", "\"a\" ,b", "a,\""}) CHECK_MESSAGE(!key_parts(broken), broken);
  for (const Parts& parts : {Parts{"Doe, John", "x"}, Parts{"", ""}, Parts{" a", "b "}, Parts{"\"", "\"\""}, Parts{",", "plain"}}) {
    LedgerKey key;
    for (const std::string& part : parts) key.push_back(Stored::of(connect::RawValue{.kind = connect::RawValue::Class::text, .bytes = part}));
    CHECK_MESSAGE(read(display(key)) == parts, display(key));
  }
}
