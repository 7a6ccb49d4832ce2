#include "hierevo/evolution/population.hpp"

#include <algorithm>
#include <cmath>

#include "hierevo/core/error.hpp"

namespace hierevo::evolution {

void Population::add(IndividualId id, double fitness) {
  ranking_.insert({fitness, id});
  if (!capacity_) return;
  by_age_.push_back({fitness, id});
  if (by_age_.size() > *capacity_) {
    ranking_.erase(by_age_.front());
    by_age_.pop_front();
  }
}

IndividualId Population::tournament(double share, core::RandomStream& random) const {
  if (ranking_.empty()) throw core::InternalError("A tournament in an empty population");
  const auto wanted = std::max(2.0, std::ceil(share * static_cast<double>(ranking_.size())));
  auto to_draw = std::min(static_cast<std::uint64_t>(wanted), std::uint64_t{ranking_.size()});

  // Drawing k of n without replacement, item by item: the next item is in with probability
  // (still to draw)/(still to come). Going down from the fittest, the first one drawn has won, so
  // the rest need not be drawn, except those equal to it, among whom the lot decides.
  std::uint64_t to_come = ranking_.size();
  const Entry* winner = nullptr;
  std::uint64_t equals_drawn = 0;
  for (const Entry& entry : ranking_) {
    if (winner != nullptr && entry.fitness != winner->fitness) break;
    if (to_draw == 0) break;
    const bool drawn = random.below(to_come) < to_draw;
    --to_come;
    if (!drawn) continue;
    --to_draw;
    ++equals_drawn;
    if (random.below(equals_drawn) == 0) winner = &entry;
  }
  return winner->id;
}

}  // namespace hierevo::evolution
