#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "hierevo/nn/executor.hpp"

namespace hierevo::nn {

/// Stochastic gradient descent with momentum, as PyTorch defines it: g += decay · w,
/// v = momentum · v + g, w -= rate · v. All tensors are updated by few fused calls: a network has
/// hundreds of small ones.
class Sgd {
 public:
  Sgd(const std::vector<NamedTensor>& parameters, double momentum, double weight_decay);

  /// Uses up the gradients: they hold other values afterwards.
  void step(double learning_rate);

 private:
  std::vector<at::Tensor> weights_;
  std::vector<at::Tensor> velocities_;
  double momentum_;
  double weight_decay_;
};

}  // namespace hierevo::nn
