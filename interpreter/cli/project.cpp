// Where a project's files are.
#include "interpreter/project/project.h"

#include <filesystem>

#include "interpreter/cli/session.h"

namespace bfl::cli {

namespace fs = std::filesystem;

project::Project project_of(const std::string& path, Diagnostics& diagnostics) {
  project::Project project;
  std::error_code failed;
  std::vector<fs::path> folders;  // with a file, the nearest first
  bool beyond = false;            // the repository: its policy may stand further out, its other files do not
  for (fs::path folder = fs::absolute(path, failed).lexically_normal().parent_path();; folder = folder.parent_path()) {
    // One that cannot be looked at is no reason to go on without it: it cannot be read then, and that is said.
    if (fs::symlink_status(folder / project::file_name, failed).type() != fs::file_type::not_found) {
      folders.push_back(folder);
      if (!beyond && project.root.empty()) project.root = folder.string();
    }
    beyond = beyond || fs::exists(folder / ".git", failed);
    if (!folder.has_relative_path()) break;
  }
  for (auto folder = folders.rbegin(); folder != folders.rend(); ++folder) {
    const fs::path shown = (*folder / project::file_name).lexically_proximate(fs::current_path(failed));
    auto text = read_script(shown.string());
    const std::uint32_t file = project.texts.add(shown.string(), text ? *text : "");
    if (text) project::read(project, file, folder->string(), diagnostics);
    else add(diagnostics, Code::file_not_readable, {0, 0, file}, Error{text.error().kind, text.error().message, text.error().detail, {}});
  }
  return project;
}

}  // namespace bfl::cli
