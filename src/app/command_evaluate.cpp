#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "chosen_genotype.hpp"
#include "commands.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/file.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/search/data_record.hpp"
#include "hierevo/search/run_directory.hpp"
#include "model_options.hpp"
#include "program.hpp"
#include "progress_line.hpp"
#include "search_options.hpp"
#include "training_options.hpp"
#include "training_setup.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;

/// A fitness comes out again only where it came from a training.
void require_trained(const std::string& run) {
  if (run.empty()) return;
  const std::string recorded = search::RunDirectory::configuration_of(run).value_or("");
  const std::string evaluator = OptionSet::value_in(recorded, "evaluator");
  if (evaluator.empty() || evaluator == "train") return;
  throw core::UsageError(
      fmt::format("The fitness of the run in '{}' cannot be reproduced", run),
      fmt::format("it was searched with --evaluator {}, not by training", evaluator),
      "Give the genotype and the seed (hierevo inspect --json) to what has evaluated it; in Python "
      "that is hierevo.evaluate_once(). For a training as by default, use --genotype.");
}

std::vector<std::string> options_of_search() {
  SearchCommandOptions command;
  OptionSet options("", "");
  command.add_to(options);
  return options.recorded_names();
}

/// Nobody else may write into the file meanwhile.
core::FileLock claim_checkpoint(const fs::path& path) {
  const fs::path folder = path.parent_path();
  if (!folder.empty() && !core::path_exists(folder)) {
    throw core::UsageError(fmt::format("There is no folder '{}'", folder.string()),
                           fmt::format("--checkpoint is '{}'", path.string()), "Make it first.");
  }
  if (auto lock = core::FileLock::try_acquire(path.string() + ".lock")) return std::move(*lock);
  throw core::InUseError(path, "another process is using it", "",
                         "Wait for it, or choose another --checkpoint.");
}

/// With other data than the search had, another fitness comes out.
void note_other_data(const std::string& run, const search::DataFacts& data) {
  if (run.empty()) return;
  const auto then = search::recorded_data(run);
  if (!then || then->fingerprint == data.fingerprint) return;
  core::log(core::LogLevel::warning,
            "The data are not those of the search in '{}', so its fitness will not be reproduced: "
            "{} instead of {}",
            run, description(data), description(*then));
}

[[noreturn]] void stopped(const std::string& checkpoint) {
  if (checkpoint.empty()) {
    throw core::Interrupted("The evaluation was stopped", "nothing of it is saved",
                            "With --checkpoint FILE.h5 it could be resumed.");
  }
  throw core::Interrupted("The evaluation was stopped",
                          fmt::format("it is saved in '{}'", checkpoint),
                          "Run the same command again to resume.");
}

struct EvaluateOptions {
  GenotypeChoice choice;
  ModelOptions model;
  DataOptions data;
  TrainOptions training;
  int repeats = 4;
  int only_repeat = 0;
  std::uint64_t seed = 1;
  std::string checkpoint;
  double checkpoint_every = 300.0;
  std::string progress = "auto";

  void add_to(OptionSet& options);
  nn::Repeats made() const {
    return only_repeat > 0 ? nn::Repeats{1, only_repeat - 1} : nn::Repeats{repeats};
  }
};

void EvaluateOptions::add_to(OptionSet& options) {
  choice.add_to(options);
  options.group("Evaluation");
  options.add("repeats", &repeats, "independent trainings whose accuracies are averaged",
              {.range = repeats_range});
  options.add("only-repeat", &only_repeat,
              "run only this one of the repeats, while other processes run the others",
              {.range = core::at_least(0), .zero = "all"});
  options.add("seed", &seed, "seed of weights, order, augmentation and the split of the data");
  options.add("checkpoint", &checkpoint,
              "file for the unfinished evaluation, FILE.h5, from which the same command resumes",
              {.recorded = false});
  options.add("checkpoint-every", &checkpoint_every, "time between its saves",
              {.range = interval_range, .unit = "seconds", .recorded = false});
  options.add("progress", &progress, "how progress is shown", progress_facts());
  model.add_to(options);
  data.add_to(options);
  data.add_validation_to(options);
  training.add_to(options);
  GenotypeChoice::inherit(options, options.recorded_names());
  options.pass_over(options_of_search());
}

