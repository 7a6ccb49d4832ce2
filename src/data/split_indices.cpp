#include "hierevo/data/split_indices.hpp"

#include <fmt/format.h>

#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/data/batch_order.hpp"

namespace hierevo::data {

SplitIndices split_indices(std::int64_t size, std::int64_t train_size, std::int64_t validation_size,
                           std::uint64_t seed) {
  if (validation_size < 0 || validation_size >= size) {
    throw core::FieldError(
        "validation_size", fmt::format("is {}", validation_size),
        fmt::format("the training set has {}, and some must be left to train on", size),
        fmt::format("Give up to {}.", size - 1));
  }
  const std::int64_t left = size - validation_size;
  if (train_size < 0 || train_size > left) {
    throw core::FieldError(
        "train_size", fmt::format("is {}", train_size),
        fmt::format("{} of {} are left besides {} to validate on", left, size, validation_size),
        fmt::format("Give 1 to {}, or 0 for all of these.", left));
  }
  if (train_size == 0) train_size = left;
  const auto order =
      permutation(size, core::RandomStream(seed, 0, "training and validation split"));
  return {{order.begin(), order.begin() + static_cast<std::ptrdiff_t>(train_size)},
          {order.begin() + static_cast<std::ptrdiff_t>(left), order.end()}};
}

}  // namespace hierevo::data
