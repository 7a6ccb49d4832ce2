#include "network_tensors.hpp"

#include <ATen/ATen.h>
#include <ATen/CPUGeneratorImpl.h>

#include <cmath>
#include <string>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

namespace {

using genome::PlanOp;
using genome::PlanOpKind;

/// Makes the weights of a network in the plan's order from one generator.
class WeightMaker {
 public:
  WeightMaker(c10::Device device, std::uint64_t seed, c10::ScalarType type)
      : options_(at::TensorOptions(type).device(device)),
        generator_(at::make_generator<at::CPUGeneratorImpl>(seed)) {}

  OpTensors make(const PlanOp& op, std::int64_t input_channels) {
    OpTensors made;
    const std::int64_t kernel = op.kernel;
    switch (op.kind) {
      case PlanOpKind::conv:
        made.weight = weight(op.name + ".weight", {op.channels, input_channels, kernel, kernel});
        make_batch_norm(op, made);
        break;
      case PlanOpKind::depthwise:
        made.depthwise = weight(op.name + ".weight", {input_channels, 1, kernel, kernel});
        make_batch_norm(op, made);
        break;
      case PlanOpKind::separable:
        made.depthwise = weight(op.name + ".depthwise.weight", {input_channels, 1, kernel, kernel});
        made.weight = weight(op.name + ".pointwise.weight", {op.channels, input_channels, 1, 1});
        make_batch_norm(op, made);
        break;
      case PlanOpKind::linear:
        made.weight = weight(op.name + ".weight", {op.channels, input_channels});
        made.bias = parameter(op.name + ".bias", at::zeros({op.channels}, options_));
        break;
      default:
        break;
    }
    return made;
  }

  std::vector<NamedTensor> take_parameters() { return std::move(parameters_); }
  std::vector<NamedTensor> take_buffers() { return std::move(buffers_); }

 private:
  /// The paper does not say how weights start. Our reading: He normal by fan-in (He et al. 2015)
  /// for every weight, 0 for the bias, 1 and 0 for batch normalisation.
  at::Tensor weight(const std::string& name, at::IntArrayRef shape) {
    // Drawn on the CPU in float32, so that they are the same on every device.
    at::Tensor drawn = at::empty(shape, at::kFloat);
    const auto fan_in = static_cast<double>(drawn.numel() / drawn.size(0));
    drawn.normal_(0.0, std::sqrt(2.0 / fan_in), generator_);
    at::Tensor placed = drawn.to(options_);
    if (placed.dim() == 4) placed = placed.contiguous(at::MemoryFormat::ChannelsLast);
    return parameter(name, std::move(placed));
  }

  at::Tensor parameter(const std::string& name, at::Tensor tensor) {
    tensor.set_requires_grad(true);
    parameters_.push_back({name, tensor});
    return tensor;
  }

  at::Tensor buffer(const std::string& name, at::Tensor tensor) {
    buffers_.push_back({name, tensor});
    return tensor;
  }

  void make_batch_norm(const PlanOp& op, OpTensors& made) {
    made.bn_weight = parameter(op.name + ".bn.weight", at::ones({op.channels}, options_));
    made.bn_bias = parameter(op.name + ".bn.bias", at::zeros({op.channels}, options_));
    made.running_mean = buffer(op.name + ".bn.running_mean", at::zeros({op.channels}, options_));
    made.running_var = buffer(op.name + ".bn.running_var", at::ones({op.channels}, options_));
  }

  at::TensorOptions options_;
  at::Generator generator_;
  std::vector<NamedTensor> parameters_;
  std::vector<NamedTensor> buffers_;
};

}  // namespace

NetworkTensors make_tensors(const genome::Plan& plan, c10::Device device, std::uint64_t seed,
                            c10::ScalarType type) {
  if (plan.ops.empty() || plan.ops.front().kind != PlanOpKind::input) {
    throw core::InternalError("A plan must begin with its input");
  }
  WeightMaker maker(device, seed, type);
  NetworkTensors made;
  for (const PlanOp& op : plan.ops) {
    std::int64_t input_channels = 0;
    for (const int operand : op.operands) {
      input_channels += plan.ops[static_cast<std::size_t>(operand)].channels;
    }
    made.ops.push_back(maker.make(op, input_channels));
  }
  made.parameters = maker.take_parameters();
  made.buffers = maker.take_buffers();
  return made;
}

}  // namespace hierevo::nn
