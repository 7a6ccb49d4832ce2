#include "stored_tensors.hpp"

#include <ATen/ATen.h>

namespace hierevo::app {

std::vector<float> floats(const at::Tensor& values) {
  const at::Tensor plain = values.detach().to(at::kCPU, at::kFloat).contiguous();
  const auto* begin = plain.data_ptr<float>();
  return {begin, begin + plain.numel()};
}

std::vector<io::StoredTensor> stored(const std::vector<nn::NamedTensor>& tensors) {
  std::vector<io::StoredTensor> all;
  for (const auto& [name, tensor] : tensors) {
    all.push_back({name, {tensor.sizes().begin(), tensor.sizes().end()}, floats(tensor)});
  }
  return all;
}

std::vector<nn::NamedTensor> loaded(const std::vector<io::StoredTensor>& tensors) {
  std::vector<nn::NamedTensor> all;
  for (const auto& [name, shape, values] : tensors) {
    const std::vector<std::int64_t> sizes(shape.begin(), shape.end());
    all.push_back({name, at::tensor(values, at::kFloat).view(sizes)});
  }
  return all;
}

}  // namespace hierevo::app
