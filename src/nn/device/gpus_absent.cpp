// Stands in for gpus.cpp in builds without CUDA.
#include "gpus.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/nn/device/device.hpp"

namespace hierevo::nn {

int gpu_count() {
  return 0;
}

CUstream_st* current_stream(c10::Device) {
  throw core::UsageError("GPUs cannot be used", "this hierevo was built without CUDA",
                         "Build it with HIEREVO_WITH_CUDA=ON, or train on CPUs.");
}

}  // namespace hierevo::nn
