#include "interpreter/cli/scratch_places.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "interpreter/cli/carry_out.h"
#include "interpreter/report/words.h"

namespace bfl::cli {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view prefix = "bfl-scratch-";

// The folders of processes that are no more: `bfl-scratch-PID-test-…`.
void sweep(const fs::path& place) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(place, ignored)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with(prefix)) continue;
    int pid = 0;
    const auto [end, problem] = std::from_chars(name.data() + prefix.size(), name.data() + name.size(), pid);
    if (problem != std::errc() || *end != '-' || pid <= 0) continue;
    if (kill(pid, 0) != 0 && errno == ESRCH) fs::remove_all(entry.path(), ignored);
  }
}

}  // namespace

Folder::Folder(std::string_view what) {
  std::error_code ignored;
  const fs::path place = fs::temp_directory_path(ignored);
  sweep(place);
  path_ = (place / fmt::format("{}{}-{}-XXXXXX", prefix, getpid(), what)).string();
  made_ = mkdtemp(path_.data()) != nullptr;
}

Folder::~Folder() {
  std::error_code ignored;
  if (made_) fs::remove_all(path_, ignored);
}

void no_folder(Session& session) {
  add(session.diagnostics, Code::file_not_readable, {}, {ErrorClass::fatal, "no temporary folder can be made", {}, "make room where temporary files lie"});
}

std::unique_ptr<connect::postgres::Scratch> scratch_server(Session& session, const Arguments& arguments, Span span, std::string_view what) {
  const char* variable = std::getenv("BFL_TEST_SERVER");
  std::string url = arguments.value("server", variable ? variable : "");
  if (url.empty()) {
    session.diagnostics.error(Code::cannot_connect, span, fmt::format("{} on PostgreSQL needs a server on which scratch databases may be made", what),
                              "name one: `--server postgres://USER@HOST/DATABASE`, or set BFL_TEST_SERVER; the source itself is only read");
    return nullptr;
  }
  if (!url.starts_with("postgres:") && !url.starts_with("postgresql:")) url = "postgres:" + url;
  std::string id = new_run_id(run::system_clock()->now());
  for (char& c : id) c = c == '-' ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  auto opened = connect::postgres::Scratch::open(url, id);
  if (!opened) {
    add(session.diagnostics, Code::cannot_connect, span, opened.error());
    return nullptr;
  }
  for (const std::string& dropped : (*opened)->left_over()) report::say(stderr, "dropped what a test before had left: {}\n", dropped);
  return std::move(*opened);
}

}  // namespace bfl::cli
