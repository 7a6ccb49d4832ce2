#include "sgd.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace hierevo::nn {

Sgd::Sgd(const std::vector<NamedTensor>& parameters, double momentum, double weight_decay)
    : momentum_(momentum), weight_decay_(weight_decay) {
  const at::NoGradGuard without_gradients;
  for (const NamedTensor& parameter : parameters) {
    weights_.push_back(parameter.tensor);
    velocities_.push_back(at::zeros_like(parameter.tensor));
  }
}

void Sgd::step(double learning_rate) {
  const at::NoGradGuard without_gradients;
  std::vector<at::Tensor> gradients;
  gradients.reserve(weights_.size());
  for (const at::Tensor& weight : weights_) gradients.push_back(weight.grad());
  at::_foreach_add_(gradients, weights_, weight_decay_);
  at::_foreach_mul_(velocities_, momentum_);
  at::_foreach_add_(velocities_, gradients, 1);
  at::_foreach_add_(weights_, velocities_, -learning_rate);
}

}  // namespace hierevo::nn
