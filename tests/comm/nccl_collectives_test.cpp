// NcclCollectives over a double of NCCL and CUDA: ranks are threads, each with a device.
#include "hierevo/comm/nccl_collectives.hpp"

#include <cuda_runtime_api.h>
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "comm/collective_behaviours.hpp"
#include "hierevo/comm/agreement.hpp"
#include "hierevo/comm/thread_collectives.hpp"
#include "hierevo/core/error.hpp"
#include "support/nccl_double.hpp"

namespace hierevo::test {

namespace {

using namespace std::chrono_literals;
using comm::Elements;
using comm::ElementType;
using comm::NcclCollectives;
using core::CommunicationError;
using testing::AllOf;
using testing::HasSubstr;
using testing::ThrowsMessage;

/// Nothing takes as long.
constexpr auto patience = 100s;

/// All goes over the stream that stands for the network's, and the host waits only to read.
class DeviceMemory final : public GroupMemory {
 public:
  DeviceMemory() { cudaStreamCreateWithFlags(&stream_, cudaStreamNonBlocking); }
  ~DeviceMemory() override {
    cudaStreamSynchronize(stream_);
    for (void* block : blocks_) cudaFree(block);
    cudaStreamDestroy(stream_);
  }
  cudaStream_t stream() const { return stream_; }

  void* allocate(std::size_t bytes) override {
    void* block = nullptr;
    cudaMalloc(&block, bytes);
    blocks_.push_back(block);
    return block;
  }
  void write(void* to, std::span<const std::byte> bytes) override {
    cudaMemcpyAsync(to, bytes.data(), bytes.size(), cudaMemcpyHostToDevice, stream_);
  }
  std::vector<std::byte> read(const void* from, std::size_t bytes) override {
    std::vector<std::byte> found(bytes);
    cudaMemcpyAsync(found.data(), from, bytes, cudaMemcpyDeviceToHost, stream_);
    cudaStreamSynchronize(stream_);
    return found;
  }

 private:
  cudaStream_t stream_ = nullptr;
  std::vector<void*> blocks_;
};

using Body = std::function<void(comm::Collectives& host, DeviceMemory&)>;

/// One thread a rank, each with a device of its own; returns when all have ended.
void run_ranks(int size, const Body& body) {
  comm::ThreadCollectivesGroup group(size, patience);
  std::vector<std::jthread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&group, &body, rank] {
      cudaSetDevice(rank);
      DeviceMemory memory;
      try {
        body(group.collectives(rank), memory);
      } catch (const std::exception& error) {
        ADD_FAILURE() << "rank " << rank << ": " << error.what();
      }
    });
  }
}

class Nccl : public testing::Test {
 protected:
  void TearDown() override {
    set_nccl_trouble({});
    set_nccl_start(0ms);
    EXPECT_EQ(nccl_communicators(), 0);
  }
};

class NcclGroup : public Nccl,
                  public testing::WithParamInterface<std::tuple<int, CollectiveBehaviour>> {};

TEST_P(NcclGroup, behaves) {
  const auto& [size, behaviour] = GetParam();
  run_ranks(size, [check = behaviour.check](comm::Collectives& host, DeviceMemory& memory) {
    NcclCollectives group(host, memory.stream(), patience);
    check(group, memory);
  });
}

/// Those that hold on the host alone: that wait() makes the host wait, and how it rounds.
bool is_of_the_host(const CollectiveBehaviour& behaviour) {
  const std::string name = behaviour.name;
  return name == "leaves_no_barrier_before_all_have_come" ||
         name == "comes_to_be_done_without_waiting";
}

std::vector<CollectiveBehaviour> device_behaviours() {
  std::vector<CollectiveBehaviour> found;
  for (const auto& behaviour : collective_behaviours()) {
    if (!is_of_the_host(behaviour)) found.push_back(behaviour);
  }
  return found;
}

std::string name_and_size(const testing::TestParamInfo<NcclGroup::ParamType>& param) {
  const auto& [size, behaviour] = param.param;
  return std::string(behaviour.name) + "_" + std::to_string(size);
}

INSTANTIATE_TEST_SUITE_P(Collectives, NcclGroup,
                         testing::Combine(testing::Values(1, 2, 4),
                                          testing::ValuesIn(device_behaviours())),
                         name_and_size);

Elements ones(DeviceMemory& memory, std::size_t count) {
  const std::vector<float> values(count, 1);
  const Elements elements{memory.allocate(count * sizeof(float)), count, ElementType::float32};
  memory.write(elements.data, std::as_bytes(std::span(values)));
  return elements;
}

TEST_F(Nccl, is_done_when_the_device_is) {
  run_ranks(2, [](comm::Collectives& host, DeviceMemory& memory) {
    NcclCollectives group(host, memory.stream(), patience);
    auto pending = group.all_reduce(ones(memory, 10));
    while (!pending.done()) std::this_thread::yield();
    pending.wait();
  });
}

