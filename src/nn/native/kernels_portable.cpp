#define HIEREVO_LANES 4
#include "kernel_table.hpp"
#include "kernels_of.hpp"

namespace hierevo::nn::native {

constinit const Kernels portable_kernels = kernel_table("portable");

}  // namespace hierevo::nn::native
