#include "interpreter/web/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <memory>

#include "interpreter/base/address.h"

namespace bfl::web {
namespace {

// The calls that are made, by their names in libcurl.
#define BFL_LIBCURL(X) \
  X(curl_global_init) X(curl_easy_init) X(curl_easy_setopt) X(curl_easy_perform) X(curl_easy_getinfo) X(curl_easy_cleanup) X(curl_easy_strerror) X(curl_slist_append) X(curl_slist_free_all)

#undef curl_easy_setopt  // checked by macros of the header, which name the functions
#undef curl_easy_getinfo

struct Library {
#define BFL_MEMBER(name) decltype(&::name) name = nullptr;
  BFL_LIBCURL(BFL_MEMBER)
#undef BFL_MEMBER
};

Result<Library> load() {
  void* handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
  if (!handle) return Error{ErrorClass::refused, "`libcurl.so.4` cannot be loaded", dlerror(), "install it; on Debian: `apt install libcurl4`"};
  Library made;
#define BFL_RESOLVE(name)                                                  \
  made.name = reinterpret_cast<decltype(made.name)>(dlsym(handle, #name)); \
  if (!made.name) return Error{ErrorClass::refused, "libcurl has no `" #name "`"};
  BFL_LIBCURL(BFL_RESOLVE)
#undef BFL_RESOLVE
  if (made.curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) return Error{ErrorClass::refused, "libcurl does not start"};
  return made;
}

Result<const Library*> library() {
  static const Result<Library> loaded = load();
  if (!loaded) return loaded.error();
  return &*loaded;
}

constexpr std::size_t longest_answer = 1 << 20;

struct Answer {
  std::string bytes{};
  bool wanted = false, too_long = false;
};

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* into) {
  auto& answer = *static_cast<Answer*>(into);
  if (!answer.wanted) return size * count;
  answer.too_long = answer.bytes.size() + size * count > longest_answer;
  if (answer.too_long) return 0;
  answer.bytes.append(bytes, size * count);
  return size * count;
}

int look(void* hurry, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& asked = *static_cast<const std::function<bool()>*>(hurry);
  return asked && asked() ? 1 : 0;
}

// `body`: what is posted; without one the answer is asked for.
Result<void> make(const Call& call, const std::string_view* body, Answer& answer) {
  auto loaded = library();
  if (!loaded) return loaded.error();
  const Library& curl = **loaded;
  const std::unique_ptr<CURL, decltype(curl.curl_easy_cleanup)> handle(curl.curl_easy_init(), curl.curl_easy_cleanup);
  if (!handle) return Error{ErrorClass::refused, "libcurl does not start"};
  const auto set = [&](CURLoption option, auto value) { curl.curl_easy_setopt(handle.get(), option, value); };
  std::unique_ptr<curl_slist, decltype(curl.curl_slist_free_all)> headers(nullptr, curl.curl_slist_free_all);
  if (body) {
    headers.reset(curl.curl_slist_append(nullptr, "Content-Type: application/json"));
    set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body->size()));
    set(CURLOPT_POSTFIELDS, body->data());
    set(CURLOPT_HTTPHEADER, headers.get());
  }
  set(CURLOPT_URL, call.address.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_USERAGENT, "bfl/" BFL_VERSION);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(call.seconds * 1000));
  set(CURLOPT_WRITEFUNCTION, &take);
  set(CURLOPT_WRITEDATA, static_cast<void*>(&answer));
  set(CURLOPT_XFERINFOFUNCTION, &look);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(const_cast<std::function<bool()>*>(&call.hurry)));
  set(CURLOPT_NOPROGRESS, 0L);
  const CURLcode done = curl.curl_easy_perform(handle.get());
  const std::string host = host_of(call.address);
  if (done == CURLE_UNSUPPORTED_PROTOCOL || done == CURLE_URL_MALFORMAT) return Error{ErrorClass::refused, fmt::format("{} is no address", host)};
  if (answer.too_long) return Error{ErrorClass::refused, fmt::format("{} answers with more than {} MiB", host, longest_answer >> 20)};
  if (done != CURLE_OK) return Error{ErrorClass::transient, fmt::format("{}: {}", host, curl.curl_easy_strerror(done))};
  long status = 0;
  curl.curl_easy_getinfo(handle.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) return {};
  return Error{status == 429 || status >= 500 ? ErrorClass::transient : ErrorClass::refused, fmt::format("{} answers with status {}", host, status)};
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string made;
  for (const unsigned char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (plain) made += static_cast<char>(c);
    else made += fmt::format("%{:02X}", c);
  }
  return made;
}

Result<void> post(const Call& call, std::string_view json) {
  Answer ignored;
  return make(call, &json, ignored);
}

Result<std::string> get(const Call& call) {
  Answer answer{.wanted = true};
  if (auto made = make(call, nullptr, answer); !made) return made.error();
  return std::move(answer.bytes);
}

}  // namespace bfl::web
