// What requires CUDA's headers: gpus.cpp, or gpus_absent.cpp in builds without CUDA.
#pragma once

#include <c10/core/Device.h>

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace hierevo::nn {

/// Torch's stream of a GPU for the calling thread.
CUstream_st* current_stream(c10::Device gpu);

}  // namespace hierevo::nn
