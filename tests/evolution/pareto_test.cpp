#include "hierevo/evolution/pareto.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"

namespace hierevo::evolution {
namespace {

using Points = std::map<IndividualId, std::vector<double>>;
using Ids = std::set<IndividualId>;

/// As NSGA-II words it: take away what nothing left dominates, again and again.
std::vector<Ids> peeled(Points points) {
  std::vector<Ids> fronts;
  while (!points.empty()) {
    Ids front;
    for (const auto& [id, values] : points) {
      const auto beats = [&values = values](const auto& other) {
        return dominates(other.second, values);
      };
      if (std::ranges::none_of(points, beats)) front.insert(id);
    }
    for (const IndividualId id : front) points.erase(id);
    fronts.push_back(std::move(front));
  }
  return fronts;
}

std::vector<Ids> fronts_in(const ParetoFronts& kept) {
  std::vector<Ids> fronts(kept.count());
  for (std::size_t i = 0; i < kept.count(); ++i) {
    for (const auto& group : kept.groups(i)) fronts[i].insert(group.begin(), group.end());
  }
  return fronts;
}

std::vector<double> random_point(std::size_t objectives, std::uint64_t grid,
                                 core::RandomStream& random) {
  std::vector<double> point(objectives);
  for (double& value : point) value = static_cast<double>(random.below(grid));
  return point;
}

TEST(ParetoFronts, StayWhatTheyAreByDefinitionWhilePointsComeAndGo) {
  core::RandomStream random(1);
  for (const std::size_t objectives : {1, 2, 3, 5}) {
    for (const std::uint64_t grid : {2, 6, 1000}) {
      ParetoFronts kept;
      Points points;
      for (std::uint64_t step = 0; step < 150; ++step) {
        if (points.size() > 30 || (!points.empty() && random.below(3) == 0)) {
          const auto gone =
              std::next(points.begin(), static_cast<std::ptrdiff_t>(random.below(points.size())));
          kept.remove(gone->first);
          points.erase(gone);
        } else {
          const auto point = random_point(objectives, grid, random);
          kept.add(IndividualId{step}, point);
          points.emplace(IndividualId{step}, point);
        }
        ASSERT_EQ(fronts_in(kept), peeled(points)) << objectives << " objectives, step " << step;
      }
    }
  }
}

TEST(ParetoFronts, DependOnThePointsAlone) {
  core::RandomStream random(2);
  for (int round = 0; round < 50; ++round) {
    std::vector<std::pair<IndividualId, std::vector<double>>> points;
    for (std::uint64_t i = 0; i < 40; ++i) {
      points.emplace_back(IndividualId{i}, random_point(2 + round % 3, 8, random));
    }
    ParetoFronts one;
    for (const auto& [id, point] : points) one.add(id, point);
    std::shuffle(points.begin(), points.end(), random);
    ParetoFronts other;
    other.add(IndividualId{99}, std::vector<double>(points.front().second.size(), 3.0));
    for (const auto& [id, point] : points) other.add(id, point);
    other.remove(IndividualId{99});
    ASSERT_EQ(one.count(), other.count());
    for (std::size_t i = 0; i < one.count(); ++i) ASSERT_EQ(one.groups(i), other.groups(i));
  }
}

TEST(ParetoFronts, NothingIsRemovedThatIsNotThere) {
  ParetoFronts fronts;
  EXPECT_THROW(fronts.remove(IndividualId{1}), core::InternalError);
}

std::vector<double> distances(const std::vector<std::vector<double>>& points) {
  return crowding_distances(std::vector<std::span<const double>>(points.begin(), points.end()));
}

constexpr double infinite = std::numeric_limits<double>::infinity();

TEST(CrowdingDistance, IsTheSumOfTheGapsBetweenNeighbours) {
  EXPECT_EQ(distances({{0, 4}, {2, 1}, {1, 2}, {4, 0}}),
            (std::vector<double>{infinite, 1.25, 1.25, infinite}));
  EXPECT_EQ(distances({{0, 8}, {1, 7}, {2, 4}, {4, 0}}),
            (std::vector<double>{infinite, 0.5 + 0.5, 0.75 + 0.875, infinite}));
  EXPECT_EQ(distances({{1, 1}, {0, 2}}), (std::vector<double>{infinite, infinite}));
  EXPECT_TRUE(distances({}).empty());
}

TEST(CrowdingDistance, OfEqualPointsTheFirstCounts) {
  EXPECT_EQ(distances({{0, 4}, {1, 2}, {1, 2}, {4, 0}, {0, 4}}),
            (std::vector<double>{infinite, 2.0, 0.0, infinite, 0.0}));
  EXPECT_EQ(distances({{1, 2}, {1, 2}, {1, 2}}), (std::vector<double>{0.0, 0.0, 0.0}));
}

TEST(CrowdingDistance, IsANumberWhateverTheValues) {
  const double most = std::numeric_limits<double>::max();
  const double least = std::numeric_limits<double>::denorm_min();
  EXPECT_EQ(distances({{-most, most, 0}, {0, 0, least}, {most, -most, 0}}),
            (std::vector<double>{infinite, 2.0, infinite}));
}

}  // namespace
}  // namespace hierevo::evolution
