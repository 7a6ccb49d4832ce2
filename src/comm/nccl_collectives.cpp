#include "hierevo/comm/nccl_collectives.hpp"

#include <cuda_runtime_api.h>
#include <fmt/format.h>
#include <nccl.h>

#include <algorithm>
#include <array>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "backoff.hpp"
#include "collective_order.hpp"
#include "cuda_handles.hpp"
#include "hierevo/comm/agreement.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/host_name.hpp"
#include "hierevo/core/log.hpp"

namespace hierevo::comm {

namespace {

using namespace std::chrono_literals;
using detail::CollectiveKind;
using detail::CollectiveOrder;

/// How often the watch looks at most; an error is reported that late.
constexpr std::chrono::nanoseconds longest_between_looks = 50ms;

ncclDataType_t nccl_type(ElementType type) {
  switch (type) {
    case ElementType::uint8:
      return ncclUint8;
    case ElementType::int64:
      return ncclInt64;
    case ElementType::bfloat16:
      return ncclBfloat16;
    case ElementType::float32:
      return ncclFloat32;
    case ElementType::float64:
      return ncclFloat64;
  }
  throw core::InternalError("There is no such type of elements");
}

/// The current device: "GPU 0000:3B:00.0 of host n7".
std::string name_gpu() {
  int device = 0;
  HIEREVO_CUDA_CHECK(-1, cudaGetDevice(&device));
  std::array<char, 64> bus{};
  HIEREVO_CUDA_CHECK(-1, cudaDeviceGetPCIBusId(bus.data(), static_cast<int>(bus.size()), device));
  return fmt::format("GPU {} of host {}", bus.data(), core::host_name());
}

/// NCCL itself waits forever, or fails with a text that says little.
void require_own_gpus(Collectives& host) {
  std::string own;
  all_or_throw(host, [&own] { own = name_gpu(); });
  const auto gpus = gather_texts(host, own);
  for (std::size_t rank = 0; rank < gpus.size(); ++rank) {
    const auto first = std::find(gpus.begin(), gpus.end(), gpus[rank]) - gpus.begin();
    if (static_cast<std::size_t>(first) == rank) continue;
    throw AgreedError(
        core::UsageError(fmt::format("Ranks {} and {} have the same {}", first, rank, gpus[rank]),
                         "NCCL requires one for each rank",
                         "Start as many ranks on a node as it has GPUs, each with its own (srun "
                         "--gpus-per-task=1)."));
  }
}

ncclUniqueId agree_on_id(Collectives& host) {
  ncclUniqueId id{};
  all_or_throw(host, [&] {
    if (host.rank() == 0) HIEREVO_NCCL_CHECK(0, ncclGetUniqueId(&id));
  });
  host.broadcast({id.internal, sizeof id.internal, ElementType::uint8}, 0).wait();
  return id;
}

}  // namespace

struct NcclCollectives::Impl {
  /// What the watch looks at.
  struct Started {
    std::shared_ptr<detail::CudaEvent> end;
    std::string what;
    detail::Clock::time_point deadline;
  };

  Impl(Collectives& host, cudaStream_t network_stream, std::chrono::nanoseconds limit)
      : rank(host.rank()), size(host.size()), timeout(limit), network(network_stream) {
    const ncclUniqueId id = agree_on_id(host);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0;
    const auto deadline = detail::deadline_after(timeout);
    try {
      HIEREVO_NCCL_CHECK(rank, ncclCommInitRankConfig(&comm, size, id, rank, &config));
      settle("the start of NCCL", deadline);
    } catch (const std::exception&) {
      abort();
      throw;
    }
    HIEREVO_CUDA_CHECK(rank, cudaGetDevice(&device));
    watch = std::thread([this] { keep_watch(); });
  }

  /// Waits until nothing is in flight.
  void finish() {
    {
      const std::scoped_lock lock(mutex);
      ends = true;
      changed.notify_all();
    }
    watch.join();
    if (comm == nullptr) return;
    try {
      HIEREVO_NCCL_CHECK(rank, ncclCommFinalize(comm));
      settle("the end of NCCL", detail::deadline_after(timeout));
      HIEREVO_NCCL_CHECK(rank, ncclCommDestroy(std::exchange(comm, nullptr)));
    } catch (const std::exception& error) {
      core::log(core::LogLevel::warning, "{}", error.what());
      const std::scoped_lock lock(mutex);
      die(error.what());
    }
  }

