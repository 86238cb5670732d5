#include "interpreter/run/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <utility>
#include <vector>

namespace bfl::run {
namespace {

using Moment = std::chrono::steady_clock::time_point;

constexpr int look_ms = 100;
constexpr std::size_t most_said = 4'096;  // of standard error

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  ~Descriptor() { close(); }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_ = -1;
};

struct Pipe { Descriptor out, in; };  // to read from, to write to

Result<Pipe> make_pipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return Error{ErrorClass::fatal, fmt::format("no pipe can be made: {}", std::strerror(errno))};
  return Pipe{Descriptor(ends[0]), Descriptor(ends[1])};
}

// The process, which does not outlive this, nor does anything in its group.
class Child {
 public:
  explicit Child(pid_t id) : id_(id) {}
  ~Child() {
    end();
    if (!reaped_) (void)waitpid(id_, &status_, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  // The group is known by the number of its first process, which is not given to another before that is waited for.
  void end() {
    if (!reaped_) (void)kill(-id_, SIGKILL);
  }
  bool ended() {  // and not yet reaped
    siginfo_t about{};
    return waitid(P_PID, static_cast<id_t>(id_), &about, WEXITED | WNOHANG | WNOWAIT) == 0 && about.si_pid == id_;
  }
  int status() {
    end();
    if (!reaped_) reaped_ = waitpid(id_, &status_, 0) == id_;
    return status_;
  }

 private:
  pid_t id_;
  int status_ = 0;
  bool reaped_ = false;
};

std::vector<char*> pointers(std::vector<std::string>& words) {
  std::vector<char*> all;
  for (std::string& word : words) all.push_back(word.data());
  all.push_back(nullptr);
  return all;
}

Result<pid_t> start(const program::OutsideProgram& program, const Pipe& question, const Pipe& answer, const Pipe& said) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t manner;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&manner);
  int wrong = 0;
  const auto sure = [&wrong](int result) { wrong = wrong ? wrong : result; };
  sure(posix_spawn_file_actions_adddup2(&actions, question.out.number(), STDIN_FILENO));
  sure(posix_spawn_file_actions_adddup2(&actions, answer.in.number(), STDOUT_FILENO));
  sure(posix_spawn_file_actions_adddup2(&actions, said.in.number(), STDERR_FILENO));
  sure(posix_spawn_file_actions_addchdir_np(&actions, program.folder.c_str()));
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
  sure(posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1));  // libraries of bfl's may have opened some without a mark
#endif
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  sure(posix_spawnattr_setflags(&manner, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF));
  sure(posix_spawnattr_setpgroup(&manner, 0));
  sure(posix_spawnattr_setsigmask(&manner, &none));
  sure(posix_spawnattr_setsigdefault(&manner, &all));
  std::vector<std::string> words = program.words, variables;
  for (const auto& variable : program.environment) variables.push_back(variable.name + "=" + variable.value);
  pid_t id = 0;
  if (wrong == 0) wrong = posix_spawnp(&id, words[0].c_str(), &actions, &manner, pointers(words).data(), pointers(variables).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&manner);
  if (wrong == 0) return id;
  return Error{ErrorClass::fatal, fmt::format("`{}` cannot be started: {}", program.name, std::strerror(wrong)), {},
               fmt::format("its command is `{}`, started in the job's folder", fmt::join(program.words, " "))};
}

// Takes what lies ready; false at the end of it.
bool take(Descriptor& from, std::string& into) {
  char buffer[65'536];
  const ssize_t count = read(from.number(), buffer, sizeof buffer);
  if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && (errno == EAGAIN || errno == EINTR));
}

class Conversation {
 public:
  Conversation(Descriptor to, Descriptor from, Descriptor messages, std::string_view text)
      : question_(std::move(to)), answer_(std::move(from)), said_(std::move(messages)), rest_(text) {
    for (const Descriptor* each : {&question_, &answer_, &said_}) (void)fcntl(each->number(), F_SETFL, O_NONBLOCK);
    if (rest_.empty()) question_.close();
  }

  std::string answer, told;
  bool over() const { return !answer_.is_open() && !said_.is_open(); }
  bool too_long() const { return answer.size() > longest_answer; }

