#include "hierevo/nn/executor/torch_executor.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include <utility>
#include <vector>

#include "device/transfer.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"
#include "hierevo/core/random.hpp"
#include "native/batch_norm.hpp"
#include "network_tensors.hpp"
#include "synchronised_norm.hpp"

namespace hierevo::nn {

namespace {

using genome::PlanOp;
using genome::PlanOpKind;

using Values = std::vector<at::Tensor>;

/// Computes one operation after another. `step` is null in evaluation mode.
class ForwardPass {
 public:
  explicit ForwardPass(const StepOptions* step) : step_(step) {}

  /// The output of one operation; `values` are those of the operations before it.
  at::Tensor computed(const PlanOp& op, const OpTensors& weights, const Values& values) {
    const at::Tensor& input = values[static_cast<std::size_t>(op.operands.at(0))];
    switch (op.kind) {
      case PlanOpKind::conv:
        return bn_relu(convolved(input, weights.weight, op.stride, 1), weights);
      case PlanOpKind::depthwise:
        return bn_relu(convolved(input, weights.depthwise, op.stride, input.size(1)), weights);
      case PlanOpKind::separable: {
        const at::Tensor filtered = convolved(input, weights.depthwise, op.stride, input.size(1));
        return bn_relu(convolved(filtered, weights.weight, 1, 1), weights);
      }
      case PlanOpKind::maxpool:
        return at::max_pool2d(input, op.kernel, op.stride, op.kernel / 2);
      case PlanOpKind::avgpool:
        return at::avg_pool2d(input, op.kernel, op.stride, op.kernel / 2, /*ceil_mode=*/false,
                              /*count_include_pad=*/false);
      case PlanOpKind::concat:
        return concatenated(op, values);
      case PlanOpKind::global_average:
        return input.mean({2, 3});
      case PlanOpKind::linear:
        return widened(
            at::linear(narrowed(input), narrowed(weights.weight), narrowed(weights.bias)), input);
      case PlanOpKind::input:
        break;
    }
    throw core::InternalError("The plan has an input that is not its first operation");
  }

 private:
  bool drops_paths() const { return step_ != nullptr && step_->drop_path > 0.0; }

  /// As multiplied: in bfloat16 if that is on. Sums, normalisation and weights keep their type.
  at::Tensor narrowed(const at::Tensor& values) const {
    return step_ != nullptr && step_->bf16 ? values.to(at::kBFloat16) : values;
  }
  static at::Tensor widened(const at::Tensor& product, const at::Tensor& like) {
    return product.to(like.scalar_type());
  }

  at::Tensor convolved(const at::Tensor& input, const at::Tensor& weight, std::int64_t stride,
                       std::int64_t groups) const {
    const std::int64_t padding = weight.size(2) / 2;
    return widened(at::conv2d(narrowed(input), narrowed(weight), {}, stride, padding,
                              /*dilation=*/1, groups),
                   input);
  }

  at::Tensor bn_relu(const at::Tensor& input, const OpTensors& weights) const {
    const bool by_batch = step_ != nullptr && !step_->frozen_norms;
    if (by_batch && step_->norm_ranks != nullptr) {
      return synchronised_norm(
                 input,
                 {weights.bn_weight, weights.bn_bias, weights.running_mean, weights.running_var},
                 *step_->norm_ranks)
          .relu_();
    }
    return at::batch_norm(input, weights.bn_weight, weights.bn_bias, weights.running_mean,
                          weights.running_var, by_batch, bn_momentum, bn_epsilon,
                          /*cudnn_enabled=*/true)
        .relu_();
  }

  at::Tensor concatenated(const PlanOp& op, const Values& values) {
    std::vector<at::Tensor> parts;
    for (const int operand : op.operands) {
      const at::Tensor& value = values[static_cast<std::size_t>(operand)];
      parts.push_back(drops_paths() ? dropped(value) : value);
    }
    return at::cat(parts, 1);
  }

  /// 0 for some images, the others scaled up to keep the mean (Huang et al. 2016).
  at::Tensor dropped(const at::Tensor& path) {
    const double kept = 1.0 - step_->drop_path;
    const std::uint64_t seed = core::derive_seed(step_->seed, paths_++, "images on a path");
    // Drawn on the CPU, and for each image by its number in the whole batch, so that the same paths
    // are dropped on every device and however the batch is divided.
    const at::Tensor mask = at::empty({path.size(0), 1, 1, 1}, at::kFloat);
    auto* factors = mask.data_ptr<float>();
    for (std::int64_t i = 0; i < path.size(0); ++i) {
      core::RandomStream random(
          core::combine(seed, static_cast<std::uint64_t>(step_->first_image + i)));
      factors[i] = random.unit() < kept ? static_cast<float>(1.0 / kept) : 0.0F;
    }
    return path * to_device_async(mask, path.device()).to(path.scalar_type());
  }

