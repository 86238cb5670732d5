#include "interpreter/run/hands.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <system_error>

namespace bfl::run {

Hands::~Hands() {
  if (under_way_ > 0) context_.whole.ending = true;  // they end behind their chunk
  for (auto& hand : hands_)
    if (hand->thread.joinable()) hand->thread.join();
}

std::size_t Hands::under_way(int keeper) const {
  return static_cast<std::size_t>(std::count_if(hands_.begin(), hands_.end(), [&](const auto& hand) { return hand->busy && context_.program.steps[hand->step].keeper == keeper; }));
}

// The files of the job keep their one connection: no step that touches one is under way beside another.
Result<std::unique_ptr<Hands::Hand>> Hands::another() {
  auto hand = std::make_unique<Hand>();
  std::vector<connect::Connector*> targets = context_.targets;
  for (connect::Connector*& target : targets) {
    if (target->engine() != "postgres") continue;
    auto made = target->another();
    if (!made) return made.error();
    if (!*made) return Error{ErrorClass::transient, "this connection cannot be had twice"};
    target = made->get();
    hand->connections.push_back(std::move(*made));
  }
  hand->context = std::make_unique<Context>(context_, std::move(targets));
  return hand;
}

bool Hands::begin(std::size_t step) {
  const auto fewer = [&](const std::string& why) {
    most_ = static_cast<int>(hands_.size());
    Event event = context_.event(EventKind::workers_changed, context_.program.steps[step]);
    event.reason = fmt::format("steps: {} of {} at a time: {}", std::max(most_, 1), wanted_, why);
    context_.tell(event);
    return false;
  };
  auto found = std::find_if(hands_.begin(), hands_.end(), [](const auto& hand) { return !hand->busy; });
  if (found == hands_.end()) {
    auto made = another();
    if (!made) return fewer(made.error().message + (made.error().detail.empty() ? "" : ": " + made.error().detail));
    found = hands_.insert(hands_.end(), std::move(*made));
  }
  Hand& hand = **found;
  hand.step = step;
  hand.ended.reset();
  hand.thrown = nullptr;
  try {
    hand.thread = std::thread([this, &hand] { work(hand); });
  } catch (const std::system_error& error) {
    hands_.erase(found);
    return fewer(fmt::format("no thread more can be had: {}", error.what()));
  }
  hand.busy = true;
  ++under_way_;
  return true;
}

void Hands::work(Hand& hand) {
  StepEnd how = StepEnd::failed;
  std::exception_ptr thrown;
  try {
    how = carry_out_(*hand.context, hand.step);
  } catch (...) {
    thrown = std::current_exception();
  }
  std::lock_guard lock(mutex_);
  hand.ended = how;
  hand.thrown = thrown;
  changed_.notify_all();
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
        std::rethrow_exception(hand->thrown);
      }
      all.push_back({hand->step, *hand->ended});
    }
    if (!all.empty()) break;
    changed_.wait_for(lock, std::chrono::milliseconds(100));
    if (context_.stop.level.load() > 1)
      for (auto& hand : hands_)
        for (auto& connection : hand->connections)
          if (hand->busy) connection->interrupt();
    lock.unlock();
    for (std::size_t i = 0; i < context_.targets.size(); ++i) (void)context_.keep_lease(static_cast<int>(i));  // who has lost it hears it by itself
    lock.lock();
  }
  return all;
}

}  // namespace bfl::run
