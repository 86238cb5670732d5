#include "interpreter/ledger/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <map>

#include "interpreter/ledger/ledger.h"
#include "interpreter/ledger/merkle.h"

namespace bfl::ledger {
namespace {

constexpr std::size_t tile_width = 256;
constexpr std::size_t most_entry_bytes = 0xffff;  // what a bundle can hold

std::optional<Checkpoint> checkpoint_in(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    lines.push_back(text.substr(0, text.find('\n')));
    text.remove_prefix(std::min(text.size(), lines.back().size() + 1));
  }
  if (lines.size() < 3 || lines[0].empty()) return std::nullopt;
  Checkpoint read{std::string(lines[0]), 0, {}};
  const auto [end, problem] = std::from_chars(lines[1].data(), lines[1].data() + lines[1].size(), read.size);
  const auto root = unbase64(lines[2]);
  if (problem != std::errc() || end != lines[1].data() + lines[1].size() || read.size < 0 || !root || root->size() != read.root.size()) return std::nullopt;
  std::copy(root->begin(), root->end(), read.root.begin());
  return read;
}

// One snapshot: what is not committed in it was not begun, when nobody runs the job.
struct Snapshot {
  connect::Connector& target;
  Result<void> begun = target.begin_read();
  explicit Snapshot(connect::Connector& of) : target(of) {}
  ~Snapshot() { target.rollback(); }
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
};

Result<void> nobody_runs(connect::Connector& target, const std::string& job) {
  auto held = holder(target, job);
  if (!held) return held.error();
  if (!*held) return {};
  return Error{ErrorClass::held, fmt::format("`{}` is being run, or was cut short, by {}", job, (*held)->name), {}, fmt::format("let it finish first: `bfl run` of `{}` goes on with what was cut short", job)};
}

// Index 1234067 is `x001/x234/067`.
std::string tile_name(std::uint64_t index) {
  std::string name = fmt::format("{:03}", index % 1000);
  while ((index /= 1000) > 0) name = fmt::format("x{:03}/{}", index % 1000, name);
  return name;
}

// One level of tiles, grown hash by hash: a full tile is written, and its root goes to the level above.
class Tiles {
 public:
  explicit Tiles(const WriteFile& write) : write_(write) {}

  Result<void> add(const Digest& hash, std::size_t level = 0) {
    if (levels_.size() == level) levels_.emplace_back();
    Level& at = levels_[level];
    at.hashes.append(as_bytes(hash));
    at.tree.add_hash(hash);
    if (at.tree.size() < tile_width) return {};
    if (auto written = write_(fmt::format("tile/{}/{}", level, tile_name(at.full)), at.hashes); !written) return written;
    const Digest root = at.tree.root();
    ++at.full;
    at.hashes.clear();
    at.tree.clear();
    return add(root, level + 1);
  }

  Result<void> finish() {
    for (std::size_t level = 0; level < levels_.size(); ++level) {
      const Level& at = levels_[level];
      if (at.hashes.empty()) continue;
      if (auto written = write_(fmt::format("tile/{}/{}.p/{}", level, tile_name(at.full), at.tree.size()), at.hashes); !written) return written;
    }
    return {};
  }

 private:
  struct Level {
    std::string hashes;
    MerkleTree tree;         // over the tile under way
    std::uint64_t full = 0;  // tiles that are written
  };
  const WriteFile& write_;
  std::vector<Level> levels_;
};

}  // namespace

std::string Checkpoint::text() const { return fmt::format("{}\n{}\n{}\n", origin, size, base64(as_bytes(root))); }

std::string origin(const std::string& identity, const std::string& job) { return fmt::format("bfl/{}/{}", identity, job); }

Result<Checkpoint> checkpoint(connect::Connector& target, const std::string& identity, const std::string& job) {
  return write_tiles(target, identity, job, {});
}

