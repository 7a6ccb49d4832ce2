#include "final_training.hpp"

#include <ATen/ATen.h>
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "hierevo/comm/agreement.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/nn/make_executor.hpp"
#include "program.hpp"
#include "stored_tensors.hpp"
#include "training_saves.hpp"

namespace hierevo::app {

namespace {

using Clock = std::chrono::steady_clock;
using nlohmann::json;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Steps between tests: twenty over the training, but fewer where they would take more than about
/// a twentieth of its time. (A test costs a third of a training step for each image.)
std::int64_t test_interval(const TrainingTask& task) {
  if (task.test_every > 0) return task.test_every;
  const TrainingDataFacts& data = task.data.facts();
  const std::int64_t images = data.held_out_images > 0 ? data.held_out_images : data.test_images;
  const std::int64_t cheap = 20 * images / (3 * task.options.batch);
  return std::max({std::int64_t{1}, task.options.steps / 20, cheap});
}

/// Steps between lines of the log: up to a thousand in all.
std::int64_t log_interval(std::int64_t steps) {
  return std::max<std::int64_t>(1, steps / 1000);
}

/// What rank 0 keeps of a repeat: its files, and the progress that people see.
class RepeatRecord {
 public:
  RepeatRecord(const TrainingTask& task, int repeat, const TrainingDirectory& directory,
               ProgressLine& line)
      : task_(task),
        repeat_(repeat),
        directory_(directory),
        line_(line),
        log_(directory.log(repeat)) {}

  std::filesystem::path folder() const { return directory_.last(repeat_).parent_path(); }

  /// What was saved last; nothing when the repeat begins.
  std::optional<nn::TrainingState> resume() {
    auto loaded = io::load_newest_training(directory_.last(repeat_));
    if (!loaded) return std::nullopt;
    for (const std::string& warning : loaded->warnings) {
      core::log(core::LogLevel::warning, "{} The training goes on from '{}'.", warning,
                loaded->path.string());
    }
    const io::TrainingSnapshot& saved = loaded->snapshot;
    earlier_seconds_ = saved.seconds;
    best_top1_ = saved.top1;
    best_step_ = saved.best_step;
    return nn::TrainingState{.losses = saved.losses,
                             .weights = hierevo::app::loaded(saved.weights),
                             .momentum = hierevo::app::loaded(saved.momentum),
                             .average = hierevo::app::loaded(saved.average)};
  }

  void begin(std::int64_t step) {
    first_step_ = step;
    start_ = Clock::now();
    saved_ = start_;
    if (step > 0) fmt::print(stderr, "Going on at step {} of {}.\n", step, task_.options.steps);
    log({{"event", "start"},
         {"step", step},
         {"ranks", task_.parallel.ranks->size()},
         {"unix_seconds", std::chrono::duration_cast<std::chrono::seconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count()}});
  }

  void step_done(const nn::TrainingProgress& now) {
    last_ = now;
    if (line_.due()) show(now);
    if (now.step % log_interval(now.steps) == 0) log_step(now);
  }

  void testing(std::int64_t done, std::int64_t images) {
    if (line_.due()) line_.show(fmt::format("testing: {} of {} images", done, images));
  }

  void tested(const nn::Scores& scores, std::int64_t step, Clock::duration took) {
    line_.end();
    testing_ += took;
    log({{"event", "test"}, {"step", step}, {"top1", scores.top1}, {"top5", scores.top5}});
  }

  /// Keeps the weights when these are the best scores.
  void choose(const nn::Scores& scores, nn::Trainer& trainer) {
    if (best_step_ > 0 && scores.top1 <= best_top1_) return;
    best_top1_ = scores.top1;
    best_step_ = trainer.step();
    writer_.start([snapshot = copy_of(trainer), path = directory_.best(repeat_)] {
      io::save_training(snapshot, path);
    });
  }

  /// While the training goes on; later where the disk is slow.
  void save_when_due(nn::Trainer& trainer) {
    if (Clock::now() - saved_ < task_.save_every || writer_.is_busy()) return;
    writer_.start([this, snapshot = copy_of(trainer), step = trainer.step()] {
      io::save_kept_training(snapshot, directory_.last(repeat_));
      save_progress("running", step);
    });
    saved_ = Clock::now();
  }

