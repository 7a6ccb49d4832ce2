#pragma once

#include <optional>
#include <span>

namespace hierevo::core {

/// Of some numbers.
struct MeanAndDeviation {
  double mean = 0.0;
  std::optional<double> deviation;  ///< none of a single number
};

/// Mean and standard deviation of a sample (the sum of squares is divided by n - 1). Nothing where
/// there are no numbers.
std::optional<MeanAndDeviation> mean_and_deviation(std::span<const double> numbers);

}  // namespace hierevo::core
