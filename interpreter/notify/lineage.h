// What a run reads and writes, as OpenLineage (openlineage.io, spec 2-0-2): one event when it begins and one when it ends, to a file,
// a line each, or to an address.
#pragma once
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/run/events.h"

namespace bfl::notify {

struct Dataset {
  std::string space, name;               // "postgres://host:5432", "shop.public.orders"
  std::vector<std::string> columns{};
  friend auto operator<=>(const Dataset&, const Dataset&) = default;
};

struct Lineage {
  std::string to;                        // a file, or http(s)://…
  std::string why{}, version{};
  std::set<Dataset> inputs{};
  std::map<std::string, Dataset> outputs{};  // by step
};

class LineageTeller {
 public:
  explicit LineageTeller(Lineage lineage) : lineage_(std::move(lineage)) {}
  // The first event is told when the run ends as well, so that nobody waits for an address while rows are changed.
  void on(const run::Event& event);
  Result<void> finish() const;           // sends both
  std::string started() const { return started_; }
  std::string ended() const { return ended_; }

 private:
  std::string event_of(const run::Event& event, std::string_view kind) const;
  Lineage lineage_;
  std::map<std::string, std::int64_t> changed_{};  // by step
  std::string started_{}, ended_{};
};

}  // namespace bfl::notify
