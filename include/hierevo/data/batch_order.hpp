#pragma once

#include <cstdint>
#include <vector>

#include "hierevo/core/random.hpp"

namespace hierevo::data {

/// The numbers 0 … count-1 in random order, each order equally likely.
std::vector<std::int64_t> permutation(std::int64_t count, core::RandomStream random);

/// Which images each training step uses: the epochs' permutations one after another, cut into
/// batches. So every image comes once per epoch, and the last incomplete batch of an epoch is
/// filled from the next one. The order depends on the seed alone and is available for any step.
class BatchOrder {
 public:
  /// `images` and `batch` must be at least 1.
  BatchOrder(std::int64_t images, std::int64_t batch, std::uint64_t seed)
      : images_(images), batch_(batch), seed_(seed) {}

  /// Indices of the images of step `step` (from 0). Cheap when called for the steps in order.
  std::vector<std::int64_t> batch(std::int64_t step);

 private:
  void load_epoch(std::int64_t epoch);

  std::int64_t images_;
  std::int64_t batch_;
  std::uint64_t seed_;
  std::int64_t epoch_ = -1;  ///< epoch of order_
  std::vector<std::int64_t> order_;
};

}  // namespace hierevo::data
