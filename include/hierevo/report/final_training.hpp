#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "hierevo/evolution/individual.hpp"

namespace hierevo::report {

/// A folder of `hierevo train`, and what only its options say.
struct TrainingSource {
  std::filesystem::path folder;
  std::string model;  ///< its name and sizes, "cifar-large, c0=64, N=2"
};

/// A value at a step of a training.
struct AtStep {
  std::int64_t step = 0;
  double value = 0.0;
};

/// One of the trainings whose accuracies are averaged.
struct Repeat {
  int number = 1;
  std::vector<AtStep> losses{};
  std::vector<AtStep> seconds{};     ///< of training so far, over all starts
  std::vector<AtStep> accuracies{};  ///< on the test set
  std::optional<double> top1{};      ///< at the end; none before it
  std::optional<double> top5{};
  double images_per_second = 0.0;  ///< at last
};

/// A final training of a cell of the run, as far as it is.
struct FinalTraining {
  std::filesystem::path folder;
  std::string name;  ///< short
  std::string model;
  genome::Genotype genotype;
  std::optional<evolution::IndividualId> individual{};  ///< of the run; the first with the genotype
  std::string data{};                                   ///< name of the data set
  std::vector<Repeat> repeats{};

  /// Of those that have finished: how many, mean, and deviation where there are two or more.
  struct Accuracy {
    std::size_t repeats = 0;
    double top1 = 0.0;
    std::optional<double> top1_deviation{};
    std::optional<double> top5{};
  };
  /// Nothing before a repeat has finished.
  std::optional<Accuracy> accuracy() const;
};

/// The last part of the path of a folder.
std::string short_name(const std::filesystem::path& folder);

/// Reads genotype.json, data.json and repeat-K/log.jsonl. Of a log's damaged lines
/// nothing is read. Throws UsageError and IoError.
FinalTraining read_final_training(const TrainingSource& source);

}  // namespace hierevo::report
