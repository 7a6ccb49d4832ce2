#define HIEREVO_LANES 8
#include "kernel_table.hpp"
#include "kernels_of.hpp"

namespace hierevo::nn::native {

constinit const Kernels avx2_kernels = kernel_table("avx2");

}  // namespace hierevo::nn::native
