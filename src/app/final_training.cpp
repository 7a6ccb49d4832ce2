#include "final_training.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "hierevo/comm/agreement.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/core/standard_error.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/nn/executor/make_executor.hpp"
#include "preflight.hpp"
#include "program.hpp"
#include "repeat_files.hpp"
#include "repeat_record.hpp"

namespace hierevo::app {

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

/// Steps between tests: twenty over the training, but fewer where they would take more than about
/// a twentieth of its time. (A test costs a third of a training step for each image.)
std::int64_t test_interval(const TrainingTask& task) {
  if (task.test_every > 0) return task.test_every;
  const TrainingDataFacts& data = task.data.facts();
  const std::int64_t held_out = data.data.held_out_images;
  const std::int64_t images = held_out > 0 ? held_out : data.test_images;
  const std::int64_t cheap = 20 * images / (3 * task.options.batch);
  return std::max({std::int64_t{1}, task.options.steps / 20, cheap});
}

/// Of the files of a repeat: five networks with momentum and average, and some more.
std::uintmax_t room_for(const TrainingTask& task) {
  return least_room + 5 * 3 * sizeof(float) * static_cast<std::uintmax_t>(cost_of(task).parameters);
}

/// A repeat as each rank makes it. Every member function is collective.
class Repeat {
 public:
  Repeat(const TrainingTask& task, int repeat, RepeatRecord* record)
      : task_(task),
        repeat_(repeat),
        record_(record),
        executor_(nn::make_executor(plan_of(task), task.device, seed("weights"), task.options)),
        batches_(task.data.training(task.options, seed("order"))),
        trainer_(*executor_, *batches_, task.options, seed("order"), task.parallel),
        interval_(test_interval(task)) {}

  json run() {
    resume();
    // Where it was stopped before or in this test; a test made again changes nothing.
    if (is_tested_after(trainer_.step())) choose();
    const nn::TrainingEnd end = stopped_ ? nn::TrainingEnd::stopped : train();
    if (end == nn::TrainingEnd::diverged) {
      throw comm::AgreedError(core::UsageError("The training diverged", "the loss was not finite",
                                               "Use a smaller --lr, and another --out."));
    }
    if (end == nn::TrainingEnd::stopped) stop();
    if (holds_out() && !choose()) stop();
    save("running");
    if (record_ != nullptr) {
      core::write_line("Trained; testing on {} images.", task_.data.facts().test_images);
    }
    const auto scores = scores_on(*task_.data.test());
    if (!scores) stop();
    if (!holds_out()) {
      if (record_ != nullptr) record_->choose(*scores, trainer_);
      save("running");
    }
    const std::string result = comm::compute_on_root(
        ranks(), [&] { return record_->save_result(*scores, trainer_).dump(); });
    return json::parse(result);
  }

 private:
  comm::Collectives& ranks() const { return task_.ranks; }
  bool holds_out() const { return task_.data.facts().data.held_out_images > 0; }

  std::uint64_t seed(std::string_view purpose) const {
    return core::derive_seed(task_.seed, static_cast<std::uint64_t>(repeat_ - 1), purpose);
  }

  void resume() {
    std::optional<nn::TrainingState> saved;
    const std::string found = comm::compute_on_root(ranks(), [&]() -> std::string {
      saved = record_->resume();
      return saved ? "found" : "";
    });
    if (!found.empty()) {
      comm::all_or_throw(ranks(), [&] { restore(saved.value_or(nn::TrainingState{})); });
    }
    if (record_ != nullptr) record_->begin(trainer_.step());
  }

  /// Rank 0 says why for all.
  void restore(const nn::TrainingState& saved) {
    try {
      trainer_.restore(saved);
    } catch (const core::UsageError& error) {
      if (record_ != nullptr) record_->refuse_saved(error.what());
    }
  }

  nn::TrainingEnd train() {
    return trainer_.run([this](const nn::TrainingProgress& now) {
      if (record_ != nullptr) record_->step_done(now);
      if (is_tested_after(now.step)) choose();
      if (record_ != nullptr && !stopped_) record_->save_when_due(trainer_);
      const bool goes_on = record_ == nullptr || record_->is_owner();
      return goes_on && !stop_signal_came();
    });
  }

