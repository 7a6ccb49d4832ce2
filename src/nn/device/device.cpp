#include "hierevo/nn/device/device.hpp"

#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <fmt/format.h>

#include <algorithm>

#include "gpus.hpp"
#include "hierevo/comm/agreement.hpp"
#include "hierevo/comm/nccl_collectives.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

/// Ranks may only wait for each other if all are of one kind.
void require_same_kind(comm::Collectives& host, c10::Device device) {
  const auto kinds = comm::gather_texts(host, device.is_cpu() ? "CPU" : "GPU");
  const auto other = std::find_if(kinds.begin(), kinds.end(),
                                  [&](const std::string& kind) { return kind != kinds[0]; });
  if (other == kinds.end()) return;
  const auto rank = other - kinds.begin();
  throw comm::AgreedError(core::UsageError(
      fmt::format("Rank 0 computes on a {}, and rank {} on a {}", kinds[0], rank, *other),
      "all ranks that train one network need devices of one kind",
      "Start them on nodes that have as many GPUs as ranks, or hide all GPUs "
      "(CUDA_VISIBLE_DEVICES=)."));
}

}  // namespace

c10::Device device_of_rank(const LocalRank& rank, GpuSharing sharing, int gpus) {
  if (gpus == 0) return c10::Device(c10::DeviceType::CPU);
  const auto gpu = [](int number) {
    return c10::Device(c10::DeviceType::CUDA, static_cast<c10::DeviceIndex>(number));
  };
  if (rank.own_gpus) return gpu(0);
  if (rank.rank < gpus && rank.ranks <= gpus) return gpu(rank.rank);
  if (sharing == GpuSharing::allowed) return gpu(rank.rank % gpus);
  // A launcher may give the number of a rank but not how many there are.
  const int ranks = std::max(rank.ranks, rank.rank + 1);
  throw core::UsageError(
      fmt::format("{} ranks of this node see {} GPU{}", ranks, gpus, gpus == 1 ? "" : "s"),
      "ranks that train one network need one GPU each",
      fmt::format("Start at most {} on a node; where the launcher shows each rank a GPU of its own "
                  "(srun --gpus-per-task=1), set HIEREVO_DEVICES=own.",
                  gpus));
}

std::string device_text(c10::Device device) {
  return device.is_cpu() ? "the CPU" : fmt::format("GPU {}", static_cast<int>(device.index()));
}

void use_device(c10::Device device) {
  if (!device.is_cpu()) c10::impl::getDeviceGuardImpl(device.type())->setDevice(device);
}

std::unique_ptr<comm::Collectives> make_device_collectives(comm::Collectives& host,
                                                           c10::Device device,
                                                           std::chrono::nanoseconds timeout) {
  if (host.size() == 1) return nullptr;
  require_same_kind(host, device);
  if (device.is_cpu()) return nullptr;
  use_device(device);
  return std::make_unique<comm::NcclCollectives>(host, current_stream(device), timeout);
}

}  // namespace hierevo::nn
