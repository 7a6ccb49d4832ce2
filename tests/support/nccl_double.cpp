#include "support/nccl_double.hpp"

#include <cuda_runtime_api.h>
#include <nccl.h>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <queue>
#include <stdexcept>
#include <thread>
#include <vector>

#include "hierevo/comm/thread_collectives.hpp"

namespace {

using namespace std::chrono_literals;
using hierevo::comm::Elements;
using hierevo::comm::ElementType;
using hierevo::comm::Request;
using hierevo::comm::ThreadCollectivesGroup;
using hierevo::test::NcclTrouble;
using Clock = std::chrono::steady_clock;

std::mutex trouble_mutex;
NcclTrouble trouble;
std::atomic<std::int64_t> start_milliseconds = 0;
std::atomic<int> communicators = 0;
std::atomic<int> aborts = 0;

NcclTrouble::Kind trouble_of(int rank) {
  const std::scoped_lock lock(trouble_mutex);
  return trouble.rank == rank ? trouble.kind : NcclTrouble::Kind::none;
}

}  // namespace

struct CUevent_st {
  int device = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t recorded = 0;
  std::uint64_t reached = 0;
};

struct CUstream_st {
  explicit CUstream_st(int of_device) : device(of_device), thread([this] { run(); }) {}
  ~CUstream_st() {
    give({});
    thread.join();
  }

  void give(std::function<void()> work) {
    const std::scoped_lock lock(mutex);
    queue.push(std::move(work));
    changed.notify_all();
  }

  void run() {
    while (true) {
      std::unique_lock lock(mutex);
      changed.wait(lock, [this] { return !queue.empty(); });
      const auto work = std::move(queue.front());
      queue.pop();
      lock.unlock();
      if (!work) return;
      std::this_thread::sleep_for(100us);  // the host has continued long ago
      work();
    }
  }

  const int device;
  std::mutex mutex;
  std::condition_variable changed;
  std::queue<std::function<void()>> queue;
  std::thread thread;
};

namespace {

/// Events stay alive while a stream uses them.
std::mutex events_mutex;
std::map<cudaEvent_t, std::shared_ptr<CUevent_st>> events;

std::shared_ptr<CUevent_st> find(cudaEvent_t event) {
  const std::scoped_lock lock(events_mutex);
  return events.at(event);
}

thread_local int current_device = 0;

/// The ranks of a unique id.
struct World {
  explicit World(int ranks) : group(ranks, 1h) {}
  ThreadCollectivesGroup group;
  std::mutex mutex;  ///< starts and aborts
  bool aborted = false;
};

std::mutex worlds_mutex;
std::map<std::uint64_t, std::shared_ptr<World>> worlds;
std::uint64_t next_world = 0;

}  // namespace

struct ncclComm {
  std::shared_ptr<World> world;
  int rank = 0;
  Clock::time_point ready;
  std::atomic<int> error = ncclSuccess;
  std::atomic<bool> busy = false;  ///< an operation is being started in the background
  std::atomic<bool> aborted = false;
};

