#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <iostream>
#include <nlohmann/json.hpp>

#include "chosen_genotype.hpp"
#include "commands.hpp"
#include "data_source.hpp"
#include "final_training.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/nn/threads.hpp"
#include "hierevo/search/run_directory.hpp"
#include "model_options.hpp"
#include "program.hpp"
#include "progress_line.hpp"
#include "training_directory.hpp"
#include "training_options.hpp"

namespace hierevo::app {

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

struct TrainCommandOptions {
  GenotypeChoice choice;
  ModelOptions model;
  DataOptions data;
  TrainOptions training;
  std::string out;
  int repeats = 1;
  int repeat = 0;
  std::uint64_t seed = 1;
  std::int64_t test_every = 0;
  double save_every = 60.0;
  std::string progress = "auto";

  TrainCommandOptions() { data.validation_size = 0; }
  void add_to(OptionSet& options);
  void check() const;
  fs::path directory(evolution::IndividualId id) const;
};

void TrainCommandOptions::add_to(OptionSet& options) {
  choice.add_to(options);
  options.group("Training run");
  options.add("out", &out,
              "folder for weights and results; empty: RUN/train-ID, or FILE-train here",
              OptionSet::Record::no);
  options.add("repeats", &repeats, "independent trainings, for mean and deviation");
  options.add("repeat", &repeat,
              "train only this one of the repeats, as other processes train the others; the last "
              "one to end tells mean and deviation; 0: all",
              OptionSet::Record::no);
  options.add("seed", &seed, "of weights, order and augmentation");
  options.add("test-every", &test_every,
              "steps between tests that choose the best weights; 0: up to twenty in all");
  options.add("save-every", &save_every, "seconds between saves of the last weights",
              OptionSet::Record::no);
  options.add("progress", &progress, "auto, live, lines or off", OptionSet::Record::no);
  model.add_to(options);
  data.add_to(options);
  data.add_validation_to(options);
  training.add_to(options);
  GenotypeChoice::inherit(options, {"dataset", "data-dir"});
  options.epilogue(
      "With --run, the data set is that of the search; the network and its training are those\n"
      "given here.\n"
      "Best weights are chosen on --validation-size images of the training set; with 0 of them on\n"
      "the test set, so that their score is none to report. The result is that of the last\n"
      "weights, as in the paper.\n\n"
      "Example:\n  hierevo train --run my-run --channels 16 --steps 2000 --repeats 5\n");
}

void TrainCommandOptions::check() const {
  check_repeats(repeats);
  if (repeat < 0 || repeat > repeats) {
    throw core::UsageError(fmt::format("--repeat is {}", repeat),
                           fmt::format("--repeats is {}", repeats),
                           "Give a number from 1 to --repeats, or 0 for all.");
  }
  if (test_every < 0) {
    throw core::UsageError(fmt::format("--test-every is {}", test_every), "",
                           "Give a number of steps, or 0.");
  }
  check_interval("save-every", save_every);
}

fs::path TrainCommandOptions::directory(evolution::IndividualId id) const {
  if (!out.empty()) return out;
  if (!choice.genotype.empty()) return fs::path(choice.genotype).stem().string() + "-train";
  return fs::path(choice.run) / fmt::format("train-{}", number(id));
}

/// Tells what a best cell is worth whose fitness was made up.
void note_made_up_fitness(const GenotypeChoice& choice) {
  if (choice.run.empty() || choice.id != 0) return;
  const auto options = search::RunDirectory::configuration_of(choice.run);
  if (OptionSet::value_in(options.value_or(""), "evaluator") != "synthetic") return;
  fmt::print(
      stderr,
      "Note: the fitness of the search in '{}' was made up (--evaluator synthetic): its best "
      "cell is as good as any other.\n",
      choice.run);
}

void require_test_set(const nn::Dataset& dataset) {
  if (dataset.test.size() > 0) return;
  throw core::UsageError(fmt::format("The data set '{}' has no test set", dataset.name),
                         "the trained network is tested on it",
                         "Prepare it again from a folder with test/CLASS beside train/CLASS.");
}

/// Fills in what is learnt from, and what tests.
void take_data(const DataOptions& options, nn::Dataset dataset, TrainingTask& task) {
  require_test_set(dataset);
  task.test = dataset.test;
  if (options.validation_size > 0) {
    nn::Split split =
        nn::split_training_set(dataset.train, options.train_size, options.validation_size,
                               core::derive_seed(task.seed, 0, "split"));
    task.train = std::move(split.train);
    task.held_out = std::move(split.validation);
    task.normalisation = std::move(split.normalisation);
  } else {
    if (options.train_size < 0 || options.train_size > dataset.train.size()) {
      throw core::UsageError(fmt::format("--train-size is {}", options.train_size),
                             fmt::format("the training set has {} images", dataset.train.size()),
                             "Give fewer, or 0 for all.");
    }
    const std::int64_t count = options.train_size == 0 ? dataset.train.size() : options.train_size;
    task.train = {dataset.train.pixels.slice(0, 0, count), dataset.train.labels.slice(0, 0, count)};
    task.normalisation = nn::normalisation_of(task.train);
  }
  nn::check(task.options, task.train, task.test);
  task.model.input_channels = static_cast<int>(task.train.channels());
  task.model.classes = dataset.classes();
}

/// Mean and standard deviation over the repeats of one of their numbers.
json summary_of(const std::vector<json>& repeats, const char* member) {
  double sum = 0.0;
  for (const json& repeat : repeats) sum += repeat.at(member).get<double>();
  const double mean = sum / static_cast<double>(repeats.size());
  if (repeats.size() < 2) return {{"mean", mean}, {"deviation", nullptr}};
  double squares = 0.0;
  for (const json& repeat : repeats) {
    squares += std::pow(repeat.at(member).get<double>() - mean, 2);
  }
  return {{"mean", mean},
          {"deviation", std::sqrt(squares / static_cast<double>(repeats.size() - 1))}};
}

/// result.json of a training.
json result_of(const std::vector<json>& repeats, const TrainingTask& task,
               const evolution::Individual& individual) {
  const genome::Cost cost =
      cost_of(make_plan(genome::assemble(task.genotype), task.model), task.model.image_size());
  const json top1 = summary_of(repeats, "top1");
  return {{"test_accuracy", top1["mean"]},
          {"test_accuracy_deviation", top1["deviation"]},
          {"top5_accuracy", summary_of(repeats, "top5")["mean"]},
          {"training_loss", summary_of(repeats, "loss")["mean"]},
          {"seconds", summary_of(repeats, "seconds")["mean"]},
          {"steps", task.options.steps},
          {"parameters", cost.parameters},
          {"id", number(individual.candidate.id)},
          {"repeats", repeats}};
}

/// Of all repeats, or as many as have finished.
std::vector<json> finished_repeats(const TrainingTask& task, const TrainingDirectory& directory) {
  std::vector<json> repeats;
  for (int repeat = 1; repeat <= task.repeats; ++repeat) {
    if (const auto result = finished_repeat(repeat, directory)) repeats.push_back(*result);
  }
  return repeats;
}

void tell_result(const json& result, const fs::path& folder) {
  std::cout << result.dump(2) << '\n';
  const json& deviation = result["test_accuracy_deviation"];
  fmt::print(stderr, "Test error {:.2f} %{}. Weights and results are in '{}'.\n",
             100.0 * (1.0 - result["test_accuracy"].get<double>()),
             deviation.is_null() ? "" : fmt::format(" ± {:.2f}", 100.0 * deviation.get<double>()),
             folder.string());
}

}  // namespace

