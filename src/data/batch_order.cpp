#include "hierevo/data/batch_order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

namespace hierevo::data {

std::vector<std::int64_t> permutation(std::int64_t count, core::RandomStream random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), std::int64_t{0});
  // Not std::shuffle: its result differs between standard libraries.
  for (std::size_t left = order.size(); left > 1; --left) {
    std::swap(order[left - 1], order[random.below(left)]);
  }
  return order;
}

void BatchOrder::load_epoch(std::int64_t epoch) {
  if (epoch == epoch_) return;
  order_ = permutation(
      images_, core::RandomStream(seed_, static_cast<std::uint64_t>(epoch), "order of an epoch"));
  epoch_ = epoch;
}

std::vector<std::int64_t> BatchOrder::batch(std::int64_t step) {
  std::vector<std::int64_t> indices;
  indices.reserve(static_cast<std::size_t>(batch_));
  std::int64_t position = step * batch_;  // among the images of all epochs
  const std::int64_t end = position + batch_;
  while (position < end) {
    load_epoch(position / images_);
    const std::int64_t first = position % images_;
    const std::int64_t count = std::min(end - position, images_ - first);
    const auto from = order_.begin() + static_cast<std::ptrdiff_t>(first);
    indices.insert(indices.end(), from, from + static_cast<std::ptrdiff_t>(count));
    position += count;
  }
  return indices;
}

}  // namespace hierevo::data
