#include <limits>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/plan.hpp"

namespace hierevo::genome {

namespace {

/// A whole number that stays at the largest instead of overflowing.
class Saturating {
 public:
  Saturating(std::int64_t value) : value_(value) {}  // NOLINT: a number is a number
  std::int64_t value() const { return value_; }
  friend Saturating operator*(Saturating a, Saturating b) {
    std::int64_t result = 0;
    return __builtin_mul_overflow(a.value_, b.value_, &result) ? largest : result;
  }
  friend Saturating operator+(Saturating a, Saturating b) {
    std::int64_t result = 0;
    return __builtin_add_overflow(a.value_, b.value_, &result) ? largest : result;
  }

 private:
  static constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max();
  std::int64_t value_;
};

/// Weights that every output pixel multiplies by: all but batch normalisation and biases.
Saturating weights_of(const PlanOp& op, Saturating input_channels) {
  const Saturating taps = std::int64_t{op.kernel} * op.kernel;
  const Saturating channels = op.channels;
  switch (op.kind) {
    case PlanOpKind::conv:
      return taps * input_channels * channels;
    case PlanOpKind::depthwise:
      return taps * input_channels;
    case PlanOpKind::separable:
      return taps * input_channels + input_channels * channels;
    case PlanOpKind::linear:
      return input_channels * channels;
    default:
      return 0;
  }
}

Saturating offsets_of(const PlanOp& op) {
  switch (op.kind) {
    case PlanOpKind::conv:
    case PlanOpKind::depthwise:
    case PlanOpKind::separable:
      return Saturating(2) * op.channels;  // scale and offset
    case PlanOpKind::linear:
      return op.channels;
    default:
      return 0;
  }
}

/// Channels that training keeps for the backward pass: what comes in is somebody else's output, but
/// what batch normalisation reads is kept beside what ReLU gives out, and so is the inside of a
/// separable convolution. A maximum is remembered by an index of 64 bits.
Saturating kept_channels(const PlanOp& op, Saturating input_channels) {
  const Saturating channels = op.channels;
  switch (op.kind) {
    case PlanOpKind::conv:
    case PlanOpKind::depthwise:
      return Saturating(2) * channels;
    case PlanOpKind::separable:
      return input_channels + Saturating(2) * channels;
    case PlanOpKind::maxpool:
      return Saturating(3) * channels;
    default:
      return channels;
  }
}

}  // namespace

Cost cost_of(const Plan& plan, int image_size) {
  std::vector<std::int64_t> size(plan.ops.size(), image_size);  // height and width of each output
  Saturating parameters = 0;
  Saturating macs = 0;
  Saturating activations = 0;
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const PlanOp& op = plan.ops[i];
    Saturating input_channels = 0;
    for (const int operand : op.operands) {
      input_channels = input_channels + plan.ops[static_cast<std::size_t>(operand)].channels;
      size[i] = size[static_cast<std::size_t>(operand)];
    }
    if (op.kind == PlanOpKind::global_average || op.kind == PlanOpKind::linear) size[i] = 1;
    size[i] = (size[i] + op.stride - 1) / op.stride;
    const Saturating pixels = size[i] * size[i];
    const Saturating weights = weights_of(op, input_channels);
    parameters = parameters + weights + offsets_of(op);
    macs = macs + weights * pixels;
    activations =
        activations + pixels * kept_channels(op, input_channels) * std::int64_t{sizeof(float)};
  }
  return {parameters.value(), macs.value(), activations.value()};
}

double training_bytes(const Plan& plan, int image_size, std::int64_t images) {
  const Cost cost = cost_of(plan, image_size);
  constexpr double bytes_of_parameter = 3 * sizeof(float);
  return bytes_of_parameter * static_cast<double>(cost.parameters) +
         static_cast<double>(cost.activation_bytes) * static_cast<double>(images);
}

}  // namespace hierevo::genome