  /// Returns when it is done, or throws.
  void save_now(nn::Trainer& trainer, const char* state) {
    line_.end();
    writer_.wait();
    io::save_kept_training(copy_of(trainer), directory_.last(repeat_));
    save_progress(state, trainer.step());
    saved_ = Clock::now();
  }

  json result(const nn::Scores& scores, nn::Trainer& trainer) {
    const double here = training_seconds();
    const auto images = static_cast<double>((trainer.step() - first_step_) * task_.options.batch);
    json result = {{"top1", scores.top1},
                   {"top5", scores.top5},
                   {"loss", trainer.loss()},
                   {"steps", trainer.step()},
                   {"seconds", seconds_so_far()},
                   {"ranks", task_.parallel.ranks->size()},
                   {"images_per_second", images / here},
                   {"data_share", last_.data_seconds / here},
                   {"communication_share", last_.communication_seconds / here},
                   {"best", {{"step", best_step_}, {"top1", best_top1_}}}};
    directory_.save_result(repeat_, result.dump(2) + "\n");
    save_progress("finished", trainer.step());
    log({{"event", "end"}, {"step", trainer.step()}, {"top1", scores.top1}, {"top5", scores.top5}});
    return result;
  }

  void note_stop(std::int64_t step) { log({{"event", "stop"}, {"step", step}}); }

 private:
  void log(const json& line) { log_.write(line); }

