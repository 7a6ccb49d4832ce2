#include "norms.hpp"

#include <algorithm>
#include <cmath>

#include "batch_norm.hpp"

namespace hierevo::nn::native {

namespace {

constexpr int rows = 5;  ///< of BlockNorm

/// Calls visit(block within the piece, lane, channel of the operation); the channel is -1 where
/// there is none.
template <typename Visit>
void for_each_lane(const Piece& piece, int lanes, const Visit& visit) {
  for (int block = 0; block < piece.blocks; ++block) {
    for (int lane = 0; lane < lanes; ++lane) {
      const std::int64_t channel = std::int64_t{block} * lanes + lane;
      visit(block, lane, channel < piece.channels ? piece.first_channel + channel : -1);
    }
  }
}

}  // namespace

Norms::Norms(const Schedule& schedule)
    : lanes_(schedule.lanes()),
      inverse_deviations_(static_cast<std::size_t>(schedule.blocks()) *
                          static_cast<std::size_t>(lanes_)) {
  rows_.reserve(inverse_deviations_.size() * rows * sizeof(float));
}

float* Norms::row(int block, int number) const {
  return rows_.floats() + (std::int64_t{block} * rows + number) * lanes_;
}

BlockNorm Norms::of(int block) const {
  return {.scale = row(block, 0),
          .shift = row(block, 1),
          .mean = row(block, 2),
          .slope = row(block, 3),
          .offset = row(block, 4)};
}

void Norms::set(int block, int lane, double weight, double bias, double mean, double variance) {
  const double inverse = 1.0 / std::sqrt(variance + bn_epsilon);
  inverse_deviations_[index(block, lane)] = inverse;
  row(block, 0)[lane] = static_cast<float>(weight * inverse);
  row(block, 1)[lane] = static_cast<float>(bias - mean * weight * inverse);
  row(block, 2)[lane] = static_cast<float>(mean);
}

void Norms::use_batch(const Piece& piece, const OpWeights& weights, const double* sums,
                      std::int64_t count) {
  const auto pixels = static_cast<double>(count);
  const auto moved = [](float& running, double to) {
    running =
        static_cast<float>((1.0 - bn_momentum) * static_cast<double>(running) + bn_momentum * to);
  };
  for_each_lane(piece, lanes_, [&](int block, int lane, std::int64_t channel) {
    if (channel < 0) {
      set(piece.first_block + block, lane, 0.0, 0.0, 0.0, 1.0);
      return;
    }
    const double* moments = sums + std::int64_t{block} * 2 * lanes_ + lane;
    const double mean = moments[0] / pixels;
    // Unlike max, keeps NaN.
    const double difference = moments[lanes_] / pixels - mean * mean;
    const double variance = difference < 0.0 ? 0.0 : difference;
    set(piece.first_block + block, lane, weights.bn_weight.values[channel],
        weights.bn_bias.values[channel], mean, variance);
    moved(weights.running_mean[channel], mean);
    moved(weights.running_var[channel], variance * (pixels / (pixels - 1.0)));
  });
}

void Norms::use_running(const Piece& piece, const OpWeights& weights) {
  for_each_lane(piece, lanes_, [&](int block, int lane, std::int64_t channel) {
    if (channel < 0) {
      set(piece.first_block + block, lane, 0.0, 0.0, 0.0, 1.0);
    } else {
      set(piece.first_block + block, lane, weights.bn_weight.values[channel],
          weights.bn_bias.values[channel], weights.running_mean[channel],
          weights.running_var[channel]);
    }
  });
}

/// With x̂ = (x - mean) / deviation and h the gradient after the normalisation, the gradient of x
/// is scale · (h - mean of h - x̂ · mean of h x̂).
void Norms::use_gradient(const Piece& piece, const OpWeights& weights, const double* sums,
                         std::int64_t count, bool add) {
  const auto pixels = static_cast<double>(count);
  const auto put = [add](float& to, double value) {
    to = static_cast<float>(add ? static_cast<double>(to) + value : value);
  };
  for_each_lane(piece, lanes_, [&](int block, int lane, std::int64_t channel) {
    const int numbered = piece.first_block + block;
    float& slope = row(numbered, 3)[lane];
    float& offset = row(numbered, 4)[lane];
    slope = 0.0F;
    offset = 0.0F;
    if (channel < 0) return;
    const double inverse = inverse_deviations_[index(numbered, lane)];
    const double scale = static_cast<double>(weights.bn_weight.values[channel]) * inverse;
    const double* moments = sums + std::int64_t{block} * 2 * lanes_ + lane;
    put(weights.bn_bias.gradient[channel], moments[0]);
    put(weights.bn_weight.gradient[channel], moments[lanes_] * inverse);
    slope = static_cast<float>(-scale * inverse * inverse * moments[lanes_] / pixels);
    offset = static_cast<float>(-scale * moments[0] / pixels);
  });
}

}  // namespace hierevo::nn::native
