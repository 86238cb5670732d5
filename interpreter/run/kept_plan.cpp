#include "interpreter/run/kept_plan.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "interpreter/base/signed_note.h"
#include "interpreter/ledger/merkle.h"

namespace bfl::run {
namespace {

using nlohmann::json;

constexpr std::string_view magic = "bfl plan 2\n", before_magic = "bfl plan 1\n", any_magic = "bfl plan ";
constexpr std::size_t block_head = 8 + 8 + 32;
constexpr std::int64_t most_bytes = std::int64_t{1} << 40;

Error not_written(const std::string& path) {
  return {ErrorClass::fatal, fmt::format("the plan {} cannot be written: {}", path, std::strerror(errno)), {}, "make room, or name another place: `-o FILE`"};
}

std::string little_endian(std::int64_t number) {
  std::string bytes;
  for (int shift = 0; shift < 64; shift += 8) bytes += static_cast<char>(static_cast<std::uint64_t>(number) >> shift & 0xff);
  return bytes;
}

std::int64_t from_little_endian(std::string_view bytes) {
  std::uint64_t number = 0;
  for (int i = 7; i >= 0; --i) number = number << 8 | static_cast<unsigned char>(bytes[static_cast<std::size_t>(i)]);
  return static_cast<std::int64_t>(number);
}

// A plan holds rows as they are, those of sensitive columns too. What an earlier writer left unfinished may be readable for others.
std::FILE* made_for_its_owner(const std::string& path) {
  unlink(path.c_str());
  const int made = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  return made < 0 ? nullptr : fdopen(made, "wb");
}

std::string root_of(Spool& rows, std::int64_t& bytes, Result<void>& sound) {
  ledger::MerkleTree tree;
  for (bool from_start = true;; from_start = false) {
    auto block = rows.next(from_start);
    if (!block) return sound = block.error(), std::string();
    if (!*block) return hex(tree.root());
    bytes += static_cast<std::int64_t>(block_head + (*block)->bytes.size());
    tree.add({}, ledger::sealed_leaf(**block));
  }
}

constexpr const char* names[] = {"rows", "statement", "done", "left_out", "later"};

std::string written(const PlanFacts& facts) {
  json steps = json::array(), sources = json::array(), tables = json::array(), parameters = json::array();
  for (const PlannedStep& step : facts.steps)
    steps.push_back({{"step", step.step}, {"planned", name_of(step.planned)}, {"why", step.why}, {"generation", step.generation}, {"rows", step.rows},
                     {"components", step.components}, {"measured", step.measured}, {"statement", step.statement}});
  for (const PlannedSource& source : facts.sources)
    sources.push_back({{"name", source.name}, {"shown", source.shown}, {"url", source.url}, {"identity", source.identity}});
  for (const PlannedParameter& parameter : facts.parameters)
    parameters.push_back({{"name", parameter.name}, {"value", parameter.value}, {"given", parameter.given}});
  for (const PlannedTable& table : facts.tables)
    tables.push_back({{"source", table.source}, {"schema", table.schema}, {"table", table.table}, {"name", table.name}, {"parts", table.parts}});
  const json all{{"job", facts.job}, {"why", facts.why}, {"path", facts.path}, {"script", facts.script}, {"version", facts.version}, {"made", facts.made},
                 {"clock", facts.clock}, {"who", facts.who}, {"host", facts.host}, {"keys", facts.keys}, {"not_author", facts.not_author}, {"parameters", parameters}, {"sources", sources}, {"tables", tables},
                 {"steps", steps}, {"text", facts.text}};
  return all.dump(-1, ' ', false, json::error_handler_t::replace);
}

struct FromNewer {};  // it says of a step what this bfl does not know

PlanFacts facts_of(const json& all) {
  PlanFacts facts;
  const auto text = [](const json& of, const char* name) { return of.at(name).get<std::string>(); };
  facts.job = text(all, "job");
  facts.why = text(all, "why");
  facts.path = text(all, "path");
  facts.script = text(all, "script");
  facts.version = text(all, "version");
  facts.made = text(all, "made");
  facts.clock = text(all, "clock");
  facts.who = text(all, "who");
  facts.host = text(all, "host");
  facts.keys = all.at("keys").get<std::vector<std::string>>();
  facts.not_author = all.at("not_author").get<bool>();
  facts.text = text(all, "text");
  for (const json& parameter : all.at("parameters")) facts.parameters.push_back({text(parameter, "name"), text(parameter, "value"), text(parameter, "given")});
  for (const json& source : all.at("sources")) facts.sources.push_back({text(source, "name"), text(source, "shown"), text(source, "url"), text(source, "identity")});
  for (const json& table : all.at("tables"))
    facts.tables.push_back({text(table, "source"), text(table, "schema"), text(table, "table"), text(table, "name"), table.at("parts").get<TableParts>()});
  for (const json& step : all.at("steps")) {
    PlannedStep& made = facts.steps.emplace_back();
    made.step = text(step, "step");
    const std::string planned = text(step, "planned");
    const auto word = std::find(std::begin(names), std::end(names), planned);
    if (word == std::end(names)) throw FromNewer();
    made.planned = static_cast<Planned>(word - std::begin(names));
    made.why = text(step, "why");
    made.generation = step.at("generation").get<std::int64_t>();
    made.rows = step.at("rows").get<std::int64_t>();
    made.components = step.at("components").get<std::map<std::string, std::string>>();
    made.measured = text(step, "measured");
    made.statement = text(step, "statement");
  }
  return facts;
}

std::string note_for(const std::string& job, const Digest& digest) { return fmt::format("bfl kept plan\n{}\n{}\n", job, hex(digest)); }

// A line without its end; nothing at the end of the file.
std::optional<std::string> line_of(std::FILE* file) {
  char* memory = nullptr;
  std::size_t room = 0;
  const ssize_t length = getline(&memory, &room, file);
  std::optional<std::string> line;
  if (length > 0 && memory[length - 1] == '\n') line.emplace(memory, static_cast<std::size_t>(length - 1));
  std::free(memory);
  return line;
}

bool pass(std::FILE* file, std::int64_t bytes, Hasher& hasher) {
  char buffer[65'536];
  while (bytes > 0) {
    const std::size_t count = std::fread(buffer, 1, static_cast<std::size_t>(std::min<std::int64_t>(bytes, sizeof buffer)), file);
    if (count == 0) return false;
    hasher.add({buffer, count});
    bytes -= static_cast<std::int64_t>(count);
  }
  return true;
}

}  // namespace

std::string_view name_of(Planned planned) { return names[static_cast<std::size_t>(planned)]; }

std::int64_t PlanFacts::rows() const {
  std::int64_t all = 0;
  for (const PlannedStep& step : steps) all += step.rows;
  return all;
}

bool PlanFacts::holds_statements() const {
  return std::any_of(steps.begin(), steps.end(), [](const PlannedStep& step) { return step.planned == Planned::statement; });
}

PlanWriter::PlanWriter(std::string path) : path_(std::move(path)), unfinished_(path_ + ".part"), file_(made_for_its_owner(unfinished_)) {}

PlanWriter::~PlanWriter() {
  if (!file_) return;
  std::fclose(file_);
  unlink(unfinished_.c_str());
}

Result<std::unique_ptr<PlanWriter>> PlanWriter::create(const std::string& path) {
  std::unique_ptr<PlanWriter> writer(new PlanWriter(path));
  if (!writer->file_) return not_written(path);
  if (auto begun = writer->put(magic); !begun) return begun.error();
  return writer;
}

Result<void> PlanWriter::put(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) != bytes.size()) return not_written(path_);
  hasher_.add(bytes);
  return {};
}

