#define HIEREVO_LANES 16
#include "kernel_table.hpp"
#include "kernels_of.hpp"

namespace hierevo::nn::native {

constinit const Kernels avx512_kernels = kernel_table("avx512");

}  // namespace hierevo::nn::native
