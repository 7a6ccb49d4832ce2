#include <vector>

#include "kernels_of.hpp"

namespace hierevo::nn::native {

namespace {

std::vector<const Kernels*> runnable() {
  std::vector<const Kernels*> sets;
#ifdef HIEREVO_X86_KERNELS
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  // What -mavx512… in CMakeLists.txt allows the compiler.
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") &&
                      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                      __builtin_cpu_supports("avx512vl");
  if (avx512) sets.push_back(&avx512_kernels);
  if (avx2) sets.push_back(&avx2_kernels);
#endif
  sets.push_back(&portable_kernels);
  return sets;
}

}  // namespace

std::span<const Kernels* const> kernel_sets() {
  static const std::vector<const Kernels*> sets = runnable();
  return sets;
}

}  // namespace hierevo::nn::native
