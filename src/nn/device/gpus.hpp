// What is known of GPUs only with CUDA's headers: gpus.cpp, or gpus_absent.cpp in builds without.
#pragma once

#include <c10/core/Device.h>

struct CUstream_st;  // cudaStream_t is a pointer to it

namespace hierevo::nn {

/// The stream that Torch gives what the calling thread wants of a GPU.
CUstream_st* current_stream(c10::Device gpu);

}  // namespace hierevo::nn
