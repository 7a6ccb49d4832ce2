#include "hierevo/evolution/population.hpp"

#include <algorithm>
#include <cmath>

#include "hierevo/core/error.hpp"

namespace hierevo::evolution {

void Population::add(IndividualId id, double fitness) {
  ranking_[fitness].push_back(id);
  ++size_;
  if (!capacity_) return;
  by_age_.push_back(fitness);
  if (by_age_.size() > *capacity_) forget_oldest();
}

void Population::forget_oldest() {
  const auto equals = ranking_.find(by_age_.front());
  by_age_.pop_front();
  equals->second.erase(equals->second.begin());  // the oldest of all is the oldest of its equals
  if (equals->second.empty()) ranking_.erase(equals);
  --size_;
}

IndividualId Population::tournament(double share, core::RandomStream& random) const {
  if (size_ == 0) throw core::InternalError("A tournament in an empty population");
  const auto wanted = std::max(2.0, std::ceil(share * static_cast<double>(size_)));
  const auto to_draw = std::min(static_cast<std::uint64_t>(wanted), std::uint64_t{size_});

  // Drawing k of n without replacement, item by item: the next item is in with probability
  // (to draw)/(still to come). Going down from the fittest, the first one drawn has won, so the
  // rest need not be drawn. Of those equal to it, any number may be drawn too and the lot decides
  // between them; since nothing distinguishes them, that is a uniform choice among all of them.
  std::uint64_t to_come = size_;
  for (const auto& [fitness, equals] : ranking_) {
    for (std::size_t i = 0; i < equals.size(); ++i, --to_come) {
      if (random.below(to_come) < to_draw) return equals[random.below(equals.size())];
    }
  }
  throw core::InternalError("A tournament that nobody won");
}

}  // namespace hierevo::evolution
