#pragma once

#include <c10/core/Device.h>

#include <cstdint>

namespace hierevo::nn {

/// Bytes of memory that a GPU has, used or not. Throws c10::Error, and UsageError in a build
/// without CUDA.
std::int64_t memory_of_gpu(c10::Device gpu);

/// Bytes that Torch may take for tensors in each of `processes` that share a GPU of `bytes`: an
/// equal part of it, less what CUDA and its libraries take beside Torch's tensors; 0 where nothing
/// is left.
std::int64_t memory_share(std::int64_t bytes, int processes);

/// From now on Torch takes at most `bytes` of a GPU for tensors in this process, those that it has
/// already included. Where that does not suffice it runs out of memory as if the GPU had no more;
/// so what one process takes never comes from another's share. Throws as memory_of_gpu().
void limit_memory(c10::Device gpu, std::int64_t bytes);

/// Gives back to a GPU what Torch keeps of freed tensors for later ones. Does nothing for the CPU.
void release_cached_memory(c10::Device device);

}  // namespace hierevo::nn