  // Waits for something to happen, a while; false: nothing did.
  bool go_on(int milliseconds) {
    pollfd looked[] = {{answer_.number(), POLLIN, 0}, {said_.number(), POLLIN, 0}, {question_.number(), POLLOUT, 0}};
    if (poll(looked, 3, milliseconds) <= 0) return false;
    if (looked[0].revents && !take(answer_, answer)) answer_.close();
    if (looked[1].revents) {
      if (!take(said_, told)) said_.close();
      if (told.size() > 2 * most_said) told.erase(0, told.size() - most_said);
    }
    if (looked[2].revents) write_on();
    return true;
  }

 private:
  // A program may end its work before it has read everything: what it answers shows whether that was right.
  void write_on() {
    const ssize_t count = write(question_.number(), rest_.data(), rest_.size());
    if (count > 0) rest_.remove_prefix(static_cast<std::size_t>(count));
    const bool broken = count < 0 && errno != EAGAIN && errno != EINTR;
    if (rest_.empty() || broken) question_.close();
  }

  Descriptor question_, answer_, said_;
  std::string_view rest_;
};

std::string as_detail(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.pop_back();
  if (text.size() > most_said) text.erase(0, text.size() - most_said);
  while (!text.empty() && (static_cast<unsigned char>(text.front()) & 0xc0) == 0x80) text.erase(0, 1);  // cut within a character
  text = legible(std::move(text));
  return text.empty() ? text : "it wrote to standard error: " + text;
}

}  // namespace

std::string legible(std::string text) {
  const bool whole = valid_utf8(text);
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte < 0x20 && c != '\n' && c != '\t') || byte == 0x7f || (!whole && byte >= 0x80)) c = '?';
  }
  return text;
}

Result<Answer> ask(const program::OutsideProgram& program, std::string_view question, const Hurry& hurry) {
  auto asked = make_pipe(), answered = make_pipe(), said = make_pipe();
  for (const auto* pipe : {&asked, &answered, &said})
    if (!*pipe) return pipe->error();
  const auto id = start(program, *asked, *answered, *said);
  if (!id) return id.error();
  Child child(*id);
  for (Descriptor* childs : {&asked->out, &answered->in, &said->in}) childs->close();
  Conversation talk(std::move(asked->in), std::move(answered->out), std::move(said->out), question);

  const Moment latest = std::chrono::steady_clock::now() + std::chrono::microseconds(program.limit.micros);
  const auto failed = [&](std::string what, std::string help) {
    child.end();
    while (!talk.over() && talk.go_on(0)) {
    }
    return Error{ErrorClass::fatal, fmt::format("`{}` {}", program.name, what), as_detail(talk.told), std::move(help)};
  };
  // Whoever it has started may hold its streams: the end of the process ends the call, once what it had said is taken.
  while (!talk.over()) {
    const bool ended = child.ended();
    const bool heard = talk.go_on(ended ? 0 : look_ms);
    if (ended && !heard) break;
    if (talk.too_long()) return failed(fmt::format("answers with more than {} MiB", longest_answer >> 20), "give it fewer rows a call: `batch 100`");
    if (hurry()) return Error{ErrorClass::interrupted, fmt::format("`{}` was ended", program.name)};
    if (std::chrono::steady_clock::now() > latest) return failed(fmt::format("took more than {} and was ended", to_literal(Value(program.limit))), "give it more time, `within 5m`, or fewer rows a call, `batch 100`");
  }
  while (!child.ended()) {  // it has closed its streams, and works on
    if (hurry()) return Error{ErrorClass::interrupted, fmt::format("`{}` was ended", program.name)};
    if (std::chrono::steady_clock::now() > latest) return failed(fmt::format("took more than {} and was ended", to_literal(Value(program.limit))), "give it more time, `within 5m`, or fewer rows a call, `batch 100`");
    (void)poll(nullptr, 0, 10);
  }
  const int status = child.status();
  if (WIFSIGNALED(status)) return failed(fmt::format("was ended by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status))), {});
  if (WEXITSTATUS(status) == 127 && talk.answer.empty() && talk.told.empty()) return failed("ended with exit code 127: its command was not found", "what has no `/` is looked for in PATH");
  if (WEXITSTATUS(status) != 0) return failed(fmt::format("ended with exit code {}", WEXITSTATUS(status)), "an answer counts only when the exit code is 0");
  return Answer{std::move(talk.answer), as_detail(std::move(talk.told))};
}

}  // namespace bfl::run
