// What evaluates a candidate of a search by training, on images of a data set's files.
#include "training_setup.hpp"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "data/idx_files.hpp"
#include "io/image_shard_files.hpp"
#include "support/scratch_folder.hpp"
#include "training_data.hpp"

namespace hierevo::app {
namespace {

using evolution::Evaluation;
using evolution::Status;

/// 24 images of two classes, 8×8, of which 8 validate.
class TrainingSetupTest : public testing::Test {
 protected:
  TrainingSetupTest() {
    for (const std::string part : {"train", "t10k"}) {
      test::Bytes pixels(std::size_t{24} * 64);
      for (std::size_t i = 0; i < pixels.size(); ++i) {
        pixels[i] = static_cast<std::uint8_t>(i * i % 251);
      }
      test::Bytes labels;
      for (std::uint8_t i = 0; i < 24; ++i) labels.push_back(i % 2);
      test::write_bytes(folder_.path() / (part + "-images-idx3-ubyte"),
                        test::idx_bytes(0x803, {24, 8, 8}, pixels));
      test::write_bytes(folder_.path() / (part + "-labels-idx1-ubyte"),
                        test::idx_bytes(0x801, {24}, labels));
    }
    data_.dataset = "idx";
    data_.data_dir = folder_.path().string();
    data_.validation_size = 8;
    training_.numbers.steps = 2;
    training_.numbers.crop = 0;
  }

  std::optional<Evaluation> evaluate(const search::Work& work) const {
    const TrainingSetup setup(data_, training_, {.count = 1}, 1);
    const auto evaluator =
        setup.make_evaluator(adapted({.channels = 4, .cells = 1}, setup.facts()), {});
    return evaluator->evaluate(work, [](const search::EvaluationProgress&) { return true; });
  }

  const test::ScratchFolder folder_;
  DataOptions data_;
  TrainOptions training_;
  const evolution::Candidate candidate_{
      .id = evolution::IndividualId{1},
      .parent = std::nullopt,
      .seed = 1,
      .genotype = genome::Genotype(genome::SearchSpace({{1, 2}}), {1})};
};

TEST_F(TrainingSetupTest, WithLessMemoryPartsHaveTwoImagesAtLeast) {
  for (const std::int64_t batch : {8, 9, 16}) {
    training_.numbers.batch = batch;
    for (int parts = 1; parts <= search::most_memory_parts; parts *= 2) {
      const auto evaluation = evaluate({candidate_, parts});
      ASSERT_TRUE(evaluation.has_value());
      EXPECT_EQ(evaluation->status, Status::evaluated) << evaluation->reason;
    }
  }
}

TEST(ShardData, IsNormalisedByTheSampleOfItsImages) {
  const test::ScratchFolder folder;
  io::test::write_sample_shards(folder.path());
  DataOptions options;
  options.dataset = folder.path().string();
  options.validation_size = 0;
  const nn::TrainingOptions training{.batch = 8, .crop = 16};
  const auto data = make_training_data({.data = options, .device = c10::kCPU}, training);
  const nn::PixelNormalisation& normalisation = data->facts().normalisation;
  EXPECT_TRUE(normalisation.mean.equal(at::tensor({20.0F, 20.0F, 35.0F})));
  EXPECT_TRUE(normalisation.scale.allclose(at::tensor({0.1F, 1.0F, 0.2F})));
}

}  // namespace
}  // namespace hierevo::app
