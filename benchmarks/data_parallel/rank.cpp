// rank GENOTYPE MODEL BATCH CROP THREADS, under mpirun: a rank that trains MODEL (cifar-small,
// cifar-large or imagenet) of a genotype on noise, for data_parallel.py.
//
// For each line that rank 0 reads, a number of steps, all ranks make that many (forward and
// backward pass over their parts of BATCH images, sum of the gradients, SGD); rank 0 prints the
// seconds that they took, the seconds that it waited for communication, and the seconds that
// summing the same gradients takes while nobody computes.
#include <ATen/ATen.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <vector>

#include "hierevo/comm/mpi_collectives.hpp"
#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/memory.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/device/threads.hpp"
#include "hierevo/nn/executor/make_executor.hpp"
#include "hierevo/nn/training/trainer.hpp"

namespace {

using namespace hierevo;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// The same noise in every step.
class Noise final : public nn::TrainingBatches {
 public:
  Noise(std::int64_t batch, std::int64_t crop) {
    at::manual_seed(1);
    images_ = at::randn({batch, 3, crop, crop}).contiguous(at::MemoryFormat::ChannelsLast);
    labels_ = at::randint(10, {batch}, at::kLong);
  }
  nn::Batch at(std::int64_t, data::ImageRange range) override {
    return {images_.narrow(0, range.first, range.count),
            labels_.narrow(0, range.first, range.count)};
  }

 private:
  at::Tensor images_;
  at::Tensor labels_;
};

/// Takes turns with another program: until steps are requested, no rank does anything.
class Turns {
 public:
  Turns(comm::Collectives& ranks, std::size_t gradients) : ranks_(ranks), gradients_(gradients) {}

  /// After each step; false at the end of the input.
  bool step_done(const nn::TrainingProgress& now) {
    if (now.step < end_) return true;
    if (ranks_.rank() == 0 && now.step > 0) {
      std::cout << seconds_since(start_) << ' ' << now.communication_seconds - waited_ << ' '
                << alone_ << std::endl;
    }
    std::int64_t steps = 0;
    if (ranks_.rank() == 0 && !(std::cin >> steps)) steps = 0;
    ranks_.broadcast({&steps, 1, comm::ElementType::int64}, 0).wait();
    if (steps == 0) return false;
    alone_ = static_cast<double>(steps) * seconds_of_a_sum();
    end_ = now.step + steps;
    waited_ = now.communication_seconds;
    start_ = Clock::now();
    return true;
  }

 private:
  double seconds_of_a_sum() {
    ranks_.barrier().wait();
    const auto start = Clock::now();
    ranks_.all_reduce({gradients_.data(), gradients_.size(), comm::ElementType::float32}).wait();
    return seconds_since(start);
  }

  comm::Collectives& ranks_;
  std::vector<float> gradients_;
  std::int64_t end_ = 0;
  double waited_ = 0.0;
  double alone_ = 0.0;
  Clock::time_point start_;
};

void train(const genome::Plan& plan, std::int64_t batch, std::int64_t crop) {
  comm::MpiCollectives ranks(std::chrono::hours(1));
  const nn::TrainingOptions options{
      .steps = std::int64_t{1} << 40, .batch = batch, .crop = 0, .learning_rate = 0.01};
  const auto executor = nn::make_executor(plan, at::kCPU, 1, options);
  Noise batches(batch, crop);
  nn::Trainer trainer(*executor, batches, options, 1, {.ranks = &ranks, .check_every = 0});
  std::int64_t count = 0;
  for (const nn::NamedTensor& one : executor->parameters()) count += one.tensor.numel();
  Turns turns(ranks, static_cast<std::size_t>(count));
  trainer.run([&](const nn::TrainingProgress& now) { return turns.step_done(now); });
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) throw core::UsageError("Five arguments are needed");
  core::keep_freed_memory();  // as the programs do
  nn::set_threads(std::stoi(argv[5]));
  const auto plan = genome::make_plan(genome::assemble(genome::read_genotype(argv[1])),
                                      genome::ModelSpec::of(genome::model_kind_named(argv[2])));
  const comm::MpiSession session(comm::MpiThreads::serialized);
  train(plan, std::stoi(argv[3]), std::stoi(argv[4]));
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
