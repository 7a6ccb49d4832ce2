// Vectors of HIEREVO_LANES floats, for the files that are compiled once for each instruction set.
//
// Everything that such a file includes must have internal linkage: of several copies of a function
// that is not inlined the linker takes any one, even one with instructions this machine lacks. So
// no templates of the standard library here, either.
#pragma once

#include <cstdint>

#ifdef __AVX2__
#include <immintrin.h>
#endif

#ifdef __clang__
#define HIEREVO_UNROLL _Pragma("unroll")
#else
#define HIEREVO_UNROLL _Pragma("GCC unroll 32")
#endif

namespace hierevo::nn::native {
namespace {

constexpr int lanes = HIEREVO_LANES;

using Vec = float __attribute__((vector_size(lanes * 4), may_alias));
using IntVec = std::int32_t __attribute__((vector_size(lanes * 4), may_alias));
using ByteVec = std::uint8_t __attribute__((vector_size(lanes), aligned(1), may_alias));

inline Vec load(const float* from) {
  return *reinterpret_cast<const Vec*>(from);
}
inline void store(float* to, Vec values) {
  *reinterpret_cast<Vec*>(to) = values;
}
inline Vec all(float value) {
  return Vec{} + value;
}
/// Bytes as integers. (GCC takes them apart one by one.)
inline IntVec widened(const std::uint8_t* from) {
#if HIEREVO_LANES == 16 && defined(__AVX512F__)
  // With a mask, as without one GCC 12 warns about its own header.
  return reinterpret_cast<IntVec>(
      _mm512_maskz_cvtepu8_epi32(0xFFFF, _mm_loadu_si128(reinterpret_cast<const __m128i*>(from))));
#elif HIEREVO_LANES == 8 && defined(__AVX2__)
  return reinterpret_cast<IntVec>(
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from))));
#else
  return __builtin_convertvector(*reinterpret_cast<const ByteVec*>(from), IntVec);
#endif
}
inline std::int64_t smaller(std::int64_t a, std::int64_t b) {
  return a < b ? a : b;
}

}  // namespace
}  // namespace hierevo::nn::native
