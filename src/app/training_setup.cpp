#include "training_setup.hpp"

#include <c10/util/Exception.h>
#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <string_view>
#include <utility>

#include "data_source.hpp"
#include "half_trained.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/quantity_text.hpp"
#include "hierevo/core/random.hpp"
#include "hierevo/genome/cell_graph.hpp"
#include "hierevo/nn/device/device.hpp"
#include "hierevo/nn/device/device_memory.hpp"
#include "hierevo/nn/device/threads.hpp"
#include "hierevo/nn/training/fitness.hpp"
#include "hierevo/nn/training/training_checks.hpp"
#include "preflight.hpp"
#include "stored_tensors.hpp"

namespace hierevo::app {

using evolution::Evaluation;
using evolution::Status;

struct TrainingSetup::Data {
  search::DataFacts facts;
  nn::Split split;
  nn::TrainingOptions training;
  nn::Repeats repeats;
  int threads;
  c10::Device device{c10::DeviceType::CPU};
};

namespace {

/// An evaluator's process is shown one GPU. A rank that evaluates itself sees all of its node's,
/// and shares one where there are more ranks.
c10::Device device_here() {
  return nn::device_of_rank(
      {.rank = comm::MpiSession::local_rank(), .ranks = comm::MpiSession::ranks_on_this_node()},
      nn::GpuSharing::allowed);
}

double mean(const std::vector<double>& values) {
  double sum = 0.0;
  for (const double value : values) sum += value;
  return sum / static_cast<double>(values.size());
}

}  // namespace

/// The fitness of the paper: mean validation accuracy of networks trained from scratch.
class TrainingSetup::TrainingEvaluator final : public search::Evaluator {
 public:
  TrainingEvaluator(std::shared_ptr<const Data> data, genome::ModelSpec spec,
                    Checkpoints checkpoints)
      : data_(std::move(data)), spec_(spec), checkpoints_(std::move(checkpoints)) {}

  std::optional<Evaluation> evaluate(const search::Work& work,
                                     const search::ProgressCallback& progress) override {
    try {
      nn::set_threads(data_->threads);  // a setting of the thread that evaluates, too
      nn::use_device(data_->device);    // likewise
      return train(work, progress);
    } catch (const std::bad_alloc&) {
      return Evaluation::failure(Status::out_of_memory, "the host is out of memory");
    } catch (const c10::Error& error) {
      return failure(error);
    }
  }

 private:
  /// What has thrown is gone, with all of its tensors.
  Evaluation failure(const c10::Error& error) const {
    // No call of CUDA succeeds any more in a process whose kernel has failed, or, under MPS, that
    // of another process on the GPU.
    if (!nn::works(data_->device)) {
      throw search::EvaluatorLost(
          fmt::format("The GPU of this evaluator has failed: {}", error.what_without_backtrace()));
    }
    if (!core::is_out_of_memory(error)) {
      return Evaluation::failure(Status::failed, error.what_without_backtrace());
    }
    nn::release_cached_memory(data_->device);  // what comes next begins as the first did
    return Evaluation::failure(Status::out_of_memory, error.what_without_backtrace());
  }

  std::optional<Evaluation> train(const search::Work& work,
                                  const search::ProgressCallback& progress) const {
    const evolution::Candidate& candidate = work.candidate;
    const genome::Plan plan = make_plan(genome::assemble(candidate.genotype), spec_);
    nn::TrainingOptions training = data_->training;
    Checkpoints checkpoints = checkpoints_;
    if (work.memory_parts > 1) {
      const std::int64_t most = training.batch / 2;  // as nn::check() has it
      training.micro_batches = std::min(training.micro_batches * work.memory_parts, most);
      checkpoints.options += fmt::format("memory-parts={}\n", work.memory_parts);
    }
    nn::FitnessMeasurement measurement(plan, data_->split, training, data_->repeats, candidate.seed,
                                       data_->device);
    HalfTrained half_trained(checkpoints, candidate, spec_, data_->split.normalisation);
    half_trained.resume(measurement);
    const nn::TrainingEnd end = measurement.run([&](const nn::TrainingProgress& at) {
      // Behind the last step it validates, perhaps with other weights in place.
      if (at.step < at.steps) half_trained.save_when_due(measurement);
      return progress({at.repeat, at.step, at.steps, at.loss, half_trained.earlier_seconds()});
    });
    if (end == nn::TrainingEnd::stopped) {
      half_trained.save_at_the_end(measurement);
      return std::nullopt;
    }
    Evaluation evaluation;
    evaluation.repeat_fitness = measurement.accuracy();
    evaluation.repeat_loss = measurement.loss();
    if (end == nn::TrainingEnd::diverged) {
      evaluation.status = Status::diverged;
      evaluation.reason = "the loss was not finite";
    } else {
      evaluation.fitness = mean(measurement.accuracy());
    }
    return evaluation;
  }

