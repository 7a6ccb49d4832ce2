// The tables of all instruction sets; those of other processor families are not built.
// kernel_sets() says which ones run here.
#pragma once

#include "kernels.hpp"

namespace hierevo::nn::native {

extern const Kernels portable_kernels;
extern const Kernels avx2_kernels;
extern const Kernels avx512_kernels;

}  // namespace hierevo::nn::native