/// The evaluation, and the seconds that earlier starts took for it. Throws Interrupted when it was
/// asked to stop.
std::pair<evolution::Evaluation, double> evaluate(const EvaluateOptions& command,
                                                  const TrainingSetup& setup,
                                                  const genome::ModelSpec& spec,
                                                  const evolution::Candidate& candidate,
                                                  const std::string& lasting) {
  Checkpoints checkpoints{.path = {},
                          .every = std::chrono::duration<double>(command.checkpoint_every),
                          .options = lasting,
                          .essential = true};
  std::optional<core::FileLock> lock;
  if (!command.checkpoint.empty()) {
    lock = claim_checkpoint(command.checkpoint);
    checkpoints.path = [&](const evolution::Candidate&) { return fs::path(command.checkpoint); };
  }
  ProgressLine line(ProgressLine::mode_named(command.progress));
  double earlier_seconds = 0.0;
  const auto show = [&](const search::EvaluationProgress& at) {
    earlier_seconds = at.earlier_seconds;
    if (line.due()) {
      line.show(fmt::format("repeat {} of {}  step {} of {}  loss {:.4f}",
                            command.made().first + at.repeat + 1, command.repeats, at.step,
                            at.steps, at.loss));
    }
    return !stop_signal_came();
  };
  auto evaluation = setup.make_evaluator(spec, checkpoints)->evaluate({candidate}, show);
  line.end();
  if (!evaluation) stopped(command.checkpoint);
  return {std::move(*evaluation), earlier_seconds};
}

}  // namespace

int command_evaluate(const Arguments& arguments) {
  EvaluateOptions command;
  OptionSet options(
      "usage: hierevo evaluate --genotype FILE.json | --run DIR [--id N] [options]",
      "One fitness evaluation, as a worker of a search does it: trains the small\n"
      "network from scratch and prints its validation accuracy as JSON. With --run, it uses\n"
      "the run's options and the individual's seed, so that it reproduces its fitness. It\n"
      "also accepts the INI file of a search, and ignores the options that concern only\n"
      "the search.");
  command.add_to(options);
  if (!options.parse(arguments)) return 0;
  outlive_readers();
  check_only_repeat(command.only_repeat, command.repeats);
  require_one_process("evaluate");
  require_trained(command.choice.run);

  evolution::Individual individual = command.choice.read();
  const TrainingSetup setup(command.data, command.training, command.made(), command.seed);
  note_other_data(command.choice.run, setup.facts());
  const genome::ModelSpec spec = adapted(command.model.spec(), setup.facts());
  const genome::CellGraph cell = genome::assemble(individual.candidate.genotype);
  const genome::Plan plan = make_plan(cell, spec);
  setup.check_memory(plan);
  const genome::Cost cost = cost_of(plan, spec.image_size());
  // Of a run, the individual's own seed: its fitness comes out again.
  const bool own_seed = !command.choice.run.empty() && !options.given("seed");
  if (!own_seed) individual.candidate.seed = command.seed;
  const auto start = std::chrono::steady_clock::now();
  const auto [evaluation, earlier_seconds] =
      evaluate(command, setup, spec, individual.candidate, options.lasting());
  const std::chrono::duration<double> here = std::chrono::steady_clock::now() - start;
  std::cout << nlohmann::json{{"fitness", evaluation.fitness},
                              {"status", name(evaluation.status)},
                              {"reason", evaluation.reason},
                              {"repeat_fitness", evaluation.repeat_fitness},
                              {"repeat_loss", evaluation.repeat_loss},
                              {"seconds", earlier_seconds + here.count()},
                              {"parameters", cost.parameters},
                              {"macs", cost.macs},
                              {"phenotype", genome::phenotype_text(phenotype_hash(cell))}}
                   .dump(2)
            << '\n';
  const bool failed = evolution::is_failure(evaluation.status);
  return static_cast<int>(failed ? core::ExitCode::failures : core::ExitCode::finished);
}

}  // namespace hierevo::app
