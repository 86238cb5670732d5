#include "interpreter/cli/keys.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "interpreter/base/secrets.h"

namespace bfl::cli {
namespace {

namespace fs = std::filesystem;

constexpr mode_t for_the_owner = 0600, for_all_to_read = 0644;

Error unusable(const fs::path& path, std::string why) { return {ErrorClass::fatal, fmt::format("the key file {} cannot be used: {}", path.string(), why)}; }

Result<std::string> read_text(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return unusable(path, std::strerror(errno));
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// Only where there is none yet.
Result<void> write_new(const fs::path& path, const std::string& text, mode_t mode) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0 && errno == EEXIST) return Error{ErrorClass::refused, fmt::format("there is a key file {} already", path.string()), {}, "choose another name, or remove the file by hand"};
  if (file < 0) return unusable(path, std::strerror(errno));
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && fsync(file) == 0;
  const std::string why = written ? "" : std::strerror(errno);
  close(file);
  if (written) return {};
  fs::remove(path);
  return unusable(path, why);
}

Result<fs::path> made_folder() {
  const fs::path folder = key_folder();
  std::error_code problem;
  if (folder.empty()) return Error{ErrorClass::fatal, "there is no folder for keys: neither BFL_KEYS nor HOME is set"};
  if (fs::exists(folder, problem)) return folder;
  fs::create_directories(folder, problem);
  if (!problem) fs::permissions(folder, fs::perms::owner_all, problem);
  if (problem) return unusable(folder, problem.message());
  return folder;
}

Error no_name(const std::string& name) {
  return {ErrorClass::data, fmt::format("`{}` is no name of a key", name), {}, "letters, digits, `.`, `_` and `-`: for example ops-2025"};
}

}  // namespace

std::string key_folder() {
  const auto variable = [](const char* name) { const char* value = std::getenv(name); return fs::path(value ? value : ""); };
  if (const auto folder = variable("BFL_KEYS"); !folder.empty()) return folder.string();
  if (const auto folder = variable("XDG_CONFIG_HOME"); !folder.empty()) return (folder / "bfl" / "keys").string();
  const auto home = variable("HOME");
  return home.empty() ? "" : (home / ".config" / "bfl" / "keys").string();
}

Result<std::vector<KnownKey>> known_keys() {
  std::vector<KnownKey> all;
  std::error_code problem;
  for (const fs::directory_entry& entry : fs::directory_iterator(key_folder(), problem)) {
    if (entry.path().extension() != ".pub") continue;
    auto text = read_text(entry.path());
    if (!text) return text.error();
    auto key = public_key(*text);
    if (!key || key->name != entry.path().stem().string()) return unusable(entry.path(), "it does not hold the public key of its name");
    all.push_back({*key, fs::exists(fs::path(entry.path()).replace_extension(".key"))});
  }
  std::sort(all.begin(), all.end(), [](const KnownKey& a, const KnownKey& b) { return a.key.name < b.key.name; });
  return all;
}

Result<std::vector<PublicKey>> trusted_keys() {
  auto all = known_keys();
  if (!all) return all.error();
  std::vector<PublicKey> keys;
  for (KnownKey& known : *all) keys.push_back(std::move(known.key));
  return keys;
}

Result<PrivateKey> signing_key(const std::string& name) {
  auto all = known_keys();
  if (!all) return all.error();
  std::erase_if(*all, [&](const KnownKey& known) { return !known.own || (!name.empty() && known.key.name != name); });
  if (all->empty())
    return Error{ErrorClass::refused, name.empty() ? "there is no key to sign with" : fmt::format("there is no private key `{}`", name), "keys are kept in " + key_folder(), "`bfl key make NAME` makes one"};
  if (all->size() > 1) return Error{ErrorClass::data, fmt::format("there are {} keys to sign with", all->size()), {}, "name one: `--key NAME`"};
  const fs::path path = fs::path(key_folder()) / (all->front().key.name + ".key");
  struct stat facts {};
  if (stat(path.c_str(), &facts) != 0) return unusable(path, std::strerror(errno));
  if ((facts.st_mode & 077) != 0) return Error{ErrorClass::refused, fmt::format("others may read the private key {}", path.string()), {}, fmt::format("chmod 600 {}; if others have read it, make a new key", path.string())};
  auto text = read_text(path);
  if (!text) return text.error();
  remember_secret(text->substr(0, text->find('\n')));
  auto key = private_key(*text);
  if (!key || key->open.text() != all->front().key.text()) return unusable(path, "it does not hold the private key that belongs to the public one");
  return *key;
}

Result<PublicKey> make_key_files(const std::string& name) {
  if (!valid_key_name(name)) return no_name(name);
  auto folder = made_folder();
  if (!folder) return folder.error();
  const auto key = make_key(name);
  if (!key) return Error{ErrorClass::fatal, "the system gives no random bytes for a key"};
  if (fs::exists(*folder / (name + ".pub"))) return Error{ErrorClass::refused, fmt::format("there is a key `{}` already", name), {}, "choose another name, or remove its files by hand"};
  if (auto written = write_new(*folder / (name + ".key"), key->text() + "\n", for_the_owner); !written) return written.error();
  if (auto written = write_new(*folder / (name + ".pub"), key->open.text() + "\n", for_all_to_read); !written) return written.error();
  return key->open;
}

Result<PublicKey> trust_key(const std::string& text) {
  const auto key = public_key(text);
  if (!key) return Error{ErrorClass::data, "this is no public key", {}, "it is one line, `NAME+ID+…`, as `bfl key show NAME` prints it"};
  auto folder = made_folder();
  if (!folder) return folder.error();
  if (auto written = write_new(*folder / (key->name + ".pub"), key->text() + "\n", for_all_to_read); !written) return written.error();
  return *key;
}

}  // namespace bfl::cli
