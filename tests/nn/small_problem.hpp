// A network and data small enough to train within a test.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/batches/memory_batches.hpp"
#include "hierevo/nn/training/trainer.hpp"

namespace hierevo::nn {

/// A flat cell of three nodes: separable convolution, then max-pooling beside a 1×1 convolution.
inline genome::Plan small_plan(int classes = 10, int input_channels = 1) {
  const genome::Genotype genotype(genome::SearchSpace({{1, 3}}), {3, 1, 4});
  return genome::make_plan(
      genome::assemble(genotype),
      {.channels = 8, .cells = 1, .input_channels = input_channels, .classes = classes});
}

/// Random images of ten classes.
inline ImageTensors random_images(std::int64_t count) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(7);
  return {at::randint(0, 256, {count, 1, 12, 12}, generator, at::kByte),
          at::randint(0, 10, {count}, generator, at::kLong)};
}

/// Copies, which stay as they are when the training continues.
inline std::vector<NamedTensor> copied(const std::vector<NamedTensor>& tensors) {
  std::vector<NamedTensor> copies;
  for (const auto& [name, tensor] : tensors) copies.push_back({name, tensor.detach().clone()});
  return copies;
}

struct Trained {
  TrainingEnd end;
  double loss;
};

/// A whole training, from beginning to end or to where `progress` stops it.
inline Trained train(Executor& network, const ImageTensors& data,
                     const PixelNormalisation& normalisation, const TrainingOptions& options,
                     std::uint64_t seed, const ProgressCallback& progress = {}) {
  const auto batches = make_training_batches(data, normalisation, options, 10, seed);
  Trainer trainer(network, *batches, options, seed);
  const TrainingEnd end = trainer.run(progress);
  return {end, trainer.loss()};
}

}  // namespace hierevo::nn
