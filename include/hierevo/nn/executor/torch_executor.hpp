#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <memory>

#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/executor/executor.hpp"

namespace hierevo::nn {

/// The network of `plan` on Torch's operations and its autograd, channels last. `seed` alone
/// decides the initial weights, the same on every device: Torch's global generators are not used.
/// Weights are named NAME.weight (convolutions and the classifier), NAME.depthwise.weight and
/// NAME.pointwise.weight (separable), NAME.bn.weight, NAME.bn.bias, NAME.bn.running_mean,
/// NAME.bn.running_var, and NAME.bias of the classifier.
std::unique_ptr<Executor> make_torch_executor(const genome::Plan& plan, c10::Device device,
                                              std::uint64_t seed,
                                              c10::ScalarType type = c10::ScalarType::Float);

}  // namespace hierevo::nn