namespace {

struct Operation {
  std::function<Request(hierevo::comm::Collectives&)> start;
  ncclComm_t comm;
};

/// On a stream: waits until all ranks have come or the communicator is aborted.
void perform(const Operation& what) {
  auto& comm = *what.comm;
  const auto kind = trouble_of(comm.rank);
  const bool stuck = kind == NcclTrouble::Kind::hangs || kind == NcclTrouble::Kind::async_error;
  if (kind == NcclTrouble::Kind::async_error) comm.error = ncclRemoteError;
  Request pending;
  bool begun = false;
  if (!stuck) {
    const std::scoped_lock lock(comm.world->mutex);
    begun = !comm.world->aborted;
    if (begun) pending = what.start(comm.world->group.collectives(comm.rank));
  }
  while (!(begun && pending.done()) && !comm.aborted) std::this_thread::sleep_for(1ms);
  if (pending.done()) return;
  static auto& left_behind = *new std::vector<Request>;  // its destructor would wait for the others
  const std::scoped_lock lock(worlds_mutex);
  left_behind.push_back(std::move(pending));
}

ncclResult_t start(ncclComm_t comm, cudaStream_t stream,
                   std::function<Request(hierevo::comm::Collectives&)> operation) {
  if (comm == nullptr) return ncclInvalidArgument;
  if (trouble_of(comm->rank) == NcclTrouble::Kind::call_fails) return ncclInternalError;
  if (Clock::now() < comm->ready || comm->busy) std::abort();  // before the last call finished
  comm->busy = true;
  stream->give([what = Operation{std::move(operation), comm}] { perform(what); });
  return ncclInProgress;
}

ElementType type_of(ncclDataType_t type) {
  switch (type) {
    case ncclUint8:
      return ElementType::uint8;
    case ncclInt64:
      return ElementType::int64;
    case ncclBfloat16:
      return ElementType::bfloat16;
    case ncclFloat32:
      return ElementType::float32;
    case ncclFloat64:
      return ElementType::float64;
    default:
      throw std::invalid_argument("no such type");
  }
}

}  // namespace

extern "C" {

cudaError_t cudaSetDevice(int device) {
  current_device = device;
  return cudaSuccess;
}

cudaError_t cudaGetDevice(int* device) {
  if (current_device < 0) return cudaErrorNoDevice;
  *device = current_device;
  return cudaSuccess;
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int size, int device) {
  std::snprintf(text, static_cast<std::size_t>(size), "0000:%02X:00.0", device);
  return cudaSuccess;
}

const char* cudaGetErrorString(cudaError_t) {
  return "an error of CUDA";
}

cudaError_t cudaMalloc(void** memory, size_t bytes) {
  *memory = std::malloc(bytes + 1);
  std::memset(*memory, 0x5a, bytes + 1);
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  if (flags != cudaStreamNonBlocking) return cudaErrorInvalidValue;
  *stream = new CUstream_st(current_device);
  return cudaSuccess;
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  delete stream;
  return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
  auto made = std::make_shared<CUevent_st>();
  made->device = current_device;
  *event = made.get();
  const std::scoped_lock lock(events_mutex);
  events[*event] = std::move(made);
  return cudaSuccess;
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  const std::scoped_lock lock(events_mutex);
  events.erase(event);
  return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  auto shared = find(event);
  if (shared->device != stream->device) return cudaErrorInvalidResourceHandle;
  const std::scoped_lock lock(shared->mutex);
  stream->give([shared, number = ++shared->recorded] {
    const std::scoped_lock inner(shared->mutex);
    shared->reached = number;
    shared->changed.notify_all();
  });
  return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  auto shared = find(event);
  const std::scoped_lock lock(shared->mutex);
  stream->give([shared, number = shared->recorded] {
    std::unique_lock inner(shared->mutex);
    shared->changed.wait(inner, [&] { return shared->reached >= number; });
  });
  return cudaSuccess;
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  auto shared = find(event);
  const std::scoped_lock lock(shared->mutex);
  return shared->reached >= shared->recorded ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  std::mutex mutex;
  std::condition_variable changed;
  bool reached = false;
  stream->give([&] {
    const std::scoped_lock lock(mutex);
    reached = true;
    changed.notify_all();
  });
  std::unique_lock lock(mutex);
  changed.wait(lock, [&] { return reached; });
  return cudaSuccess;
}

/// CUDA copies pageable memory before it returns.
cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  if (kind == cudaMemcpyHostToDevice) {
    const auto* begin = static_cast<const std::byte*>(from);
    stream->give([to, copy = std::vector<std::byte>(begin, begin + bytes)] {
      if (!copy.empty()) std::memcpy(to, copy.data(), copy.size());
    });
  } else {
    stream->give([=] {
      if (bytes > 0) std::memcpy(to, from, bytes);
    });
  }
  return cudaSuccess;
}

