#include "final_training.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/nn/make_executor.hpp"
#include "hierevo/nn/memory_batches.hpp"
#include "program.hpp"
#include "stored_tensors.hpp"

namespace hierevo::app {

namespace fs = std::filesystem;

namespace {

using Clock = std::chrono::steady_clock;

const nn::Images& choosing_images(const TrainingTask& task) {
  return task.held_out ? *task.held_out : task.test;
}

/// Steps between tests: twenty over the training, but fewer where they would take more than about
/// a twentieth of its time. (A test costs a third of a training step for each image.)
std::int64_t test_interval(const TrainingTask& task) {
  if (task.test_every > 0) return task.test_every;
  const std::int64_t cheap = 20 * choosing_images(task).size() / (3 * task.options.batch);
  return std::max({std::int64_t{1}, task.options.steps / 20, cheap});
}

void save_progress(const TrainingDirectory& directory, int repeat, const char* state,
                   std::int64_t step, const TrainingTask& task) {
  const nlohmann::json progress = {{"state", state}, {"step", step}, {"steps", task.options.steps}};
  directory.save_progress(repeat, progress.dump(2) + "\n");
}

class Repeat {
 public:
  Repeat(const TrainingTask& task, int repeat, const TrainingDirectory& directory,
         ProgressLine& line)
      : task_(task),
        repeat_(repeat),
        directory_(directory),
        last_(directory.last(repeat)),
        best_(directory.best(repeat)),
        line_(line),
        executor_(nn::make_executor(make_plan(genome::assemble(task.genotype), task.model),
                                    at::kCPU, seed("weights"), task.options)),
        batches_(nn::make_training_batches(task.train, task.normalisation, task.options,
                                           task.model.classes, seed("order"))),
        trainer_(*executor_, *batches_, task.options, seed("order")),
        interval_(test_interval(task)) {
    if (core::path_exists(last_)) resume();
  }

  nlohmann::json run() {
    first_step_ = trainer_.step();
    start_ = Clock::now();
    saved_ = start_;
    // Where it was stopped before or in this test; a test made again changes nothing.
    if (is_tested_after(first_step_)) test();
    const nn::TrainingEnd end =
        trainer_.run([this](const nn::TrainingProgress& now) { return step_done(now); });
    line_.end();
    if (end == nn::TrainingEnd::diverged) {
      throw core::UsageError("The training diverged", "the loss was not finite",
                             "Use a smaller --lr, and another --out.");
    }
    if (end == nn::TrainingEnd::stopped) stop();
    if (task_.held_out) test();
    save_last();
    fmt::print(stderr, "Trained; testing on {} images.\n", task_.test.size());
    const auto scores = scores_on(task_.test);
    if (!scores) stop();
    if (!task_.held_out) {
      keep_if_best(*scores);
      save_last();
    }
    return result(*scores);
  }

 private:
  static bool keep_on() { return !stop_signal_came(); }

  [[noreturn]] void stop() {
    save_last("saved");
    throw core::Interrupted(fmt::format("The training was stopped at step {} of {}",
                                        trainer_.step(), task_.options.steps),
                            fmt::format("all is saved in '{}'", last_.string()),
                            "Run the same line again to go on.");
  }

  std::uint64_t seed(std::string_view purpose) const {
    return core::derive_seed(task_.seed, static_cast<std::uint64_t>(repeat_ - 1), purpose);
  }
  double seconds_so_far() const {
    return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - start_).count();
  }

  bool step_done(const nn::TrainingProgress& now) {
    data_seconds_ = now.data_seconds;
    if (line_.due()) show(now);
    if (is_tested_after(now.step)) test();
    if (Clock::now() - saved_ >= task_.save_every) save_last();
    return keep_on();
  }

  void show(const nn::TrainingProgress& now) {
    const double passed = training_seconds();
    const double pace = static_cast<double>(now.step - first_step_) / passed;
    std::string text =
        task_.repeats > 1 ? fmt::format("run {} of {}  ", repeat_, task_.repeats) : "";
    text += fmt::format("step {}/{}  loss {:.4f}  ", now.step, now.steps, now.loss);
    if (best_step_ > 0) text += fmt::format("best {:.4f}  ", best_top1_);
    text += fmt::format("{:.0f} images/s, {:.0f} % of the time for data, {} left",
                        pace * static_cast<double>(task_.options.batch),
                        100.0 * now.data_seconds / passed,
                        duration_text(static_cast<double>(now.steps - now.step) / pace));
    line_.show(text);
  }

  bool is_tested_after(std::int64_t step) const {
    return step > 0 && step % interval_ == 0 && step < task_.options.steps;
  }

  /// Tests on the images that choose the best weights.
  void test() {
    if (const auto scores = scores_on(choosing_images(task_))) keep_if_best(*scores);
  }

