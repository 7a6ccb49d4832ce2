// Trainers of several ranks that train one network.
#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <gtest/gtest.h>

#include <map>
#include <mutex>

#include "hierevo/core/error.hpp"
#include "hierevo/nn/executor/native_executor.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"
#include "nn/small_problem.hpp"
#include "nn/thread_ranks.hpp"
#include "support/refusal.hpp"

namespace hierevo::nn {
namespace {

TrainingState copied(const TrainingState& state) {
  return {.losses = state.losses,
          .weights = copied(state.weights),
          .momentum = copied(state.momentum),
          .average = copied(state.average)};
}

bool same(const std::vector<NamedTensor>& a, const std::vector<NamedTensor>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](const NamedTensor& x, const NamedTensor& y) {
                      return x.name == y.name && x.tensor.equal(y.tensor);
                    });
}

class Ranks : public testing::Test {
 protected:
  /// A training of `size` ranks, from `begin` where that is given; the state that each has at the
  /// end.
  std::vector<TrainingState> train(int size, const TrainingOptions& options,
                                   const TrainingState* begin = nullptr,
                                   std::int64_t until = 1 << 30) {
    std::vector<TrainingState> ends(static_cast<std::size_t>(size));
    as_ranks(size, [&](comm::Collectives& ranks) {
      // Each has its own seed: the weights that count are rank 0's.
      const auto seed = static_cast<std::uint64_t>(ranks.rank());
      const auto executor = options.sync_batchnorm
                                ? make_torch_executor(small_plan(), at::kCPU, seed)
                                : make_native_executor(small_plan(), seed);
      const auto batches = make_training_batches(data_, normalisation_, options, 10, 3);
      Trainer trainer(*executor, *batches, options, 3, {.ranks = &ranks, .check_every = 10});
      if (begin != nullptr) trainer.restore(ranks.rank() == 0 ? *begin : TrainingState{});
      // The rank that asks to stop does so a step earlier.
      const bool stops = ranks.rank() + 1 == size;
      trainer.run([&](const TrainingProgress& now) {
        return !(stops && now.step + (size > 1 ? 1 : 0) >= until);
      });
      ends[static_cast<std::size_t>(ranks.rank())] = copied(trainer.state());
    });
    return ends;
  }

  ImageTensors data_ = random_images(50);
  PixelNormalisation normalisation_ = normalisation_of(data_);
  TrainingOptions options_{.steps = 100,
                           .batch = 10,
                           .crop = 8,
                           .learning_rate = 0.02,
                           .brightness = 0.2,
                           .cutout = 2,
                           .mixup = 0.3,
                           .micro_batches = 2,
                           .ema_decay = 0.9};
};

TEST_F(Ranks, HaveTheSameWeightsBitForBitAfterAHundredSteps) {
  for (const int size : {2, 3, 4}) {
    const auto ends = train(size, options_);
    ASSERT_EQ(ends[0].step(), 100);
    const auto parameters = [](const std::vector<NamedTensor>& all) {
      std::vector<NamedTensor> some;
      for (const NamedTensor& one : all) {
        if (one.name.find("running") == std::string::npos) some.push_back(one);
      }
      return some;
    };
    for (const TrainingState& end : ends) {
      EXPECT_EQ(end.losses, ends[0].losses);
      EXPECT_TRUE(same(parameters(end.weights), parameters(ends[0].weights)));
      EXPECT_TRUE(same(end.momentum, ends[0].momentum));
      EXPECT_TRUE(same(parameters(end.average), parameters(ends[0].average)));
    }
  }
}

TEST_F(Ranks, ThatGoOnInTheMiddleEndBitForBitLikeOnesThatWereNotStopped) {
  options_.steps = 20;
  const TrainingState whole = train(2, options_)[0];
  const TrainingState half = train(2, options_, nullptr, 7)[0];
  ASSERT_EQ(half.step(), 7);
  const TrainingState parts = train(2, options_, &half)[0];
  EXPECT_EQ(parts.losses, whole.losses);
  EXPECT_TRUE(same(parts.weights, whole.weights));
  EXPECT_TRUE(same(parts.momentum, whole.momentum));
  EXPECT_TRUE(same(parts.average, whole.average));
}

