// Stands in for nccl_collectives.cpp in builds without CUDA and NCCL.
#include "hierevo/comm/nccl_collectives.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::comm {

namespace {

[[noreturn]] void refuse() {
  throw core::UsageError("NCCL cannot be used", "this hierevo was built without NCCL",
                         "Build it with HIEREVO_WITH_CUDA=ON, or train on CPUs.");
}

}  // namespace

struct NcclCollectives::Impl {};

NcclCollectives::NcclCollectives(Collectives&, CUstream_st*, std::chrono::nanoseconds) {
  refuse();
}

NcclCollectives::~NcclCollectives() = default;

// There is never an object to call these of.
int NcclCollectives::rank() const {
  refuse();
}
int NcclCollectives::size() const {
  refuse();
}
Request NcclCollectives::all_reduce(Elements) {
  refuse();
}
Request NcclCollectives::broadcast(Elements, int) {
  refuse();
}
Request NcclCollectives::all_gather(Elements, Elements) {
  refuse();
}
Request NcclCollectives::barrier() {
  refuse();
}

}  // namespace hierevo::comm
