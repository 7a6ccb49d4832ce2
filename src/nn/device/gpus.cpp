#include "gpus.hpp"

#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>

#include "hierevo/nn/device/device.hpp"

namespace hierevo::nn {

int gpu_count() {
  return static_cast<int>(c10::cuda::device_count());
}

CUstream_st* current_stream(c10::Device gpu) {
  return c10::cuda::getCurrentCUDAStream(gpu.index()).stream();
}

}  // namespace hierevo::nn
