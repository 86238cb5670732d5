// Where a job is tried: a temporary folder, and a server on which scratch databases may be made. Gone with these objects; what a killed
// process has left is taken away by the next one.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "interpreter/cli/arguments.h"
#include "interpreter/cli/session.h"
#include "interpreter/connect/postgres_scratch.h"

namespace bfl::cli {

class Folder {
 public:
  explicit Folder(std::string_view what);  // `test`: a part of its name
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  bool made() const { return made_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  bool made_ = false;
};

// As `--server` or $BFL_TEST_SERVER names it; null with a diagnostic when there is none. `what`: "a test".
std::unique_ptr<connect::postgres::Scratch> scratch_server(Session& session, const Arguments& arguments, Span span, std::string_view what);
// The diagnostic for a folder that could not be made.
void no_folder(Session& session);

}  // namespace bfl::cli
