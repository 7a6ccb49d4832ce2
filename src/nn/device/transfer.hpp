// Between the host and a GPU without the one waiting for the other. On the CPU all is there at
// once.
#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>
#include <c10/core/Event.h>

#include <optional>

namespace hierevo::nn {

/// `values` on `device`, where they are before whatever the calling thread gives it to do from now
/// on. (What comes from ordinary memory of the host would first wait for all that is under way.)
at::Tensor to_device_async(const at::Tensor& values, c10::Device device);

/// A number on its way to the host, which goes on meanwhile.
class AsyncScalar {
 public:
  /// `number` is a scalar (float64), whose memory may be used again.
  explicit AsyncScalar(const at::Tensor& number);

  /// Waits until it has come.
  double value() const;

 private:
  at::Tensor here_;
  std::optional<c10::Event> came_;  ///< from a GPU
};

}  // namespace hierevo::nn
