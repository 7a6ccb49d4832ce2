#include "batch_source.hpp"

#include <ATen/ATen.h>

#include "augmentation.hpp"

namespace hierevo::nn {

BatchSource::BatchSource(const Images& data, const Normalisation& normalisation,
                         const TrainingOptions& options, std::int64_t classes, std::uint64_t seed)
    : data_(data),
      normalisation_(normalisation),
      options_(options),
      classes_(classes),
      seed_(seed),
      order_(data.size(), options.batch, seed) {}

Batch BatchSource::at(std::int64_t step) {
  // A stream for each purpose: switching one on changes nothing of the others.
  const auto stream = [&](std::string_view purpose) {
    return core::RandomStream(seed_, static_cast<std::uint64_t>(step), purpose);
  };
  const ImageSize whole{data_.height(), data_.width()};
  const ImageSize crop = options_.crop == 0 ? whole : ImageSize{options_.crop, options_.crop};
  const Crops crops =
      draw_crops(options_.batch, whole, crop, options_.flip, stream("crops of a step"));
  const at::Tensor indices = at::tensor(order_.batch(step));
  at::Tensor pixels = cut(data_.pixels, indices, crops, crop);
  if (options_.brightness > 0.0 || options_.contrast > 0.0) {
    pixels =
        recoloured(pixels, draw_colour_changes(options_.batch, options_.brightness,
                                               options_.contrast, stream("colours of a step")));
  }
  Batch batch{normalised(pixels, normalisation_),
              data_.labels.index_select(0, indices.to(data_.labels.device()))};
  if (options_.cutout > 0) cut_out(batch.images, options_.cutout, stream("cutout of a step"));
  if (options_.mixup > 0.0 || options_.cutmix > 0.0) mix(batch, step);
  return batch;
}

/// With both switched on, each step takes one of them by lot.
void BatchSource::mix(Batch& batch, std::int64_t step) const {
  core::RandomStream random(seed_, static_cast<std::uint64_t>(step), "mixing of a step");
  const bool both = options_.mixup > 0.0 && options_.cutmix > 0.0;
  const bool mixup = both ? random.below(2) == 0 : options_.mixup > 0.0;
  if (mixup) return mix_up(batch, draw_beta(options_.mixup, random), classes_);
  const double own = draw_beta(options_.cutmix, random);
  const Box box = draw_box(batch.images.size(2), batch.images.size(3), 1.0 - own, random);
  cut_mix(batch, box, classes_);
}

}  // namespace hierevo::nn
