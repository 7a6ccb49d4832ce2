#include "hierevo/data/batch_order.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace hierevo::data {
namespace {

TEST(BatchOrder, UsesEveryImageOnceAnEpochAndFillsBatchesFromTheNext) {
  constexpr std::int64_t images = 10;
  constexpr std::int64_t batch = 4;
  BatchOrder order(images, batch, 1);
  std::vector<std::int64_t> sequence;
  for (std::int64_t step = 0; step < 25; ++step) {
    const auto indices = order.batch(step);
    ASSERT_EQ(indices.size(), 4U);
    sequence.insert(sequence.end(), indices.begin(), indices.end());
  }
  std::set<std::vector<std::int64_t>> epochs;
  for (auto from = sequence.begin(); from != sequence.end(); from += images) {
    std::vector<std::int64_t> epoch(from, from + images);
    epochs.insert(epoch);
    std::sort(epoch.begin(), epoch.end());
    for (std::int64_t i = 0; i < images; ++i) EXPECT_EQ(epoch[static_cast<std::size_t>(i)], i);
  }
  EXPECT_EQ(epochs.size(), 10U) << "epochs repeat an order";
}

TEST(BatchOrder, AnyStepCanBeAskedForAtAnyTime) {
  BatchOrder in_order(10, 4, 1);
  std::vector<std::vector<std::int64_t>> batches;
  for (std::int64_t step = 0; step < 8; ++step) batches.push_back(in_order.batch(step));
  BatchOrder backwards(10, 4, 1);
  for (std::int64_t step = 7; step >= 0; --step) {
    EXPECT_EQ(backwards.batch(step), batches[static_cast<std::size_t>(step)]);
  }
  EXPECT_NE(BatchOrder(10, 4, 2).batch(0), batches[0]);
}

}  // namespace
}  // namespace hierevo::data
