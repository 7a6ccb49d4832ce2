// Data, network and training of a search, behind an interface that needs no Torch.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "hierevo/search/data_facts.hpp"
#include "hierevo/search/evaluator.hpp"
#include "model_options.hpp"
#include "training_options.hpp"

namespace hierevo::app {

/// Where and how often half-trained candidates are saved.
struct Checkpoints {
  std::function<std::filesystem::path(const evolution::Candidate&)> path;  ///< empty: nowhere
  std::chrono::duration<double> every{300.0};
  /// INI lines that must be the same where an evaluation is resumed. TrainingSetup adds the data's
  /// fingerprint.
  std::string options;
  bool essential = false;  ///< what keeps the file from being used ends the evaluation
};

class TrainingSetup {
 public:
  /// Whether this program has Torch; without, the constructor throws.
  static bool available();
  /// Reads the data and checks that data and options fit. `seed` decides the split. Throws
  /// UsageError, also in a build without Torch.
  TrainingSetup(const DataOptions& data, const TrainOptions& training, nn::Repeats repeats,
                std::uint64_t seed);
  ~TrainingSetup();

  search::DataFacts facts() const;
  /// Throws UsageError where this machine's memory does not hold a training of `plan`.
  void check_memory(const genome::Plan& plan) const;
  bool on_gpu() const;
  /// Bytes that a training may take where `sharing` evaluators share the GPU, each with its own
  /// copy of the data; 0 on the CPU. Throws UsageError where nothing is left.
  std::int64_t evaluator_memory(int sharing) const;
  /// Keeps this process to its share of the GPU from now on; does nothing on the CPU, or where
  /// nobody shares it.
  void limit_memory(int sharing) const;
  /// Trains and validates `spec`'s network. Each is for one thread; they share the data. When it is
  /// asked to stop it saves the candidate half-trained, and resumes from there the next time.
  std::unique_ptr<search::Evaluator> make_evaluator(const genome::ModelSpec& spec,
                                                    Checkpoints checkpoints) const;

 private:
  struct Data;
  class TrainingEvaluator;
  std::shared_ptr<const Data> data_;
};

}  // namespace hierevo::app
