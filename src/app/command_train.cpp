#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <exception>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "chosen_genotype.hpp"
#include "commands.hpp"
#include "evaluator_layout.hpp"
#include "final_training.hpp"
#include "hierevo/comm/agreement.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/core/standard_error.hpp"
#include "hierevo/core/statistics.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/nn/device/device.hpp"
#include "hierevo/nn/device/threads.hpp"
#include "hierevo/nn/training/training_checks.hpp"
#include "hierevo/search/run_directory.hpp"
#include "model_options.hpp"
#include "preflight.hpp"
#include "program.hpp"
#include "progress_line.hpp"
#include "training_data.hpp"
#include "training_directory.hpp"
#include "training_options.hpp"
#include "training_ranks.hpp"

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
  int only_repeat = 0;
  std::uint64_t seed = 1;
  std::int64_t test_every = 0;
  double save_every = 60.0;
  bool sync_batchnorm = false;
  bool compress_gradients = false;
  std::int64_t bucket_mb = 25;
  double rank_timeout = 600.0;
  int loader_threads = 0;
  bool dry_run = false;
  std::string progress = "auto";

  TrainCommandOptions() { data.validation_size = 0; }
  void add_to(OptionSet& options);
  void check() const;
  std::chrono::nanoseconds timeout() const {
    return std::chrono::duration_cast<std::chrono::nanoseconds>(
        std::chrono::duration<double>(rank_timeout));
  }
  fs::path directory(evolution::IndividualId id) const;
};

void TrainCommandOptions::add_to(OptionSet& options) {
  choice.add_to(options);
  options.group("Repeats and output");
  options.add("out", &out,
              "folder for weights and results; empty: RUN/train-ID, or FILE-train here",
              {.recorded = false});
  options.add("repeats", &repeats, "independent trainings, for mean and deviation",
              {.range = repeats_range, .change = Change::between_starts});
  options.add("only-repeat", &only_repeat,
              "train only this one of the repeats, while other processes train the others; the "
              "last one to finish reports mean and deviation",
              {.range = core::at_least(0), .zero = "all", .recorded = false});
  options.add("seed", &seed, "seed of weights, order and augmentation");
  options.add("test-every", &test_every, "steps between tests that choose the best weights",
              {.range = core::at_least(0),
               .zero = "about twenty tests in all, or fewer of a large test set"});
  options.add("save-every", &save_every, "time between saves of the last weights",
              {.range = interval_range, .unit = "seconds", .recorded = false});
  options.add("dry-run", &dry_run, "check options, ranks and data, and exit", {.recorded = false});
  options.add("progress", &progress, "how progress is shown", progress_facts());
  model.add_to(options);
  data.add_to(options);
  data.add_validation_to(options);
  options.add("loader-threads", &loader_threads,
              "threads of each rank that decode JPEG for the next steps",
              {.range = core::between(0, 1024),
               .zero = "as many as --threads, or beside a GPU the rank's cores but one",
               .recorded = false});
  training.add_to(options);
  options.group("Several ranks (mpirun, srun), which share each batch");
  options.add(
      "sync-batchnorm", &sync_batchnorm,
      "batch normalisation over the images of all ranks, not of each; without --micro-batches, "
      "whose parts are normalised one by one, the number of ranks then changes results only by "
      "rounding");
  options.add("compress-gradients", &compress_gradients,
              "send gradients as bfloat16: half the volume, rounded");
  options.add("bucket-mb", &bucket_mb, "gradients that are summed at once",
              {.range = core::between(1, 1 << 20), .unit = "megabytes", .recorded = false});
  options.add("rank-timeout", &rank_timeout, "silence of a rank after which the training stops",
              {.range = interval_range, .unit = "seconds", .recorded = false});
  GenotypeChoice::inherit(options, {"dataset", "data-dir"});
  options.epilogue(
      "Under mpirun or srun all ranks train one network, each on its part of every batch: --batch\n"
      "is that of all ranks together. A training can be resumed with another number of ranks.\n"
      "With --run, the data set is that of the search unless --dataset names another; the\n"
      "network and its training are those given here.\n"
      "The best weights are chosen on --validation-size images of the training set; if that is 0,\n"
      "on the test set, and their score must then not be reported. The result is that of the last\n"
      "weights, as in the paper.\n"
      "\n"
      "Example:\n"
      "  hierevo train --run my-run --channels 16 --steps 2000 --repeats 5\n"
      "  mpirun -n 4 hierevo train --run my-run --config protocols/imagenet.ini "
      "--dataset imagenet\n");
}