Result<void> PlanWriter::add(const std::string& step, Spool& rows) {
  Result<void> sound;
  std::int64_t bytes = 0;
  const std::string root = root_of(rows, bytes, sound);
  if (sound) sound = put(json{{"step", step}, {"rows", rows.rows()}, {"bytes", bytes}, {"root", root}}.dump() + "\n");
  for (bool from_start = true; sound; from_start = false) {
    auto block = rows.next(from_start);
    if (!block) return block.error();
    if (!*block) break;
    sound = put(little_endian((*block)->rows) + little_endian(static_cast<std::int64_t>((*block)->bytes.size())) + std::string(as_bytes((*block)->root)));
    if (sound) sound = put((*block)->bytes);
  }
  return sound;
}

Result<Digest> PlanWriter::finish(const PlanFacts& facts) {
  if (auto added = put(written(facts) + "\n"); !added) return added.error();
  const Digest digest = hasher_.finish();
  const std::string note = note_for(facts.job, digest) + "\n";
  bool done = std::fwrite(note.data(), 1, note.size(), file_) == note.size() && std::fflush(file_) == 0 && fsync(fileno(file_)) == 0;
  done = std::fclose(file_) == 0 && done;
  file_ = nullptr;
  if (done && std::rename(unfinished_.c_str(), path_.c_str()) == 0) return digest;
  const Error error = not_written(path_);
  unlink(unfinished_.c_str());
  return error;
}

KeptPlan::KeptPlan(std::string path) : path_(std::move(path)), file_(std::fopen(path_.c_str(), "rb"), &std::fclose) {}

const PlannedStep* KeptPlan::step(std::string_view name) const {
  const auto known = steps_.find(name);
  return known == steps_.end() ? nullptr : known->second;
}

std::string KeptPlan::note_text() const { return note_for(facts_.job, digest_); }