TEST_F(Ranks, OfAnotherNumberGoOnWithTheSameLosses) {
  options_.steps = 12;
  options_.sync_batchnorm = true;
  options_.micro_batches = 1;
  options_.drop_path = 0.2;
  const TrainingState whole = train(2, options_)[0];
  const TrainingState half = train(2, options_, nullptr, 5)[0];
  ASSERT_EQ(half.step(), 5);
  for (const int size : {1, 3, 4}) {
    const TrainingState end = train(size, options_, &half)[0];
    ASSERT_EQ(end.step(), 12);
    for (std::size_t i = 0; i < 12; ++i) {
      EXPECT_NEAR(end.losses[i], whole.losses[i], 1e-4) << size << ' ' << i;
    }
  }
}

TEST_F(Ranks, AllStopAtTheSameStepWhenOneWantsTo) {
  const auto ends = train(3, options_, nullptr, 4);
  for (const TrainingState& end : ends) EXPECT_EQ(end.step(), 4);
}

TEST_F(Ranks, StopAStepLaterWhereNobodyWaitsForTheDevice) {
  as_ranks(3, [&](comm::Collectives& ranks) {
    const auto executor = make_native_executor(small_plan(), 1);
    const auto batches = make_training_batches(data_, normalisation_, options_, 10, 3);
    Trainer trainer(*executor, *batches, options_, 3, {.ranks = &ranks, .late_stop = true});
    // The others continue; a request in the last step of a run stops no later one.
    for (const std::int64_t wanted : {4, 10}) {
      const TrainingEnd end = trainer.run(
          [&](const TrainingProgress& now) { return !(ranks.rank() == 1 && now.step >= wanted); });
      EXPECT_EQ(end, TrainingEnd::stopped);
      EXPECT_EQ(trainer.step(), wanted + 2);
    }
  });
}

TEST_F(Ranks, ThatCannotGoOnAllSaySo) {
  TrainingState other = train(1, options_, nullptr, 1)[0];
  other.weights.pop_back();
  std::mutex mutex;
  std::vector<std::string> said(3);
  as_ranks(3, [&](comm::Collectives& ranks) {
    const auto executor = make_native_executor(small_plan(), 1);
    const auto batches = make_training_batches(data_, normalisation_, options_, 10, 3);
    Trainer trainer(*executor, *batches, options_, 3, {.ranks = &ranks});
    const std::string error = test::refusal([&] { trainer.restore(other); });
    const std::scoped_lock lock(mutex);
    said[static_cast<std::size_t>(ranks.rank())] = error;
  });
  EXPECT_NE(said[0].find("other weights than this network"), std::string::npos) << said[0];
  EXPECT_EQ(said[1], "Rank 0 cannot resume the saved training (it says why).");
  EXPECT_EQ(said[2], said[1]);
}

TEST_F(Ranks, WhoseWeightsDifferAreNamed) {
  const auto train_with_a_fault = [&](comm::Collectives& ranks) {
    const auto executor = make_native_executor(small_plan(), 1);
    const auto batches = make_training_batches(data_, normalisation_, options_, 10, 3);
    Trainer trainer(*executor, *batches, options_, 3, {.ranks = &ranks, .check_every = 5});
    trainer.run([&](const TrainingProgress& now) {
      if (now.step == 7 && ranks.rank() == 2) {
        const at::NoGradGuard without_gradients;
        executor->parameters().back().tensor[0] += 1e-6;  // one bit would do
      }
      return true;
    });
  };
  try {
    as_ranks(3, train_with_a_fault);
    FAIL() << "no error";
  } catch (const core::CommunicationError& error) {
    EXPECT_EQ(error.rank(), 2);
    const std::string text = error.what();
    EXPECT_NE(text.find("The weights of rank 2 are not those of rank 0 after step 10"), text.npos)
        << text;
  }
}

/// Counts how often each image is requested.
class CountedImages final : public TestBatches {
 public:
  CountedImages(TestBatches& images, std::map<std::int64_t, int>& counts, std::mutex& mutex)
      : images_(images), counts_(counts), mutex_(mutex) {}
  std::int64_t size() const override { return images_.size(); }
  Batch at(data::ImageRange range) override {
    const std::scoped_lock lock(mutex_);
    for (std::int64_t i = 0; i < range.count; ++i) ++counts_[range.first + i];
    return images_.at(range);
  }

 private:
  TestBatches& images_;
  std::map<std::int64_t, int>& counts_;
  std::mutex& mutex_;
};

