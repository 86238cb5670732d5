// The base protocol: messages with a `Content-Length`, on two file descriptors.
#pragma once
#include <optional>
#include <string>

namespace bfl::lsp {

class Wire {
 public:
  Wire(int in, int out) : in_(in), out_(out) {}
  std::optional<std::string> read();  // the next message; nothing at the end of the input, or where it is no longer the protocol
  bool waiting();                     // whether the beginning of another message is there already
  void write(const std::string& message);

 private:
  bool fill();
  int in_, out_;
  std::string buffer_;
};

}  // namespace bfl::lsp
