// A variable of the process's environment, as it is to be while this lives, and put back behind it. Never beside other threads: the
// environment has no lock.
#pragma once
#include <cstdlib>
#include <optional>
#include <string>

namespace bfl {

class Variable {
 public:
  // Null: not set.
  Variable(const char* name, const char* value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    set(value);
  }
  ~Variable() { set(before_ ? before_->c_str() : nullptr); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;

 private:
  void set(const char* value) const {
    if (value) setenv(name_, value, 1);
    else unsetenv(name_);
  }

  const char* name_;
  std::optional<std::string> before_{};
};

}  // namespace bfl
