#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "hierevo/evolution/individual.hpp"

/// How several objectives order individuals: NSGA-II (Deb, Pratap, Agarwal, Meyarivan: A fast and
/// elitist multiobjective genetic algorithm, IEEE Transactions on Evolutionary Computation 6,
/// 2002).
namespace hierevo::evolution {

/// Whether `a` is at least as good as `b` in every objective, and better in one. More is better;
/// both have the same length.
bool dominates(std::span<const double> a, std::span<const double> b);

/// The crowding distance of each point of a front (section III-B): over all objectives, the sum of
/// the distances between its two neighbours, in parts of the front's extent; infinite for the
/// first and the last point of an objective. Besides, where the paper leaves it open: an objective
/// in which all points are equal adds nothing; points of equal value in an objective are neighbours
/// in the given order; of points that are equal in all objectives the first counts, and the others
/// have the distance 0. All of one or two points are infinite.
std::vector<double> crowding_distances(std::span<const std::span<const double>> front);

/// Points in fronts: the first front are those that no other dominates, the second those that only
/// points of the first dominate, and so on (the rank of NSGA-II). Kept up to date as points come
/// and go: a point that comes pushes those that it dominates back by one front at most, and one
/// that goes lets them move up by one. A change usually compares about one point with each, not all
/// points with each other (ENLU: Li, Deb, Zhang, Zhang: Efficient nondomination level update method
/// for steady-state evolutionary multiobjective optimization, IEEE Transactions on Cybernetics 47,
/// 2017).
class ParetoFronts {
 public:
  /// Adds a point with this number, which no other here has. All points have as many values.
  void add(IndividualId id, std::vector<double> values);
  /// Removes a point. Throws InternalError where there is none with this number.
  void remove(IndividualId id);

  /// Number of fronts.
  std::size_t count() const { return fronts_.size(); }
  /// The points of a front, best crowding distance first, in groups that NSGA-II does not
  /// distinguish; in a group by number. Computed when it is first asked for after a change.
  const std::vector<std::vector<IndividualId>>& groups(std::size_t front) const;

 private:
  struct Point {
    IndividualId id{};
    std::vector<double> values;
  };
  struct Front {
    std::vector<Point> points;
    mutable std::optional<std::vector<std::vector<IndividualId>>> groups{};
  };
  static bool any_dominates(const std::vector<Point>& points, const Point& point);
  std::size_t front_for(const Point& point) const;

  std::vector<Front> fronts_;
};

}  // namespace hierevo::evolution
