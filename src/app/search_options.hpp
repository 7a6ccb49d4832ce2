// The options of `hierevo search`.
#pragma once

#include <cstdint>
#include <string>

#include "evaluator_layout.hpp"
#include "hierevo/search/search.hpp"
#include "model_options.hpp"
#include "training_options.hpp"

namespace hierevo::app {

struct SearchCommandOptions {
  std::string run;
  std::string space = "hierarchical";
  std::string algorithm = "evolution";
  long population = 200;
  long evaluations = 7000;
  double tournament = 0.05;
  std::uint64_t seed = 1;
  int start_mutations = 1000;
  std::string objectives = "fitness";
  std::int64_t max_parameters = 0;
  std::int64_t max_macs = 0;
  double max_training_memory = 0.0;
  bool reuse_fitness = false;
  std::string evaluator = "train";
  double synthetic_ms = 0.0;
  std::string command;
  int repeats = 4;
  int workers = 1;
  bool master_evaluates = false;
  double checkpoint_every = 300.0;
  double timeout = 0.0;
  std::string isolation = "process";
  int evaluators_per_device = 1;
  double address_space_limit = 0.0;
  double heartbeat = 60.0;
  double grace = 60.0;
  long max_consecutive_failures = 20;
  std::string progress = "auto";
  bool verbose = false;
  bool dry_run = false;
  ModelOptions model;
  DataOptions data;
  TrainOptions training;

  void add_to(OptionSet& options);
  evolution::EngineOptions engine() const;
  /// All but the run's configuration and what depends on the data. Throws UsageError for options
  /// that do not go together.
  search::SearchOptions search() const;
  /// What a rank has on its node for its evaluations: no GPUs where these use none.
  NodeShare node() const;
  /// Whether a program of the user evaluates (--command).
  bool runs_program() const { return evaluator == "server" || evaluator == "command"; }

 private:
  void add_search_to(OptionSet& options);
  void add_evaluation_to(OptionSet& options);
  void add_ranks_to(OptionSet& options);
  search::TrainingMemory training_memory() const;
  void check_objectives() const;
};

}  // namespace hierevo::app
