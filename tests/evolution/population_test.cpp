#include "hierevo/evolution/population.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iterator>
#include <numeric>
#include <span>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/evolution/pareto.hpp"
#include "support/chi_square.hpp"

namespace hierevo::evolution {
namespace {

/// The tournament as the paper words it: draw k different individuals, take the fittest, decide
/// between equals by lot.
std::size_t plain_tournament(const std::vector<double>& fitness, std::size_t k,
                             core::RandomStream& random) {
  std::vector<std::size_t> all(fitness.size());
  std::iota(all.begin(), all.end(), 0);
  std::shuffle(all.begin(), all.end(), random);
  all.resize(k);
  return *std::max_element(all.begin(), all.end(),
                           [&](auto a, auto b) { return fitness[a] < fitness[b]; });
}

struct Case {
  std::vector<double> fitness;
  double share;
};

class Tournament : public testing::TestWithParam<Case> {};

/// Exact winning probabilities without replacement: groups of equal fitness share
/// P(best of k is in the group) = [C(n-better, k) - C(n-better-group, k)] / C(n, k).
std::vector<double> exact_probabilities(const std::vector<double>& fitness, std::size_t k) {
  const auto log_choose = [](double n, double m) {
    return std::lgamma(n + 1) - std::lgamma(m + 1) - std::lgamma(n - m + 1);
  };
  const auto n = static_cast<double>(fitness.size());
  const auto draws = static_cast<double>(k);
  const auto none_of = [&](double excluded) {
    return n - excluded < draws ? 0.0
                                : std::exp(log_choose(n - excluded, draws) - log_choose(n, draws));
  };
  std::vector<double> result;
  for (const double own : fitness) {
    const auto better = static_cast<double>(
        std::count_if(fitness.begin(), fitness.end(), [&](double f) { return f > own; }));
    const auto equal = static_cast<double>(std::count(fitness.begin(), fitness.end(), own));
    result.push_back((none_of(better) - none_of(better + equal)) / equal);
  }
  return result;
}

/// Whether each wins as often as in tournaments by these fitnesses.
void expect_wins_by(const std::vector<double>& fitness, const Population& population,
                    double share) {
  const auto k =
      std::min(fitness.size(),
               static_cast<std::size_t>(std::max(2.0, std::ceil(share * double(fitness.size())))));
  constexpr int rounds = 100'000;
  std::vector<double> wins(fitness.size(), 0.0);
  std::vector<double> plain(fitness.size(), 0.0);
  core::RandomStream random(17);
  for (int n = 0; n < rounds; ++n) {
    wins[number(population.tournament(share, random))] += 1.0;
    plain[plain_tournament(fitness, k, random)] += 1.0;
  }
  std::vector<double> expected;
  std::vector<double> observed;
  std::vector<double> observed_plain;
  const auto exact = exact_probabilities(fitness, k);
  for (std::size_t i = 0; i < fitness.size(); ++i) {
    if (exact[i] * rounds < 5.0) {  // too rare for the test; impossible ones never happen
      if (exact[i] == 0.0) {
        ASSERT_EQ(wins[i], 0.0);
      }
      continue;
    }
    expected.push_back(exact[i] * rounds);
    observed.push_back(wins[i]);
    observed_plain.push_back(plain[i]);
  }
  if (expected.size() == 1) {  // all take part: the fittest wins always
    EXPECT_EQ(observed, expected);
    return;
  }
  EXPECT_GT(test::chi_square_p(observed, expected), 1e-3);
  EXPECT_GT(test::chi_square_p(observed_plain, expected), 1e-3);
}

TEST_P(Tournament, WinsAsOftenAsDrawingWithoutReplacementSays) {
  const auto& [fitness, share] = GetParam();
  Population population;
  for (std::size_t i = 0; i < fitness.size(); ++i) population.add(IndividualId{i}, {fitness[i]});
  expect_wins_by(fitness, population, share);
}

std::vector<double> distinct(int count) {
  std::vector<double> fitness(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) fitness[static_cast<std::size_t>(i)] = ((i * 37) % count) / 100.0;
  return fitness;
}

INSTANTIATE_TEST_SUITE_P(Populations, Tournament,
                         testing::Values(Case{distinct(100), 0.05}, Case{distinct(7), 0.05},
                                         Case{distinct(2), 0.05}, Case{distinct(10), 1.0},
                                         Case{{0.1, 0.1, 0.1, 0.1, 0.1}, 0.05},
                                         Case{{0.5, 0.1, 0.5, 0.0, 0.5, 0.1, 0.0, 0.1}, 0.3}));

/// By front, then by crowding distance: the place of each, more for better.
std::vector<double> order_by_nsga2(const std::vector<std::vector<double>>& points) {
  std::vector<double> places(points.size(), -1.0);
  std::vector<std::size_t> left(points.size());
  std::iota(left.begin(), left.end(), 0);
  for (int front = 0; !left.empty(); ++front) {
    const auto is_dominated = [&](std::size_t i) {
      return std::ranges::any_of(left, [&](auto j) { return dominates(points[j], points[i]); });
    };
    std::vector<std::size_t> members;
    std::ranges::copy_if(left, std::back_inserter(members), std::not_fn(is_dominated));
    std::erase_if(left, [&](auto i) { return std::ranges::find(members, i) != members.end(); });
    std::vector<std::span<const double>> values;
    for (const auto i : members) values.emplace_back(points[i]);
    const std::vector<double> distances = crowding_distances(values);
    for (std::size_t n = 0; n < members.size(); ++n) {
      places[members[n]] = std::min(distances[n], 1e3) - 1e4 * front;
    }
  }
  return places;
}

TEST(TournamentOfObjectives, PrefersTheFrontThenTheDistance) {
  core::RandomStream random(3);
  for (const std::size_t objectives : {2, 3}) {
    std::vector<std::vector<double>> points(30, std::vector<double>(objectives));
    for (auto& point : points) {
      for (double& value : point) value = static_cast<double>(random.below(12));
    }
    points[7] = points[11];
    Population population;
    for (std::size_t i = 0; i < points.size(); ++i) population.add(IndividualId{i}, points[i]);
    expect_wins_by(order_by_nsga2(points), population, 0.1);
  }
}

TEST(TournamentOfObjectives, OneWithoutScoresWinsOnlyAmongItsLike) {
  const std::vector<double> order = {2.0, 0.0, 1.0, 0.0, 0.0};
  Population population;
  population.add(IndividualId{0}, {1.0, 1.0});
  population.add(IndividualId{1}, {});
  population.add(IndividualId{2}, {0.0, 0.5});
  population.add(IndividualId{3}, {});
  population.add(IndividualId{4}, {});
  expect_wins_by(order, population, 0.05);
}

TEST(TournamentOfObjectives, WithACapacityForgetsTheOldest) {
  core::RandomStream random(5);
  constexpr std::size_t capacity = 20;
  Population population(capacity);
  std::vector<std::vector<double>> points;
  for (std::size_t i = 0; i < 200; ++i) {
    points.push_back({random.unit(), random.unit(), random.unit()});
    if (i % 7 == 0) points.back().clear();
    population.add(IndividualId{i}, points.back());
    const std::size_t first = i < capacity ? 0 : i + 1 - capacity;
    ASSERT_EQ(population.size(), i + 1 - first);
    // Of all, one of the first front wins.
    const IndividualId winner = population.tournament(1.0, random);
    ASSERT_GE(number(winner), first);
    for (std::size_t other = first; other <= i; ++other) {
      if (points[other].empty()) continue;
      ASSERT_FALSE(points[number(winner)].empty());
      ASSERT_FALSE(dominates(points[other], points[number(winner)]));
    }
  }
}

TEST(Population, WithACapacityForgetsTheOldest) {
  Population population(3);
  for (std::uint64_t i = 1; i <= 5; ++i) {
    population.add(IndividualId{i}, {1.0 - 0.1 * static_cast<double>(i)});
  }
  EXPECT_EQ(population.size(), 3u);
  core::RandomStream random(1);
  EXPECT_EQ(population.tournament(1.0, random), IndividualId{3});  // 1 and 2 were fitter, and older
}

TEST(Population, ATournamentAmongManyEqualsTakesFewSteps) {
  Population population;
  for (std::uint64_t i = 1; i <= 10'000; ++i) population.add(IndividualId{i}, {0.5});
  core::RandomStream random(1);
  core::RandomStream same(1);
  population.tournament(0.05, random);
  // The numbers that it drew are the steps that it took: one in twenty is drawn.
  const std::uint64_t next = random();
  int steps = 0;
  while (steps < 500 && same() != next) ++steps;
  EXPECT_LT(steps, 500);
}

TEST(Population, AnEmptyOneHoldsNoTournament) {
  core::RandomStream random(1);
  EXPECT_THROW(Population().tournament(0.05, random), core::InternalError);
}

}  // namespace
}  // namespace hierevo::evolution
