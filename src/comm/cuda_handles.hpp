// Owners of CUDA's handles, and the check of every call of CUDA and NCCL.
#pragma once

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nccl.h>

#include <cstddef>
#include <string_view>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::comm::detail {

inline std::string_view name_of_call(std::string_view call) {
  return call.substr(0, call.find('('));
}

inline void check_cuda(cudaError_t code, std::string_view what, int rank) {
  if (code == cudaSuccess) return;
  throw core::CommunicationError(rank, fmt::format("{} failed", what), cudaGetErrorString(code));
}

/// A call that continues in the background has not failed.
inline void check_nccl(ncclResult_t code, std::string_view what, int rank) {
  if (code == ncclSuccess || code == ncclInProgress) return;
  throw core::CommunicationError(rank, fmt::format("{} failed", what), ncclGetErrorString(code));
}

}  // namespace hierevo::comm::detail

/// Every call of CUDA and NCCL that can fail goes through these; `rank` is this one.
#define HIEREVO_CUDA_CHECK(rank, call) \
  ::hierevo::comm::detail::check_cuda((call), ::hierevo::comm::detail::name_of_call(#call), rank)
#define HIEREVO_NCCL_CHECK(rank, call) \
  ::hierevo::comm::detail::check_nccl((call), ::hierevo::comm::detail::name_of_call(#call), rank)

namespace hierevo::comm::detail {

class CudaStream {
 public:
  explicit CudaStream(int rank) {
    HIEREVO_CUDA_CHECK(rank, cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking));
  }
  CudaStream(const CudaStream&) = delete;
  CudaStream& operator=(const CudaStream&) = delete;
  ~CudaStream() { cudaStreamDestroy(stream_); }
  cudaStream_t get() const { return stream_; }

 private:
  cudaStream_t stream_ = nullptr;
};

class CudaEvent {
 public:
  explicit CudaEvent(int rank) {
    HIEREVO_CUDA_CHECK(rank, cudaEventCreateWithFlags(&event_, cudaEventDisableTiming));
  }
  CudaEvent(const CudaEvent&) = delete;
  CudaEvent& operator=(const CudaEvent&) = delete;
  ~CudaEvent() { cudaEventDestroy(event_); }
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

class CudaMemory {
 public:
  CudaMemory(int rank, std::size_t bytes) { HIEREVO_CUDA_CHECK(rank, cudaMalloc(&data_, bytes)); }
  CudaMemory(const CudaMemory&) = delete;
  CudaMemory& operator=(const CudaMemory&) = delete;
  ~CudaMemory() { cudaFree(data_); }
  void* get() const { return data_; }

 private:
  void* data_ = nullptr;
};

}  // namespace hierevo::comm::detail
