#include "half_trained.hpp"

#include <exception>
#include <system_error>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/owner.hpp"
#include "hierevo/io/newer_version.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "renamed_options.hpp"
#include "stored_tensors.hpp"

namespace hierevo::app {

HalfTrained::HalfTrained(const Checkpoints& checkpoints, const evolution::Candidate& candidate,
                         const genome::ModelSpec& model,
                         const nn::PixelNormalisation& normalisation)
    : checkpoints_(checkpoints),
      candidate_(candidate),
      model_(model),
      normalisation_(normalisation) {
  if (checkpoints.path) path_ = checkpoints.path(candidate);
  if (!path_.empty()) incarnation_ = incarnation_now();
}

/// Of the run in whose folder inflight the file is; 0 where it is in none.
std::uint64_t HalfTrained::incarnation_now() const {
  if (checkpoints_.essential) return 0;
  try {
    return core::newest_incarnation(path_.parent_path().parent_path());
  } catch (const core::IoError&) {
    return incarnation_;
  }
}

void HalfTrained::resume(nn::FitnessMeasurement& measurement) {
  if (path_.empty()) return;
  try {
    if (core::path_exists(path_)) try_to_resume(measurement);
  } catch (const io::NewerVersionError& error) {
    leave_as_it_is(error);
  } catch (const core::CheckpointError& error) {
    if (checkpoints_.essential) throw;
    core::log(core::LogLevel::warning,
              "{} Candidate {} is evaluated from the start, and this file is overwritten.",
              error.what(), number(candidate_.id));
  } catch (const std::exception& error) {
    leave_as_it_is(error);
  }
}

void HalfTrained::leave_as_it_is(const std::exception& error) {
  if (checkpoints_.essential) throw;  // what resume() has caught
  core::log(core::LogLevel::warning,
            "{} Candidate {} is evaluated from the start, and this file is left as it is.",
            core::failure_of(error).text, number(candidate_.id));
  path_.clear();
}

bool HalfTrained::is_same(const io::TrainingSnapshot& saved) const {
  return saved.genotype == candidate_.genotype && saved.seed == candidate_.seed &&
         saved.model == model_ && saved.pixel_mean == floats(normalisation_.mean) &&
         saved.pixel_scale == floats(normalisation_.scale) &&
         with_new_names(saved.options) == checkpoints_.options;
}

void HalfTrained::try_to_resume(nn::FitnessMeasurement& measurement) {
  const io::TrainingSnapshot saved = io::load_training(path_);
  if (!is_same(saved)) {
    const core::CheckpointError error(path_, "it belongs to another evaluation",
                                      "its genotype, seed, model, data or options differ");
    if (checkpoints_.essential) throw error;
    core::log(core::LogLevel::warning, "{} Candidate {} is evaluated from the start.", error.what(),
              number(candidate_.id));
    return;
  }
  measurement.restore({.accuracy = saved.repeat_accuracy,
                       .loss = saved.repeat_loss,
                       .training = {.losses = saved.losses,
                                    .weights = loaded(saved.weights),
                                    .momentum = loaded(saved.momentum),
                                    .average = loaded(saved.average)}});
  earlier_seconds_ = saved.seconds;
  core::log(core::LogLevel::info, "Candidate {} resumes at step {} of repeat {}",
            number(candidate_.id), saved.losses.size(), saved.repeat_accuracy.size() + 1);
}

void HalfTrained::save_when_due(const nn::FitnessMeasurement& measurement) {
  if (path_.empty() || Clock::now() - saved_ < checkpoints_.every) return;
  try {
    save(measurement);
  } catch (const std::exception& error) {
    core::log(core::LogLevel::warning, "{} Candidate {} is not saved half-trained for now.",
              core::failure_of(error).text, number(candidate_.id));
  }
  saved_ = Clock::now();
}

void HalfTrained::save_at_the_end(const nn::FitnessMeasurement& measurement) {
  if (path_.empty()) return;
  try {
    save(measurement);
  } catch (const std::exception& error) {
    if (checkpoints_.essential) throw;
    core::log(core::LogLevel::error, "{} The training of candidate {} so far is lost.",
              core::failure_of(error).text, number(candidate_.id));
  }
}

void HalfTrained::save(const nn::FitnessMeasurement& measurement) {
  if (incarnation_now() != incarnation_) {
    throw core::OwnershipLost(path_, "another search has taken over this run");
  }
  const nn::FitnessState state = measurement.state();
  const double here = std::chrono::duration<double>(Clock::now() - start_).count();
  std::error_code is_there;
  // A rank that was considered lost, and the one that was given its candidate, may both save it.
  const auto writers = checkpoints_.essential ? core::Writers::one : core::Writers::several;
  std::filesystem::create_directory(path_.parent_path(), is_there);
  io::save_training({.genotype = candidate_.genotype,
                     .model = model_,
                     .pixel_mean = floats(normalisation_.mean),
                     .pixel_scale = floats(normalisation_.scale),
                     .options = checkpoints_.options,
                     .seed = candidate_.seed,
                     .seconds = earlier_seconds_ + here,
                     .repeat_accuracy = state.accuracy,
                     .repeat_loss = state.loss,
                     .losses = state.training.losses,
                     .weights = stored(state.training.weights),
                     .momentum = stored(state.training.momentum),
                     .average = stored(state.training.average)},
                    path_, writers);
}

}  // namespace hierevo::app