  /// Until NCCL has done what it does in the background.
  void settle(const std::string& what, detail::Clock::time_point deadline) {
    detail::Backoff backoff;
    while (true) {
      ncclResult_t state = ncclSuccess;
      HIEREVO_NCCL_CHECK(rank, ncclCommGetAsyncError(comm, &state));
      detail::check_nccl(state, what, rank);
      if (state == ncclSuccess) return;
      if (!backoff.pause(deadline)) throw late(what);
    }
  }

  core::CommunicationError late(const std::string& what) const {
    const std::chrono::duration<double> limit = timeout;
    return core::CommunicationError(rank,
                                    fmt::format("{} {}", what, detail::late_text(limit.count())),
                                    "another rank has ended, stands still or does something else");
  }

  /// Lets kernels that wait for other ranks end, so that no stream hangs.
  void abort() {
    if (comm != nullptr) ncclCommAbort(comm);
    comm = nullptr;
  }

  /// With the mutex. The first reason stays.
  void die(const std::string& reason) {
    if (!dead.empty()) return;
    dead = reason;
    abort();
    changed.notify_all();
  }

  void throw_if_dead() const {
    if (dead.empty()) return;
    throw core::CommunicationError(rank, "its group can no longer be used", dead,
                                   "Start the program again; if ranks were only slow, give them "
                                   "more time.");
  }

  void keep_watch() {
    cudaSetDevice(device);
    std::unique_lock lock(mutex);
    while (dead.empty() && !(ends && started.empty())) {
      if (started.empty()) {
        changed.wait(lock);
        continue;
      }
      changed.wait_for(lock, std::min(timeout / 4, longest_between_looks));
      try {
        look();
      } catch (const std::exception& error) {
        die(error.what());
      }
    }
    started.clear();
  }

  void look() {
    while (!started.empty()) {
      const cudaError_t state = cudaEventQuery(started.front().end->get());
      if (state == cudaErrorNotReady) break;
      detail::check_cuda(state, started.front().what, rank);
      started.pop_front();
      if (!started.empty()) {  // its time begins now
        started.front().deadline = detail::deadline_after(timeout);
      }
    }
    ncclResult_t state = ncclSuccess;
    if (comm != nullptr) HIEREVO_NCCL_CHECK(rank, ncclCommGetAsyncError(comm, &state));
    if (started.empty()) return;
    detail::check_nccl(state, started.front().what, rank);
    if (detail::Clock::now() >= started.front().deadline) throw late(started.front().what);
  }

  void call(const CollectiveOrder& order) {
    const auto type = nccl_type(order.elements.type);
    const auto [data, count, ignored] = order.elements;
    switch (order.kind) {
      case CollectiveKind::all_reduce:
        HIEREVO_NCCL_CHECK(rank,
                           ncclAllReduce(data, data, count, type, ncclSum, comm, stream.get()));
        return;
      case CollectiveKind::broadcast:
        HIEREVO_NCCL_CHECK(rank,
                           ncclBroadcast(data, data, count, type, order.root, comm, stream.get()));
        return;
      case CollectiveKind::all_gather:
        HIEREVO_NCCL_CHECK(rank,
                           ncclAllGather(data, order.all.data, count, type, comm, stream.get()));
        return;
      case CollectiveKind::barrier:
        HIEREVO_NCCL_CHECK(rank, ncclAllReduce(token.get(), token.get(), 1, ncclInt64, ncclSum,
                                               comm, stream.get()));
        return;
    }
  }

  /// Events are made on the current device, and are of use only for its streams. What the thread
  /// had before is not brought back: to choose a device is to take memory on it.
  void use_own_device() const {
    int current = -1;
    HIEREVO_CUDA_CHECK(rank, cudaGetDevice(&current));
    if (current != device) HIEREVO_CUDA_CHECK(rank, cudaSetDevice(device));
  }

