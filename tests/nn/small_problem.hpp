// A network and data small enough to train within a test.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/memory_batches.hpp"
#include "hierevo/nn/training.hpp"

namespace hierevo::nn {

/// A flat cell of three nodes: separable convolution, then max-pooling beside a 1×1 convolution.
inline genome::Plan small_plan(int classes = 10, int input_channels = 1) {
  const genome::Genotype genotype(genome::SearchSpace({{1, 3}}), {3, 1, 4});
  return genome::make_plan(
      genome::assemble(genotype),
      {.channels = 8, .cells = 1, .input_channels = input_channels, .classes = classes});
}

/// Random images of ten classes.
inline Images random_images(std::int64_t count) {
  const auto generator = at::make_generator<at::CPUGeneratorImpl>(7);
  return {at::randint(0, 256, {count, 1, 12, 12}, generator, at::kByte),
          at::randint(0, 10, {count}, generator, at::kLong)};
}

/// That stay as they are when the training goes on.
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
inline Trained train(Executor& network, const Images& data, const Normalisation& normalisation,
                     const TrainingOptions& options, std::uint64_t seed,
                     const ProgressCallback& progress = {}) {
  const auto batches = make_training_batches(data, normalisation, options, 10, seed);
  Trainer trainer(network, *batches, options, seed);
  const TrainingEnd end = trainer.run(progress);
  return {end, trainer.loss()};
}

/// The message of the UsageError that `call` throws.
template <typename Call>
std::string usage_error(Call&& call) {
  try {
    call();
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "no error";
}

/// The UsageError that `call` throws says `part`.
#define EXPECT_ERROR(call, part)                                                    \
  do {                                                                              \
    const std::string text = usage_error([&] { call; });                            \
    EXPECT_NE(text.find(part), std::string::npos) << text << "\nlacks\n" << (part); \
  } while (false)

}  // namespace hierevo::nn