  std::shared_ptr<const Data> data_;
  genome::ModelSpec spec_;
  Checkpoints checkpoints_;
};

TrainingSetup::TrainingSetup(const DataOptions& options, const TrainOptions& training,
                             nn::Repeats repeats, std::uint64_t seed) {
  nn::set_threads(training.threads);
  data::Dataset dataset = read_dataset(options);
  auto data = std::make_shared<Data>();
  data->facts = {.input_channels = static_cast<int>(dataset.train.shape.channels),
                 .classes = dataset.classes(),
                 .fingerprint = data::fingerprint_of(dataset.train),
                 .image_size = data::side_of(dataset.train.shape.size),
                 .name = dataset.name};
  data->split = naming_options([&] {
    return nn::split_training_set(nn::to_tensors(std::move(dataset.train)), options.train_size,
                                  options.validation_size, core::derive_seed(seed, 0, "split"));
  });
  data->facts.training_images = data->split.train.size();
  data->facts.held_out_images = data->split.validation.size();
  data->training = training.training();
  data->repeats = repeats;
  data->threads = training.threads;
  data->device = device_here();
  naming_options([&data] { nn::check(data->training, data->split.train, data->split.validation); });
  nn::use_device(data->device);
  data->split.train = nn::on_device(data->split.train, data->device);
  data->split.validation = nn::on_device(data->split.validation, data->device);
  data_ = std::move(data);
}

TrainingSetup::~TrainingSetup() = default;

bool TrainingSetup::available() {
  return true;
}

search::DataFacts TrainingSetup::facts() const {
  return data_->facts;
}

void TrainingSetup::check_memory(const genome::Plan& plan) const {
  if (!data_->device.is_cpu()) return;
  const nn::TrainingOptions& training = data_->training;
  app::check_memory(plan, nn::trained_side(data_->split.train, training),
                    images_at_a_time(training), 1);
}

bool TrainingSetup::on_gpu() const {
  return !data_->device.is_cpu();
}

std::int64_t TrainingSetup::evaluator_memory(int sharing) const {
  if (data_->device.is_cpu()) return 0;
  const std::int64_t all = nn::memory_of_gpu(data_->device);
  const auto data = static_cast<std::int64_t>(data_->split.train.pixels.nbytes() +
                                              data_->split.validation.pixels.nbytes());
  const std::int64_t share = nn::memory_share(all, sharing) - data;
  if (share > 0) return share;
  constexpr double gigabyte = 1e9;
  throw core::UsageError(
      fmt::format("{} share a GPU of {:.3g} GB",
                  core::counted_text(static_cast<std::size_t>(sharing), "evaluator"),
                  static_cast<double>(all) / gigabyte),
      fmt::format("each needs about 1 GB and {:.3g} GB for the images before it trains anything",
                  static_cast<double>(data) / gigabyte),
      "Give fewer --evaluators-per-device.");
}

void TrainingSetup::limit_memory(int sharing) const {
  if (data_->device.is_cpu() || sharing == 1) return;
  nn::limit_memory(data_->device, nn::memory_share(nn::memory_of_gpu(data_->device), sharing));
}

std::unique_ptr<search::Evaluator> TrainingSetup::make_evaluator(const genome::ModelSpec& spec,
                                                                 Checkpoints checkpoints) const {
  checkpoints.options +=
      fmt::format("data={}\n", search::fingerprint_text(data_->facts.fingerprint));
  return std::make_unique<TrainingEvaluator>(data_, spec, std::move(checkpoints));
}

}  // namespace hierevo::app
