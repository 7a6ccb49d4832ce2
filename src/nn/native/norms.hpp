// Batch normalisation of all blocks of a schedule: from moments to what the kernels need.
#pragma once

#include <cstdint>
#include <vector>

#include "arena.hpp"
#include "kernels.hpp"
#include "packed_weights.hpp"
#include "schedule.hpp"

namespace hierevo::nn::native {

class Norms {
 public:
  explicit Norms(const Schedule& schedule);

  BlockNorm of(int block) const;

  /// From the statistics of a batch, sums[blocks of the piece][2][lanes] over `count` pixels.
  /// Moves the running statistics.
  void use_batch(const Piece& piece, const OpWeights& weights, const double* sums,
                 std::int64_t count);
  /// From the running statistics.
  void use_running(const Piece& piece, const OpWeights& weights);

  /// From the moments of the gradient, laid out and counted in the same way. Puts the gradients of
  /// scale and offset into their tensors, or adds them.
  void use_gradient(const Piece& piece, const OpWeights& weights, const double* sums,
                    std::int64_t count, bool add);

 private:
  std::size_t index(int block, int lane) const {
    return static_cast<std::size_t>(block) * static_cast<std::size_t>(lanes_) +
           static_cast<std::size_t>(lane);
  }
  float* row(int block, int number) const;
  void set(int block, int lane, double weight, double bias, double mean, double variance);

  int lanes_;
  Arena rows_;                              ///< [block][5][lanes], in the order of BlockNorm
  std::vector<double> inverse_deviations_;  ///< [block][lanes]
};

}  // namespace hierevo::nn::native
