// A run as a search leaves it, for the tests that verify and damage it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <limits>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "hierevo/core/random.hpp"
#include "hierevo/evolution/engine.hpp"
#include "hierevo/io/journal.hpp"
#include "hierevo/io/snapshot.hpp"
#include "hierevo/search/verify.hpp"
#include "screening.hpp"

namespace hierevo::search {

struct RunOptions {
  evolution::Algorithm algorithm = evolution::Algorithm::evolution;
  const char* space = "2x3,1x4";
  bool reuse = false;
  bool failures = false;
  std::uint64_t seed = 1;
  std::size_t told = 60;
};

/// A search of five evaluators, as the coordinator keeps one.
class MadeRun {
 public:
  MadeRun(std::filesystem::path folder, const RunOptions& options)
      : folder_(std::move(folder)), options_(options) {
    engine_options_ = {.space = genome::SearchSpace::parse(options.space),
                       .algorithm = options.algorithm,
                       .population = 8,
                       .evaluations = 80,
                       .tournament = 0.3,
                       .seed = options.seed,
                       .start_mutations = 50};
    start();
  }
  /// Another start of the same run: from its files alone.
  void start() {
    const auto loaded = io::load_search(snapshot_path(), journal_path());
    engine_ = loaded ? std::make_unique<evolution::Engine>(engine_options_, loaded->snapshot.state)
                     : std::make_unique<evolution::Engine>(engine_options_);
    SearchOptions screened;
    screened.reuse_fitness = options_.reuse;
    const DataFacts data{.input_channels = 1, .classes = 7};
    screening_ = std::make_unique<Screening>(screened, data);
    for (const auto& one : engine_->history()) screening_->remember(one.evaluation);
    journal_.reset();
    waiting_.clear();
    save();
  }
  void go_on(std::size_t told) {
    while (engine_->history().size() < told) {
      while (waiting_.size() < 5) ask();
      const auto at = static_cast<std::ptrdiff_t>(random_.below(waiting_.size()));
      const evolution::Candidate candidate = waiting_[static_cast<std::size_t>(at)];
      waiting_.erase(waiting_.begin() + at);
      tell(candidate.id, evaluated(candidate));
    }
    journal_->write();
  }
  void save() {
    progress_.elapsed_seconds += 10.0;
    progress_.worker_seconds += 50.0;
    progress_.busy_seconds += 45.0;
    progress_.workers = 5;
    const io::Snapshot now{engine_options_, engine_->state(), progress_};
    io::save_snapshot(now, snapshot_path());
    journal_ = std::make_unique<io::Journal>(journal_path(), now);
  }

  io::Snapshot state() const { return {engine_options_, engine_->state(), progress_}; }
  std::filesystem::path snapshot_path() const { return folder_ / "search.h5"; }
  std::filesystem::path journal_path() const { return folder_ / "journal"; }

 private:
  void ask() {
    const auto candidate = engine_->ask();
    if (!candidate) throw std::logic_error("no more candidates");
    journal_->asked(*candidate);
    const auto facts = screening_->look_at(*candidate);
    if (facts.decided) {
      tell(candidate->id, facts.evaluation);
    } else {
      waiting_.push_back(*candidate);
    }
  }
  evolution::Evaluation evaluated(const evolution::Candidate& candidate) {
    evolution::Evaluation evaluation = screening_->look_at(candidate).evaluation;
    evaluation.status = evolution::Status::evaluated;
    evaluation.worker = 1 + static_cast<int>(random_.below(5));
    evaluation.seconds = random_.unit();
    if (options_.failures && random_.below(4) == 0) {
      evaluation.status = evolution::Status::diverged;
      evaluation.fitness = 0.0;
      evaluation.repeat_loss = {std::numeric_limits<double>::quiet_NaN()};
      evaluation.reason = "the loss is \xFF";
      return evaluation;
    }
    evaluation.repeat_fitness = {random_.unit(), random_.unit(), random_.unit()};
    evaluation.fitness = 0.0;
    for (const double one : evaluation.repeat_fitness) evaluation.fitness += one / 3.0;
    return evaluation;
  }
  void tell(evolution::IndividualId id, const evolution::Evaluation& evaluation) {
    engine_->tell(id, evaluation);
    journal_->told(engine_->history().back());
    screening_->remember(evaluation);
  }

  std::filesystem::path folder_;
  RunOptions options_;
  evolution::EngineOptions engine_options_;
  core::RandomStream random_{7};
  std::unique_ptr<evolution::Engine> engine_;
  std::unique_ptr<Screening> screening_;
  std::unique_ptr<io::Journal> journal_;
  std::vector<evolution::Candidate> waiting_;
  io::RunProgress progress_{.state = "running"};
};

inline const VerifyOptions with_model{.model = genome::ModelSpec{}};

inline std::string all_lines(const Verification& found) {
  std::string lines;
  for (const Problem& problem : found.problems) lines += problem.line() + "\n";
  return lines;
}

}  // namespace hierevo::search
