#include "repeat_record.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/core/standard_error.hpp"
#include "stored_tensors.hpp"

namespace hierevo::app {

namespace {

using nlohmann::json;

/// Steps between lines of the log: up to a thousand in all.
std::int64_t log_interval(std::int64_t steps) {
  return std::max<std::int64_t>(1, steps / 1000);
}

std::int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

RepeatRecord::RepeatRecord(const TrainingTask& task, int repeat, const TrainingDirectory& directory,
                           core::DirectoryClaim claim, ProgressLine& line)
    : task_(task),
      repeat_(repeat),
      directory_(directory),
      claim_(std::move(claim)),
      line_(line),
      log_(directory.log(repeat)),
      files_(directory.last(repeat), directory.best(repeat)) {}

std::optional<nn::TrainingState> RepeatRecord::resume() {
  const auto newest = files_.load();
  if (!newest) return std::nullopt;
  for (const std::string& warning : newest->warnings) {
    core::log(core::LogLevel::warning, "{} The training resumes from '{}'.", warning,
              newest->path.string());
  }
  const io::TrainingSnapshot& saved = newest->snapshot;
  if (saved.genotype != task_.genotype || saved.model != task_.model || saved.seed != task_.seed) {
    refuse_saved("its genotype, model or seed differs");
  }
  if (std::ssize(saved.losses) > task_.options.steps) {
    refuse_saved(fmt::format("it has made {} steps, and --steps is {}", saved.losses.size(),
                             task_.options.steps));
  }
  earlier_seconds_ = saved.seconds;
  best_top1_ = saved.top1;
  best_step_ = saved.best_step;
  return nn::TrainingState{.losses = saved.losses,
                           .weights = loaded(saved.weights),
                           .momentum = loaded(saved.momentum),
                           .average = loaded(saved.average)};
}

void RepeatRecord::refuse_saved(const std::string& why) const {
  throw core::CheckpointError(directory_.last(repeat_), "it belongs to another training", why,
                              "Choose another --out.");
}

void RepeatRecord::begin(std::int64_t step) {
  first_step_ = step;
  start_ = Clock::now();
  saved_ = start_;
  if (step > 0) core::write_line("Resuming at step {} of {}.", step, task_.options.steps);
  log({{"event", "start"},
       {"step", step},
       {"ranks", task_.ranks.size()},
       {"unix_seconds", unix_seconds()}});
}

void RepeatRecord::step_done(const nn::TrainingProgress& now) {
  last_ = now;
  if (line_.due()) show(now);
  if (now.step % log_interval(now.steps) == 0) log_step(now);
}

void RepeatRecord::testing(std::int64_t done, std::int64_t images) {
  if (line_.due()) line_.show(fmt::format("testing: {} of {} images", done, images));
}

void RepeatRecord::tested(const nn::Scores& scores, std::int64_t step,
                          std::chrono::nanoseconds took) {
  testing_ += took;
  log({{"event", "test"}, {"step", step}, {"top1", scores.top1}, {"top5", scores.top5}});
}

void RepeatRecord::choose(const nn::Scores& scores, nn::Trainer& trainer) {
  if (best_step_ > 0 && scores.top1 <= best_top1_) return;
  best_top1_ = scores.top1;
  best_step_ = trainer.step();
  writer_.wait();
  files_.choose(copy_of(trainer));
  writer_.start([this] {
    claim_.require();
    files_.save_best();
  });
}

void RepeatRecord::save_when_due(nn::Trainer& trainer) {
  if (Clock::now() - saved_ < task_.save_every || writer_.is_busy()) return;
  writer_.start([this, last = copy_of(trainer)]() mutable { write(last, "running"); });
  saved_ = Clock::now();
}

void RepeatRecord::save_now(nn::Trainer& trainer, const char* state) {
  line_.end();
  writer_.wait();
  try {
    io::TrainingSnapshot last = copy_of(trainer);
    write(last, state);
  } catch (const core::OwnershipLost&) {
    throw;
  } catch (const core::Error& error) {
    throw core::CheckpointError(
        folder(), fmt::format("not all could be saved: {}", error.what()),
        fmt::format("step {} was reached, step {} is saved", trainer.step(), files_.saved_step()),
        "Remove the cause and run the same command again.");
  }
  saved_ = Clock::now();
}

void RepeatRecord::write(io::TrainingSnapshot& last, const char* state) {
  claim_.require();
  const std::exception_ptr best_failed = files_.save(last);
  save_progress(state, files_.saved_step());
  if (best_failed) std::rethrow_exception(best_failed);
}

bool RepeatRecord::is_owner() {
  constexpr auto check_interval = std::chrono::seconds(1);
  if (Clock::now() < next_check_) return is_owner_;
  next_check_ = Clock::now() + check_interval;
  try {
    claim_.require();
  } catch (const core::OwnershipLost&) {
    is_owner_ = false;
  } catch (const core::IoError&) {
    // Reported by what writes next.
  }
  return is_owner_;
}

void RepeatRecord::note_stop(std::int64_t step) {
  log({{"event", "stop"}, {"step", step}});
}

json RepeatRecord::save_result(const nn::Scores& scores, nn::Trainer& trainer) {
  const double here = training_seconds();
  const auto images = static_cast<double>((trainer.step() - first_step_) * task_.options.batch);
  json result = {{"top1", scores.top1},
                 {"top5", scores.top5},
                 {"loss", trainer.loss()},
                 {"steps", trainer.step()},
                 {"seconds", seconds_so_far()},
                 {"ranks", task_.ranks.size()},
                 {"images_per_second", images / here},
                 {"data_share", last_.data_seconds / here},
                 {"communication_share", last_.communication_seconds / here},
                 {"best", {{"step", best_step_}, {"top1", best_top1_}}}};
  claim_.require();
  directory_.save_result(repeat_, result.dump(2) + "\n");
  save_progress("finished", trainer.step());
  log({{"event", "end"}, {"step", trainer.step()}, {"top1", scores.top1}, {"top5", scores.top5}});
  return result;
}

void RepeatRecord::log(const json& line) {
  log_.write(line);
}

void RepeatRecord::log_step(const nn::TrainingProgress& now) {
  const double passed = training_seconds();
  log({{"event", "step"},
       {"step", now.step},
       {"loss", now.loss},
       {"lr", nn::learning_rate_at(task_.options, now.step - 1)},
       {"seconds", seconds_so_far()},
       {"images_per_second", pace(now) * static_cast<double>(task_.options.batch)},
       {"data_share", now.data_seconds / passed},
       {"communication_share", now.communication_seconds / passed}});
}

void RepeatRecord::show(const nn::TrainingProgress& now) {
  const double passed = training_seconds();
  std::string text =
      task_.repeats > 1 ? fmt::format("repeat {} of {}  ", repeat_, task_.repeats) : "";
  text += fmt::format("step {} of {}{}  loss {:.4f}  ", now.step, now.steps,
                      left_text(static_cast<double>(now.steps - now.step) / pace(now)), now.loss);
  if (best_step_ > 0) text += fmt::format("best {:.4f}  ", best_top1_);
  text += fmt::format("{:.0f} images/s, {:.0f} % of the time for data",
                      pace(now) * static_cast<double>(task_.options.batch),
                      100.0 * now.data_seconds / passed);
  if (task_.ranks.size() > 1) {
    text += fmt::format(", {:.0f} % for other ranks", 100.0 * now.communication_seconds / passed);
  }
  text += "  " + core::duration_text(seconds_so_far());
  line_.show(text);
}

/// Steps a second, of this start.
double RepeatRecord::pace(const nn::TrainingProgress& now) const {
  return static_cast<double>(now.step - first_step_) / training_seconds();
}

/// Of this start, without tests.
double RepeatRecord::training_seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_ - testing_).count();
}

double RepeatRecord::seconds_so_far() const {
  return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - start_).count();
}

io::TrainingSnapshot RepeatRecord::copy_of(nn::Trainer& trainer) const {
  const nn::TrainingState state = trainer.state();
  const nn::PixelNormalisation& normalisation = task_.data.facts().normalisation;
  return {.genotype = task_.genotype,
          .model = task_.model,
          .pixel_mean = floats(normalisation.mean),
          .pixel_scale = floats(normalisation.scale),
          .options = task_.record,
          .seed = task_.seed,
          .seconds = seconds_so_far(),
          .top1 = best_top1_,
          .best_step = best_step_,
          .losses = state.losses,
          .weights = stored(state.weights),
          .momentum = stored(state.momentum),
          .average = stored(state.average)};
}

/// For people and scripts alone: no reason to fail.
void RepeatRecord::save_progress(const char* state, std::int64_t step) const {
  const json progress = {{"state", state}, {"step", step}, {"steps", task_.options.steps}};
  try {
    directory_.save_progress(repeat_, progress.dump(2) + "\n");
  } catch (const core::IoError& error) {
    core::log(core::LogLevel::warning, "{}", error.what());
  }
}

}  // namespace hierevo::app
