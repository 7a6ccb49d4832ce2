#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "hierevo/core/random.hpp"
#include "hierevo/evolution/individual.hpp"
#include "hierevo/evolution/pareto.hpp"

namespace hierevo::evolution {

/// The individuals that may become parents: the memory M of Algorithm 1, ordered by fitness, or by
/// several objectives as in NSGA-II: by front, then by crowding distance (pareto.hpp).
class Population {
 public:
  /// With a `capacity`, adding one more removes the one that was added first.
  explicit Population(std::optional<std::size_t> capacity = std::nullopt) : capacity_(capacity) {}

  /// Takes an individual in, and the oldest out where there is no room. More is better; all have as
  /// many scores, or none: one without any comes after all that have some, and equals its like.
  void add(IndividualId id, const std::vector<double>& scores);
  /// Number of individuals.
  std::size_t size() const { return size_; }

  /// Winner of a tournament of max(2, ceil(share·size)) individuals drawn without replacement (all,
  /// where there are fewer); ties are broken at random. Takes about 1/share steps, whatever the
  /// size, and however many are equal; with several objectives also the time in which the fronts
  /// that it reaches are sorted, if they have changed. Throws InternalError when the population is
  /// empty.
  IndividualId tournament(double share, core::RandomStream& random) const;

 private:
  struct Age {
    IndividualId id{};
    std::vector<double> scores;
  };
  void forget_oldest();
  template <typename Visit>
  void visit_best_first(Visit&& visit) const;

  std::optional<std::size_t> capacity_;
  /// With one objective, by its score, best first; those of equal score in the order in which they
  /// came.
  std::map<double, std::vector<IndividualId>, std::greater<>> ranking_;
  ParetoFronts fronts_;                  ///< with several
  std::vector<IndividualId> scoreless_;  ///< in the order in which they came
  std::size_t size_ = 0;
  std::deque<Age> by_age_;  ///< oldest first; only kept with a capacity
};

}  // namespace hierevo::evolution
