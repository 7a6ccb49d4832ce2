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
  /// What a draw gives.
  using result_type = std::uint64_t;

  /// The stream of this seed.
  explicit RandomStream(std::uint64_t seed) : state_(seed) {}
  /// The stream of derive_seed() of the arguments.
  RandomStream(std::uint64_t root, std::uint64_t id, std::string_view purpose)
      : state_(derive_seed(root, id, purpose)) {}

  /// The smallest number of a draw.
  static constexpr result_type min() { return 0; }
  /// The largest number of a draw.
  static constexpr result_type max() { return std::numeric_limits<result_type>::max(); }
  /// Draws 64 uniform bits.
  result_type operator()();

  /// Uniform in [0, bound), without bias. `bound` must be at least 1.
  std::uint64_t below(std::uint64_t bound);
  /// Uniform in [0, 1), a multiple of 2^-53.
  double unit();

 private:
  std::uint64_t state_;
};

}  // namespace hierevo::core
