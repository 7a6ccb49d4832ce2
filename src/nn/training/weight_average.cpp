#include "weight_average.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>

namespace hierevo::nn {

WeightAverage::WeightAverage(const std::vector<NamedTensor>& tensors, double decay)
    : tensors_(tensors), decay_(decay) {
  const at::NoGradGuard without_gradients;
  for (const NamedTensor& value : tensors) {
    averages_.push_back({value.name, value.tensor.detach().clone()});
  }
}

void WeightAverage::update(std::int64_t updates) {
  const at::NoGradGuard without_gradients;
  const auto n = static_cast<double>(updates);
  const double decay = std::min(decay_, (1.0 + n) / (10.0 + n));
  std::vector<at::Tensor> averages;
  std::vector<at::Tensor> present;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    averages.push_back(averages_[i].tensor);
    present.push_back(tensors_[i].tensor);
  }
  at::_foreach_mul_(averages, decay);
  at::_foreach_add_(averages, present, 1.0 - decay);
}

void WeightAverage::swap() {
  const at::NoGradGuard without_gradients;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    const at::Tensor own = tensors_[i].tensor.detach().clone();
    tensors_[i].tensor.copy_(averages_[i].tensor);
    averages_[i].tensor.copy_(own);
  }
}

}  // namespace hierevo::nn
