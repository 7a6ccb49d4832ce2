// The tensors of a network, for any executor.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <vector>

#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/executor/executor.hpp"

namespace hierevo::nn {

/// What an operation of the plan holds; undefined where it has none.
struct OpTensors {
  at::Tensor depthwise;  ///< [I, 1, k, k], channels last
  at::Tensor weight;     ///< of any other convolution [O, I, k, k], channels last, or [O, I]
  at::Tensor bias;       ///< of the classifier
  at::Tensor bn_weight;
  at::Tensor bn_bias;
  at::Tensor running_mean;
  at::Tensor running_var;
};

struct NetworkTensors {
  std::vector<OpTensors> ops;           ///< of each operation of the plan
  std::vector<NamedTensor> parameters;  ///< the trainable ones, in the order of the operations
  std::vector<NamedTensor> buffers;
};

/// Initial weights in the plan's order from one generator: the same for every executor and device.
/// Named as torch_executor.hpp says.
NetworkTensors make_tensors(const genome::Plan& plan, c10::Device device, std::uint64_t seed,
                            c10::ScalarType type);

}  // namespace hierevo::nn
