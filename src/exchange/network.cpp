#include "hierevo/exchange/network.hpp"

#include <algorithm>
#include <cmath>

#include "hierevo/core/error.hpp"

namespace hierevo::exchange {

void require_finite_pixels(const Network& network) {
  const auto finite = [](float number) { return std::isfinite(number); };
  const bool mean = std::ranges::all_of(network.pixel_mean, finite);
  if (mean && std::ranges::all_of(network.pixel_scale, finite)) return;
  throw core::UsageError(
      "The network cannot be exported",
      mean ? "the scale of its pixels is not finite" : "the mean of its pixels is not finite",
      "Train it again.");
}

}  // namespace hierevo::exchange
