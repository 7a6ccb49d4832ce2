#include "augmented_batches.hpp"

#include <ATen/ATen.h>

#include <utility>

namespace hierevo::nn {

AugmentedBatches::AugmentedBatches(Source source, const PixelNormalisation& normalisation,
                                   const TrainingOptions& options, std::uint64_t seed)
    : source_(std::move(source)),
      normalisation_(on_device(normalisation, source_.device)),
      options_(options),
      seed_(seed),
      order_(source_.images, options.batch, seed),
      sender_(source_.queues) {}

std::vector<at::Tensor> AugmentedBatches::draw(std::int64_t, std::span<const std::int64_t>) {
  return {};
}

/// On the device: the targets of `range` are sent with what is drawn for the whole batch.
Batch AugmentedBatches::at(std::int64_t step, data::ImageRange range) {
  const std::vector<std::int64_t> indices = order_.batch(step);
  const std::optional<Mixing> mixing = draw_mixing(step);
  std::vector<at::Tensor> drawn = {targets(indices, range, mixing)};
  if (recolours()) {
    const ColourChanges changes = draw_colour_changes(
        options_.batch, options_.brightness, options_.contrast, stream(step, "colours of a step"));
    drawn.insert(drawn.end(), {changes.brightness, changes.contrast});
  }
  if (options_.cutout > 0) {
    const Middles middles =
        draw_middles(options_.batch, source_.crop, stream(step, "cutout of a step"));
    const Rectangles squares = squares_around(middles, options_.cutout, source_.crop);
    drawn.insert(drawn.end(), {squares.rows, squares.columns});
  }
  for (at::Tensor& tensor : draw(step, indices)) drawn.push_back(std::move(tensor));
  drawn = sender_.send(std::move(drawn));

  const auto of_images = std::span<const at::Tensor>(drawn).subspan(1);
  Batch batch{unmixed(step, range, of_images), drawn.front()};
  if (mixing) {
    const data::ImageRange mirrored = partners_of(range);
    const at::Tensor partners =
        mirrored == range ? batch.images : unmixed(step, mirrored, of_images);
    if (mixing->box) {
      cut_mix(batch.images, partners, *mixing->box);
    } else {
      mix_up(batch.images, partners, mixing->own);
    }
  }
  return batch;
}

/// `drawn` is what at() has sent behind the targets, in that order.
at::Tensor AugmentedBatches::unmixed(std::int64_t step, data::ImageRange range,
                                     std::span<const at::Tensor> drawn) {
  std::vector<at::Tensor> own;
  for (const at::Tensor& all : drawn) own.push_back(all.narrow(0, range.first, range.count));
  const std::size_t colours = 0;
  const std::size_t squares = colours + (recolours() ? 2 : 0);
  const std::size_t rest = squares + (options_.cutout > 0 ? 2 : 0);
  at::Tensor images = pixels(step, range, std::span<const at::Tensor>(own).subspan(rest));
  if (recolours()) images = recoloured(images, {own[colours], own[colours + 1]});
  images = normalised(images, normalisation_);
  if (options_.cutout > 0) cut_out(images, {own[squares], own[squares + 1]});
  return images;
}

/// Image i of N is mixed with image N-1-i.
data::ImageRange AugmentedBatches::partners_of(data::ImageRange range) const {
  return {options_.batch - range.first - range.count, range.count};
}

/// With both switched on, each step uses one of them, chosen at random.
std::optional<AugmentedBatches::Mixing> AugmentedBatches::draw_mixing(std::int64_t step) const {
  const bool both = options_.mixup > 0.0 && options_.cutmix > 0.0;
  if (options_.mixup <= 0.0 && options_.cutmix <= 0.0) return std::nullopt;
  core::RandomStream random = stream(step, "mixing of a step");
  const bool mixup = both ? random.below(2) == 0 : options_.mixup > 0.0;
  if (mixup) return Mixing{draw_beta(options_.mixup, random), std::nullopt};
  const double own = draw_beta(options_.cutmix, random);
  const auto [height, width] = source_.crop;
  const Box box = draw_box(height, width, 1.0 - own, random);
  return Mixing{1.0 - static_cast<double>(box.area()) / static_cast<double>(height * width), box};
}

/// Of the images `range` of a batch: on the CPU.
at::Tensor AugmentedBatches::targets(std::span<const std::int64_t> indices, data::ImageRange range,
                                     const std::optional<Mixing>& mixing) const {
  const auto labels = [&](data::ImageRange of) {
    std::vector<std::int64_t> all;
    for (std::int64_t i = of.first; i < of.first + of.count; ++i) {
      all.push_back(label(indices[static_cast<std::size_t>(i)]));
    }
    return all;
  };
  if (!mixing) return at::tensor(labels(range), at::kLong);
  return mixed_targets(labels(range), labels(partners_of(range)), mixing->own, source_.classes);
}

}  // namespace hierevo::nn
