#include "interpreter/notify/http.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <memory>

namespace bfl::notify {
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

std::size_t take_no_answer(char*, std::size_t size, std::size_t count, void*) { return size * count; }

int look(void* hurry, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
  const auto& asked = *static_cast<const std::function<bool()>*>(hurry);
  return asked && asked() ? 1 : 0;
}

}  // namespace

std::string host_of(std::string_view address) {
  const auto begin = address.find("://");
  std::string_view rest = begin == std::string_view::npos ? address : address.substr(begin + 3);
  rest = rest.substr(0, rest.find_first_of("/?#"));
  if (const auto at = rest.rfind('@'); at != std::string_view::npos) rest.remove_prefix(at + 1);
  return std::string(begin == std::string_view::npos ? "" : address.substr(0, begin + 3)) + std::string(rest);
}

Result<void> post(const Post& post) {
  auto loaded = library();
  if (!loaded) return loaded.error();
  const Library& curl = **loaded;
  const std::unique_ptr<CURL, decltype(curl.curl_easy_cleanup)> call(curl.curl_easy_init(), curl.curl_easy_cleanup);
  if (!call) return Error{ErrorClass::refused, "libcurl does not start"};
  const std::string type = fmt::format("Content-Type: {}", post.type);
  const std::unique_ptr<curl_slist, decltype(curl.curl_slist_free_all)> headers(curl.curl_slist_append(nullptr, type.c_str()), curl.curl_slist_free_all);
  const auto set = [&](CURLoption option, auto value) { curl.curl_easy_setopt(call.get(), option, value); };
  set(CURLOPT_URL, post.address.c_str());
  set(CURLOPT_PROTOCOLS_STR, "http,https");
  set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(post.body.size()));
  set(CURLOPT_POSTFIELDS, post.body.data());
  set(CURLOPT_HTTPHEADER, headers.get());
  set(CURLOPT_USERAGENT, "bfl/" BFL_VERSION);
  set(CURLOPT_NOSIGNAL, 1L);
  set(CURLOPT_TIMEOUT_MS, static_cast<long>(post.seconds * 1000));
  set(CURLOPT_WRITEFUNCTION, &take_no_answer);
  set(CURLOPT_XFERINFOFUNCTION, &look);
  set(CURLOPT_XFERINFODATA, static_cast<void*>(const_cast<std::function<bool()>*>(&post.hurry)));
  set(CURLOPT_NOPROGRESS, 0L);
  const CURLcode done = curl.curl_easy_perform(call.get());
  const std::string host = host_of(post.address);
  if (done == CURLE_UNSUPPORTED_PROTOCOL || done == CURLE_URL_MALFORMAT) return Error{ErrorClass::refused, fmt::format("{} is no address", host)};
  if (done != CURLE_OK) return Error{ErrorClass::transient, fmt::format("{}: {}", host, curl.curl_easy_strerror(done))};
  long status = 0;
  curl.curl_easy_getinfo(call.get(), CURLINFO_RESPONSE_CODE, &status);
  if (status >= 200 && status < 300) return {};
  return Error{status == 429 || status >= 500 ? ErrorClass::transient : ErrorClass::refused, fmt::format("{} answers with status {}", host, status)};
}

}  // namespace bfl::notify
