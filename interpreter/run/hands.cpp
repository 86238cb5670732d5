#include "interpreter/run/hands.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace bfl::run {

Hands::~Hands() {
  for (auto& hand : hands_)
    if (hand->thread.joinable()) hand->thread.join();
}

std::size_t Hands::under_way(int keeper) const {
  return static_cast<std::size_t>(std::count_if(hands_.begin(), hands_.end(), [&](const auto& hand) { return hand->busy && context_.program.steps[hand->step].keeper == keeper; }));
}

// The files of the job keep their one connection: no step that touches one is under way beside another.
Result<Hands::Hand*> Hands::another() {
  auto hand = std::make_unique<Hand>();
  std::vector<connect::Connector*> targets = context_.targets;
  for (connect::Connector*& target : targets) {
    if (target->engine() != "postgres") continue;
    auto made = target->another();
    if (!made) return made.error();
    target = made->get();
    hand->connections.push_back(std::move(*made));
  }
  hand->context = std::make_unique<Context>(context_, std::move(targets));
  return hands_.emplace_back(std::move(hand)).get();
}

bool Hands::begin(std::size_t step) {
  const auto found = std::find_if(hands_.begin(), hands_.end(), [](const auto& hand) { return !hand->busy; });
  Hand* hand = found == hands_.end() ? nullptr : found->get();
  if (!hand) {
    auto made = another();
    if (!made) {
      Event event = context_.event(EventKind::workers_changed, context_.program.steps[step]);
      event.reason = fmt::format("steps: {} of {} at a time: {}{}{}", std::max<std::size_t>(hands_.size(), 1), most_, made.error().message, made.error().detail.empty() ? "" : ": ", made.error().detail);
      context_.tell(event);
      most_ = static_cast<int>(hands_.size());
      return false;
    }
    hand = *made;
  }
  hand->step = step;
  hand->busy = true;
  hand->ended.reset();
  ++under_way_;
  hand->thread = std::thread([this, hand] {
    StepEnd how = StepEnd::failed;
    std::exception_ptr thrown;
    try {
      how = carry_out_(*hand->context, hand->step);
    } catch (...) {
      thrown = std::current_exception();
    }
    std::lock_guard lock(mutex_);
    hand->ended = how;
    hand->thrown = thrown;
    changed_.notify_all();
  });
  return true;
}

std::vector<Hands::Ended> Hands::wait() {
  std::vector<Ended> all;
  std::unique_lock lock(mutex_);
  while (all.empty() && under_way_ > 0) {
    for (auto& hand : hands_) {
      if (!hand->busy || !hand->ended) continue;
      hand->thread.join();
      hand->busy = false;
      --under_way_;
      if (hand->thrown) {
        context_.whole.ending = true;  // the others end behind their chunk
        std::rethrow_exception(hand->thrown);
      }
      all.push_back({hand->step, *hand->ended});
    }
    if (!all.empty()) break;
    changed_.wait_for(lock, std::chrono::milliseconds(100));
    lock.unlock();
    for (std::size_t i = 0; i < context_.targets.size(); ++i) (void)context_.keep_lease(static_cast<int>(i));  // who has lost it hears it by itself
    if (context_.stop.level.load() > 1)
      for (auto& hand : hands_)
        for (auto& connection : hand->connections)
          if (hand->busy) connection->interrupt();
    lock.lock();
  }
  return all;
}

}  // namespace bfl::run
