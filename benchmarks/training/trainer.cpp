// trainer EXECUTOR GENOTYPE BATCH CROP THREADS: trains the small model of a genotype on noise, for
// training.py.
//
// EXECUTOR is "torch", "native" or an instruction set of the native one. For each line that it
// reads, a number of steps, it makes that many (forward and backward pass and SGD) and prints the
// seconds that they took.
#include <ATen/ATen.h>

#include <chrono>
#include <exception>
#include <iostream>
#include <memory>
#include <string>

#include "hierevo/core/error.hpp"
#include "hierevo/core/memory.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/device/threads.hpp"
#include "hierevo/nn/executor/native_executor.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"
#include "training/sgd.hpp"

namespace {

using namespace hierevo;
using Clock = std::chrono::steady_clock;

std::unique_ptr<nn::Executor> executor_named(const std::string& name, const genome::Plan& plan) {
  if (name == "torch") return nn::make_torch_executor(plan, at::kCPU, 1);
  return nn::make_native_executor(plan, 1, name == "native" ? "" : name);
}

void serve(nn::Executor& executor, std::int64_t batch, std::int64_t crop) {
  at::manual_seed(1);
  const at::Tensor images =
      at::randn({batch, 3, crop, crop}).contiguous(at::MemoryFormat::ChannelsLast);
  const at::Tensor labels = at::randint(10, {batch}, at::kLong);
  nn::Sgd sgd(executor.parameters(), {.momentum = 0.9, .weight_decay = 3e-4});
  int steps = 0;
  while (std::cin >> steps) {
    const auto start = Clock::now();
    for (int i = 0; i < steps; ++i) {
      executor.train_step(images, labels);
      sgd.step(0.01);
    }
    std::cout << std::chrono::duration<double>(Clock::now() - start).count() << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6) throw core::UsageError("Five arguments are needed");
  core::keep_freed_memory();  // as the programs do
  nn::set_threads(std::stoi(argv[5]));
  const auto plan = genome::make_plan(genome::assemble(genome::read_genotype(argv[2])),
                                      genome::ModelSpec::of(genome::ModelKind::cifar_small));
  serve(*executor_named(argv[1], plan), std::stoi(argv[3]), std::stoi(argv[4]));
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
