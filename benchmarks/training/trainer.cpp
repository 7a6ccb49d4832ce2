// trainer EXECUTOR GENOTYPE BATCH CROP THREADS [MODEL CHANNELS]: trains the network of a genotype
// on noise, for training.py and the checks of GPUs (scripts/gpu/checks).
//
// EXECUTOR is "torch", "native" or an instruction set of the native one, all on the CPU; or "gpu"
// or "gpu-bf16", Torch's on the first GPU, the latter as with --bf16. MODEL (default: cifar-small)
// and CHANNELS (c0; default or 0: the model's own number) say what the network is.
//
// For each line that it reads, a number of steps, it makes that many (forward and backward pass and
// SGD) and prints the seconds that they took, and those after which the host had issued all work:
// on a GPU, these are close to each other where the device waits for the host. It fails where a
// loss is not finite.
#include <ATen/ATen.h>

#include <chrono>
#include <cmath>
#include <exception>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>

#include "hierevo/core/error.hpp"
#include "hierevo/core/memory.hpp"
#include "hierevo/genome/codec.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/device/device.hpp"
#include "hierevo/nn/device/threads.hpp"
#include "hierevo/nn/executor/native_executor.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"
#include "training/sgd.hpp"

namespace {

using namespace hierevo;
using Clock = std::chrono::steady_clock;

constexpr std::string_view on_gpu = "gpu";

c10::Device device_for(const std::string& executor) {
  if (!executor.starts_with(on_gpu)) return at::kCPU;
  if (nn::gpu_count() == 0) throw core::UsageError("There is no GPU here");
  const c10::Device gpu(c10::DeviceType::CUDA, 0);
  nn::use_device(gpu);
  return gpu;
}

std::unique_ptr<nn::Executor> executor_named(const std::string& name, const genome::Plan& plan,
                                             c10::Device device) {
  if (name == "torch" || name.starts_with(on_gpu)) return nn::make_torch_executor(plan, device, 1);
  return nn::make_native_executor(plan, 1, name == "native" ? "" : name);
}

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void serve(nn::Executor& executor, const at::Tensor& images, const at::Tensor& labels, bool bf16) {
  nn::Sgd sgd(executor.parameters(), {.momentum = 0.9, .weight_decay = 3e-4});
  int steps = 0;
  while (std::cin >> steps) {
    at::Tensor loss;
    const auto start = Clock::now();
    for (int i = 0; i < steps; ++i) {
      loss = executor.train_step(images, labels, {.bf16 = bf16});
      sgd.step(0.01);
    }
    const double issued = seconds_since(start);
    const double value = loss.item<double>();  // waits for all steps
    const double seconds = seconds_since(start);
    if (!std::isfinite(value)) throw core::UsageError("The loss is not finite");
    std::cout << seconds << ' ' << issued << std::endl;
  }
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 6 && argc != 8) throw core::UsageError("Five or seven arguments are needed");
  core::keep_freed_memory();  // as the programs do
  nn::set_threads(std::stoi(argv[5]));
  genome::ModelSpec spec = genome::ModelSpec::of(argc == 8 ? genome::model_kind_named(argv[6])
                                                           : genome::ModelKind::cifar_small);
  if (argc == 8 && std::stoi(argv[7]) > 0) spec.channels = std::stoi(argv[7]);
  const auto plan = genome::make_plan(genome::assemble(genome::read_genotype(argv[2])), spec);
  const std::string executor = argv[1];
  const c10::Device device = device_for(executor);
  const std::int64_t batch = std::stoi(argv[3]);
  const std::int64_t crop = std::stoi(argv[4]);
  at::manual_seed(1);
  const at::Tensor images =
      at::randn({batch, 3, crop, crop}).contiguous(at::MemoryFormat::ChannelsLast).to(device);
  const at::Tensor labels = at::randint(spec.classes, {batch}, at::kLong).to(device);
  serve(*executor_named(executor, plan, device), images, labels, executor.ends_with("bf16"));
  return 0;
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