  /// Nothing when it was asked to stop.
  std::optional<nn::Scores> scores_on(const nn::Images& images) {
    const auto start = Clock::now();
    std::int64_t done = 0;
    const auto batches = nn::make_test_batches(images, task_.normalisation);
    const auto scores = trainer_.test(*batches, [&] {
      if (line_.due()) line_.show(fmt::format("testing: {} of {} images", done, images.size()));
      done += task_.options.evaluation_batch;
      return keep_on();
    });
    line_.end();
    testing_ += Clock::now() - start;
    return scores;
  }

  /// Of this start, without tests.
  double training_seconds() const {
    return std::chrono::duration<double>(Clock::now() - start_ - testing_).count();
  }

  void keep_if_best(const nn::Scores& scores) {
    if (best_step_ > 0 && scores.top1 <= best_top1_) return;
    best_top1_ = scores.top1;
    best_step_ = trainer_.step();
    save(best_);
  }

  void save_last(const char* state = "running") {
    save(last_);
    save_progress(directory_, repeat_, state, trainer_.step(), task_);
  }

  void save(const fs::path& path) {
    const nn::TrainingState state = trainer_.state();
    io::save_training({.genotype = task_.genotype,
                       .model = task_.model,
                       .pixel_mean = floats(task_.normalisation.mean),
                       .pixel_scale = floats(task_.normalisation.scale),
                       .options = task_.record,
                       .seed = task_.seed,
                       .seconds = seconds_so_far(),
                       .top1 = best_top1_,
                       .best_step = best_step_,
                       .losses = state.losses,
                       .weights = stored(state.weights),
                       .momentum = stored(state.momentum),
                       .average = stored(state.average)},
                      path);
    saved_ = Clock::now();
  }

  void resume() {
    const io::TrainingSnapshot saved = io::load_training(last_);
    try {
      trainer_.restore({.losses = saved.losses,
                        .weights = loaded(saved.weights),
                        .momentum = loaded(saved.momentum),
                        .average = loaded(saved.average)});
    } catch (const core::UsageError& error) {
      throw core::CheckpointError(last_, "it is of another training", error.what(),
                                  "Choose another --out.");
    }
    earlier_seconds_ = saved.seconds;
    best_top1_ = saved.top1;
    best_step_ = saved.best_step;
    fmt::print(stderr, "Going on at step {} of {}.\n", trainer_.step(), task_.options.steps);
  }

  nlohmann::json result(const nn::Scores& scores) const {
    const double here = training_seconds();
    const auto steps_here = static_cast<double>(trainer_.step() - first_step_);
    return {{"top1", scores.top1},
            {"top5", scores.top5},
            {"loss", trainer_.loss()},
            {"steps", trainer_.step()},
            {"seconds", seconds_so_far()},
            {"images_per_second", steps_here * static_cast<double>(task_.options.batch) / here},
            {"data_share", data_seconds_ / here},
            {"best", {{"step", best_step_}, {"top1", best_top1_}}}};
  }

  const TrainingTask& task_;
  int repeat_;
  const TrainingDirectory& directory_;
  fs::path last_;
  fs::path best_;
  ProgressLine& line_;
  std::unique_ptr<nn::Executor> executor_;
  std::unique_ptr<nn::TrainingBatches> batches_;
  nn::Trainer trainer_;
  std::int64_t interval_;
  std::int64_t first_step_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point saved_;
  Clock::duration testing_{};
  double earlier_seconds_ = 0.0;
  double data_seconds_ = 0.0;
  double best_top1_ = 0.0;
  std::int64_t best_step_ = 0;
};

}  // namespace

std::optional<nlohmann::json> finished_repeat(int repeat, const TrainingDirectory& directory) {
  const auto done = directory.result(repeat);
  if (!done) return std::nullopt;
  auto known = nlohmann::json::parse(*done, nullptr, /*allow_exceptions=*/false);
  if (known.is_object() && known.contains("top1")) return known;
  throw core::CheckpointError(directory.path(), "a result.json in it cannot be read", "",
                              "Remove that file: the training then ends again.");
}

nlohmann::json train_repeat(const TrainingTask& task, int repeat,
                            const TrainingDirectory& directory, ProgressLine& line) {
  if (const auto known = finished_repeat(repeat, directory)) return *known;
  const core::FileLock lock = directory.claim(repeat);
  if (const auto known = finished_repeat(repeat, directory)) return *known;  // meanwhile
  auto result = Repeat(task, repeat, directory, line).run();
  directory.save_result(repeat, result.dump(2) + "\n");
  save_progress(directory, repeat, "finished", task.options.steps, task);
  return result;
}

}  // namespace hierevo::app
