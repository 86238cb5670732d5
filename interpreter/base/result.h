// A value, or why the world refused it. Mistakes in a script are Diagnostics, never this; bugs in bfl abort.
#pragma once
#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace bfl {

// What a caller may do about an error. One class each, decided where the error is first seen.
enum class ErrorClass : std::uint8_t {
  transient,       // trying the whole transaction again may succeed: busy, locked
  data,            // a row does not fit: constraint, conversion, overflow
  permission,      // not allowed, or read-only
  conflict,        // a row is not as it was when it was sealed
  unknown_commit,  // the outcome of a COMMIT is not known
  held,            // somebody else holds the job
  interrupted,     // the user asked to stop
  refused,         // bfl itself refuses: edited, restored, written by a newer version
  stale_schema,    // the schema is no longer the one that the job was checked against
  over_limit,      // more rows than the step expects
  fatal,           // everything else: no such file, disk full, corrupt
};

struct Error {
  ErrorClass kind = ErrorClass::fatal;
  std::string message;   // lower case, no final stop, no secret
  std::string detail{};  // the database's own words, the statement, the key: shown below the message
  std::string help{};    // one thing to do
  std::string row{};     // of class data, where it is known: the row at which it happened, `id = 7`
};

// Result<T> holds a T or an Error. `if (!r) return r.error();` passes it on.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}
  explicit operator bool() const { return state_.index() == 0; }
  T& operator*() & { return std::get<0>(state_); }
  const T& operator*() const& { return std::get<0>(state_); }
  T&& operator*() && { return std::get<0>(std::move(state_)); }
  T* operator->() { return &std::get<0>(state_); }
  const T* operator->() const { return &std::get<0>(state_); }
  const Error& error() const { return std::get<1>(state_); }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), ok_(false) {}
  explicit operator bool() const { return ok_; }
  const Error& error() const { return error_; }

 private:
  Error error_;
  bool ok_ = true;
};

}  // namespace bfl
