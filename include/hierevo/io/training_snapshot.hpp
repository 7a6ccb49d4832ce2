#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hierevo/core/file.hpp"
#include "hierevo/genome/genotype.hpp"
#include "hierevo/genome/plan.hpp"

namespace hierevo::io {

/// A tensor of a network as it is stored, its last index fastest. A name consists of letters,
/// digits, '.', '-' and '_'.
struct StoredTensor {
  std::string name;
  std::vector<std::size_t> shape;
  std::vector<float> values;
};

/// A network in training, or one that was trained: all that is needed to resume or use it.
struct TrainingSnapshot {
  genome::Genotype genotype;
  genome::ModelSpec model;
  std::vector<float> pixel_mean;   ///< [input channels]: inputs are (pixel - mean) * scale
  std::vector<float> pixel_scale;  ///< [input channels]
  std::string options;             ///< of the training, as an INI file
  std::uint64_t seed = 0;
  double seconds = 0.0;        ///< trained so far, over all starts
  double top1 = 0.0;           ///< score of the best weights so far, in [0, 1]; 0 before a test
  std::int64_t best_step = 0;  ///< steps after which the weights were best
  std::vector<double> repeat_accuracy{};  ///< of a fitness: of each repeat before this one
  std::vector<double> repeat_loss{};      ///< likewise
  std::vector<double> losses;             ///< of each step done
  std::vector<StoredTensor> weights;      ///< parameters and running statistics
  std::vector<StoredTensor> momentum;
  std::vector<StoredTensor> average;  ///< running averages of `weights`; empty without
};

/// The snapshot as the bytes of an HDF5 file after a text block with its length and checksum
/// (io/FORMAT.md). Throws InternalError when HDF5 fails.
std::vector<std::byte> encode_training(const TrainingSnapshot& snapshot);

/// Reads back, and checks as decode_snapshot does. Throws CheckpointError that names `path`.
TrainingSnapshot decode_training(std::span<const std::byte> bytes,
                                 const std::filesystem::path& path);

/// Replaces `path` by the snapshot: at every moment the old one or the new one is there, complete.
/// Throws IoError; the old one is then untouched.
void save_training(const TrainingSnapshot& snapshot, const std::filesystem::path& path,
                   core::Writers writers = core::Writers::one);

/// The same, and the two earlier ones are kept as PATH.1 and PATH.2, as save_snapshot() does.
void save_kept_training(const TrainingSnapshot& snapshot, const std::filesystem::path& path);

/// A training that was read, and what was skipped to get it (one sentence each).
struct LoadedTraining {
  TrainingSnapshot snapshot;
  std::filesystem::path path;
  std::vector<std::string> warnings;
};

/// The newest good one among PATH, PATH.1 and PATH.2, as load_snapshot() finds it; nothing when
/// none of the files exists. Throws CheckpointError.
std::optional<LoadedTraining> load_newest_training(const std::filesystem::path& path);

/// Throws IoError when the file cannot be read, CheckpointError when it cannot be used.
TrainingSnapshot load_training(const std::filesystem::path& path);

}  // namespace hierevo::io
