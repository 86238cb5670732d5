// Where a project's file is.
#include "interpreter/project/project.h"

#include <filesystem>

#include "interpreter/cli/session.h"

namespace bfl::cli {

namespace fs = std::filesystem;

project::Project project_of(const std::string& path, Diagnostics& diagnostics) {
  project::Project project;
  std::error_code failed;
  fs::path folder = fs::absolute(path, failed).lexically_normal().parent_path();
  while (!fs::exists(folder / project::file_name, failed)) {
    // What lies around a repository is not the project's.
    if (fs::exists(folder / ".git", failed) || !folder.has_relative_path()) return project;
    folder = folder.parent_path();
  }
  const fs::path shown = (folder / project::file_name).lexically_proximate(fs::current_path(failed));
  auto text = read_script(shown.string());
  project.texts.add(shown.string(), text ? *text : "");
  if (!text) {
    add(diagnostics, Code::file_not_readable, {}, Error{text.error().kind, text.error().message, text.error().detail, {}});
    return project;
  }
  project.root = folder.string();
  project::read(project, diagnostics);
  return project;
}

}  // namespace bfl::cli
