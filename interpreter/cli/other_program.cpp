#include "interpreter/cli/other_program.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <memory>

namespace bfl::cli {

Heard listen_to(const std::vector<std::string>& words, const std::string& input, std::size_t most) {
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  // A file, so that neither side waits for the other.
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> asked(std::tmpfile(), [](std::FILE* file) { return file ? std::fclose(file) : 0; });
  int ends[2];
  if (!asked || std::fwrite(input.data(), 1, input.size(), asked.get()) != input.size() || std::fflush(asked.get()) != 0 || lseek(fileno(asked.get()), 0, SEEK_SET) != 0 || pipe2(ends, O_CLOEXEC) != 0)
    return {127, {}};
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child == 0) {
    dup2(fileno(asked.get()), STDIN_FILENO);
    dup2(ends[1], STDOUT_FILENO);
    execvp(arguments[0], arguments.data());
    _exit(127);
  }
  close(ends[1]);
  Heard heard;
  char part[65536];
  for (ssize_t length = 0; child > 0 && heard.text.size() <= most && (length = read(ends[0], part, sizeof part)) > 0;) heard.text.append(part, static_cast<std::size_t>(length));
  close(ends[0]);
  int status = 0;
  if (child < 0 || waitpid(child, &status, 0) != child) return {127, {}};
  heard.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return heard;
}

}  // namespace bfl::cli