TEST_F(Ranks, TestEachImageOnceAndHaveTheScoresOfOne) {
  options_.steps = 5;
  options_.evaluation_batch = 4;
  for (const std::int64_t count : {1, 2, 3, 13, 50}) {
    const ImageTensors images{data_.pixels.narrow(0, 0, count), data_.labels.narrow(0, 0, count)};
    for (const int size : {2, 3, 4}) {
      std::map<std::int64_t, int> counts;
      std::mutex mutex;
      as_ranks(size, [&](comm::Collectives& ranks) {
        const auto executor = make_native_executor(small_plan(), 1);
        const auto batches = make_training_batches(data_, normalisation_, options_, 10, 3);
        Trainer trainer(*executor, *batches, options_, 3, {.ranks = &ranks});
        trainer.run({});
        const auto all = make_test_batches(images, normalisation_);
        CountedImages counted(*all, counts, mutex);
        const Scores scores = *trainer.test(counted);
        if (ranks.rank() != 0) return;
        TrainingState averaged = copied(trainer.state());
        const auto other = make_native_executor(small_plan(), 1);
        for (std::size_t i = 0; i < other->parameters().size(); ++i) {
          const at::NoGradGuard without_gradients;
          other->parameters()[i].tensor.copy_(averaged.average[i].tensor);
        }
        for (std::size_t i = 0; i < other->buffers().size(); ++i) {
          other->buffers()[i].tensor.copy_(averaged.average[other->parameters().size() + i].tensor);
        }
        const Scores wanted = *scores_of(*other, *all, 7);
        EXPECT_EQ(scores.top1, wanted.top1);
        EXPECT_EQ(scores.top5, wanted.top5);
      });
      ASSERT_EQ(counts.size(), static_cast<std::size_t>(count));
      for (const auto& [image, times] : counts) EXPECT_EQ(times, 1) << image;
    }
  }
}

TEST_F(Ranks, AllStopATestWhenOneWantsTo) {
  as_ranks(3, [&](comm::Collectives& ranks) {
    const auto executor = make_native_executor(small_plan(), 1);
    const auto batches = make_training_batches(data_, normalisation_, options_, 10, 3);
    Trainer trainer(*executor, *batches, options_, 3, {.ranks = &ranks});
    const auto images = make_test_batches(data_, normalisation_);
    EXPECT_FALSE(trainer.test(*images, [&] { return ranks.rank() != 1; }).has_value());
    EXPECT_TRUE(trainer.test(*images).has_value());
  });
}

TEST_F(Ranks, AStopInATestStopsThemBeforeAnotherStep) {
  for (const int size : {1, 3}) {
    as_ranks(size, [&](comm::Collectives& ranks) {
      const auto executor = make_native_executor(small_plan(), 1);
      const auto batches = make_training_batches(data_, normalisation_, options_, 10, 3);
      Trainer trainer(*executor, *batches, options_, 3, {.ranks = &ranks});
      const auto images = make_test_batches(data_, normalisation_);
      const bool wants = ranks.rank() + 1 < size;
      const TrainingEnd end = trainer.run([&](const TrainingProgress& now) {
        const bool goes_on = now.step < 3 || wants;
        if (now.step == 3) {
          EXPECT_FALSE(trainer.test(*images, [&] { return goes_on; }));
        }
        return goes_on;
      });
      EXPECT_EQ(end, TrainingEnd::stopped);
      EXPECT_EQ(trainer.step(), 3);
    });
  }
}

TEST_F(Ranks, OneNormalisesAsSeveralDo) {
  options_.steps = 3;
  options_.micro_batches = 1;
  options_.mixup = 0.0;
  options_.sync_batchnorm = true;
  const TrainingState alone = train(1, options_)[0];
  const TrainingState two = train(2, options_)[0];
  for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(alone.losses[i], two.losses[i], 1e-6);
}

TEST_F(Ranks, MoreThanImagesOfABatchTrainToo) {
  options_.steps = 4;
  options_.batch = 2;
  options_.micro_batches = 1;
  const auto ends = train(3, options_);
  EXPECT_EQ(ends[2].step(), 4);
  EXPECT_EQ(ends[2].losses, ends[0].losses);
  options_.sync_batchnorm = true;
  EXPECT_ERROR(train(3, options_), "A batch of 2 for 3 ranks with 1 micro-batches each");
}

}  // namespace
}  // namespace hierevo::nn
