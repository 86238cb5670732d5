#include "interpreter/connect/postgres_library.h"

#include <dlfcn.h>

namespace bfl::connect::postgres {
namespace {

Result<Library> load() {
  void* handle = dlopen("libpq.so.5", RTLD_NOW | RTLD_LOCAL);
  if (!handle)
    return Error{ErrorClass::fatal, "PostgreSQL's client library is not there: `libpq.so.5` cannot be loaded", dlerror(),
                 "install it; on Debian: `apt install libpq5`"};
  Library made;
#define BFL_RESOLVE(name)                                                              \
  made.name = reinterpret_cast<decltype(made.name)>(dlsym(handle, #name));            \
  if (!made.name)                                                                      \
    return Error{ErrorClass::fatal, "PostgreSQL's client library is too old: it has no `" #name "`", {}, "bfl needs libpq 14 or newer"};
  BFL_LIBPQ(BFL_RESOLVE)
#undef BFL_RESOLVE
  return made;
}

}  // namespace

Result<const Library*> library() {
  static const Result<Library> loaded = load();
  if (!loaded) return loaded.error();
  return &*loaded;
}

}  // namespace bfl::connect::postgres
