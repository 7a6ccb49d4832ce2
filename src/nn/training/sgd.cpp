#include "sgd.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

namespace hierevo::nn {

namespace {

/// Scales the gradients down to the norm `largest` of all of them together, where it is larger.
void clip(std::vector<at::Tensor>& gradients, double largest) {
  const at::Tensor norm = at::stack(at::_foreach_norm(gradients)).norm().to(at::kDouble);
  // On a GPU the norm stays there, since reading it would wait for the whole step.
  if (norm.device().is_cpu() && !(norm.item<double>() > largest)) return;
  // Not for a NaN norm: the loss will show it.
  const at::Tensor factor = at::where(norm.gt(largest), largest / norm, at::ones_like(norm));
  for (at::Tensor& gradient : gradients) gradient.mul_(factor);
}

}  // namespace

Sgd::Sgd(const std::vector<NamedTensor>& parameters, const Options& options) : options_(options) {
  const at::NoGradGuard without_gradients;
  for (const NamedTensor& parameter : parameters) {
    weights_.push_back(parameter.tensor);
    velocities_.push_back({parameter.name, at::zeros_like(parameter.tensor)});
  }
}

void Sgd::step(double learning_rate) {
  const at::NoGradGuard without_gradients;
  std::vector<at::Tensor> gradients;
  std::vector<at::Tensor> velocities;
  std::vector<at::Tensor> decaying;
  std::vector<at::Tensor> gradients_of_decaying;
  for (std::size_t i = 0; i < weights_.size(); ++i) {
    gradients.push_back(weights_[i].grad());
    velocities.push_back(velocities_[i].tensor);
    if (!options_.decay_norms && weights_[i].dim() < 2) continue;
    decaying.push_back(weights_[i]);
    gradients_of_decaying.push_back(gradients.back());
  }
  if (options_.clip_norm > 0.0) clip(gradients, options_.clip_norm);
  if (!decaying.empty()) {
    at::_foreach_add_(gradients_of_decaying, decaying, options_.weight_decay);
  }
  at::_foreach_mul_(velocities, options_.momentum);
  at::_foreach_add_(velocities, gradients, 1);
  at::_foreach_add_(weights_, velocities, -learning_rate);
}

}  // namespace hierevo::nn
