#include "search_options.hpp"

#include <algorithm>
#include <chrono>

#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/memory.hpp"
#include "hierevo/core/version.hpp"
#include "progress_line.hpp"

namespace hierevo::app {

namespace {

void require(bool holds, std::string_view problem, std::string_view why,
             std::string_view suggestion) {
  if (!holds) throw core::UsageError(problem, why, suggestion);
}

}  // namespace

void SearchCommandOptions::add_to(OptionSet& options) {
  using Record = OptionSet::Record;
  options.group("Search (sections 2 and 3 of the paper)");
  options.add("run", &run, "run directory: made at first, gone on with later", Record::no);
  options.add("space", &space,
              "hierarchical, flat, or MOTIFSxNODES of each level from 2 up, such as 6x4,1x5");
  options.add("algorithm", &algorithm, "evolution, aging (the oldest are removed) or random");
  options.add("population", &population, "random genotypes at the start");
  options.add("evaluations", &evaluations, "candidates in all; a later start may ask for more");
  options.add("tournament", &tournament, "share of the population that takes part in a tournament");
  options.add("seed", &seed, "of all random decisions");
  options.add("start-mutations", &start_mutations, "mutations that make a random genotype");
  options.add("max-parameters", &max_parameters,
              "larger networks get fitness 0 without training; 0: no bound");
  options.add("max-macs", &max_macs,
              "the same bound on multiply-accumulates for one image; 0: no bound");
  options.add(
      "max-training-memory", &max_training_memory,
      "GiB: networks whose training needs more get fitness 0 without training; 0: the share of an "
      "evaluation in all that this machine or job has");
  options.add("reuse-fitness", &reuse_fitness,
              "take the fitness of an equal phenotype that was evaluated before");
  options.group("Evaluation");
  options.add("evaluator", &evaluator,
              "train, synthetic (a made-up fitness, for trying things) or command");
  options.add("repeats", &repeats, "independent trainings whose accuracies are averaged");
  options.add("synthetic-ms", &synthetic_ms, "with synthetic: milliseconds a candidate");
  options.add("command", &command,
              "with command: program and arguments; gets the genotype's path as the last argument "
              "and prints a line of JSON with \"fitness\"");
  options.add("timeout", &timeout, "seconds an evaluation may take; 0: any time");
  options.add(
      "isolation", &isolation,
      "process: each evaluator is a process of its own, whose crash costs nothing but time; "
      "none: evaluate in the ranks themselves, for debugging (while a program of --command runs, a "
      "fork of the MPI rank does, too)");
  options.add("address-space-limit", &address_space_limit,
              "GiB of address space an evaluator process may take, for evaluators on cores: CUDA "
              "reserves far more than it uses; 0: no limit");
  options.add("checkpoint-every", &checkpoint_every,
              "with train: seconds between saves of half-trained candidates, which a stopped or "
              "killed search goes on from");
  options.add("max-consecutive-failures", &max_consecutive_failures,
              "so many end the search (exit code 4)");
  options.add("workers", &workers, "without mpirun: candidates evaluated at the same time");
  options.add(
      "evaluators-per-device", &evaluators_per_device,
      "under mpirun: candidates that a rank evaluates at the same time on each of its GPUs, "
      "or on its cores where there is none");
  options.default_from_environment("evaluators-per-device", "HIEREVO_EVALUATORS_PER_DEVICE");
  options.add("master-evaluates", &master_evaluates,
              "under mpirun: rank 0 evaluates too, one candidate at a time");
  options.add("heartbeat", &heartbeat,
              "under mpirun: seconds of silence after which a rank is taken for lost and its "
              "candidates are given to others");
  options.add(
      "grace", &grace,
      "seconds from the signal to stop to the end of the program: what has not saved by then "
      "is killed");
  model.add_to(options);
  data.add_to(options);
  data.add_validation_to(options);
  training.add_to(options);
  options.group("This start");
  options.add("progress", &progress, "auto, live (one line written over), lines or off",
              Record::no);
  options.add("verbose", &verbose, "log every evaluation, by the rank that made it", Record::no);
  options.add("dry-run", &dry_run,
              "check everything on all ranks up to the first evaluation, and end; writes nothing",
              Record::no);
  options.epilogue(
      "Examples:\n"
      "  mpirun -n 3 hierevo search --run R --population 20 --evaluations 100 --repeats 1\n"
      "  hierevo search --run R --evaluator synthetic --population 10 --evaluations 50\n"
      "  hierevo search --run R --evaluator command --command './evaluate.py --fast'\n"
      "Ctrl-C, SIGTERM, SIGHUP, SIGXCPU, SIGUSR1 or SIGUSR2 saves and ends with code 75 (mpirun\n"
      "itself may say 1); the same line goes on.\n");
}

NodeShare SearchCommandOptions::node() const {
  NodeShare node = NodeShare::here();
  const bool uses_gpus =
      evaluator == "command" || (evaluator == "train" && core::built_with_cuda());
  if (!uses_gpus) node.devices.clear();
  return node;
}

search::TrainingMemory SearchCommandOptions::training_memory() const {
  constexpr double gibibyte = 1 << 30;
  NodeShare node = this->node();
  node.local_ranks = comm::MpiSession::ranks_on_a_node();
  const int evaluations_at_once = comm::MpiSession::launched_by_mpi()
                                      ? evaluators_of_node(node, evaluators_per_device)
                                      : workers;
  const double share = static_cast<double>(core::usable_memory()) / evaluations_at_once;
  const nn::TrainingOptions numbers = training.training();
  search::TrainingMemory memory{
      .bytes = max_training_memory > 0.0 ? max_training_memory * gibibyte : share,
      .batch = nn::images_at_a_time(numbers),
      .crop = std::nullopt};
  if (numbers.crop > 0) memory.crop = static_cast<int>(numbers.crop);
  return memory;
}

search::SearchOptions SearchCommandOptions::search() const {
  require(!run.empty(), "No run directory is given", "results need a place", "Give --run DIR.");
  require(population >= 2, fmt::format("--population is {}", population),
          "selection needs at least 2", "Give --population 2 or more.");
  require(evaluations >= 1, fmt::format("--evaluations is {}", evaluations),
          "there would be nothing to do", "Give --evaluations 1 or more.");
  check_repeats(repeats);
  require(workers >= 1, fmt::format("--workers is {}", workers), "nobody would evaluate",
          "Give --workers 1 or more.");
  require(workers <= 1024, fmt::format("--workers is {}", workers),
          "a node is not good for so many", "Use mpirun for so many.");
  require(training.threads >= 1, fmt::format("--threads is {}", training.threads),
          "an evaluation needs at least one", "Give --threads 1 or more.");
  require(max_macs >= 0, fmt::format("--max-macs is {}", max_macs), "",
          "Give a positive bound, or 0 for none.");
  require(max_parameters >= 0, fmt::format("--max-parameters is {}", max_parameters), "",
          "Give a positive bound, or 0 for none.");
  require(max_training_memory >= 0.0,
          fmt::format("--max-training-memory is {}", max_training_memory), "",
          "Give GiB, or 0 for what the machine has.");
  require(synthetic_ms >= 0.0 && synthetic_ms < 1e9,
          fmt::format("--synthetic-ms is {}", synthetic_ms), "", "Give milliseconds from 0 up.");
  require(timeout >= 0.0, fmt::format("--timeout is {}", timeout), "",
          "Give seconds, or 0 for none.");
  check_interval("checkpoint-every", checkpoint_every);
  check_interval("heartbeat", heartbeat);
  check_interval("grace", grace);
  require(address_space_limit >= 0.0 && address_space_limit < 1e9,
          fmt::format("--address-space-limit is {}", address_space_limit), "",
          "Give GiB below 1e9, or 0 for no limit.");
  require(evaluators_per_device >= 1 && evaluators_per_device <= 64,
          fmt::format("--evaluators-per-device is {}", evaluators_per_device),
          "an evaluator needs a good part of a device", "Give 1 to 64.");
  const std::vector<std::string> isolations = {"process", "none"};
  if (std::find(isolations.begin(), isolations.end(), isolation) == isolations.end()) {
    throw core::unknown_name("isolation", isolation, isolations);
  }
  require(max_consecutive_failures >= 1,
          fmt::format("--max-consecutive-failures is {}", max_consecutive_failures), "",
          "Give 1 or more.");
  const std::vector<std::string> evaluators = {"train", "synthetic", "command"};
  if (std::find(evaluators.begin(), evaluators.end(), evaluator) == evaluators.end()) {
    throw core::unknown_name("evaluator", evaluator, evaluators);
  }
  require((evaluator == "command") == !command.empty(),
          "--evaluator command and --command belong together", "", "Give both or neither.");
  ProgressLine::mode_named(progress);
  training.training();

  search::SearchOptions options;
  options.engine = {.space = genome::SearchSpace::parse(space),
                    .algorithm = evolution::algorithm_named(algorithm),
                    .population = static_cast<std::size_t>(population),
                    .evaluations = static_cast<std::size_t>(evaluations),
                    .tournament = tournament,
                    .seed = seed,
                    .start_mutations = start_mutations};
  evolution::Engine checked(options.engine);
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

const std::vector<std::string>& options_that_may_change() {
  static const std::vector<std::string> names = DataOptions::places(
      {"evaluations", "workers", "threads", "master-evaluates", "timeout", "synthetic-ms",
       "max-consecutive-failures", "command", "checkpoint-every", "isolation",
       "evaluators-per-device", "address-space-limit", "heartbeat", "grace"});
  return names;
}

}  // namespace hierevo::app
