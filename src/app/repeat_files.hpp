// last.h5 and best.h5 of a repeat of a final training, which always agree.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <optional>
#include <string>

#include "hierevo/io/training_snapshot.hpp"

namespace hierevo::app {

/// What last.h5 says of the best weights is so of best.h5, whatever fails and whenever the process
/// ends: best.h5 is written first, and a score whose weights could not be saved is not told.
/// Belongs to one thread at a time.
class RepeatFiles {
 public:
  RepeatFiles(std::filesystem::path last, std::filesystem::path best);

  /// The newest save; its score and step of the best weights are those of best.h5, and where that
  /// is not the one it was saved with there is a warning. Nothing when the repeat begins. Throws
  /// CheckpointError, and IoError when best.h5 is there but cannot be read: it may well be good.
  std::optional<io::LoadedTraining> load();

  /// Weights that the next save writes as the best.
  void choose(io::TrainingSnapshot best);
  /// Writes the best weights if they wait for it. Throws IoError; they wait on then.
  void save_best();
  /// Writes the best weights if they wait for it, then `last`. What keeps the best from being
  /// written is given back when `last` is saved: without their score, but those before. Throws
  /// IoError.
  [[nodiscard]] std::exception_ptr save(io::TrainingSnapshot& last);

  /// How far last.h5 is.
  std::int64_t saved_step() const { return saved_step_; }

 private:
  struct Best {
    std::int64_t step = 0;
    double top1 = 0.0;
  };

  std::filesystem::path last_;
  std::filesystem::path best_;
  std::optional<io::TrainingSnapshot> unsaved_best_;
  Best saved_best_;
  std::int64_t saved_step_ = 0;
};

/// How best.h5 differs from what a result says of it; empty when it does not.
std::string difference_of_best(const std::filesystem::path& best, std::int64_t step);

}  // namespace hierevo::app