  std::shared_ptr<detail::CudaEvent> give_to_stream(const CollectiveOrder& order,
                                                    const std::string& what,
                                                    detail::Clock::time_point deadline) {
    use_own_device();
    HIEREVO_CUDA_CHECK(rank, cudaEventRecord(before.get(), network));
    HIEREVO_CUDA_CHECK(rank, cudaStreamWaitEvent(stream.get(), before.get(), 0));
    if (order.kind == CollectiveKind::barrier || order.elements.count > 0) call(order);
    settle(what, deadline);  // nothing more may be given to the stream before
    auto end = std::make_shared<detail::CudaEvent>(rank);
    HIEREVO_CUDA_CHECK(rank, cudaEventRecord(end->get(), stream.get()));
    return end;
  }

  std::shared_ptr<detail::CudaEvent> start(const CollectiveOrder& order) {
    const std::scoped_lock lock(mutex);
    throw_if_dead();
    const auto what = detail::describe(order, ++number);
    const auto deadline = detail::deadline_after(timeout);
    try {
      auto end = give_to_stream(order, what, deadline);
      started.push_back({end, what, deadline});
      changed.notify_all();
      return end;
    } catch (const std::exception& error) {
      die(fmt::format("{}: {}", what, error.what()));
    }
    throw_if_dead();
    throw core::InternalError("A group is dead without a reason");
  }

  bool done(const detail::CudaEvent& end) {
    const std::scoped_lock lock(mutex);
    return !dead.empty() || cudaEventQuery(end.get()) != cudaErrorNotReady;
  }

  void wait(const detail::CudaEvent& end) {
    const std::scoped_lock lock(mutex);
    throw_if_dead();
    HIEREVO_CUDA_CHECK(rank, cudaStreamWaitEvent(network, end.get(), 0));
  }

  const int rank;
  const int size;
  const std::chrono::nanoseconds timeout;
  const cudaStream_t network;
  int device = 0;
  ncclComm_t comm = nullptr;
  detail::CudaStream stream{rank};
  detail::CudaEvent before{rank};
  detail::CudaMemory token{rank, sizeof(std::int64_t)};  ///< for barriers

  std::mutex mutex;  ///< guards NCCL's calls too: an abort must not come between others
  std::condition_variable changed;
  bool ends = false;
  std::string dead;  ///< why, when the group is dead
  std::deque<Started> started;
  std::uint64_t number = 0;
  std::thread watch;
};

namespace {

template <typename Impl>
class OnStream final : public Request::Operation {
 public:
  OnStream(std::shared_ptr<Impl> impl, std::shared_ptr<detail::CudaEvent> end)
      : impl_(std::move(impl)), end_(std::move(end)) {}

  bool done() override { return impl_->done(*end_); }
  void wait() override { impl_->wait(*end_); }

 private:
  const std::shared_ptr<Impl> impl_;
  const std::shared_ptr<detail::CudaEvent> end_;
};

template <typename Impl>
Request start(const std::shared_ptr<Impl>& impl, const CollectiveOrder& order) {
  return Request(std::make_unique<OnStream<Impl>>(impl, impl->start(order)));
}

}  // namespace

NcclCollectives::NcclCollectives(Collectives& host, CUstream_st* network,
                                 std::chrono::nanoseconds timeout)
    : impl_((require_own_gpus(host), std::make_shared<Impl>(host, network, timeout))) {}

NcclCollectives::~NcclCollectives() {
  impl_->finish();
}

int NcclCollectives::rank() const {
  return impl_->rank;
}

int NcclCollectives::size() const {
  return impl_->size;
}

Request NcclCollectives::all_reduce(Elements elements) {
  return start(impl_, detail::order_all_reduce(elements));
}

Request NcclCollectives::broadcast(Elements elements, int root) {
  return start(impl_, detail::order_broadcast(elements, root, size()));
}

Request NcclCollectives::all_gather(Elements own, Elements all) {
  return start(impl_, detail::order_all_gather(own, all, size()));
}

Request NcclCollectives::barrier() {
  return start(impl_, CollectiveOrder{});
}

}  // namespace hierevo::comm
