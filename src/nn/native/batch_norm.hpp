#pragma once

namespace hierevo::nn {

// Batch normalisation with PyTorch's defaults.
inline constexpr double bn_epsilon = 1e-5;
inline constexpr double bn_momentum = 0.1;  ///< share of the new statistics in the running ones

}  // namespace hierevo::nn
