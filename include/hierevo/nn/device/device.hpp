#pragma once

#include <c10/core/Device.h>

#include <chrono>
#include <memory>
#include <string>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::nn {

/// GPUs that this process may use, numbered from 0 (CUDA_VISIBLE_DEVICES chooses them): none where
/// there is none, or in a build without CUDA.
int gpu_count();

/// A rank among those of its node.
struct LocalRank {
  int rank = 0;           ///< from 0
  int ranks = 1;          ///< on the node, as far as the launcher says
  bool own_gpus = false;  ///< the launcher shows each rank GPUs of its own
};

/// Whether several ranks of a node may compute on one GPU.
enum class GpuSharing { refused, allowed };

/// Where a rank that sees `gpus` GPUs computes: on the one of its number, or the first one of its
/// own; on the CPU where there is none. Throws UsageError where ranks would have to share a GPU and
/// that is refused.
c10::Device device_of_rank(const LocalRank& rank, GpuSharing sharing, int gpus = gpu_count());

/// "the CPU", or "GPU 2".
std::string device_text(c10::Device device);

/// Whether this process can still use the device: no more after a kernel has failed on it (which
/// running out of memory is not). Waits for the work in progress.
bool works(c10::Device device);

/// Makes a GPU the calling thread's current one, for libraries that take no device (NCCL). Does
/// nothing for the CPU.
void use_device(c10::Device device);

/// The group in which the ranks of `host` exchange memory of their devices: NCCL's where each
/// computes on a GPU, ordered with the work on Torch's stream for the calling thread; null where
/// all compute on the CPU, for whose memory `host` is the group, or where there is only one rank.
/// Collective over `host`. Throws as the constructor of NcclCollectives does, and AgreedError where
/// only some ranks have a GPU.
std::unique_ptr<comm::Collectives> make_device_collectives(comm::Collectives& host,
                                                           c10::Device device,
                                                           std::chrono::nanoseconds timeout);

}  // namespace hierevo::nn
