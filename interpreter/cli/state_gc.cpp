// `bfl state gc`: old runs leave the diary.
#include <charconv>
#include <filesystem>
#include <fmt/format.h>
#include <optional>

#include "interpreter/cli/audit.h"
#include "interpreter/cli/commands.h"
#include "interpreter/cli/state_path.h"
#include "interpreter/report/words.h"
#include "interpreter/run/executor.h"
#include "interpreter/store/prune.h"

namespace bfl::cli {
namespace {

constexpr std::int64_t day = 86'400'000'000;
constexpr const char* kept_unless_told = "90d";

// `90d`, `12h`: microseconds; nothing for what is no such time.
std::optional<std::int64_t> age(std::string_view written) {
  std::int64_t number = 0;
  const auto [end, wrong] = std::from_chars(written.data(), written.data() + written.size(), number);
  const std::string_view unit = written.substr(static_cast<std::size_t>(end - written.data()));
  if (wrong != std::errc() || number < 0 || number > 100'000 || (unit != "d" && unit != "h")) return std::nullopt;
  return number * (unit == "d" ? day : day / 24);
}

}  // namespace

int prune_state(const Arguments& arguments) {
  const std::string written = arguments.value("keep", kept_unless_told), path = state_path_of(arguments);
  const auto kept = age(written);
  if (!kept) return failed(Error{ErrorClass::data, fmt::format("`{}` is no age", written), {}, "write days or hours: `--keep 90d`"});
  if (!std::filesystem::exists(path)) return failed(Error{ErrorClass::data, fmt::format("no state file at `{}`", path), {}, "name the job, or the file: `--state PATH`"});
  auto pruned = store::prune(path, format_timestamp({run::system_clock()->now().micros - *kept}));
  if (!pruned) return failed(pruned.error());
  if (arguments.has("json")) report::put(stdout, fmt::format("{{\"runs\":{},\"entries\":{},\"left_in_files\":{}}}\n", pruned->runs, pruned->entries, pruned->left_in_files));
  else report::put(stdout, fmt::format("{} and {} older than {} taken out of the diary\n", report::counted(pruned->runs, "run"), report::counted(pruned->entries, "event"), written));
  if (pruned->left_in_files && !arguments.has("json")) report::put(stdout, fmt::format("`{}` and `{}-wal` hold them still, while another process reads them: do it again later\n", path, path));
  return exit_code::done;
}

}  // namespace bfl::cli
