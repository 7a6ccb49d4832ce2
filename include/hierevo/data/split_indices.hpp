#pragma once

#include <cstdint>
#include <vector>

namespace hierevo::data {

/// Which images of a training set train, and which validate instead.
struct SplitIndices {
  std::vector<std::int64_t> train;
  std::vector<std::int64_t> validation;
};

/// Of `size` images, after a shuffle by `seed`: the first `train_size` train (0: all that are
/// left), the last `validation_size` (maybe 0) validate. Throws UsageError when the sizes do not
/// fit.
SplitIndices split_indices(std::int64_t size, std::int64_t train_size, std::int64_t validation_size,
                           std::uint64_t seed);

}  // namespace hierevo::data
