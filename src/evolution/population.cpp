#include "hierevo/evolution/population.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::evolution {

namespace {

void erase_first(std::vector<IndividualId>& equals) {
  equals.erase(equals.begin());  // the oldest of all is the oldest of its equals
}

}  // namespace

void Population::add(IndividualId id, const std::vector<double>& scores) {
  if (scores.empty()) {
    scoreless_.push_back(id);
  } else if (scores.size() == 1) {
    ranking_[scores.front()].push_back(id);
  } else {
    fronts_.add(id, scores);
  }
  ++size_;
  if (!capacity_) return;
  by_age_.push_back({id, scores});
  if (by_age_.size() > *capacity_) forget_oldest();
}

void Population::forget_oldest() {
  const auto [id, scores] = std::move(by_age_.front());
  by_age_.pop_front();
  --size_;
  if (scores.empty()) return erase_first(scoreless_);
  if (scores.size() > 1) return fronts_.remove(id);
  const auto equals = ranking_.find(scores.front());
  erase_first(equals->second);
  if (equals->second.empty()) ranking_.erase(equals);
}

/// Calls visit(equals) for each group of individuals that selection does not distinguish, until it
/// returns true.
template <typename Visit>
void Population::visit_best_first(Visit&& visit) const {
  for (const auto& [score, equals] : ranking_) {
    if (visit(equals)) return;
  }
  for (std::size_t front = 0; front < fronts_.count(); ++front) {
    for (const auto& equals : fronts_.groups(front)) {
      if (visit(equals)) return;
    }
  }
  if (!scoreless_.empty()) visit(scoreless_);
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
  std::optional<IndividualId> winner;
  visit_best_first([&](const std::vector<IndividualId>& equals) {
    for (std::size_t i = 0; i < equals.size(); ++i, --to_come) {
      if (random.below(to_come) >= to_draw) continue;
      winner = equals[random.below(equals.size())];
      return true;
    }
    return false;
  });
  if (!winner) throw core::InternalError("A tournament that nobody won");
  return *winner;
}

}  // namespace hierevo::evolution
