#include "interpreter/lsp/wire.h"

#include <poll.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <strings.h>

namespace bfl::lsp {

namespace {
constexpr std::size_t longest_message = 256u << 20;
}

bool Wire::fill() {
  char chunk[65536];
  for (;;) {
    const ssize_t got = ::read(in_, chunk, sizeof chunk);
    if (got > 0) return buffer_.append(chunk, static_cast<std::size_t>(got)), true;
    if (got < 0 && errno == EINTR) continue;
    return false;
  }
}

bool Wire::waiting() {
  if (!buffer_.empty()) return true;
  pollfd asked{in_, POLLIN, 0};
  return poll(&asked, 1, 0) > 0 && (asked.revents & POLLIN) != 0;
}

std::optional<std::string> Wire::read() {
  std::size_t end;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos)
    if (buffer_.size() > 65536 || !fill()) return std::nullopt;
  std::size_t length = std::string::npos;
  for (std::size_t line = 0; line < end;) {
    const std::size_t next = std::min(buffer_.find("\r\n", line), end);
    constexpr const char* name = "Content-Length:";
    if (strncasecmp(buffer_.c_str() + line, name, 15) == 0) length = std::strtoull(buffer_.c_str() + line + 15, nullptr, 10);
    line = next + 2;
  }
  if (length > longest_message) return std::nullopt;
  buffer_.erase(0, end + 4);
  while (buffer_.size() < length)
    if (!fill()) return std::nullopt;
  std::string message = buffer_.substr(0, length);
  buffer_.erase(0, length);
  return message;
}

void Wire::write(const std::string& message) {
  const std::string whole = "Content-Length: " + std::to_string(message.size()) + "\r\n\r\n" + message;
  for (std::size_t done = 0; done < whole.size();) {
    const ssize_t put = ::write(out_, whole.data() + done, whole.size() - done);
    if (put < 0 && errno != EINTR) return;  // the editor is gone: the end of the input will follow
    if (put > 0) done += static_cast<std::size_t>(put);
  }
}

}  // namespace bfl::lsp
