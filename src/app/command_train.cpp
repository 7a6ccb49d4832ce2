#include <fmt/format.h>

#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "chosen_genotype.hpp"
#include "commands.hpp"
#include "data_source.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/nn/threads.hpp"
#include "hierevo/nn/torch_executor.hpp"
#include "hierevo/nn/training.hpp"
#include "model_options.hpp"
#include "program.hpp"
#include "progress_line.hpp"
#include "training_options.hpp"

namespace hierevo::app {

namespace {

/// All images train, or the first `size` of them.
nn::Images training_images(const nn::Images& all, std::int64_t size) {
  if (size == 0) return all;
  if (size < 0 || size > all.size()) {
    throw core::UsageError(fmt::format("--train-size is {}", size),
                           fmt::format("the training set has {} images", all.size()),
                           "Give fewer, or 0 for all.");
  }
  return {all.pixels.slice(0, 0, size), all.labels.slice(0, 0, size)};
}

void require_test_set(const nn::Dataset& dataset) {
  if (dataset.test.size() > 0) return;
  throw core::UsageError(fmt::format("The data set '{}' has no test set", dataset.name),
                         "the trained network is tested on it",
                         "Prepare it again from a folder with test/CLASS beside train/CLASS.");
}

}  // namespace

int command_train(const Arguments& arguments) {
  GenotypeChoice choice;
  ModelOptions model;
  DataOptions data;
  TrainOptions training;
  std::uint64_t seed = 1;
  std::string progress = "auto";
  OptionSet options("usage: hierevo train --run DIR [--id N] | --genotype FILE.json [options]",
                    "Trains the network of a cell on the whole training set and tests it on the\n"
                    "test set, in one process. Prints the result as JSON; weights are not kept.");
  choice.add_to(options);
  options.group("Training run");
  options.add("seed", &seed, "of weights, order and augmentation");
  options.add("progress", &progress, "auto, live, lines or off", OptionSet::Record::no);
  model.add_to(options);
  data.add_to(options);
  training.add_to(options);
  options.epilogue(
      "Example:\n  hierevo train --run my-run --channels 16 --steps 2000 --threads 2\n");
  if (!options.parse(arguments)) return 0;
  ProgressLine line(ProgressLine::mode_named(progress));

  const evolution::Individual individual = choice.read();
  const nn::TrainingOptions numbers = training.training();
  nn::set_threads(training.threads);
  const nn::Dataset dataset = read_dataset(data);
  require_test_set(dataset);
  const nn::Images images = training_images(dataset.train, data.train_size);
  nn::check(numbers, images, dataset.test);
  genome::ModelSpec spec = model.spec();
  spec.input_channels = static_cast<int>(images.channels());
  spec.classes = dataset.classes();
  const genome::Plan plan = make_plan(genome::assemble(individual.candidate.genotype), spec);
  const auto executor = nn::make_torch_executor(plan, c10::Device(c10::DeviceType::CPU),
                                                core::derive_seed(seed, 0, "weights"));
  const nn::Normalisation normalisation = nn::normalisation_of(images);
  catch_stop_signals();
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  const nn::TrainingResult result = nn::train(
      *executor, images, normalisation, numbers, core::derive_seed(seed, 0, "order"),
      [&](const nn::TrainingProgress& at) {
        if (line.due()) {
          const double pace = static_cast<double>(at.step) / elapsed();
          line.show(fmt::format("step {}/{}  loss {:.4f}  {:.0f} images/s, {} left", at.step,
                                at.steps, at.loss, pace * static_cast<double>(numbers.batch),
                                duration_text(static_cast<double>(at.steps - at.step) / pace)));
        }
        return !stop_signal_came();
      });
  line.end();
  if (result.end == nn::TrainingEnd::stopped) {
    throw core::Interrupted("The training was stopped", "nothing of it is saved");
  }
  if (result.end == nn::TrainingEnd::diverged) {
    throw core::UsageError("The training diverged", "the loss was not finite",
                           "Use a smaller --lr.");
  }
  const double seconds = elapsed();
  const double accuracy =
      nn::accuracy(*executor, dataset.test, normalisation, numbers.evaluation_batch);
  std::cout << nlohmann::json{{"test_accuracy", accuracy},
                              {"training_loss", result.loss},
                              {"steps", numbers.steps},
                              {"seconds", seconds},
                              {"parameters", cost_of(plan, spec.image_size()).parameters},
                              {"id", number(individual.candidate.id)}}
                   .dump(2)
            << '\n';
  return 0;
}

}  // namespace hierevo::app
