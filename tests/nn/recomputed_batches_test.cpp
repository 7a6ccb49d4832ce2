// Batches against the same computed pixel by pixel; and those of a device against the CPU's.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "batches/mixing.hpp"
#include "batches/queued_batches.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/data/batch_order.hpp"
#include "nn/recorded_queues.hpp"

namespace hierevo::nn {
namespace {

constexpr std::int64_t classes = 7;

/// A training set of any shape, with options of any kind.
struct Case {
  explicit Case(std::uint64_t number) : random(number) {
    const std::int64_t channels = random.below(2) == 0 ? 1 : 3;
    const auto side = [this] { return 10 + static_cast<std::int64_t>(random.below(6)); };
    const auto lot = [this](double value) { return random.below(2) == 0 ? 0.0 : value; };
    const auto generator = at::make_generator<at::CPUGeneratorImpl>(random());
    images = {at::randint(0, 256, {23, channels, side(), side()}, generator, at::kByte),
              at::randint(0, classes, {23}, generator, at::kLong)};
    if (random.below(2) == 0) images = on_device(images, at::kCPU);
    options.batch = 2 + static_cast<std::int64_t>(random.below(17));
    options.crop = random.below(2) == 0 ? 0 : 5 + static_cast<std::int64_t>(random.below(6));
    options.flip = random.below(2) == 0;
    options.cutout = static_cast<std::int64_t>(random.below(6));
    if (random.below(3) == 0) {
      options.brightness = lot(0.4);
      options.contrast = lot(0.4);
    }
    options.mixup = lot(0.4);
    options.cutmix = lot(1.0);
    normalisation = normalisation_of(images);
    seed = random();
  }

  data::ImageRange range() {
    const auto batch = static_cast<std::uint64_t>(options.batch);
    const std::uint64_t first = random.below(batch);
    return {static_cast<std::int64_t>(first),
            static_cast<std::int64_t>(1 + random.below(batch - first))};
  }

  core::RandomStream random;
  ImageTensors images;
  TrainingOptions options;
  PixelNormalisation normalisation;
  std::uint64_t seed = 0;
};

bool recolours(const TrainingOptions& options) {
  return options.brightness > 0.0 || options.contrast > 0.0;
}

/// A batch by the definitions of its augmentations.
class Recomputed {
 public:
  Recomputed(const Case& of, std::int64_t step) : of_(of), step_(step) {
    const data::ImageSize whole = of.images.image_size();
    size_ = of.options.crop == 0 ? whole : data::ImageSize{of.options.crop, of.options.crop};
    indices_ = data::BatchOrder(of.images.size(), of.options.batch, of.seed).batch(step);
    core::RandomStream crops = stream("crops of a step");
    core::RandomStream colours = stream("colours of a step");
    core::RandomStream squares = stream("cutout of a step");
    for (const std::int64_t index : indices_) {
      Draws drawn{};
      drawn.index = index;
      drawn.top = below(crops, whole.height - size_.height + 1);
      drawn.left = below(crops, whole.width - size_.width + 1);
      drawn.flip = of.options.flip && crops.below(2) == 1;
      drawn.brightness = 1.0 + of.options.brightness * (2.0 * colours.unit() - 1.0);
      drawn.contrast = 1.0 + of.options.contrast * (2.0 * colours.unit() - 1.0);
      drawn.row = below(squares, size_.height) - of.options.cutout / 2;
      drawn.column = below(squares, size_.width) - of.options.cutout / 2;
      images.push_back(image(drawn));
    }
    const at::Tensor labels =
        at::one_hot(of.images.labels.index_select(0, at::tensor(indices_)), classes).to(at::kFloat);
    for (std::int64_t i = 0; i < of.options.batch; ++i) targets.push_back(labels[i]);
    mix();
  }

  std::vector<at::Tensor> images;   ///< [C, H, W] each
  std::vector<at::Tensor> targets;  ///< [classes] each

 private:
  core::RandomStream stream(std::string_view purpose) const {
    return core::RandomStream(of_.seed, static_cast<std::uint64_t>(step_), purpose);
  }
  static std::int64_t below(core::RandomStream& random, std::int64_t end) {
    return static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(end)));
  }

  struct Draws {
    std::int64_t index, top, left;
    bool flip;
    double brightness, contrast;
    std::int64_t row, column;  ///< of the corner of a square that is cut out
  };

