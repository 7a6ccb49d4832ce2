#include "augmented_batches.hpp"

#include <ATen/ATen.h>

#include "device/transfer.hpp"
#include "mixing.hpp"

namespace hierevo::nn {

AugmentedBatches::AugmentedBatches(std::int64_t images, const PixelNormalisation& normalisation,
                                   const TrainingOptions& options, std::int64_t classes,
                                   std::uint64_t seed, c10::Device device)
    : normalisation_(on_device(normalisation, device)),
      options_(options),
      classes_(classes),
      seed_(seed),
      device_(device),
      order_(images, options.batch, seed) {}

Batch AugmentedBatches::at(std::int64_t step, data::ImageRange range) {
  Batch batch = unmixed(step, range);
  if (options_.mixup > 0.0 || options_.cutmix > 0.0) {
    mix(batch, partners(step, range, batch), step);
  }
  return batch;
}

Batch AugmentedBatches::unmixed(std::int64_t step, data::ImageRange range) {
  const ImageTensors cut = pixels(step, range);
  at::Tensor images = to_device_async(cut.pixels, device_);
  const auto own = [&range](const at::Tensor& of_all) {
    return of_all.narrow(0, range.first, range.count);
  };
  if (options_.brightness > 0.0 || options_.contrast > 0.0) {
    const ColourChanges all = draw_colour_changes(
        options_.batch, options_.brightness, options_.contrast, stream(step, "colours of a step"));
    images = recoloured(images, {own(all.brightness), own(all.contrast)});
  }
  Batch batch{normalised(images, normalisation_), to_device_async(cut.labels, device_)};
  if (options_.cutout > 0) {
    const Middles all = draw_middles(options_.batch, {images.size(2), images.size(3)},
                                     stream(step, "cutout of a step"));
    cut_out(batch.images, options_.cutout, {own(all.row), own(all.column)});
  }
  return batch;
}

/// What the images `range`, which are `own`, are mixed with: image i of N with image N-1-i.
Batch AugmentedBatches::partners(std::int64_t step, data::ImageRange range, const Batch& own) {
  const data::ImageRange mirrored{options_.batch - range.first - range.count, range.count};
  const Batch others = mirrored.first == range.first ? own : unmixed(step, mirrored);
  return {others.images.flip(0), others.targets.flip(0)};
}

/// With both switched on, each step uses one of them, chosen at random.
void AugmentedBatches::mix(Batch& batch, const Batch& others, std::int64_t step) const {
  core::RandomStream random = stream(step, "mixing of a step");
  const bool both = options_.mixup > 0.0 && options_.cutmix > 0.0;
  const bool mixup = both ? random.below(2) == 0 : options_.mixup > 0.0;
  if (mixup) return mix_up(batch, others, draw_beta(options_.mixup, random), classes_);
  const double own = draw_beta(options_.cutmix, random);
  const Box box = draw_box(batch.images.size(2), batch.images.size(3), 1.0 - own, random);
  cut_mix(batch, others, box, classes_);
}

}  // namespace hierevo::nn