void TrainCommandOptions::check() const {
  check_only_repeat(only_repeat, repeats);
  training.training();
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
  core::write_line(
      "Note: the fitness of the search in '{}' was made up (--evaluator synthetic): its best "
      "cell is as good as any other.",
      choice.run);
}

/// Tells who asks for random crops that there is only one.
void note_whole_crops(const TrainingDataFacts& data, std::int64_t crop) {
  if (!data.crops_are_whole) return;
  core::write_line(
      "Note: --crop is {0}, and the images of '{1}' are {0}×{0}, so there are no random crops. "
      "Give a smaller --crop, or 0 for whole images.",
      crop, data.data.name);
}

/// Mean and standard deviation over the repeats of one of their numbers.
json summary_of(const std::vector<json>& repeats, const char* member) {
  std::vector<double> numbers;
  for (const json& repeat : repeats) numbers.push_back(repeat.at(member).get<double>());
  const auto found = core::mean_and_deviation(numbers).value();
  return {{"mean", found.mean}, {"deviation", found.deviation ? json(*found.deviation) : json()}};
}

/// result.json of a training.
json result_of(const std::vector<json>& repeats, const TrainingTask& task,
               const evolution::Individual& individual) {
  const genome::Cost cost = cost_of(task);
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
  core::write_line(
      "Test error {:.2f} %{}. Weights and results are in '{}'.",
      100.0 * (1.0 - result["test_accuracy"].get<double>()),
      deviation.is_null() ? "" : fmt::format(" ± {:.2f}", 100.0 * deviation.get<double>()),
      folder.string());
}

/// The training as each of the ranks sees it.
class TrainProgram {
 public:
  TrainProgram(const TrainCommandOptions& command, const OptionSet& options)
      : command_(command), options_(options) {}

  int run(comm::Collectives& ranks) const;

 private:
  void tell_that_all_is_ready(const TrainingTask& task, const fs::path& folder) const;
  void warn_of_threads() const;
  std::uint64_t hash_of_options() const;
  c10::Device device_here(comm::Collectives& ranks) const;
  int loader_threads(comm::Collectives& ranks, c10::Device device) const;
  void show_places(comm::Collectives& ranks, c10::Device device, int loader_threads) const;
  evolution::Individual chosen_by_rank_0(comm::Collectives& ranks) const;
  std::unique_ptr<TrainingData> read_data(comm::Collectives& ranks, c10::Device device,
                                          int loader_threads,
                                          const nn::TrainingOptions& training) const;
  TrainingTask task(comm::Collectives& ranks, c10::Device device, const genome::Genotype& genotype,
                    const TrainingData& data, const nn::TrainingOptions& training) const;
  void conclude(const json& last, const TrainingTask& task, const evolution::Individual& individual,
                const TrainingDirectory& directory) const;

  const TrainCommandOptions& command_;
  const OptionSet& options_;
};

/// Elsewhere only its genotype is known: a search may still be running, and find a better one.
evolution::Individual TrainProgram::chosen_by_rank_0(comm::Collectives& ranks) const {
  std::optional<evolution::Individual> individual;
  const std::string genotype = comm::compute_on_root(ranks, [&] {
    individual = command_.choice.read();
    note_made_up_fitness(command_.choice);
    return genome::json_text(individual->candidate.genotype);
  });
  if (individual) return std::move(*individual);
  return {{{}, std::nullopt, 0, genome::genotype_from_json(genotype, "the cell of rank 0")}, {}};
}

c10::Device TrainProgram::device_here(comm::Collectives& ranks) const {
  c10::Device device(c10::DeviceType::CPU);
  comm::all_or_throw(ranks, [&device] {
    const NodeShare node = NodeShare::here();
    device = nn::device_of_rank(
        {.rank = node.local_rank, .ranks = node.local_ranks, .own_gpus = node.own_devices},
        nn::GpuSharing::refused);
    nn::use_device(device);
  });
  return device;
}

