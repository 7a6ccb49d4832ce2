#pragma once

#include <cstddef>
#include <deque>
#include <optional>
#include <set>

#include "hierevo/core/random.hpp"
#include "hierevo/evolution/individual.hpp"

namespace hierevo::evolution {

/// The individuals that may become parents: the memory M of Algorithm 1, ordered by fitness.
class Population {
 public:
  /// With a `capacity`, adding one more removes the one that was added first.
  explicit Population(std::optional<std::size_t> capacity = std::nullopt) : capacity_(capacity) {}

  void add(IndividualId id, double fitness);
  std::size_t size() const { return ranking_.size(); }

  /// Winner of a tournament of max(2, ceil(share·size)) individuals drawn without replacement (all,
  /// where there are fewer); equal fitness is decided by lot. Takes about 1/share steps, whatever
  /// the size. Throws InternalError when the population is empty.
  IndividualId tournament(double share, core::RandomStream& random) const;

 private:
  struct Entry {
    double fitness;
    IndividualId id;
    bool operator<(const Entry& other) const {
      return fitness != other.fitness ? fitness > other.fitness : id < other.id;
    }
  };

  std::optional<std::size_t> capacity_;
  std::set<Entry> ranking_;   ///< best first
  std::deque<Entry> by_age_;  ///< oldest first; only kept with a capacity
};

}  // namespace hierevo::evolution