Result<std::vector<Anchor>> anchors(const std::string& file, std::string_view content, const std::vector<PublicKey>& known) {
  std::vector<Anchor> all;
  const auto wrong = [&](std::int64_t line, std::string what, std::string help = {}) {
    return Error{ErrorClass::refused, fmt::format("{}:{}: {}", file, line, what), {}, std::move(help)};
  };
  std::int64_t line = 1;
  while (!content.empty()) {
    // A note ends with its signatures; empty lines between notes are nobody's.
    if (content.front() == '\n') {
      content.remove_prefix(1);
      ++line;
      continue;
    }
    const auto gap = content.find("\n\n");
    std::size_t end = gap == std::string_view::npos ? content.size() : gap + 2;
    while (end < content.size() && content.substr(end).starts_with("\u2014")) end = std::min(content.size(), content.find('\n', end) == std::string_view::npos ? content.size() : content.find('\n', end) + 1);
    const std::string_view one = content.substr(0, end);
    const auto note = read_note(one, known);
    const auto said = note ? checkpoint_in(note->text) : std::nullopt;
    if (!said) return wrong(line, "this is no signed checkpoint", "`bfl audit checkpoint` writes them");
    if (note->forged) return wrong(line, "the signature of the checkpoint does not hold", "the file was altered, or another key has the same name");
    if (note->signers.empty()) return wrong(line, "the checkpoint is signed by no key that is known here", "`bfl key trust PUBLIC_KEY` makes one known");
    all.push_back({*said, note->signers, fmt::format("{}:{}", file, line)});
    line += std::count(one.begin(), one.end(), '\n');
    content.remove_prefix(end);
  }
  return all;
}

Result<std::vector<Damage>> compare(connect::Connector& target, const std::string& identity, const std::vector<std::string>& jobs, const std::vector<Anchor>& anchors, std::int64_t& used) {
  std::vector<Damage> damages;
  const std::string of_target = origin(identity, "");
  std::map<std::string, std::multimap<std::int64_t, const Anchor*>> by_job;
  for (const Anchor& anchor : anchors)
    if (anchor.said.origin.starts_with(of_target)) by_job[anchor.said.origin.substr(of_target.size())].emplace(anchor.said.size, &anchor);
  for (const auto& [job, wanted] : by_job) {
    used += static_cast<std::int64_t>(wanted.size());
    if (std::find(jobs.begin(), jobs.end(), job) == jobs.end()) {
      damages.push_back({wanted.begin()->second->place, fmt::format("{} entries of `{}` were signed, and the ledger does not know the job", wanted.rbegin()->first, job)});
      continue;
    }
    MerkleTree tree;
    auto next = wanted.begin();
    const auto look = [&] {
      for (; next != wanted.end() && next->first == static_cast<std::int64_t>(tree.size()); ++next)
        if (tree.root() != next->second->said.root)
          damages.push_back({next->second->place, fmt::format("the first {} entries of `{}` are not those that were signed", next->first, job)});
    };
    look();
    auto read = entries(target, job, [&](const EntryView& entry) {
      tree.add({}, entry.text);
      look();
      return next != wanted.end();
    });
    if (!read) return read.error();
    for (; next != wanted.end(); ++next)
      damages.push_back({next->second->place, fmt::format("{} entries of `{}` were signed, and the ledger has {}", next->first, job, tree.size())});
  }
  return damages;
}

Result<Checkpoint> write_tiles(connect::Connector& target, const std::string& identity, const std::string& job, const WriteFile& write) {
  const Snapshot snapshot(target);
  if (!snapshot.begun) return snapshot.begun.error();
  if (auto free = nobody_runs(target, job); !free) return free.error();
  MerkleTree tree;
  Tiles tiles(write);
  std::string bundle;
  std::uint64_t bundles = 0;
  Result<void> written;
  const auto bundle_of = [&](const std::string& end) { return write(fmt::format("tile/entries/{}{}", tile_name(bundles), end), bundle); };
  auto read = entries(target, job, [&](const EntryView& entry) {
    tree.add({}, entry.text);
    if (!write) return true;
    if (entry.text.size() > most_entry_bytes) {
      written = Error{ErrorClass::refused, fmt::format("an entry of `{}` is longer than 65,535 bytes", job), {}, "no bundle of entries can hold it; `bfl audit verify` shows whether it was altered"};
      return false;
    }
    bundle += static_cast<char>(entry.text.size() >> 8);
    bundle += static_cast<char>(entry.text.size() & 0xff);
    bundle += entry.text;
    written = tiles.add(leaf_hash(entry.text));
    if (written && tree.size() % tile_width == 0) {
      written = bundle_of("");
      bundle.clear();
      ++bundles;
    }
    if (written && !entry.pack.empty()) written = write("pack/" + hex(sha256(entry.pack)), entry.pack);
    return static_cast<bool>(written);
  });
  if (!read) return read.error();
  if (write && written && !bundle.empty()) written = bundle_of(fmt::format(".p/{}", tree.size() % tile_width));
  if (write && written) written = tiles.finish();
  if (!written) return written.error();
  return Checkpoint{origin(identity, job), static_cast<std::int64_t>(tree.size()), tree.root()};
}

}  // namespace bfl::ledger
