// A network in training, with something of everything that its file keeps.
#pragma once

#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "hierevo/core/random.hpp"
#include "hierevo/io/training_snapshot.hpp"

namespace hierevo::io::test {

inline StoredTensor sample_tensor(const std::string& name, std::vector<std::size_t> shape,
                                  core::RandomStream& random) {
  std::size_t count = 1;
  for (const std::size_t extent : shape) count *= extent;
  StoredTensor made{name, std::move(shape), {}};
  for (std::size_t i = 0; i < count; ++i) {
    made.values.push_back(static_cast<float>(random.unit() - 0.5));
  }
  return made;
}

inline TrainingSnapshot sample_training() {
  core::RandomStream random(3);
  TrainingSnapshot snapshot{.genotype = genome::Genotype(genome::SearchSpace({{2, 3}, {1, 3}}),
                                                         {6, 0, 6, 1, 2, 3, 1, 0, 1}),
                            .model = {genome::ModelKind::cifar_large, 24, 2, 1, 7},
                            .pixel_mean = {72.5F},
                            .pixel_scale = {0.0125F},
                            .options = "steps=100\nlr=0.1\n",
                            .seed = std::numeric_limits<std::uint64_t>::max(),
                            .seconds = 12.5,
                            .top1 = 0.75,
                            .best_step = 40,
                            .repeat_accuracy = {0.5, 0.625},
                            .repeat_loss = {0.25, 1.5},
                            .losses = {2.5, 1.25, 0.1},
                            .weights = {sample_tensor("stem.0.weight", {4, 1, 3, 3}, random),
                                        sample_tensor("a.1-3.2-4.bn.running_var", {4}, random),
                                        sample_tensor("classifier.bias", {7}, random)},
                            .momentum = {sample_tensor("stem.0.weight", {4, 1, 3, 3}, random)},
                            .average = {}};
  snapshot.weights[1].values[2] = std::numeric_limits<float>::infinity();
  return snapshot;
}

}  // namespace hierevo::io::test
