// Data, network and training of a search, behind an interface that needs no Torch.
#pragma once

#include <cstdint>
#include <memory>

#include "hierevo/search/evaluator.hpp"
#include "model_options.hpp"
#include "training_options.hpp"

namespace hierevo::app {

class TrainingSetup {
 public:
  /// Reads the data and checks that data and options fit. `seed` decides the split. Throws
  /// UsageError, also in a build without Torch.
  TrainingSetup(const DataOptions& data, const TrainOptions& training, int repeats,
                std::uint64_t seed);
  ~TrainingSetup();

  /// `spec` with the input channels and classes of the data.
  genome::ModelSpec adapted(genome::ModelSpec spec) const;
  /// Trains and validates `spec`'s network. Each is for one thread; they share the data.
  std::unique_ptr<search::Evaluator> make_evaluator(const genome::ModelSpec& spec) const;

 private:
  struct Data;
  class TrainingEvaluator;
  std::shared_ptr<const Data> data_;
};

}  // namespace hierevo::app
