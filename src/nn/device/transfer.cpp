#include "transfer.hpp"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include <chrono>
#include <thread>

namespace hierevo::nn {

void wait_until(const std::function<bool()>& reached) {
  while (!reached()) std::this_thread::sleep_for(std::chrono::microseconds(20));
}

at::Tensor to_device_async(const at::Tensor& values, c10::Device device) {
  const bool crosses = values.device().is_cpu() && !device.is_cpu();
  return crosses ? values.pin_memory().to(device, /*non_blocking=*/true) : values.to(device);
}

AsyncScalar::AsyncScalar(const at::Tensor& number) {
  const c10::Device there = number.device();
  if (there.is_cpu()) {
    here_ = number.detach().clone();
    return;
  }
  here_ = at::empty({}, at::TensorOptions(at::kDouble).pinned_memory(true));
  here_.copy_(number.detach(), /*non_blocking=*/true);
  came_.emplace(there.type());
  came_->record(c10::impl::VirtualGuardImpl(there.type()).getStream(there));
}

double AsyncScalar::value() const {
  if (came_) wait_until([this] { return came_->query(); });
  return *here_.data_ptr<double>();
}

}  // namespace hierevo::nn
