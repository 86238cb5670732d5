// `bfl state`: what this machine remembers, and what it is to believe when a database was put back.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/carry_out.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/here.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/ledger/hold_for.h"
#include "interpreter/ledger/own_sql.h"
#include "interpreter/ledger/writer.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"
#include "interpreter/store/state.h"

namespace bfl::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* other_ways = "put bfl's tables back from a newer copy, or rows and tables together and `--lost redo`";
constexpr const char* example = "for example: bfl state rebuild JOB.bfl --from shop --lost redo";

Result<std::unique_ptr<store::State>> state_of(const Arguments& arguments) {
  const std::string path = state_path_of(arguments);
  if (!std::filesystem::exists(path)) return Error{ErrorClass::fatal, fmt::format("no state file at `{}`", path), {}, "name the job, or `--state PATH`; a job that never ran has none"};
  return store::open_state(path);
}

int show(const Arguments& arguments) {
  auto state = state_of(arguments);
  if (!state) return failed(state.error());
  auto known = (*state)->known();
  auto proven = (*state)->verify();
  if (!known || !proven) return failed(known ? proven.error() : known.error());
  Json document{{"path", state_path_of(arguments)}, {"runs", proven->runs}, {"entries", proven->entries}, {"sound", proven->damages.empty()}, {"targets", Json::array()}};
  std::string text = fmt::format("{}: {}, {}, {}\n", state_path_of(arguments), report::counted(proven->runs, "run"), report::counted(proven->entries, "entry", "entries"),
                                 proven->damages.empty() ? "everything holds" : "altered: `bfl audit verify` says where");
  std::string target;
  for (const store::State::Known& one : *known) {
    if (one.target != target || document["targets"].empty()) {
      target = one.target;
      document["targets"].push_back({{"identity", target}, {"revision", 0}, {"steps", Json::array()}});
      text += fmt::format("target {}\n", target);
    }
    if (one.step_row == store::revision_row) {
      document["targets"].back()["revision"] = one.seq;
      text += fmt::format("  revision {} of its ledger\n", one.seq);
    } else {
      document["targets"].back()["steps"].push_back({{"row", one.step_row}, {"chunks", one.seq}});
      text += fmt::format("  {} of the step in row {} of its ledger\n", report::counted(one.seq, "chunk"), one.step_row);
    }
  }
  report::put(stdout, arguments.has("json") ? document.dump(2, ' ', false, Json::error_handler_t::replace) + "\n" : text);
  return exit_code::done;
}

// What is missing in the target.
struct Behind {
  std::int64_t known_revision = 0, revision = 0;
  struct Step { ledger::Generation generation; std::int64_t known = 0; };
  std::vector<Step> steps;               // that have fewer chunks than were seen
  std::vector<std::int64_t> gone;        // rows of steps that are not there at all
  std::vector<std::string> others;       // jobs that miss chunks as well
  bool elsewhere = false;                // the diary has runs on other databases, too
  bool any() const { return known_revision > revision || !steps.empty() || !gone.empty() || !others.empty(); }
  std::string text() const {
    std::string said = fmt::format("revision {} was seen, and it shows {}", known_revision, revision);
    for (const Step& step : steps) said += fmt::format("; {} of `{}` were seen, and it shows {}", report::counted(step.known, "chunk"), step.generation.step, step.generation.next_seq);
    for (const std::int64_t row : gone) said += fmt::format("; the step in row {} is not there", row);
    for (const std::string& other : others) said += fmt::format("; chunks of the job {} are missing as well", other);
    return said;
  }
};

Result<Behind> behind(store::State& state, connect::Connector& target, const std::string& identity, const std::string& job) {
  Behind found;
  auto revision = ledger::revision(target);
  auto generations = ledger::generations(target, job);
  auto known = state.known();
  if (!revision) return revision.error();
  if (!generations) return generations.error();
  if (!known) return known.error();
  found.revision = *revision;
  struct There { std::string job; std::int64_t chunks = 0; };
  std::map<std::int64_t, There> there;  // steps of all jobs
  auto read = ledger::OwnSql(target).query("SELECT s.id, s.job, (SELECT CAST(coalesce(sum(l.seq), 0) AS BIGINT) FROM bfl_lane AS l WHERE l.step = s.id) FROM bfl_step AS s", {}, [&](connect::RawRow row) {
    there[row[0].integer] = {std::string(row[1].bytes), row[2].integer};
    return true;
  });
  if (!read) return read.error();
  for (const store::State::Known& one : *known) {
    found.elsewhere = found.elsewhere || one.target != identity;
    if (one.target != identity) continue;
    if (one.step_row == store::revision_row) {
      found.known_revision = one.seq;
      continue;
    }
    const auto same = std::find_if(generations->begin(), generations->end(), [&](const ledger::Generation& generation) { return generation.id == one.step_row; });
    if (same != generations->end() && same->next_seq < one.seq) found.steps.push_back({*same, one.seq});
    const auto whose = there.find(one.step_row);
    if (whose == there.end()) found.gone.push_back(one.step_row);
    else if (whose->second.job != job && whose->second.chunks < one.seq && std::find(found.others.begin(), found.others.end(), whose->second.job) == found.others.end()) found.others.push_back(whose->second.job);
  }
  return found;
}

