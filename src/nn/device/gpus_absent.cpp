// Stands in for gpus.cpp in builds without CUDA.
#include "gpus.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/nn/device/device.hpp"
#include "hierevo/nn/device/device_memory.hpp"

namespace hierevo::nn {

namespace {

[[noreturn]] void refuse() {
  throw core::UsageError("GPUs cannot be used", "this hierevo was built without CUDA",
                         "Build it with HIEREVO_WITH_CUDA=ON, or train on CPUs.");
}

}  // namespace

int gpu_count() {
  return 0;
}

CUstream_st* current_stream(c10::Device) {
  refuse();
}

bool works(c10::Device device) {
  return device.is_cpu();
}

std::int64_t memory_of_gpu(c10::Device) {
  refuse();
}

void limit_memory(c10::Device, std::int64_t) {
  refuse();
}

void release_cached_memory(c10::Device) {}

}  // namespace hierevo::nn
