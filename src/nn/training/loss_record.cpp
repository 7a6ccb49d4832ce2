#include "loss_record.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace hierevo::nn {

void LossRecord::add(const at::Tensor& loss) {
  unread_.push_back(loss);
  constexpr std::size_t gpu_group = 50;
  const std::size_t group = loss.device().is_cpu() ? 1 : gpu_group;
  if (unread_.size() >= group) read();
}

void LossRecord::read() {
  if (unread_.empty()) return;
  const at::Tensor group = at::stack(unread_).to(at::kCPU, at::kDouble);
  unread_.clear();
  const auto* values = group.data_ptr<double>();
  for (std::int64_t i = 0; i < group.numel() && finite(); ++i) read_.push_back(values[i]);
}

bool LossRecord::finite() const {
  return read_.empty() || std::isfinite(read_.back());
}

double LossRecord::mean_of_last_tenth() const {
  if (read_.empty()) return 0.0;
  if (!finite()) return last();
  const std::size_t count = std::max<std::size_t>(1, read_.size() / 10);
  const auto from = read_.end() - static_cast<std::ptrdiff_t>(count);
  return std::accumulate(from, read_.end(), 0.0) / static_cast<double>(count);
}

}  // namespace hierevo::nn
