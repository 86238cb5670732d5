// Preloaded into bfl by the tests: lets the n-th call that changes a file fail, for good or once, or be the last thing that the
// process does. What is counted are calls on files whose path holds a text.
//
//   FAULTY_FILES=TEXT   which files            FAULTY_CALL=N     which call: 1 is the first
//   FAULTY_ERROR=NAME   ENOSPC, EIO, KILL      FAULTY_FOREVER=1  all calls from the n-th on
//   FAULTY_DONE=FILE    is made when a call has failed
//   FAULTY_WHILE=FILE   only calls made while it is there count
//
//   FAULTY_CLOCK=SECONDS  by which the wall clock jumps, forwards or back, at its FAULTY_CALL-th reading
//
// KILL ends the process with SIGKILL in the middle of the call: half of what was to be written is written.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<long> calls{0};

template <class Function> Function real(const char* name) { return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name)); }

bool meant(const char* path) {
  const char* text = getenv("FAULTY_FILES");
  return text && path && strstr(path, text);
}

bool meant(int file) {
  char link[64], path[4096];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) return false;
  path[length] = 0;
  return meant(path);
}

// 0: the call is made; else the error that it ends with. `half`: what to do before the process is killed.
template <class Half> int fault(Half half) {
  if (const char* file = getenv("FAULTY_WHILE"); file && syscall(SYS_faccessat, AT_FDCWD, file, F_OK) != 0) return 0;
  const long number = ++calls, wanted = atol(getenv("FAULTY_CALL") ? getenv("FAULTY_CALL") : "0");
  if (wanted == 0 || number < wanted || (number > wanted && !getenv("FAULTY_FOREVER"))) return 0;
  if (const char* done = getenv("FAULTY_DONE")) {
    const long file = syscall(SYS_openat, AT_FDCWD, done, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    if (file >= 0) syscall(SYS_close, file);
  }
  const char* error = getenv("FAULTY_ERROR");
  if (error && strcmp(error, "KILL") == 0) {
    half();
    raise(SIGKILL);
  }
  return error && strcmp(error, "ENOSPC") == 0 ? ENOSPC : EIO;
}

int fault() {
  return fault([] {});
}

template <class Call> auto unless_faulty(bool counted, Call call) -> decltype(call()) {
  if (counted)
    if (const int error = fault()) {
      errno = error;
      return -1;
    }
  return call();
}

ssize_t write_at(int file, const void* bytes, size_t count, off64_t at) {
  using Write = ssize_t (*)(int, const void*, size_t, off64_t);
  static const Write pwrite = real<Write>("pwrite64");

  if (meant(file))
    if (const int error = fault([&] { (void)!pwrite(file, bytes, count / 2, at); })) {
      errno = error;
      return -1;
    }
  return pwrite(file, bytes, count, at);
}

int open_file(const char* name, const char* path, int flags, mode_t mode) {
  using Open = int (*)(const char*, int, ...);
  const Open open = real<Open>(name);
  return unless_faulty((flags & O_CREAT) && meant(path), [&] { return open(path, flags, mode); });
}

}  // namespace

extern "C" {

ssize_t pwrite64(int file, const void* bytes, size_t count, off64_t at) { return write_at(file, bytes, count, at); }
ssize_t pwrite(int file, const void* bytes, size_t count, off_t at) { return write_at(file, bytes, count, at); }

ssize_t write(int file, const void* bytes, size_t count) {
  using Write = ssize_t (*)(int, const void*, size_t);
  static const Write write = real<Write>("write");
  if (meant(file))
    if (const int error = fault([&] { (void)!write(file, bytes, count / 2); })) {
      errno = error;
      return -1;
    }
  return write(file, bytes, count);
}

int fsync(int file) {
  static const auto call = real<int (*)(int)>("fsync");
  return unless_faulty(meant(file), [&] { return call(file); });
}
int fdatasync(int file) {
  static const auto call = real<int (*)(int)>("fdatasync");
  return unless_faulty(meant(file), [&] { return call(file); });
}
int ftruncate64(int file, off64_t size) noexcept {
  static const auto call = real<int (*)(int, off64_t)>("ftruncate64");
  return unless_faulty(meant(file), [&] { return call(file, size); });
}
int ftruncate(int file, off_t size) noexcept { return ftruncate64(file, size); }
int unlink(const char* path) noexcept {
  static const auto call = real<int (*)(const char*)>("unlink");
  return unless_faulty(meant(path), [&] { return call(path); });
}

// The buffered ones call none of the above.
size_t fwrite(const void* bytes, size_t size, size_t count, FILE* file) {
  static const auto call = real<size_t (*)(const void*, size_t, size_t, FILE*)>("fwrite");
  if (meant(fileno(file)))
    if (const int error = fault()) {
      errno = error;
      return 0;
    }
  return call(bytes, size, count, file);
}
int fflush(FILE* file) {
  static const auto call = real<int (*)(FILE*)>("fflush");
  return unless_faulty(file && meant(fileno(file)), [&] { return call(file); });
}
FILE* tmpfile() {
  static const auto call = real<FILE* (*)()>("tmpfile");
  if (meant("/#"))
    if (const int error = fault()) {
      errno = error;
      return nullptr;
    }
  return call();
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static const auto call = real<int (*)(clockid_t, timespec*)>("clock_gettime");
  const char* const jump = clock == CLOCK_REALTIME ? getenv("FAULTY_CLOCK") : nullptr;
  const int done = call(clock, time);
  if (jump && ++calls >= atol(getenv("FAULTY_CALL") ? getenv("FAULTY_CALL") : "1")) time->tv_sec += atol(jump);
  return done;
}

#define OPEN(name)                                       \
  int name(const char* path, int flags, ...) {           \
    va_list more;                                        \
    va_start(more, flags);                               \
    const mode_t mode = (flags & O_CREAT) ? va_arg(more, mode_t) : 0; \
    va_end(more);                                        \
    return open_file(#name, path, flags, mode);          \
  }
OPEN(open)
OPEN(open64)
}