/// Those that decode JPEG on this rank.
int TrainProgram::loader_threads(comm::Collectives& ranks, c10::Device device) const {
  const int cores = own_cores(ranks, NodeShare::here().cores);
  if (command_.loader_threads > 0) return command_.loader_threads;
  return device.is_cpu() ? command_.training.threads : loader_threads_beside_gpu(cores);
}

/// Tells what all ranks compute with.
void TrainProgram::show_places(comm::Collectives& ranks, c10::Device device,
                               int loader_threads) const {
  std::string means = nn::device_text(device);
  if (device.is_cpu()) {
    const int threads = command_.training.threads;
    means = threads == 1 ? "a thread of the CPU" : fmt::format("{} threads of the CPU", threads);
  }
  if (command_.data.is_shards()) {
    means += loader_threads == 1 ? "; a thread decodes JPEG"
                                 : fmt::format("; {} threads decode JPEG", loader_threads);
  }
  const auto places = places_of(ranks, means);
  for (std::size_t rank = 0; ranks.size() > 1 && rank < places.size(); ++rank) {
    core::write_line("Rank {} is on {}", rank, places[rank]);
  }
  if (ranks.size() == 1 && command_.data.is_shards()) {
    core::write_line("This training is on {}", places.front());
  }
}

void TrainProgram::warn_of_threads() const {
  const int cores = static_cast<int>(NodeShare::here().cores.size());
  const std::string warning = odd_threads(SlurmJob::here(), command_.training.threads,
                                          options_.given("threads"), /*at_once=*/1, cores);
  if (!warning.empty()) core::log(core::LogLevel::warning, std::string_view(warning));
}

/// Of all that ranks must agree in.
std::uint64_t TrainProgram::hash_of_options() const {
  return core::hash_text(options_.lasting() +
                         fmt::format("repeats={}\nonly-repeat={}\ndry-run={}\nbucket-mb={}\n",
                                     command_.repeats, command_.only_repeat, command_.dry_run,
                                     command_.bucket_mb));
}

std::unique_ptr<TrainingData> TrainProgram::read_data(comm::Collectives& ranks, c10::Device device,
                                                      int loader_threads,
                                                      const nn::TrainingOptions& training) const {
  std::unique_ptr<TrainingData> data;
  comm::all_or_throw(ranks, [&] {
    nn::set_threads(command_.training.threads);
    data = naming_options([&] {
      return make_training_data({.data = command_.data,
                                 .split_seed = core::derive_seed(command_.seed, 0, "split"),
                                 .loader_threads = loader_threads,
                                 .device = device},
                                training);
    });
  });
  comm::require_equal(ranks, data->facts().data.fingerprint, "data");
  return data;
}

TrainingTask TrainProgram::task(comm::Collectives& ranks, c10::Device device,
                                const genome::Genotype& genotype, const TrainingData& data,
                                const nn::TrainingOptions& training) const {
  TrainingTask task{.genotype = genotype,
                    .model = command_.model.spec(),
                    .data = data,
                    .ranks = ranks,
                    .device = device,
                    .options = training,
                    .parallel = {.ranks = &ranks,
                                 .bucket_bytes = static_cast<std::size_t>(command_.bucket_mb) << 20,
                                 .compress_gradients = command_.compress_gradients},
                    .seed = command_.seed,
                    .repeats = command_.repeats,
                    .test_every = command_.test_every,
                    .save_every = std::chrono::duration_cast<std::chrono::milliseconds>(
                        std::chrono::duration<double>(command_.save_every)),
                    .record = options_.record()};
  task.model = adapted(task.model, data.facts().data);
  return task;
}

