// Pearson's chi-square test, for tests of distribution with fixed seeds.
#pragma once

#include <boost/math/distributions/chi_squared.hpp>
#include <cstddef>
#include <span>

namespace hierevo::test {

/// Probability of counts at least as far from `expected` as `observed`, when `expected` is true.
inline double chi_square_p(std::span<const double> observed, std::span<const double> expected) {
  double statistic = 0.0;
  for (std::size_t i = 0; i < observed.size(); ++i) {
    const double difference = observed[i] - expected[i];
    statistic += difference * difference / expected[i];
  }
  const boost::math::chi_squared distribution(static_cast<double>(observed.size()) - 1.0);
  return boost::math::cdf(boost::math::complement(distribution, statistic));
}

}  // namespace hierevo::test
