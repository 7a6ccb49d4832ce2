#include "half_trained.hpp"

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "stored_tensors.hpp"

namespace hierevo::app {

HalfTrained::HalfTrained(const Checkpoints& checkpoints, const evolution::Candidate& candidate,
                         const genome::ModelSpec& model, const nn::Normalisation& normalisation)
    : checkpoints_(checkpoints),
      candidate_(candidate),
      model_(model),
      normalisation_(normalisation) {
  if (checkpoints.path) path_ = checkpoints.path(candidate);
}

void HalfTrained::resume(nn::FitnessMeasurement& measurement) {
  if (path_.empty()) return;
  try {
    if (core::path_exists(path_)) try_to_resume(measurement);
  } catch (const core::Error& error) {
    core::log(core::LogLevel::warning, "{} Candidate {} is evaluated from the start.", error.what(),
              number(candidate_.id));
  }
}

void HalfTrained::try_to_resume(nn::FitnessMeasurement& measurement) {
  const io::TrainingSnapshot saved = io::load_training(path_);
  if (saved.genotype != candidate_.genotype || saved.seed != candidate_.seed) {
    throw core::CheckpointError(path_, "it is of another candidate");
  }
  measurement.restore({.accuracy = saved.repeat_accuracy,
                       .loss = saved.repeat_loss,
                       .training = {.losses = saved.losses,
                                    .weights = loaded(saved.weights),
                                    .momentum = loaded(saved.momentum),
                                    .average = loaded(saved.average)}});
  earlier_seconds_ = saved.seconds;
  core::log(core::LogLevel::info, "Candidate {} goes on at step {} of repeat {}",
            number(candidate_.id), saved.losses.size(), saved.repeat_accuracy.size() + 1);
}

void HalfTrained::save_when_due(const nn::FitnessMeasurement& measurement) {
  if (!path_.empty() && Clock::now() - saved_ >= checkpoints_.every) save(measurement);
}

void HalfTrained::save(const nn::FitnessMeasurement& measurement) {
  if (path_.empty()) return;
  const nn::FitnessState state = measurement.state();
  const double here = std::chrono::duration<double>(Clock::now() - start_).count();
  try {
    std::error_code is_there;
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
                      path_);
  } catch (const core::Error& error) {
    core::log(core::LogLevel::warning, "{} Candidate {} is not saved half-trained.", error.what(),
              number(candidate_.id));
  }
  saved_ = Clock::now();
}

}  // namespace hierevo::app