/// For rank 0, when its part of the repeats is trained.
void TrainProgram::conclude(const json& last, const TrainingTask& task,
                            const evolution::Individual& individual,
                            const TrainingDirectory& directory) const {
  const std::vector<json> repeats = finished_repeats(task, directory);
  if (std::ssize(repeats) < task.repeats) {
    std::cout << last.dump(2) << '\n';
    core::write_line("Repeat {} is trained; {} of {} have finished.", command_.only_repeat,
                     repeats.size(), task.repeats);
    return;
  }
  const json result = result_of(repeats, task, individual);
  directory.save_result(result.dump(2) + "\n");
  tell_result(result, directory.path());
}

void TrainProgram::tell_that_all_is_ready(const TrainingTask& task, const fs::path& folder) const {
  const TrainingDataFacts& data = task.data.facts();
  core::write_line(
      "Everything is ready to train {} parameters for {} steps of {} images in '{}', on {} images "
      "of '{}', and to test on {}. Nothing was written.",
      cost_of(task).parameters, task.options.steps, task.options.batch, folder.string(),
      data.data.training_images, data.data.name, data.test_images);
}

int TrainProgram::run(comm::Collectives& ranks) const {
  const bool first = ranks.rank() == 0;
  // What cannot be is told before the data are read, which may take long.
  comm::require_equal(ranks, hash_of_options(), "options");
  nn::TrainingOptions training = command_.training.training();
  training.sync_batchnorm = command_.sync_batchnorm;
  comm::all_or_throw(ranks, [&] { nn::check_ranks(training, ranks.size()); });
  const evolution::Individual individual = chosen_by_rank_0(ranks);
  const genome::Genotype& genotype = individual.candidate.genotype;
  const fs::path folder = command_.directory(individual.candidate.id);
  comm::run_on_root(ranks, [&] {
    TrainingDirectory::require_same(folder, options_, genotype, [this](const auto& other) {
      return command_.choice.id_of(other);
    });
    warn_of_threads();
  });
  const c10::Device device = device_here(ranks);
  const int loader_threads = this->loader_threads(ranks, device);
  show_places(ranks, device, loader_threads);
  const auto data = read_data(ranks, device, loader_threads, training);
  if (first) note_whole_crops(data->facts(), training.crop);
  const auto device_ranks = nn::make_device_collectives(ranks, device, command_.timeout());
  TrainingTask task = this->task(ranks, device, genotype, *data, training);
  if (device_ranks) task.parallel.ranks = device_ranks.get();
  comm::all_or_throw(ranks, [&] { check_memory(task); });
  std::optional<TrainingDirectory> directory;
  comm::run_on_root(ranks, [&] {
    if (command_.dry_run) {
      TrainingDirectory::require_same_data(folder, data->facts());
      tell_that_all_is_ready(task, folder);
    } else {
      directory.emplace(folder, options_, genotype, data->facts());
    }
  });
  if (command_.dry_run) return 0;
  ProgressLine line(ProgressLine::mode_named(command_.progress));
  const int begin = command_.only_repeat > 0 ? command_.only_repeat : 1;
  const int end = command_.only_repeat > 0 ? command_.only_repeat : task.repeats;
  json result;
  for (int repeat = begin; repeat <= end; ++repeat) {
    result = train_repeat(task, repeat, first ? &*directory : nullptr, first ? &line : nullptr);
  }
  comm::run_on_root(ranks, [&] { conclude(result, task, individual, *directory); });
  return 0;
}

}  // namespace

int command_train(const Arguments& arguments) {
  TrainCommandOptions command;
  OptionSet options(
      "usage: hierevo train --run DIR [--id N] | --genotype FILE.json [options],\n"
      "       alone or under mpirun or srun",
      "Trains the network of a cell on the whole training set and tests it on the\n"
      "test set. Weights and results go to --out, and the result is printed as JSON;\n"
      "the same command resumes an interrupted training.");
  command.add_to(options);
  std::exception_ptr problem;
  try {
    if (!options.parse(arguments)) return 0;
    outlive_readers();
    command.check();
  } catch (...) {
    problem = std::current_exception();
  }
  const TrainProgram program(command, options);
  // Other ranks may have read their options well.
  const std::chrono::nanoseconds timeout = problem ? std::chrono::minutes(10) : command.timeout();
  return in_training_ranks(timeout, problem,
                           [&](comm::Collectives& ranks) { return program.run(ranks); });
}

}  // namespace hierevo::app