// The key at which the newest chunk that was seen ended, from the diary, which has runs on this database alone: there it stands as people
// read it.
Result<ledger::Key> last_key(const std::vector<store::JournalEntry>& journal, const std::string& job, const Behind::Step& step) {
  std::string key;
  for (const store::JournalEntry& entry : journal)
    if (entry.job == job && entry.step == step.generation.step && entry.kind == "chunk_committed" && entry.chunk == step.known) key = entry.to_key;
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(key.data(), key.data() + key.size(), number);
  if (key.empty() || problem != std::errc() || end != key.data() + key.size())
    return Error{ErrorClass::refused, fmt::format("the diary does not tell to which row `{}` had come{}", step.generation.step, key.empty() ? "" : fmt::format(": `{}` is no whole number", key)), {},
                 other_ways};
  return ledger::Key{ledger::Stored::of(ledger::number(number))};
}

Result<void> bridge(store::State& state, ledger::Writer& writer, const std::string& job, const Behind& lost) {
  auto journal = lost.steps.empty() ? Result<std::vector<store::JournalEntry>>(std::vector<store::JournalEntry>()) : state.journal({});
  if (!journal) return journal.error();
  for (const Behind::Step& step : lost.steps) {
    auto lanes = writer.lanes(step.generation.id);
    if (!lanes) return lanes.error();
    if (lanes->size() != 1)
      return Error{ErrorClass::refused, fmt::format("`{}` was walked by several workers, and the diary does not tell how far each had come", step.generation.step), {},
                   other_ways};
    auto key = last_key(*journal, job, step);
    if (!key) return key.error();
    const ledger::Lane& lane = lanes->front();
    const auto beyond = [&](const ledger::Key& one, const ledger::Key& other) { return one.size() == 1 && other.size() == 1 && one[0].view().integer > other[0].view().integer; };
    if (beyond(*key, lane.upto) || (lane.cursor && !beyond(*key, *lane.cursor)))
      return Error{ErrorClass::refused, fmt::format("the row at which the diary saw `{}` end is not on the way that is left to it", step.generation.step), {},
                   other_ways};
    if (auto bridged = writer.bridge(lane, *key, step.known - step.generation.next_seq); !bridged) return bridged;
  }
  return {};
}

int rebuild(const Arguments& arguments) {
  for (const char* flag : {"from", "lost"})
    if (!arguments.has(flag)) return failed({ErrorClass::data, fmt::format("`bfl state rebuild` needs `--{}`", flag), {}, example});
  if (arguments.operands.size() < 2) return failed({ErrorClass::data, "`bfl state rebuild` needs the job", {}, example});
  auto state = state_of(arguments);
  if (!state) return failed(state.error());
  const std::string from = arguments.value("from");
  Session session;
  if (!load(session, arguments, arguments.operands[1]) || !open_sources(session, Access::write)) return failed(session);
  const auto source = std::find_if(session.program.sources.begin(), session.program.sources.end(), [&](const program::Source& one) { return one.name == from; });
  if (source == session.program.sources.end()) return failed({ErrorClass::data, fmt::format("the job has no source `{}`", from), {}, "name the source that was put back"});
  connect::Connector& target = *session.connectors[static_cast<std::size_t>(source - session.program.sources.begin())];
  const std::string& job = session.program.job;
  auto identity = ledger::identity(target);
  if (!identity) return failed(identity.error());
  auto lost = behind(**state, target, *identity, job);
  if (!lost) return failed(lost.error());
  if (!lost->any()) return report::put(stdout, fmt::format("`{}` is not older than the local state: nothing to rebuild\n", from)), exit_code::done;
  const bool keep = arguments.value("lost") == "keep";
  if (keep && !lost->gone.empty())
    return failed({ErrorClass::refused, fmt::format("a step of `{}` was lost as a whole, and nobody knows what it did: {}", job, lost->text()), {}, other_ways});
  if (keep && lost->elsewhere)
    return failed({ErrorClass::refused, "the diary has runs on several databases, and does not tell which of its rows are of this one", {}, other_ways});
  if (keep && !lost->others.empty())
    return failed({ErrorClass::refused, fmt::format("what is missing is not of `{}` alone: {}", job, lost->text()), {}, other_ways});
  auto clock = run::system_clock();
  const std::string run = new_run_id(clock->now());
  auto done = ledger::hold_for(target, job, runner_here(*clock, run), [&](ledger::Writer& writer) {
    auto bridged = keep ? bridge(**state, writer, job, *lost) : Result<void>{};
    return bridged ? writer.attest("rebuild", {{"lost", arguments.value("lost")}, {"known", lost->text()}}) : bridged;
  });
  if (!done) return failed(done.error());
  if (auto forgotten = (*state)->forget_target(*identity); !forgotten) return failed(forgotten.error());
  store::JournalEntry entry;
  entry.run = run, entry.job = job, entry.kind = "state_rebuilt", entry.time = format_timestamp(clock->now());
  entry.reason = fmt::format("{}, lost {}: {}", from, arguments.value("lost"), lost->text());
  if (auto written = (*state)->append(entry); !written) return failed(written.error());
  report::put(stdout, fmt::format("`{}` is believed: {}\n{}\n", from, lost->text(), keep ? "what was seen is taken as done; its images are lost" : "the next run does it again"));
  return exit_code::done;
}

}  // namespace

int state_file(const Arguments& arguments) {
  const std::string& verb = arguments.operands[0];
  return verb == "show" ? show(arguments) : verb == "gc" ? prune_state(arguments) : rebuild(arguments);
}

}  // namespace bfl::cli
