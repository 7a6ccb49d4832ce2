#include "gpus.hpp"

#include <ATen/ops/empty.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <algorithm>
#include <cstddef>

#include "hierevo/nn/device/device.hpp"
#include "hierevo/nn/device/device_memory.hpp"

namespace hierevo::nn {

int gpu_count() {
  return static_cast<int>(c10::cuda::device_count());
}

CUstream_st* current_stream(c10::Device gpu) {
  return c10::cuda::getCurrentCUDAStream(gpu.index()).stream();
}

bool works(c10::Device device) {
  if (device.is_cpu()) return true;
  return cudaSetDevice(device.index()) == cudaSuccess && cudaDeviceSynchronize() == cudaSuccess;
}

std::int64_t memory_of_gpu(c10::Device gpu) {
  const c10::cuda::CUDAGuard guard(gpu);
  std::size_t free = 0;
  std::size_t total = 0;
  C10_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<std::int64_t>(total);
}

void limit_memory(c10::Device gpu, std::int64_t bytes) {
  // The allocator knows a GPU only once something was allocated there.
  at::empty({1}, at::TensorOptions(gpu));
  const double all = static_cast<double>(memory_of_gpu(gpu));
  const double part = std::clamp(static_cast<double>(bytes) / all, 0.0, 1.0);
  c10::cuda::CUDACachingAllocator::setMemoryFraction(part, gpu.index());
}

void release_cached_memory(c10::Device device) {
  if (device.is_cpu()) return;
  const c10::cuda::CUDAGuard guard(device);
  c10::cuda::CUDACachingAllocator::emptyCache();
}

}  // namespace hierevo::nn
