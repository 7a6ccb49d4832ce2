#include "search_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <vector>

#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/version.hpp"
#include "option_errors.hpp"
#include "progress_line.hpp"

namespace hierevo::app {

void SearchCommandOptions::add_to(OptionSet& options) {
  add_search_to(options);
  add_evaluation_to(options);
  add_ranks_to(options);
  model.add_to(options);
  data.add_to(options);
  data.add_validation_to(options);
  training.add_to(options);
  options.group("This start");
  options.add("progress", &progress,
              "how progress is shown; live: one line that is updated in place", progress_facts());
  options.add("verbose", &verbose, "log every evaluation, with its rank", {.recorded = false});
  options.add("dry-run", &dry_run,
              "check everything on all ranks up to the first evaluation, write nothing, and exit",
              {.recorded = false});
  options.epilogue(
      "Examples:\n"
      "  mpirun -n 3 hierevo search --run R --population 20 --evaluations 100 --repeats 1\n"
      "  hierevo search --run R --evaluator synthetic --population 10 --evaluations 50\n"
      "  hierevo search --run R --evaluator server --command 'python3 evaluate.py'\n"
      "  hierevo search --run R --evaluator command --command './evaluate.py --fast'\n"
      "  hierevo search --run R --objectives fitness,-parameters\n"
      "Ctrl-C, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1 or SIGUSR2 saves and exits with code 75 (mpirun\n"
      "itself may exit with 1); the same command resumes.\n");
}

void SearchCommandOptions::add_search_to(OptionSet& options) {
  options.group("Search (sections 2 and 3 of the paper)");
  options.add("run", &run, "run directory: created at the first start, resumed later",
              {.recorded = false});
  options.add("space", &space,
              "hierarchical, flat, or MOTIFSxNODES of each level from 2 up, such as 6x4,1x5");
  const auto& algorithms = evolution::algorithm_names;
  options.add("algorithm", &algorithm,
              "aging: evolution that removes the oldest from the population",
              {.choices = std::vector<std::string>(algorithms.begin(), algorithms.end())});
  options.add("population", &population, "random genotypes that the search starts with",
              {.range = evolution::population_range});
  options.add("evaluations", &evaluations, "number of candidates; a later start may ask for more",
              {.range = evolution::evaluations_range, .change = Change::between_starts});
  options.add("tournament", &tournament, "share of the population in a tournament",
              {.range = evolution::tournament_range});
  options.add("seed", &seed, "seed of all random decisions");
  options.add("start-mutations", &start_mutations,
              "mutations that turn the trivial genotype into a random one",
              {.range = evolution::start_mutations_range});
  options.add("objectives", &objectives,
              "what tournaments compare: fitness, parameters, macs and metrics of the evaluator, "
              "with commas between them and a '-' where less is better; of several, as in NSGA-II",
              {.added_later = true});
  const Facts bound{.range = core::at_least(0), .zero = "no limit"};
  options.add("max-parameters", &max_parameters, "larger networks get fitness 0 without training",
              bound);
  options.add("max-macs", &max_macs, "the same limit on multiply-accumulates for one image", bound);
  options.add(
      "max-training-memory", &max_training_memory,
      "networks whose training needs more memory than an evaluator has, of its GPU or of the "
      "host, get fitness 0 without training",
      {.range = core::at_least(0),
       .unit = "GiB",
       .zero = "the memory divided by the evaluators that share it"});
  options.add("reuse-fitness", &reuse_fitness,
              "reuse the fitness of an equal phenotype that was evaluated before");
}

void SearchCommandOptions::add_evaluation_to(OptionSet& options) {
  constexpr auto by_start = Change::between_starts;
  options.group("Evaluation");
  options.add("evaluator", &evaluator,
              "synthetic: a made-up fitness, for trying things; server: a program of yours that "
              "stays and evaluates one candidate after another; command: one that is started for "
              "each candidate (both: docs/evaluators.md)",
              {.choices = {"train", "synthetic", "server", "command"}});
  options.add("repeats", &repeats, "independent trainings whose accuracies are averaged",
              {.range = repeats_range});
  options.add("synthetic-ms", &synthetic_ms, "with synthetic: time a candidate takes",
              {.range = core::NumberRange{.least = 0, .most = 1e9, .without_most = true},
               .unit = "milliseconds",
               .change = by_start});
  options.add("command", &command,
              "with server and command: program and arguments; with command, the program gets the "
              "genotype's path as its last argument and prints a line of JSON with \"fitness\"",
              {.change = by_start});
  options.add("timeout", &timeout, "time an evaluation may take",
              {.range = core::at_least(0), .unit = "seconds", .zero = "any", .change = by_start});
  options.add("isolation", &isolation,
              "process: each evaluator is a process of its own, whose crash costs only time; none: "
              "evaluate in the ranks themselves, for debugging (while a program of --command runs, "
              "a fork of the MPI rank does, too)",
              {.choices = {"process", "none"}, .change = by_start});
  options.add("address-space-limit", &address_space_limit,
              "address space an evaluator process may take, for evaluators on cores: CUDA "
              "reserves far more than it uses",
              {.range = core::NumberRange{.least = 0, .most = 1e9, .without_most = true},
               .unit = "GiB",
               .zero = "no limit",
               .change = by_start});
  options.add(
      "checkpoint-every", &checkpoint_every,
      "with train: time between checkpoints of a candidate in flight, from which a stopped or "
      "killed search resumes",
      {.range = interval_range, .unit = "seconds", .change = by_start});
  options.add("max-consecutive-failures", &max_consecutive_failures,
              "number of consecutive failed evaluations that ends the search (exit code 4)",
              {.range = core::at_least(1), .change = by_start});
}

void SearchCommandOptions::add_ranks_to(OptionSet& options) {
  constexpr auto by_start = Change::between_starts;
  options.add("workers", &workers, "without mpirun: candidates evaluated at the same time",
              {.range = core::between(1, 1024, "for more use mpirun"), .change = by_start});
  options.add("evaluators-per-device", &evaluators_per_device,
              "under mpirun: candidates that a rank evaluates at the same time on each of its "
              "GPUs, or on its cores where there is none",
              {.range = core::between(1, 64, "each evaluator needs a substantial part of a device"),
               .change = by_start});
  options.default_from_environment("evaluators-per-device", "HIEREVO_EVALUATORS_PER_DEVICE");
  options.add("master-evaluates", &master_evaluates,
              "under mpirun: rank 0 evaluates too, one candidate at a time", {.change = by_start});
  options.add("heartbeat", &heartbeat,
              "under mpirun: silence after which a rank is considered lost and its candidates are "
              "reassigned",
              {.range = interval_range, .unit = "seconds", .change = by_start});
  options.add("grace", &grace,
              "time from the signal to stop to the exit of the program: evaluators that have not "
              "saved by then are killed",
              {.range = interval_range, .unit = "seconds", .change = by_start});
}

NodeShare SearchCommandOptions::node() const {
  NodeShare node = NodeShare::here();
  const bool uses_gpus = runs_program() || (evaluator == "train" && core::built_with_cuda());
  if (!uses_gpus) node.devices.clear();
  return node;
}

search::TrainingMemory SearchCommandOptions::training_memory() const {
  constexpr double gibibyte = 1 << 30;
  const nn::TrainingOptions numbers = training.training();
  search::TrainingMemory memory{
      .bytes = std::nullopt, .batch = nn::images_at_a_time(numbers), .crop = std::nullopt};
  if (max_training_memory > 0.0) memory.bytes = max_training_memory * gibibyte;
  if (numbers.crop > 0) memory.crop = static_cast<int>(numbers.crop);
  return memory;
}

evolution::EngineOptions SearchCommandOptions::engine() const {
  return {.space = genome::SearchSpace::parse(space),
          .algorithm = evolution::algorithm_named(algorithm),
          .population = static_cast<std::size_t>(population),
          .evaluations = static_cast<std::size_t>(evaluations),
          .tournament = tournament,
          .seed = seed,
          .start_mutations = start_mutations,
          .objectives = evolution::objectives_of(objectives)};
}

/// Throws FieldError. Metrics come from programs of users only.
void SearchCommandOptions::check_objectives() const {
  const evolution::Objectives wanted = evolution::objectives_of(objectives);
  if (evaluator != "train" && evaluator != "synthetic") return;
  const std::vector<std::string> known(evolution::names_of_results.begin(),
                                       evolution::names_of_results.end());
  for (const auto& [name, smaller_is_better] : wanted) {
    if (std::ranges::find(known, name) != known.end()) continue;
    throw core::FieldError("objectives", fmt::format("is '{}'", objectives),
                           fmt::format("--evaluator {} gives no metric '{}'", evaluator, name),
                           core::suggestion_for(name, known));
  }
}

search::SearchOptions SearchCommandOptions::search() const {
  if (run.empty()) {
    throw core::UsageError("No run directory is given", "results need a place", "Give --run DIR.");
  }
  if (runs_program() && command.empty()) {
    throw core::UsageError(fmt::format("--evaluator is {}, and there is no --command", evaluator),
                           "a program is to evaluate", "Give --command 'PROGRAM ARGS'.");
  }
  if (!runs_program() && !command.empty()) {
    throw core::UsageError(fmt::format("--command is given, and --evaluator is {}", evaluator),
                           "no program would be started",
                           "Give --evaluator server or command, or no --command.");
  }
  naming_options([this] { check_objectives(); });
  training.training();

  search::SearchOptions options;
  options.engine = engine();
  options.model = model.spec();
  if (max_parameters > 0) options.max_parameters = max_parameters;
  if (max_macs > 0) options.max_macs = max_macs;
  if (evaluator == "train" || max_training_memory > 0.0) options.memory = training_memory();
  options.reuse_fitness = reuse_fitness;
  options.max_consecutive_failures = static_cast<std::size_t>(max_consecutive_failures);
  options.master_evaluates = master_evaluates;
  if (timeout > 0.0) options.timeout = std::chrono::duration<double>(timeout);
  options.heartbeat = std::chrono::duration<double>(heartbeat);
  options.grace = std::chrono::duration<double>(grace);
  options.run = run;
  options.dry_run = dry_run;
  return options;
}

}  // namespace hierevo::app