const char* ncclGetErrorString(ncclResult_t code) {
  return code == ncclRemoteError ? "a remote process exited" : "an error of NCCL";
}

ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  const std::scoped_lock lock(worlds_mutex);
  ++next_world;
  std::memset(id->internal, 0, sizeof id->internal);
  std::memcpy(id->internal, &next_world, sizeof next_world);
  return ncclSuccess;
}

ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int ranks, ncclUniqueId id, int rank,
                                    ncclConfig_t* config) {
  if (config->blocking != 0) return ncclInvalidArgument;
  std::uint64_t key = 0;
  std::memcpy(&key, id.internal, sizeof key);
  *comm = new ncclComm;
  ++communicators;
  {
    const std::scoped_lock lock(worlds_mutex);
    auto& world = worlds[key];
    if (!world) world = std::make_shared<World>(ranks);
    (*comm)->world = world;
  }
  (*comm)->rank = rank;
  const bool never = trouble_of(rank) == NcclTrouble::Kind::init_hangs;
  (*comm)->ready = never ? Clock::time_point::max()
                         : Clock::now() + std::chrono::milliseconds(start_milliseconds);
  return ncclInProgress;
}

ncclResult_t ncclCommGetAsyncError(ncclComm_t comm, ncclResult_t* state) {
  *state = static_cast<ncclResult_t>(comm->error.load());
  if (*state == ncclSuccess && Clock::now() < comm->ready) *state = ncclInProgress;
  if (*state == ncclSuccess && comm->busy.exchange(false)) *state = ncclInProgress;
  return ncclSuccess;
}

/// Other ranks do not learn of it.
ncclResult_t ncclCommAbort(ncclComm_t comm) {
  {
    const std::scoped_lock lock(comm->world->mutex);
    comm->world->aborted = true;
  }
  comm->aborted = true;
  static auto& kept = *new std::vector<ncclComm_t>;  // streams may still use it
  const std::scoped_lock lock(worlds_mutex);
  kept.push_back(comm);
  ++aborts;
  --communicators;
  return ncclSuccess;
}

ncclResult_t ncclCommFinalize(ncclComm_t comm) {
  comm->busy = true;
  return ncclInProgress;
}

ncclResult_t ncclCommDestroy(ncclComm_t comm) {
  delete comm;
  --communicators;
  return ncclSuccess;
}

ncclResult_t ncclAllReduce(const void*, void* data, size_t count, ncclDataType_t type,
                           ncclRedOp_t operation, ncclComm_t comm, cudaStream_t stream) {
  const Elements elements{data, count, type_of(type)};
  if (operation != ncclSum) return ncclInvalidArgument;
  return start(comm, stream, [=](auto& group) { return group.all_reduce(elements); });
}

ncclResult_t ncclBroadcast(const void*, void* data, size_t count, ncclDataType_t type, int root,
                           ncclComm_t comm, cudaStream_t stream) {
  const Elements elements{data, count, type_of(type)};
  return start(comm, stream, [=](auto& group) { return group.broadcast(elements, root); });
}

ncclResult_t ncclAllGather(const void* own, void* all, size_t count, ncclDataType_t type,
                           ncclComm_t comm, cudaStream_t stream) {
  const Elements from{const_cast<void*>(own), count, type_of(type)};
  return start(comm, stream, [=](auto& group) {
    const auto ranks = static_cast<std::size_t>(group.size());
    return group.all_gather(from, {all, from.count * ranks, from.type});
  });
}

}  // extern "C"

namespace hierevo::test {

void set_nccl_trouble(NcclTrouble wanted) {
  const std::scoped_lock lock(trouble_mutex);
  trouble = wanted;
}

void set_nccl_start(std::chrono::milliseconds time) {
  start_milliseconds = time.count();
}

int nccl_communicators() {
  return communicators;
}

int nccl_aborts() {
  return aborts;
}

}  // namespace hierevo::test
