// `bfl init`: a project that works at once. Its files lie in new_project/.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <string_view>

#include "interpreter/cli/commands.h"
#include "interpreter/cli/terminal.h"
#include "interpreter/project/kept_catalogue.h"
#include "interpreter/connect/connector.h"
#include "interpreter/report/words.h"
#include "interpreter/store/sqlite.h"

namespace bfl::cli {
namespace {

namespace fs = std::filesystem;

struct Embedded { std::string_view name, text; };
constexpr Embedded embedded[] = {
#include "embedded_project.inc"
};

std::string_view text_of(std::string_view name) {
  const auto found = std::find_if(std::begin(embedded), std::end(embedded), [&](const Embedded& file) { return file.name == name; });
  return found == std::end(embedded) ? std::string_view() : found->text;
}

struct NewFile {
  std::string_view path;     // in the project
  std::string_view text;     // of new_project/; empty: made by something else
  std::string_view about;
};
constexpr std::string_view database = "example.db", catalogue = "schema/shop.json", ignored = ".gitignore";

int refused(const std::string& message, std::string_view help) {
  report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), message);
  if (!help.empty()) report::say(stderr, "{}: {}\n", paint(stderr, Paint::help, "help"), help);
  return exit_code::script;
}

// Only where there is nothing: what appears between the look and the writing is not overwritten either.
Result<void> write_new(const fs::path& path, std::string_view text) {
  std::error_code failed;
  fs::create_directories(path.parent_path(), failed);
  std::FILE* file = std::fopen(path.c_str(), "wbx");
  const bool written = file && std::fwrite(text.data(), 1, text.size(), file) == text.size();
  const int problem = errno;
  if ((file && std::fclose(file) != 0) || !written) return Error{ErrorClass::permission, fmt::format("`{}` cannot be written: {}", path.string(), std::strerror(problem)), {}, {}};
  return {};
}

Result<void> make_database(const fs::path& path) {
  if (auto made = write_new(path, ""); !made) return made;  // an empty file is an empty database
  auto opened = store::Database::open(path.string());
  if (!opened) return opened.error();
  return opened->execute(std::string(text_of("data")).c_str());
}

Result<std::string> catalogue_of(const fs::path& path) {
  connect::OpenOptions options;
  options.read_only = true;
  auto connector = connect::open("sqlite:" + path.string(), options);
  if (!connector) return connector.error();
  auto read = (*connector)->catalogue();
  if (!read) return read.error();
  return project::write_catalogue(*read);
}

}  // namespace

int begin_project(const Arguments& arguments) {
  const fs::path folder = arguments.operands.empty() ? fs::path(".") : fs::path(arguments.operands[0]);
  const NewFile files[] = {
      {"bfl.toml", text_of("bfl"), "what holds for all jobs"},
      {"normal_addresses.bfl", text_of("normal_addresses"), "a job, with a test"},
      {database, {}, "its data"},
      {catalogue, {}, "what that looks like, for work without it"},
      {".github/workflows/bfl.yml", text_of("workflow"), "what each push is asked"},
      {ignored, text_of("ignored"), "what is not committed"},
  };
  std::error_code failed;
  if (fs::exists(folder, failed) && !fs::is_directory(folder, failed)) return refused(fmt::format("`{}` is no folder", folder.string()), "give the folder of the new project, or none for this one");
  for (const NewFile& file : files)
    if (file.path != ignored && fs::exists(folder / file.path, failed))
      return refused(fmt::format("`{}` exists already: nothing is overwritten, and nothing was written", (folder / file.path).lexically_normal().string()), "begin in a folder of its own: `bfl init FOLDER`");
  const bool has_ignored = fs::exists(folder / ignored, failed);
  for (const NewFile& file : files) {
    const fs::path path = folder / file.path;
    if (file.path == ignored && has_ignored) continue;
    Result<void> made;
    if (file.path == database) {
      made = make_database(path);
    } else if (file.path == catalogue) {
      auto text = catalogue_of(folder / database);
      made = text ? write_new(path, *text) : Result<void>(text.error());
    } else {
      made = write_new(path, file.text);
    }
    if (!made) {
      report::say(stderr, "{}: {}\n", paint(stderr, Paint::error, "error"), made.error().message);
      return exit_code::world;
    }
    report::say(stdout, "{:<27} {}\n", file.path, file.about);
  }
  if (has_ignored) report::say(stdout, "{:<27} is there already: add `.bfl/` and `example.db*`\n", ignored);
  const std::string cd = arguments.operands.empty() ? "" : fmt::format("cd {}\n  ", folder.string());
  report::say(stdout, "\nnext\n  {}bfl plan normal_addresses.bfl\n  bfl run normal_addresses.bfl\n", cd);
  return exit_code::done;
}

}  // namespace bfl::cli
