#include "search_evaluators.hpp"

#include <fmt/format.h>

#include <boost/program_options.hpp>
#include <chrono>
#include <stdexcept>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/search/builtin_evaluators.hpp"
#include "hierevo/search/run_directory.hpp"
#include "program.hpp"

namespace hierevo::app {

namespace {

std::vector<std::string> words_of(const std::string& command) {
  try {
    return boost::program_options::split_unix(command);
  } catch (const std::runtime_error& error) {
    throw core::UsageError(fmt::format("--command is '{}'", command), error.what(),
                           "Quote as in a shell.");
  }
}

}  // namespace

SearchEvaluators::SearchEvaluators(const SearchCommandOptions& command, std::string lasting)
    : command_(command), lasting_(std::move(lasting)) {
  if (command.evaluator != "train") return;
  training_.emplace(command.data, command.training, nn::Repeats{command.repeats}, command.seed);
}

std::optional<search::DataFacts> SearchEvaluators::data() const {
  if (!training_) return std::nullopt;
  return training_->facts();
}

std::int64_t SearchEvaluators::evaluator_memory(int sharing) const {
  return training_ ? training_->evaluator_memory(sharing) : 0;
}

void SearchEvaluators::require_gpu(const std::string& device) const {
  if (!training_ || training_->on_gpu()) return;
  throw core::UsageError(fmt::format("CUDA finds no GPU '{}'", device),
                         "the evaluator would train on the CPU unnoticed",
                         "See nvidia-smi on this node; to use CPUs set CUDA_VISIBLE_DEVICES=.");
}

void SearchEvaluators::limit_memory(int sharing) const {
  if (training_) training_->limit_memory(sharing);
}

std::unique_ptr<search::Evaluator> SearchEvaluators::make() const {
  if (training_) {
    return training_->make_evaluator(
        adapted(command_.model.spec(), training_->facts()),
        {.path =
             [run = command_.run](const evolution::Candidate& candidate) {
               return search::RunDirectory::half_trained_path(run, candidate.id);
             },
         .every = std::chrono::duration<double>(command_.checkpoint_every),
         .options = lasting_});
  }
  if (command_.evaluator == "synthetic") {
    return search::make_synthetic_evaluator(
        std::chrono::duration<double, std::milli>(command_.synthetic_ms));
  }
  if (command_.evaluator == "server") {
    return search::make_server_evaluator(words_of(command_.command), command_.run,
                                         [] { return !stop_signal_came(); });
  }
  return search::make_external_evaluator(words_of(command_.command), command_.run);
}

}  // namespace hierevo::app
