// What lasts of one repeat of a final training, and what people see of it: the part of rank 0.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "final_training.hpp"
#include "hierevo/core/claim_directory.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/nn/training/trainer.hpp"
#include "progress_line.hpp"
#include "repeat_files.hpp"
#include "training_directory.hpp"
#include "training_saves.hpp"

namespace hierevo::app {

/// Nothing is written into a folder that has taken the place of the one that is locked. Belongs to
/// one thread.
class RepeatRecord {
 public:
  RepeatRecord(const TrainingTask& task, int repeat, const TrainingDirectory& directory,
               core::DirectoryClaim claim, ProgressLine& line);

  std::filesystem::path folder() const { return directory_.folder(repeat_); }

  /// What was saved last; nothing when the repeat begins. Throws CheckpointError when it is of
  /// another training.
  std::optional<nn::TrainingState> resume();
  /// Throws a CheckpointError.
  [[noreturn]] void refuse_saved(const std::string& why) const;

  void begin(std::int64_t step);
  void step_done(const nn::TrainingProgress& now);
  void testing(std::int64_t done, std::int64_t images);
  void tested(const nn::Scores& scores, std::int64_t step, std::chrono::nanoseconds took);

  /// Keeps the weights when these are the best scores.
  void choose(const nn::Scores& scores, nn::Trainer& trainer);
  /// While the training continues; later where the disk is slow or full.
  void save_when_due(nn::Trainer& trainer);
  /// Returns when it is done. Throws CheckpointError that says how much was saved before.
  void save_now(nn::Trainer& trainer, const char* state);
  void note_stop(std::int64_t step);
  /// Whether no other training has taken this repeat over, as of a second ago. What writes throws
  /// OwnershipLost then: the other one computes the same again.
  bool is_owner();
  /// Saves result.json, and gives it.
  nlohmann::json save_result(const nn::Scores& scores, nn::Trainer& trainer);

 private:
  using Clock = std::chrono::steady_clock;

  void log(const nlohmann::json& line);
  void log_step(const nn::TrainingProgress& now);
  void show(const nn::TrainingProgress& now);
  double pace(const nn::TrainingProgress& now) const;
  double training_seconds() const;
  double seconds_so_far() const;
  io::TrainingSnapshot copy_of(nn::Trainer& trainer) const;
  void save_progress(const char* state, std::int64_t step) const;
  void write(io::TrainingSnapshot& last, const char* state);

  const TrainingTask& task_;
  int repeat_;
  const TrainingDirectory& directory_;
  core::DirectoryClaim claim_;
  bool is_owner_ = true;
  Clock::time_point next_check_{};  ///< of that
  ProgressLine& line_;
  JsonLog log_;
  nn::TrainingProgress last_;
  std::int64_t first_step_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point saved_ = start_;
  std::chrono::nanoseconds testing_{};
  double earlier_seconds_ = 0.0;
  double best_top1_ = 0.0;
  std::int64_t best_step_ = 0;
  RepeatFiles files_;        // while the writer is busy only its thread uses it
  BackgroundWriter writer_;  // last: it uses the others
};

}  // namespace hierevo::app
