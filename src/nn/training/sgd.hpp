#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "hierevo/nn/executor/executor.hpp"

namespace hierevo::nn {

/// Stochastic gradient descent with momentum, as PyTorch defines it: g += decay · w,
/// v = momentum · v + g, w -= rate · v. All tensors are updated by a few fused calls: a network has
/// hundreds of small ones.
class Sgd {
 public:
  struct Options {
    double momentum = 0.0;
    double weight_decay = 0.0;
    bool decay_norms = true;  ///< decay also of tensors of one dimension: norms and biases
    double clip_norm = 0.0;   ///< largest L2 norm of all gradients together; 0: no limit
  };
  Sgd(const std::vector<NamedTensor>& parameters, const Options& options);

  /// Overwrites the gradients.
  void step(double learning_rate);

  /// v of each parameter, under its name; writing to them changes the state.
  const std::vector<NamedTensor>& velocities() const { return velocities_; }

 private:
  Options options_;
  std::vector<at::Tensor> weights_;
  std::vector<NamedTensor> velocities_;
};

}  // namespace hierevo::nn
