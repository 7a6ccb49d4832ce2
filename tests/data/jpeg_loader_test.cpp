#include "jpeg_loader.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>

#include "data/memory_files.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::data {
namespace {

using testing::HasSubstr;

using test::MemoryFiles;

constexpr std::int64_t size = 16;

/// Image i of step s is picture (10 s + i) % 20.
JpegLoader::Tasks tasks_of(const JpegFiles& files) {
  return [&files](const JpegRequest& request) {
    std::vector<JpegTask> tasks;
    const auto [first, count] = request.range;
    for (std::int64_t i = first; i < first + count; ++i) {
      const std::int64_t index = (10 * request.step + i) % files.size();
      const auto id = static_cast<std::uint64_t>(1000 * request.step + i);
      tasks.push_back({index, draw_image_crop(files.image_size(index), size, true,
                                              core::RandomStream(1, id, "a test"))});
    }
    return tasks;
  };
}

/// Made image by image, without a loader.
std::vector<std::uint8_t> expected(const MemoryFiles& files, const JpegRequest& request) {
  CropDecoder decoder;
  std::vector<std::uint8_t> all;
  for (const JpegTask& task : tasks_of(files)(request)) {
    std::vector<std::uint8_t> image(size * size * 3);
    decoder.decode(files.files[static_cast<std::size_t>(task.index)], files.image_size(task.index),
                   task.crop, size, image);
    all.insert(all.end(), image.begin(), image.end());
  }
  return all;
}

TEST(JpegLoader, GivesTheSameBatchesWithAnyNumberOfThreads) {
  const MemoryFiles files(20);
  for (const int threads : {1, 2, 5}) {
    JpegLoader loader(files, size, threads, tasks_of(files));
    for (std::int64_t step = 0; step < 12; ++step) {
      const JpegRequest request{step, {2, 8}};
      const DecodedBatch batch =
          loader.at(request, std::vector<JpegRequest>{{step + 1, {2, 8}}, {step + 2, {2, 8}}});
      EXPECT_EQ(test::pixels_of(batch, size), expected(files, request));
      EXPECT_EQ(batch.labels[3], (10 * step + 5) % 20 % 7);
    }
  }
}

TEST(JpegLoader, MakesWhatFollowsAheadAndNothingTwice) {
  const MemoryFiles files(20);
  JpegLoader loader(files, size, 2, tasks_of(files));
  for (std::int64_t step = 0; step < 10; ++step) {
    const std::vector<JpegRequest> next = {{step + 1, {0, 4}}};
    loader.at({step, {0, 4}}, step < 9 ? next : std::vector<JpegRequest>{});
  }
  EXPECT_EQ(files.reads, 40);
}

TEST(JpegLoader, ServesWhatNobodyExpected) {
  const MemoryFiles files(20);
  JpegLoader loader(files, size, 2, tasks_of(files));
  const std::vector<JpegRequest> next = {{5, {0, 6}}, {6, {0, 6}}};
  for (const JpegRequest& request :
       {JpegRequest{4, {0, 6}}, {3, {0, 6}}, {3, {6, 1}}, {6, {0, 6}}, {9, {0, 0}}, {5, {0, 6}}}) {
    EXPECT_EQ(test::pixels_of(loader.at(request, next), size), expected(files, request));
  }
}

TEST(JpegLoader, GivesABatchAgainThatWasExpectedAgain) {
  const MemoryFiles files(20);
  JpegLoader loader(files, size, 2, tasks_of(files));
  const JpegRequest request{4, {0, 6}};
  for (int round = 0; round < 3; ++round) {
    const DecodedBatch batch = loader.at(request, std::vector<JpegRequest>{request, {5, {0, 6}}});
    EXPECT_EQ(test::pixels_of(batch, size), expected(files, request));
  }
}

TEST(JpegLoader, ThePartsOfABatchAreTheBatch) {
  const MemoryFiles files(20);
  JpegLoader loader(files, size, 3, tasks_of(files));
  std::vector<std::uint8_t> parts = test::pixels_of(loader.at({1, {0, 3}}, {}), size);
  const auto rest = test::pixels_of(loader.at({1, {3, 5}}, {}), size);
  parts.insert(parts.end(), rest.begin(), rest.end());
  EXPECT_EQ(parts, test::pixels_of(loader.at({1, {0, 8}}, {}), size));
}

TEST(JpegLoader, NamesTheFirstBadImage) {
  MemoryFiles files(20);
  files.files[7].resize(files.files[7].size() / 2);
  files.files[5].resize(10);
  files.gone = 12;
  for (const int threads : {1, 4}) {
    JpegLoader loader(files, size, threads, tasks_of(files));
    try {
      loader.at({0, {0, 10}}, std::vector<JpegRequest>{{1, {0, 10}}});
      FAIL();
    } catch (const core::UsageError& error) {
      EXPECT_THAT(error.what(), HasSubstr("Cannot use 'picture 5' (at byte"));
    }
    try {
      loader.at({1, {0, 10}}, {});
      FAIL();
    } catch (const core::IoError& error) {
      EXPECT_THAT(error.what(), HasSubstr("Cannot read 'picture 12'"));
    }
    EXPECT_EQ(loader.at({0, {0, 4}}, {}).labels.size(), 4U);  // it still works
  }
}

TEST(JpegLoader, EndsWithWorkUnderWay) {
  MemoryFiles files(20);
  std::promise<void> open;
  files.gate = open.get_future().share();
  {
    JpegLoader loader(files, size, 2, tasks_of(files));
    std::thread asks([&] {
      EXPECT_EQ(loader.at({0, {0, 1}}, std::vector<JpegRequest>{{1, {0, 10}}}).labels.size(), 1U);
    });
    open.set_value();
    asks.join();
  }
  EXPECT_LE(files.reads, 11);
}

}  // namespace
}  // namespace hierevo::data
