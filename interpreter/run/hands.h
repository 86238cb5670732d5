// Steps under way at the same time, each in a thread of its own, over connections of its own to the same databases.
#pragma once
#include <condition_variable>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "interpreter/run/context.h"

namespace bfl::run {

class Hands {
 public:
  using CarryOut = std::function<StepEnd(Context& context, std::size_t step)>;
  // `most`: of steps under way; 1 or less: none ever is.
  Hands(Context& context, int most, CarryOut carry_out) : context_(context), wanted_(most), most_(most), carry_out_(std::move(carry_out)) {}
  ~Hands();
  Hands(const Hands&) = delete;
  Hands& operator=(const Hands&) = delete;

  bool several() const { return most_ > 1; }
  bool idle() const { return under_way_ == 0; }
  bool free() const { return several() && under_way_ < static_cast<std::size_t>(most_); }
  std::size_t under_way(int keeper) const;           // steps whose ledger lies in that source
  // False: the server has no room for one more session, which is told; fewer steps are under way from then on.
  bool begin(std::size_t step);
  // Those that have ended, one at least; what one threw is thrown here. Meanwhile the run's leases are kept, and whoever asks to stop at once is heard.
  struct Ended { std::size_t step = 0; StepEnd how{}; };
  std::vector<Ended> wait();

 private:
  struct Hand {
    std::vector<std::unique_ptr<connect::Connector>> connections;
    std::unique_ptr<Context> context;
    std::thread thread{};
    std::size_t step = 0;
    bool busy = false;
    std::optional<StepEnd> ended{};                  // under mutex_
    std::exception_ptr thrown{};                     // instead: a bug, or no memory
  };
  Result<std::unique_ptr<Hand>> another();
  void work(Hand& hand);

  Context& context_;
  const int wanted_;
  int most_;                                         // there may be no room for as many as are wanted
  CarryOut carry_out_;
  std::vector<std::unique_ptr<Hand>> hands_{};
  std::size_t under_way_ = 0;
  std::mutex mutex_{};
  std::condition_variable changed_{};
};

}  // namespace bfl::run