Result<std::unique_ptr<KeptPlan>> KeptPlan::open(const std::string& path) {
  std::unique_ptr<KeptPlan> plan(new KeptPlan(path));
  if (!plan->file_) return Error{ErrorClass::refused, fmt::format("the plan {} cannot be read: {}", path, std::strerror(errno)), {}, fmt::format("`bfl plan` of the job makes one, with `-o {}`", path)};
  if (auto read = plan->read(); !read) return read.error();
  return plan;
}

Result<void> KeptPlan::read() {
  const auto refused = [&](const char* what) {
    return Error{ErrorClass::refused, fmt::format("{} {}", path_, what), {}, fmt::format("make it anew, `bfl plan` of the job with `-o {}`; what was altered cannot be told from what was approved", path_)};
  };
  const auto newer = [&] { return Error{ErrorClass::refused, fmt::format("{} is a plan in a form that this bfl does not know", path_), {}, "use the bfl that made it, or make it anew"}; };
  std::FILE* file = file_.get();
  std::string begin(magic.size(), '\0');
  begin.resize(std::fread(begin.data(), 1, begin.size(), file));
  if (begin == before_magic)
    return Error{ErrorClass::refused, fmt::format("{} is a plan of an older bfl, which does not say all that voids it", path_), {}, "make it anew, and have it approved anew"};
  if (begin != magic && begin.starts_with(any_magic))
    return newer();
  if (begin != magic) return refused("is no kept plan");
  Hasher hasher;
  hasher.add(magic);
  for (;;) {
    const auto line = line_of(file);
    if (!line) return refused("is not whole");
    hasher.add(*line).add("\n");
    const json object = json::parse(*line, nullptr, false);
    if (!object.is_object()) return refused("is not as it was written");
    try {
      if (!object.contains("step")) {
        facts_ = facts_of(object);
        break;
      }
      const Section section{std::ftell(file), object.at("rows").get<std::int64_t>(), object.at("bytes").get<std::int64_t>(), object.at("root").get<std::string>()};
      if (section.bytes < 0 || section.bytes > most_bytes || !pass(file, section.bytes, hasher)) return refused("is not whole");
      sections_[object.at("step").get<std::string>()] = section;
    } catch (const FromNewer&) {
      return newer();
    } catch (const json::exception&) {
      return refused("is not as it was written");
    }
  }
  digest_ = hasher.finish();
  char buffer[65'536];
  while (const std::size_t count = std::fread(buffer, 1, sizeof buffer, file)) note_.append(buffer, count);
  // Behind the text there are signatures, and nothing else.
  const auto note = read_note(note_, {});
  if (note_ != note_text() + "\n" && (!note || note->text != note_text())) return refused("is not as it was written");
  for (const PlannedStep& step : facts_.steps) {
    if (step.planned == Planned::rows && !sections_.contains(step.step)) return refused("is not whole");
    steps_[step.step] = &step;
  }
  route_ = "plan " + hex(digest_);
  return {};
}

std::int64_t KeptPlan::planned_rows(std::string_view step) const { return sections_.find(step)->second.rows; }

ledger::Writer::BlockSource KeptPlan::blocks(const std::string& step) const {
  struct Place { Section section; long at = 0; std::int64_t given = 0; ledger::MerkleTree tree{}; };
  auto place = std::make_shared<Place>(Place{sections_.find(step)->second});
  const Error altered{ErrorClass::refused, fmt::format("{} was altered while it was read", path_), {}, "make the plan anew"};
  return [place, altered, file = file_.get()](bool from_start) -> Result<std::optional<ledger::StageBlock>> {
    if (from_start) {
      place->at = place->section.at;
      place->given = 0;
      place->tree.clear();
    }
    if (place->at == place->section.at + place->section.bytes) {
      if (place->given != place->section.rows || hex(place->tree.root()) != place->section.root) return altered;
      return std::optional<ledger::StageBlock>{};
    }
    std::string head(block_head, '\0');
    if (std::fseek(file, place->at, SEEK_SET) != 0 || std::fread(head.data(), head.size(), 1, file) != 1) return altered;
    const std::int64_t rows = from_little_endian(head), bytes = from_little_endian(std::string_view(head).substr(8));
    place->at += static_cast<long>(block_head) + bytes;
    if (rows < 0 || bytes < 0 || place->at > place->section.at + place->section.bytes) return altered;
    ledger::StageBlock block{place->given, rows, {}, std::string(static_cast<std::size_t>(bytes), '\0')};
    std::memcpy(block.root.data(), head.data() + 16, block.root.size());
    if (bytes > 0 && std::fread(block.bytes.data(), block.bytes.size(), 1, file) != 1) return altered;
    place->given += rows;
    place->tree.add({}, ledger::sealed_leaf(block));
    return std::optional(std::move(block));
  };
}

}  // namespace bfl::run