  /// Pixel by pixel.
  at::Tensor image(const Draws& drawn) const {
    const auto pixels = of_.images.pixels.accessor<std::uint8_t, 4>();
    const auto mean = of_.normalisation.mean.accessor<float, 1>();
    const auto scale = of_.normalisation.scale.accessor<float, 1>();
    at::Tensor result = at::empty({of_.images.channels(), size_.height, size_.width});
    const auto for_all = [&](auto&& value_of) {
      auto out = result.accessor<float, 3>();
      for (std::int64_t c = 0; c < result.size(0); ++c) {
        for (std::int64_t y = 0; y < size_.height; ++y) {
          for (std::int64_t x = 0; x < size_.width; ++x) out[c][y][x] = value_of(c, y, x, out);
        }
      }
    };
    for_all([&](std::int64_t c, std::int64_t y, std::int64_t x, const auto&) {
      const std::int64_t from = drawn.flip ? size_.width - 1 - x : x;
      return static_cast<float>(pixels[drawn.index][c][drawn.top + y][drawn.left + from]);
    });
    if (recolours(of_.options)) {
      result = (result * drawn.brightness).clamp(0, 255);
      const at::Tensor middle = result.mean();
      result = ((result - middle) * drawn.contrast + middle).clamp(0, 255);
    }
    const std::int64_t side = of_.options.cutout;
    for_all([&](std::int64_t c, std::int64_t y, std::int64_t x, const auto& out) {
      const bool blank =
          y >= drawn.row && y < drawn.row + side && x >= drawn.column && x < drawn.column + side;
      return blank ? 0.0F : (out[c][y][x] - mean[c]) * scale[c];
    });
    return result;
  }

  void mix() {
    const TrainingOptions& options = of_.options;
    if (options.mixup <= 0.0 && options.cutmix <= 0.0) return;
    core::RandomStream random = stream("mixing of a step");
    const bool both = options.mixup > 0.0 && options.cutmix > 0.0;
    const bool mixup = both ? random.below(2) == 0 : options.mixup > 0.0;
    double own = draw_beta(mixup ? options.mixup : options.cutmix, random);
    std::vector<at::Tensor> mixed;
    if (mixup) {
      for (std::size_t i = 0; i < images.size(); ++i) {
        mixed.push_back(images[i] * own + images[images.size() - 1 - i] * (1.0 - own));
      }
    } else {
      const Box box = draw_box(size_.height, size_.width, 1.0 - own, random);
      for (std::size_t i = 0; i < images.size(); ++i) {
        at::Tensor image = images[i].clone();
        for (std::int64_t y = box.top; y < box.bottom; ++y) {
          for (std::int64_t x = box.left; x < box.right; ++x) {
            image.select(2, x).select(1, y).copy_(
                images[images.size() - 1 - i].select(2, x).select(1, y));
          }
        }
        mixed.push_back(image);
      }
      own = 1.0 - static_cast<double>(box.area()) / static_cast<double>(size_.height * size_.width);
    }
    images = mixed;
    const std::vector<at::Tensor> labels = targets;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      targets[i] = labels[i] * own + labels[labels.size() - 1 - i] * (1.0 - own);
    }
  }

  const Case& of_;
  std::int64_t step_;
  data::ImageSize size_;
  std::vector<std::int64_t> indices_;
};

TEST(TrainingBatches, AreBitForBitWhatTheirDefinitionsSay) {
  for (std::uint64_t number = 0; number < 150; ++number) {
    SCOPED_TRACE(number);
    Case of(number);
    const auto batches =
        make_training_batches(of.images, of.normalisation, of.options, classes, of.seed);
    for (const std::int64_t step : {0, 1, 6}) {
      const Recomputed wanted(of, step);
      const data::ImageRange range = of.range();
      const Batch batch = batches->at(step, range);
      ASSERT_EQ(batch.images.size(0), range.count);
      at::Tensor targets = batch.targets;
      if (targets.dim() == 1) targets = at::one_hot(targets, classes).to(at::kFloat);
      for (std::int64_t i = 0; i < range.count; ++i) {
        const auto place = static_cast<std::size_t>(range.first + i);
        if (recolours(of.options)) {  // whose means of images are rounded in another order
          EXPECT_TRUE(batch.images[i].allclose(wanted.images[place], 1e-4, 1e-4));
        } else {
          EXPECT_TRUE(batch.images[i].equal(wanted.images[place]));
        }
        EXPECT_TRUE(targets[i].equal(wanted.targets[place]));
      }
    }
  }
}

TEST(TrainingBatches, OfADeviceEqualTheCpusAndNeedOneCopy) {
  for (std::uint64_t number = 0; number < 60; ++number) {
    SCOPED_TRACE(number);
    Case of(number);
    const auto device = std::make_shared<RecordedQueues>(number);
    device->copies_at_once = true;
    const auto got =
        make_training_batches(of.images, of.normalisation, of.options, classes, of.seed, device);
    const auto wanted =
        make_training_batches(of.images, of.normalisation, of.options, classes, of.seed);
    for (int step = 0; step < 8; ++step) {
      const data::ImageRange range =
          step % 2 == 0 ? data::ImageRange{0, of.options.batch} : of.range();
      const Batch batch = got->at(step, range);
      EXPECT_EQ(device->copies, step + 1);
      EXPECT_TRUE(batch.images.equal(wanted->at(step, range).images));
      EXPECT_TRUE(batch.targets.equal(wanted->at(step, range).targets));
    }
    device->finish();
  }
}

}  // namespace
}  // namespace hierevo::nn