int command_train(const Arguments& arguments) {
  TrainCommandOptions command;
  OptionSet options("usage: hierevo train --run DIR [--id N] | --genotype FILE.json [options]",
                    "Trains the network of a cell on the whole training set and tests it on the\n"
                    "test set. Weights and results go to --out; the same line goes on with a\n"
                    "training that was interrupted, and prints the result as JSON.");
  command.add_to(options);
  if (!options.parse(arguments)) return 0;
  command.check();
  require_one_process("train");
  ProgressLine line(ProgressLine::mode_named(command.progress));

  const evolution::Individual individual = command.choice.read();
  note_made_up_fitness(command.choice);
  TrainingTask task{.genotype = individual.candidate.genotype,
                    .model = command.model.spec(),
                    .options = command.training.training(),
                    .seed = command.seed,
                    .repeats = command.repeats,
                    .test_every = command.test_every,
                    .save_every = std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::duration<double>(command.save_every)),
                    .record = options.record()};
  catch_stop_signals();  // reading large data takes its time
  nn::set_threads(command.training.threads);
  take_data(command.data, read_dataset(command.data), task);
  const TrainingDirectory directory(command.directory(individual.candidate.id), options,
                                    task.genotype);
  const int first = command.repeat > 0 ? command.repeat : 1;
  const int last = command.repeat > 0 ? command.repeat : task.repeats;
  json result;
  for (int repeat = first; repeat <= last; ++repeat) {
    result = train_repeat(task, repeat, directory, line);
  }
  const std::vector<json> repeats = finished_repeats(task, directory);
  if (std::ssize(repeats) < task.repeats) {
    std::cout << result.dump(2) << '\n';
    fmt::print(stderr, "Repeat {} is trained; {} of {} have finished.\n", command.repeat,
               repeats.size(), task.repeats);
    return 0;
  }
  result = result_of(repeats, task, individual);
  directory.save_result(result.dump(2) + "\n");
  tell_result(result, directory.path());
  return 0;
}

}  // namespace hierevo::app
