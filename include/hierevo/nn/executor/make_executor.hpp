#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <memory>

#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/executor/executor.hpp"
#include "hierevo/nn/training_options.hpp"

namespace hierevo::nn {

/// The executor for a training with `options`, in float32: the native one on a CPU, unless the
/// options require something that only Torch's can do. `seed` alone decides the initial weights.
std::unique_ptr<Executor> make_executor(const genome::Plan& plan, c10::Device device,
                                        std::uint64_t seed, const TrainingOptions& options);

}  // namespace hierevo::nn
