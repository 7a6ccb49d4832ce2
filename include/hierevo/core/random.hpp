#pragma once

#include <cstdint>
#include <limits>
#include <string_view>

namespace hierevo::core {

/// Seed of the stream that serves `purpose` for the thing `id` under `root`. Every random decision
/// of hierevo draws from a stream of its own derived here, so it depends on neither the order of
/// events nor on other decisions, and nothing but `root` and ids has to be saved.
std::uint64_t derive_seed(std::uint64_t root, std::uint64_t id, std::string_view purpose);

/// A stream of random numbers: SplitMix64 (Steele, Lea, Flood 2014), the same on every machine and
/// with every standard library. A C++ UniformRandomBitGenerator.
class RandomStream {
 public:
  using result_type = std::uint64_t;

  explicit RandomStream(std::uint64_t seed) : state_(seed) {}
  RandomStream(std::uint64_t root, std::uint64_t id, std::string_view purpose)
      : state_(derive_seed(root, id, purpose)) {}

  static constexpr result_type min() { return 0; }
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  result_type operator()();

  /// Uniform in [0, bound), without bias. `bound` must be at least 1.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1), a multiple of 2^-53.
  double unit();

 private:
  std::uint64_t state_;
};

}  // namespace hierevo::core