  void log_step(const nn::TrainingProgress& now) {
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

  void show(const nn::TrainingProgress& now) {
    const double passed = training_seconds();
    std::string text =
        task_.repeats > 1 ? fmt::format("run {} of {}  ", repeat_, task_.repeats) : "";
    text += fmt::format("step {}/{}  loss {:.4f}  ", now.step, now.steps, now.loss);
    if (best_step_ > 0) text += fmt::format("best {:.4f}  ", best_top1_);
    text += fmt::format("{:.0f} images/s, {:.0f} % of the time for data",
                        pace(now) * static_cast<double>(task_.options.batch),
                        100.0 * now.data_seconds / passed);
    if (task_.parallel.ranks->size() > 1) {
      text += fmt::format(", {:.0f} % for other ranks", 100.0 * now.communication_seconds / passed);
    }
    text += fmt::format(", {} left",
                        duration_text(static_cast<double>(now.steps - now.step) / pace(now)));
    line_.show(text);
  }

  /// Steps a second, of this start.
  double pace(const nn::TrainingProgress& now) const {
    return static_cast<double>(now.step - first_step_) / training_seconds();
  }

  /// Of this start, without tests.
  double training_seconds() const {
    return seconds_since(start_) - std::chrono::duration<double>(testing_).count();
  }
  double seconds_so_far() const { return earlier_seconds_ + seconds_since(start_); }

  io::TrainingSnapshot copy_of(nn::Trainer& trainer) const {
    const nn::TrainingState state = trainer.state();
    const nn::Normalisation& normalisation = task_.data.facts().normalisation;
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

  void save_progress(const char* state, std::int64_t step) const {
    const json progress = {{"state", state}, {"step", step}, {"steps", task_.options.steps}};
    directory_.save_progress(repeat_, progress.dump(2) + "\n");
  }

  const TrainingTask& task_;
  int repeat_;
  const TrainingDirectory& directory_;
  ProgressLine& line_;
  JsonLog log_;
  nn::TrainingProgress last_;
  std::int64_t first_step_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point saved_ = start_;
  Clock::duration testing_{};
  double earlier_seconds_ = 0.0;
  double best_top1_ = 0.0;
  std::int64_t best_step_ = 0;
  BackgroundWriter writer_;  // last: it uses the others
};

/// A repeat as each rank makes it. Every member function is collective.
class Repeat {
 public:
  Repeat(const TrainingTask& task, int repeat, RepeatRecord* record)
      : task_(task),
        repeat_(repeat),
        record_(record),
        executor_(nn::make_executor(make_plan(genome::assemble(task.genotype), task.model),
                                    at::kCPU, seed("weights"), task.options)),
        batches_(task.data.training(task.options, seed("order"))),
        trainer_(*executor_, *batches_, task.options, seed("order"), task.parallel),
        interval_(test_interval(task)) {}

  json run() {
    resume();
    // Where it was stopped before or in this test; a test made again changes nothing.
    if (is_tested_after(trainer_.step())) choose();
    const nn::TrainingEnd end = stopped_ ? nn::TrainingEnd::stopped : train();
    if (end == nn::TrainingEnd::diverged) {
      throw comm::CommonError(core::UsageError("The training diverged", "the loss was not finite",
                                               "Use a smaller --lr, and another --out."));
    }
    if (end == nn::TrainingEnd::stopped) stop();
    if (holds_out() && !choose()) stop();
    save("running");
    if (record_ != nullptr) {
      fmt::print(stderr, "Trained; testing on {} images.\n", task_.data.facts().test_images);
    }
    const auto scores = scores_on(*task_.data.test());
    if (!scores) stop();
    if (!holds_out()) {
      if (record_ != nullptr) record_->choose(*scores, trainer_);
      save("running");
    }
    const std::string result =
        comm::made_by_rank_0(ranks(), [&] { return record_->result(*scores, trainer_).dump(); });
    return json::parse(result);
  }

 private:
  comm::Collectives& ranks() const { return *task_.parallel.ranks; }
  bool holds_out() const { return task_.data.facts().held_out_images > 0; }

  std::uint64_t seed(std::string_view purpose) const {
    return core::derive_seed(task_.seed, static_cast<std::uint64_t>(repeat_ - 1), purpose);
  }

  void resume() {
    std::optional<nn::TrainingState> saved;
    const std::string found = comm::made_by_rank_0(ranks(), [&]() -> std::string {
      saved = record_->resume();
      return saved ? "found" : "";
    });
    if (!found.empty()) {
      comm::together(ranks(), [&] { restore(saved.value_or(nn::TrainingState{})); });
    }
    if (record_ != nullptr) record_->begin(trainer_.step());
  }

  void restore(const nn::TrainingState& saved) {
    try {
      trainer_.restore(saved);
    } catch (const core::UsageError& error) {
      if (record_ == nullptr) throw;
      throw core::CheckpointError(record_->folder(), "it is of another training", error.what(),
                                  "Choose another --out.");
    }
  }

  nn::TrainingEnd train() {
    return trainer_.run([this](const nn::TrainingProgress& now) {
      if (record_ != nullptr) record_->step_done(now);
      if (is_tested_after(now.step)) choose();
      if (record_ != nullptr && !stopped_) record_->save_when_due(trainer_);
      return !stop_signal_came();
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
    return comm::made_by_rank_0(ranks(), [&] {
      record_->save_now(trainer_, state);
      return record_->folder().string();
    });
  }

  [[noreturn]] void stop() {
    const std::string where = save("saved");
    if (record_ != nullptr) record_->note_stop(trainer_.step());
    throw comm::CommonError(core::Interrupted(
        fmt::format("The training was stopped at step {} of {}", trainer_.step(),
                    task_.options.steps),
        fmt::format("all is saved in '{}'", where), "Run the same line again to go on."));
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

std::optional<json> finished_repeat(int repeat, const TrainingDirectory& directory) {
  const auto done = directory.result(repeat);
  if (!done) return std::nullopt;
  auto known = json::parse(*done, nullptr, /*allow_exceptions=*/false);
  if (known.is_object() && known.contains("top1")) return known;
  throw core::CheckpointError(directory.path(), "a result.json in it cannot be read", "",
                              "Remove that file: the training then ends again.");
}

json train_repeat(const TrainingTask& task, int repeat, const TrainingDirectory* directory,
                  ProgressLine* line) {
  std::optional<core::FileLock> lock;
  std::optional<RepeatRecord> record;
  const std::string known = comm::made_by_rank_0(*task.parallel.ranks, [&]() -> std::string {
    if (const auto result = finished_repeat(repeat, *directory)) return result->dump();
    lock = directory->claim(repeat);
    if (const auto result = finished_repeat(repeat, *directory))
      return result->dump();  // meanwhile
    record.emplace(task, repeat, *directory, *line);
    return "";
  });
  if (!known.empty()) return json::parse(known);
  return Repeat(task, repeat, record ? &*record : nullptr).run();
}

}  // namespace hierevo::app