/// As Torch's threads are, which make a backward pass while the caller waits.
TEST_F(Nccl, takes_operations_from_another_thread_that_the_own_one_waits_for) {
  run_ranks(2, [](comm::Collectives& host, DeviceMemory& memory) {
    NcclCollectives group(host, memory.stream(), patience);
    const Elements first = ones(memory, 10);
    const Elements second = ones(memory, 20);
    comm::Request pending[2];
    pending[0] = group.all_reduce(first);
    std::thread([&] {
      cudaSetDevice(7);  // that of nobody
      try {
        pending[1] = group.all_reduce(second);
      } catch (const std::exception& error) {
        ADD_FAILURE() << error.what();
      }
      int device = -1;
      cudaGetDevice(&device);
      EXPECT_EQ(device, host.rank());
    }).join();
    for (auto& each : pending) each.wait();
    const std::vector<float> twos(20, 2);
    const auto bytes = std::as_bytes(std::span(twos));
    EXPECT_EQ(memory.read(second.data, second.bytes()),
              std::vector<std::byte>(bytes.begin(), bytes.end()));
  });
}

TEST_F(Nccl, waits_for_a_slow_start) {
  set_nccl_start(200ms);
  run_ranks(2, [](comm::Collectives& host, DeviceMemory& memory) {
    NcclCollectives group(host, memory.stream(), patience);
    group.barrier().wait();
  });
}

TEST_F(Nccl, gives_up_a_start_that_never_ends) {
  set_nccl_trouble({NcclTrouble::Kind::init_hangs, 1});
  run_ranks(2, [](comm::Collectives& host, DeviceMemory& memory) {
    if (host.rank() == 0) {
      NcclCollectives group(host, memory.stream(), 300ms);
      return;
    }
    EXPECT_THAT([&] { NcclCollectives group(host, memory.stream(), 300ms); },
                ThrowsMessage<CommunicationError>(
                    HasSubstr("Rank 1: the start of NCCL does not end within 0.3 s")));
  });
}

TEST_F(Nccl, refuses_two_ranks_on_one_gpu) {
  run_ranks(3, [](comm::Collectives& host, DeviceMemory& memory) {
    cudaSetDevice(host.rank() == 2 ? 0 : host.rank());
    EXPECT_THAT([&] { NcclCollectives group(host, memory.stream(), patience); },
                ThrowsMessage<comm::AgreedError>(
                    AllOf(HasSubstr("Ranks 0 and 2 have the same GPU 0000:00:00.0 of host"),
                          HasSubstr("--gpus-per-task=1"))));
  });
}

TEST_F(Nccl, tells_all_ranks_that_one_has_no_gpu) {
  run_ranks(2, [](comm::Collectives& host, DeviceMemory& memory) {
    if (host.rank() == 1) cudaSetDevice(-1);
    EXPECT_THAT([&] { NcclCollectives group(host, memory.stream(), patience); },
                ThrowsMessage<comm::AgreedError>(HasSubstr("Rank 1: cudaGetDevice failed")));
  });
}

/// Each rank has the error in time, and no stream hangs.
void expect_all_to_fail(NcclTrouble trouble, const std::string& text) {
  run_ranks(4, [&](comm::Collectives& host, DeviceMemory& memory) {
    NcclCollectives group(host, memory.stream(), 500ms);
    group.all_reduce(ones(memory, 10)).wait();
    cudaStreamSynchronize(memory.stream());
    host.barrier().wait();
    if (host.rank() == 0) set_nccl_trouble(trouble);
    host.barrier().wait();
    const std::string own = "Rank " + std::to_string(host.rank()) + ": ";
    const auto reduce_for_ever = [&] {
      while (true) {
        group.all_reduce(ones(memory, 10)).wait();
        cudaStreamSynchronize(memory.stream());
      }
    };
    EXPECT_THAT(reduce_for_ever,
                ThrowsMessage<CommunicationError>(AllOf(
                    HasSubstr(own), HasSubstr("all_reduce number 2 (10 float32)"),
                    HasSubstr(host.rank() == trouble.rank ? text : "does not end within 0.5 s"))));
    EXPECT_THROW(group.barrier(), CommunicationError);
  });
}

TEST_F(Nccl, an_operation_that_hangs_fails_on_all_ranks) {
  const int before = nccl_aborts();
  expect_all_to_fail({NcclTrouble::Kind::hangs, 2}, "does not end within 0.5 s");
  EXPECT_EQ(nccl_aborts() - before, 4);
}

TEST_F(Nccl, an_error_in_the_background_fails_on_all_ranks) {
  expect_all_to_fail({NcclTrouble::Kind::async_error, 1}, "a remote process exited");
}

TEST_F(Nccl, a_call_that_fails_is_named) {
  expect_all_to_fail({NcclTrouble::Kind::call_fails, 3}, "ncclAllReduce failed");
}

}  // namespace

}  // namespace hierevo::test
