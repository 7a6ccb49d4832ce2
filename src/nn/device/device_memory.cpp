#include "hierevo/nn/device/device_memory.hpp"

#include <algorithm>

namespace hierevo::nn {

namespace {

/// A process's CUDA context, the code of its kernels and of cuDNN and cuBLAS, and instantiated CUDA
/// graphs, none of which Torch's allocator counts. Estimated from what others report for recent
/// GPUs (about half a gibibyte).
constexpr std::int64_t beside_tensors = std::int64_t{1} << 30;

}  // namespace

std::int64_t memory_share(std::int64_t bytes, int processes) {
  return std::max<std::int64_t>(bytes / processes - beside_tensors, 0);
}

}  // namespace hierevo::nn
