// What a run is doing, as Prometheus reads it: kept from its events, written to a file for the node exporter's textfile collector,
// or served on a port while the run lasts. Both by a thread of their own.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "interpreter/base/result.h"
#include "interpreter/run/events.h"

namespace bfl::notify {

class Metrics {
 public:
  struct Places {
    std::string file{};                  // empty: none
    std::string listen{};                // `PORT` of this host, or `ADDRESS:PORT`; empty: none
  };
  struct Listening { std::string address; std::uint16_t port = 0; };
  // `PORT` of this host, or `ADDRESS:PORT`; an error of class data for anything else.
  static Result<Listening> place_of(const std::string& written);
  // An error of class data where there is no such place, of class fatal where it cannot be listened on.
  static Result<std::unique_ptr<Metrics>> open(const Places& places, const std::string& version);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void on(const run::Event& event);
  // After the last event: the file as it stays. An error when it could not be written.
  Result<void> finish();

 private:
  Metrics();
  struct Kept;
  std::unique_ptr<Kept> kept_;
};

}  // namespace bfl::notify
