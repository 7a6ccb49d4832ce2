#include "repeat_files.hpp"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/io/newer_version.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;

/// What best.h5 has, or why nothing of it can be used.
struct FoundBest {
  std::optional<io::TrainingSnapshot> snapshot;
  std::string problem;
};

/// Good weights that only cannot be read now, or not by this version, are not to be replaced by
/// those of a worse test: throws IoError or NewerVersionError then.
FoundBest best_to_continue(const fs::path& path) {
  if (!core::path_exists(path)) return {.snapshot = std::nullopt, .problem = "it is not there"};
  try {
    return {.snapshot = io::load_training(path), .problem = ""};
  } catch (const io::NewerVersionError&) {
    throw;
  } catch (const core::CheckpointError& error) {
    return {.snapshot = std::nullopt, .problem = error.what()};
  }
}

/// The same where nothing will be written: whatever keeps it from being used is the problem.
FoundBest best_to_compare(const fs::path& path) {
  try {
    return best_to_continue(path);
  } catch (const core::Error& error) {
    return {.snapshot = std::nullopt, .problem = error.what()};
  }
}

std::string difference(const fs::path& path, const FoundBest& found, std::int64_t step) {
  const std::string there =
      found.snapshot ? fmt::format("it has those after step {}", found.snapshot->best_step)
                     : found.problem;
  return core::error_text(
      fmt::format("The best weights, after step {}, are not in '{}'", step, path.string()), there);
}

}  // namespace

RepeatFiles::RepeatFiles(fs::path last, fs::path best)
    : last_(std::move(last)), best_(std::move(best)) {}

std::optional<io::LoadedTraining> RepeatFiles::load() {
  auto newest = io::load_newest_training(last_);
  if (!newest) return std::nullopt;
  io::TrainingSnapshot& last = newest->snapshot;
  saved_step_ = std::ssize(last.losses);
  const FoundBest found = best_to_continue(best_);
  const auto& best = found.snapshot;
  if (best &&
      (best->genotype != last.genotype || best->model != last.model || best->seed != last.seed)) {
    throw core::CheckpointError(best_, "it belongs to another training than last.h5",
                                "its genotype, model or seed differs",
                                "Remove it, or choose another --out.");
  }
  saved_best_ = best ? Best{best->best_step, best->top1} : Best{};
  // A later one was saved in front of a last.h5 that was not: the training comes to it again.
  if (saved_best_.step < last.best_step) {
    newest->warnings.push_back(difference(best_, found, last.best_step));
  }
  last.best_step = saved_best_.step;
  last.top1 = saved_best_.top1;
  return newest;
}

void RepeatFiles::choose(io::TrainingSnapshot best) {
  unsaved_best_ = std::move(best);
}

void RepeatFiles::save_best() {
  if (!unsaved_best_) return;
  io::save_training(*unsaved_best_, best_);
  saved_best_ = {unsaved_best_->best_step, unsaved_best_->top1};
  unsaved_best_.reset();
}

std::exception_ptr RepeatFiles::save(io::TrainingSnapshot& last) {
  std::exception_ptr failed;
  try {
    save_best();
  } catch (const core::IoError&) {
    failed = std::current_exception();
  }
  last.best_step = saved_best_.step;
  last.top1 = saved_best_.top1;
  io::save_kept_training(last, last_);
  saved_step_ = std::ssize(last.losses);
  return failed;
}

std::string difference_of_best(const fs::path& best, std::int64_t step) {
  const FoundBest found = best_to_compare(best);
  if (found.snapshot && found.snapshot->best_step == step) return "";
  return difference(best, found, step);
}

}  // namespace hierevo::app
