#include "interpreter/cli/scripts.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>

namespace bfl::cli {

std::vector<std::string> scripts_of(const std::vector<std::string>& operands) {
  std::vector<std::string> paths;
  for (const std::string& operand : operands) {
    std::error_code failed;
    if (!std::filesystem::is_directory(operand, failed)) {
      paths.push_back(operand);
      continue;
    }
    std::vector<std::string> found;
    for (auto at = std::filesystem::recursive_directory_iterator(operand, failed); !failed && at != std::filesystem::recursive_directory_iterator(); at.increment(failed))
      if (at->path().extension() == ".bfl" && at->is_regular_file(failed)) found.push_back(at->path().string());
    std::sort(found.begin(), found.end());
    paths.insert(paths.end(), found.begin(), found.end());
  }
  return paths;
}

Result<void> write_script(const std::string& path, const std::string& text) {
  std::error_code failed;
  const std::filesystem::path real = std::filesystem::canonical(path, failed);
  const auto refused = [&](const std::string& why) {
    return Error{ErrorClass::permission, fmt::format("`{}` cannot be written: {}", path, why), {}, {}};
  };
  if (failed) return refused(failed.message());
  const std::string fresh = fmt::format("{}.{}.new", real.string(), getpid());
  std::FILE* file = std::fopen(fresh.c_str(), "wbx");
  if (!file) return refused(std::error_code(errno, std::generic_category()).message());
  const bool written = std::fwrite(text.data(), 1, text.size(), file) == text.size() && std::fflush(file) == 0 && fsync(fileno(file)) == 0;
  const int problem = errno;
  std::fclose(file);
  if (written) std::filesystem::permissions(fresh, std::filesystem::status(real).permissions(), failed);
  if (written && !failed) std::filesystem::rename(fresh, real, failed);
  if (written && !failed) return {};
  std::error_code ignored;
  std::filesystem::remove(fresh, ignored);
  return refused(written ? failed.message() : std::error_code(problem, std::generic_category()).message());
}

}  // namespace bfl::cli
