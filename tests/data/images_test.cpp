#include "hierevo/data/images.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace hierevo::data {
namespace {

TEST(Fingerprint, ChangesWithEachPartOfTheContentAndItsOrder) {
  Images images{{3, {7, 5}}, {}, {0, 1, 2, 1}};
  for (std::size_t i = 0; i < 4 * images.shape.bytes(); ++i) {
    images.pixels.push_back(static_cast<std::uint8_t>(31 * i));
  }
  std::set<std::uint64_t> all = {fingerprint_of(images)};
  const auto add = [&](const auto& change) {
    Images changed = images;
    change(changed);
    all.insert(fingerprint_of(changed));
  };
  add([](Images& changed) { changed.shape.size = {5, 7}; });  // as many pixels
  add([](Images& changed) { changed.shape = {7, {3, 5}}; });
  add([](Images& changed) { changed.pixels.front() ^= 1; });
  add([](Images& changed) { changed.pixels.back() ^= 1; });
  add([](Images& changed) {
    const auto second = changed.pixels.begin() + 105;
    std::swap_ranges(changed.pixels.begin(), second, second);
  });
  add([](Images& changed) { std::swap(changed.labels[0], changed.labels[1]); });
  add([](Images& changed) { changed = {changed.shape, {}, {}}; });
  EXPECT_EQ(all.size(), 8U);
}

TEST(Fingerprint, IsTheSameInAllVersions) {
  const Images images{{1, {1, 2}}, {0, 1, 2, 255, 254, 7}, {1, 0, 2}};
  EXPECT_EQ(fmt::format("{:016x}", fingerprint_of(images)), "9c8b6a80e2b5bc3c");
}

TEST(PartOf, SharesOutEachImageOnceAndEvenly) {
  for (const std::int64_t count : {0, 1, 2, 7, 16, 257}) {
    for (const int parts : {1, 2, 3, 5, 16}) {
      std::int64_t next = 0;
      for (int part = 0; part < parts; ++part) {
        const ImageRange range = part_of(count, part, parts);
        EXPECT_EQ(range.first, next);
        EXPECT_GE(range.count, count / parts);
        EXPECT_LE(range.count, (count + parts - 1) / parts);
        next += range.count;
      }
      EXPECT_EQ(next, count) << parts;
    }
  }
}

}  // namespace
}  // namespace hierevo::data
