#include "hierevo/nn/training/training_checks.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

void check_batch(const TrainingOptions& options, std::int64_t images) {
  if (options.batch <= images) return;
  throw core::FieldError("batch", fmt::format("is {}", options.batch),
                         fmt::format("there are {} training images", images),
                         fmt::format("Give at most {}.", images));
}

void check(const TrainingOptions& options, const ImageTensors& train,
           const ImageTensors& validation) {
  check(options);
  const auto [height, width] = train.image_size();
  const std::int64_t largest_crop = std::min(height, width);
  if (options.crop > largest_crop) {
    throw core::FieldError("crop", fmt::format("is {}", options.crop),
                           fmt::format("the images are {}×{}", height, width),
                           fmt::format("Give at most {}, or 0 for whole images.", largest_crop));
  }
  check_batch(options, train.size());
  if (validation.size() < 1) {
    throw core::UsageError("There are no validation images", "at least 1 is needed");
  }
  if (validation.channels() != train.channels()) {
    throw core::UsageError(fmt::format("Training images have {} channels and validation images {}",
                                       train.channels(), validation.channels()),
                           "one network takes both");
  }
}

int trained_side(const ImageTensors& images, const TrainingOptions& options) {
  return options.crop > 0 ? static_cast<int>(options.crop) : data::side_of(images.image_size());
}

// Every part of a batch that is normalised over all ranks needs images of each of them.
void check_ranks(const TrainingOptions& options, int ranks) {
  const std::int64_t parts = options.micro_batches * ranks;
  if (!options.sync_batchnorm || options.batch >= parts) return;
  throw core::UsageError(fmt::format("A batch of {} for {} ranks with {} micro-batches each",
                                     options.batch, ranks, options.micro_batches),
                         "to normalise over all ranks each needs an image for each micro-batch",
                         "Use fewer ranks.");
}

}  // namespace hierevo::nn