  const StepOptions* step_;
  std::uint64_t paths_ = 0;  ///< met so far
};

/// For each operation, those whose output is not needed after it.
std::vector<std::vector<std::size_t>> last_uses(const genome::Plan& plan) {
  std::vector<std::size_t> last(plan.ops.size(), 0);
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    for (const int operand : plan.ops[i].operands) last[static_cast<std::size_t>(operand)] = i;
  }
  std::vector<std::vector<std::size_t>> done(plan.ops.size());
  for (std::size_t i = 0; i + 1 < plan.ops.size(); ++i) done[last[i]].push_back(i);
  return done;
}

/// Called by autograd after a leaf's gradient has been stored. (A hook of the tensor itself would
/// be called before that.)
struct AfterGradient : torch::autograd::FunctionPostHook {
  explicit AfterGradient(std::function<void()> call) : call_(std::move(call)) {}

  torch::autograd::variable_list operator()(
      const torch::autograd::variable_list& outputs,
      const torch::autograd::variable_list& /*inputs*/) override {
    call_();
    return outputs;
  }

  std::function<void()> call_;
};

class TorchExecutor final : public Executor {
 public:
  TorchExecutor(const genome::Plan& plan, c10::Device device, std::uint64_t seed,
                c10::ScalarType type)
      : plan_(plan), done_after_(last_uses(plan)), device_(device), type_(type) {
    NetworkTensors made = make_tensors(plan, device, seed, type);
    weights_ = std::move(made.ops);
    parameters_ = std::move(made.parameters);
    buffers_ = std::move(made.buffers);
  }

  using Executor::train_step;
  at::Tensor train_step(const at::Tensor& images, const at::Tensor& targets,
                        const StepOptions& options) override {
    const at::AutoGradMode with_gradients(true);
    if (options.first) clear_gradients();
    gradients_complete_ = options.last;
    const at::Tensor loss = at::cross_entropy_loss(logits(images, &options), on_device(targets),
                                                   /*weight=*/{}, at::Reduction::Mean,
                                                   /*ignore_index=*/-100, options.label_smoothing);
    (options.share == 1.0 ? loss : loss * options.share).backward();
    return loss.detach();
  }

  at::Tensor predict(const at::Tensor& images) override {
    const at::NoGradGuard without_gradients;
    return logits(images, nullptr);
  }

  std::vector<NamedTensor> parameters() override { return parameters_; }
  std::vector<NamedTensor> buffers() override { return buffers_; }

  void place_gradients(std::vector<at::Tensor> memory) override {
    placed_ = std::move(memory);
    clear_gradients();
  }

  void on_gradient_ready(std::function<void(std::size_t)> callback) override {
    gradient_ready_ = std::move(callback);
    if (!accumulators_.empty()) return;
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      // Torch keeps accumulators, and with them the hooks, only as long as somebody else has them.
      accumulators_.push_back(torch::autograd::impl::grad_accumulator(parameters_[i].tensor));
      accumulators_.back()->add_post_hook(std::make_unique<AfterGradient>([this, i] {
        if (gradient_ready_ && gradients_complete_) gradient_ready_(i);
      }));
    }
  }

 private:
  /// Autograd adds to an existing gradient, in its memory.
  void clear_gradients() {
    const at::NoGradGuard without_gradients;
    if (!placed_.empty()) at::_foreach_zero_(placed_);
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      at::Tensor& gradient = parameters_[i].tensor.mutable_grad();
      if (placed_.empty()) {
        gradient.reset();
      } else {
        gradient = placed_[i];
      }
    }
  }

  /// Labels as they are, probabilities in the network's type.
  at::Tensor on_device(const at::Tensor& targets) const {
    const at::Tensor there = to_device_async(targets, device_);
    return there.is_floating_point() ? there.to(type_) : there;
  }

  at::Tensor logits(const at::Tensor& images, const StepOptions* step) const {
    ForwardPass pass(step);
    Values values(plan_.ops.size());
    values[0] =
        to_device_async(images, device_).to(type_).contiguous(at::MemoryFormat::ChannelsLast);
    for (std::size_t i = 1; i < plan_.ops.size(); ++i) {
      values[i] = pass.computed(plan_.ops[i], weights_[i], values);
      // In training autograd keeps what it needs; otherwise the memory is freed.
      for (const std::size_t done : done_after_[i]) values[done].reset();
    }
    return values.back();
  }

  genome::Plan plan_;
  std::vector<std::vector<std::size_t>> done_after_;
  c10::Device device_;
  c10::ScalarType type_;
  std::vector<OpTensors> weights_;
  std::vector<NamedTensor> parameters_;
  std::vector<NamedTensor> buffers_;
  std::vector<at::Tensor> placed_;  ///< gradients in memory that a caller has given
  std::function<void(std::size_t)> gradient_ready_;
  bool gradients_complete_ = true;  ///< at the end of the present pass
  std::vector<std::shared_ptr<torch::autograd::Node>> accumulators_;
};

}  // namespace

std::unique_ptr<Executor> make_torch_executor(const genome::Plan& plan, c10::Device device,
                                              std::uint64_t seed, c10::ScalarType type) {
  return std::make_unique<TorchExecutor>(plan, device, seed, type);
}

}  // namespace hierevo::nn