  bool is_tested_after(std::int64_t step) const {
    return step > 0 && step % interval_ == 0 && step < task_.options.steps;
  }

  /// Tests on the images that choose the best weights; false when it was asked to stop.
  bool choose() {
    const auto scores = scores_on(holds_out() ? *task_.data.held_out() : *task_.data.test());
    stopped_ = !scores;
    if (scores && record_ != nullptr) record_->choose(*scores, trainer_);
    return !stopped_;
  }

  /// Nothing when a rank was asked to stop.
  std::optional<nn::Scores> scores_on(nn::TestBatches& images) {
    const auto start = Clock::now();
    std::int64_t done = 0;
    const auto scores = trainer_.test(images, [&] {
      if (record_ != nullptr) record_->testing(done, images.size());
      done += task_.options.evaluation_batch * ranks().size();
      return !stop_signal_came();
    });
    if (record_ != nullptr && scores) {
      record_->tested(*scores, trainer_.step(), Clock::now() - start);
    }
    return scores;
  }

  /// Gives where.
  std::string save(const char* state) {
    return comm::compute_on_root(ranks(), [&] {
      record_->save_now(trainer_, state);
      return record_->folder().string();
    });
  }

  [[noreturn]] void stop() {
    const std::string where = save("saved");
    if (record_ != nullptr) record_->note_stop(trainer_.step());
    throw comm::AgreedError(core::Interrupted(
        fmt::format("The training was stopped at step {} of {}", trainer_.step(),
                    task_.options.steps),
        fmt::format("all is saved in '{}'", where), "Run the same command again to resume."));
  }

  const TrainingTask& task_;
  int repeat_;
  RepeatRecord* record_;  ///< of rank 0
  std::unique_ptr<nn::Executor> executor_;
  std::unique_ptr<nn::TrainingBatches> batches_;
  nn::Trainer trainer_;
  std::int64_t interval_;
  bool stopped_ = false;  ///< in a test
};

}  // namespace

genome::Plan plan_of(const TrainingTask& task) {
  return make_plan(genome::assemble(task.genotype), task.model);
}

genome::Cost cost_of(const TrainingTask& task) {
  return cost_of(plan_of(task), task.model.image_size());
}

void check_memory(const TrainingTask& task) {
  if (!task.device.is_cpu()) return;
  check_memory(plan_of(task), task.data.facts().trained_size,
               images_at_a_time(task.options, task.ranks.size()),
               comm::MpiSession::ranks_on_this_node());
}

std::optional<json> finished_repeat(int repeat, const TrainingDirectory& directory) {
  const auto done = directory.result(repeat);
  if (!done) return std::nullopt;
  auto known = json::parse(*done, nullptr, /*allow_exceptions=*/false);
  if (known.is_object() && known.contains("top1")) return known;
  throw core::CheckpointError(directory.path(), "a result.json in it cannot be read", "",
                              "Remove that file, and the training writes it again.");
}

namespace {

/// The best weights may have gone since, which is no reason to train again.
json told_of_best(json result, const std::filesystem::path& best) {
  const json step = result.value(json::json_pointer("/best/step"), json());
  if (!step.is_number_integer()) return result;
  const std::string difference = difference_of_best(best, step.get<std::int64_t>());
  if (!difference.empty()) core::log(core::LogLevel::warning, "{}", difference);
  return result;
}

}  // namespace

json train_repeat(const TrainingTask& task, int repeat, const TrainingDirectory* directory,
                  ProgressLine* line) {
  comm::Collectives& ranks = task.ranks;
  std::optional<RepeatRecord> record;
  const std::string known = comm::compute_on_root(ranks, [&]() -> std::string {
    if (const auto result = finished_repeat(repeat, *directory)) {
      return told_of_best(*result, directory->best(repeat)).dump();
    }
    check_room(directory->path(), room_for(task));
    core::DirectoryClaim claim = directory->claim(repeat);
    if (const auto result = finished_repeat(repeat, *directory))
      return result->dump();  // meanwhile
    record.emplace(task, repeat, *directory, std::move(claim), *line);
    return "";
  });
  if (!known.empty()) return json::parse(known);
  std::optional<Repeat> training;
  comm::all_or_throw(ranks, [&] { training.emplace(task, repeat, record ? &*record : nullptr); });
  return training->run();
}

}  // namespace hierevo::app
