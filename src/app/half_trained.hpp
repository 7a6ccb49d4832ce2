// A fitness evaluation that resumes where it was stopped: its file, io/FORMAT.md "Training".
#pragma once

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>

#include "hierevo/evolution/individual.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/nn/training/fitness.hpp"
#include "training_setup.hpp"

namespace hierevo::app {

/// The file of one evaluation. Unless it is essential, what keeps it from being read or written is
/// logged, and the evaluation continues without it. A damaged file is then written over, one of
/// a newer version never. Nothing is written any more once another search has taken the run over.
class HalfTrained {
 public:
  HalfTrained(const Checkpoints& checkpoints, const evolution::Candidate& candidate,
              const genome::ModelSpec& model, const nn::PixelNormalisation& normalisation);

  /// Where there is a file of this candidate, `measurement` resumes from it.
  void resume(nn::FitnessMeasurement& measurement);
  /// To be called between two steps.
  void save_when_due(const nn::FitnessMeasurement& measurement);
  void save_at_the_end(const nn::FitnessMeasurement& measurement);

  /// Spent in earlier starts.
  double earlier_seconds() const { return earlier_seconds_; }

 private:
  using Clock = std::chrono::steady_clock;

  void leave_as_it_is(const std::exception& error);
  void try_to_resume(nn::FitnessMeasurement& measurement);
  bool is_same(const io::TrainingSnapshot& saved) const;
  void save(const nn::FitnessMeasurement& measurement);
  std::uint64_t incarnation_now() const;

  const Checkpoints& checkpoints_;
  const evolution::Candidate& candidate_;
  const genome::ModelSpec& model_;
  const nn::PixelNormalisation& normalisation_;
  std::filesystem::path path_;
  std::uint64_t incarnation_ = 0;  ///< of the search that this evaluation is for
  double earlier_seconds_ = 0.0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point saved_ = Clock::now();
};

}  // namespace hierevo::app
