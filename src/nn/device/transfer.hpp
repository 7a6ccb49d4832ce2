// Copies between the host and a GPU without one waiting for the other. On the CPU all is immediate.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <functional>
#include <optional>

namespace hierevo::nn {

/// Lets the host wait for a device until `reached` returns true. (Torch 1.13 cannot wait for an
/// event of any kind of device.)
void wait_until(const std::function<bool()>& reached);

/// `values` on `device`, where they arrive before any work that the calling thread starts
/// afterwards. (Copies from pageable host memory would first wait for all work in progress.)
at::Tensor to_device_async(const at::Tensor& values, c10::Device device);

/// A number on its way to the host, which does not wait meanwhile.
class AsyncScalar {
 public:
  /// `number` is a scalar (float64), whose memory may be reused at once.
  explicit AsyncScalar(const at::Tensor& number);

  /// Waits until it has arrived.
  double value() const;

 private:
  at::Tensor here_;
  std::optional<c10::Event> came_;  ///< from a GPU
};

}  // namespace hierevo::nn
