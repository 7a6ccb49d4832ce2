#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "hierevo/core/random.hpp"
#include "hierevo/evolution/individual.hpp"

namespace hierevo::evolution {

/// The individuals that may become parents: the memory M of Algorithm 1, ordered by fitness.
class Population {
 public:
  /// With a `capacity`, adding one more removes the one that was added first.
  explicit Population(std::optional<std::size_t> capacity = std::nullopt) : capacity_(capacity) {}

  /// Takes an individual in, and the oldest out where there is no room.
  void add(IndividualId id, double fitness);
  /// Number of individuals.
  std::size_t size() const { return size_; }

  /// Winner of a tournament of max(2, ceil(share·size)) individuals drawn without replacement (all,
  /// where there are fewer); ties in fitness are broken at random. Takes about 1/share steps,
  /// whatever the size, and however many are equal. Throws InternalError when the population is
  /// empty.
  IndividualId tournament(double share, core::RandomStream& random) const;

 private:
  void forget_oldest();

  std::optional<std::size_t> capacity_;
  /// By fitness, best first; those of equal fitness in the order in which they came.
  std::map<double, std::vector<IndividualId>, std::greater<>> ranking_;
  std::size_t size_ = 0;
  std::deque<double> by_age_;  ///< fitness, oldest first; only kept with a capacity
};

}  // namespace hierevo::evolution
