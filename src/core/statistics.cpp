#include "hierevo/core/statistics.hpp"

#include <cmath>
#include <numeric>

namespace hierevo::core {

std::optional<MeanAndDeviation> mean_and_deviation(std::span<const double> numbers) {
  if (numbers.empty()) return std::nullopt;
  const auto count = static_cast<double>(numbers.size());
  const double mean = std::accumulate(numbers.begin(), numbers.end(), 0.0) / count;
  if (numbers.size() < 2) return MeanAndDeviation{mean, std::nullopt};
  double squares = 0.0;
  for (const double number : numbers) squares += (number - mean) * (number - mean);
  return MeanAndDeviation{mean, std::sqrt(squares / (count - 1.0))};
}

}  // namespace hierevo::core
