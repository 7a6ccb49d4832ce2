#include "hierevo/nn/executor/native_executor.hpp"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "hierevo/core/error.hpp"
#include "native/kernel_choice.hpp"
#include "native/native_network.hpp"
#include "network_tensors.hpp"

namespace hierevo::nn {

namespace {

/// The tensors' memory as the network sees it. Gradients are allocated here, unless memory is
/// given, and put into grad().
class SharedWeights {
 public:
  explicit SharedWeights(const std::vector<NamedTensor>& parameters) {
    for (const NamedTensor& parameter : parameters) {
      parameters_.push_back(parameter.tensor);
      gradients_.push_back(at::zeros_like(parameter.tensor));
    }
  }

  void place_gradients(std::vector<at::Tensor> memory) { gradients_ = std::move(memory); }

  std::vector<native::OpWeights> of(const std::vector<OpTensors>& ops) {
    std::vector<native::OpWeights> shared;
    for (const OpTensors& op : ops) {
      shared.push_back({.depthwise = next(op.depthwise),
                        .weight = next(op.weight),
                        .bias = next(op.bias),
                        .bn_weight = next(op.bn_weight),
                        .bn_bias = next(op.bn_bias),
                        .running_mean = data(op.running_mean),
                        .running_var = data(op.running_var)});
    }
    return shared;
  }

  /// Puts the gradients where callers look for them; those there stay when they are added to.
  void attach(bool keep) {
    for (std::size_t i = 0; i < parameters_.size(); ++i) {
      at::Tensor& present = parameters_[i].mutable_grad();
      if (present.is_same(gradients_[i])) continue;
      if (keep && present.defined()) {
        gradients_[i].copy_(present);
      } else if (keep) {
        gradients_[i].zero_();
      }
      present = gradients_[i];
    }
  }

 private:
  static float* data(const at::Tensor& tensor) {
    return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
  }

  /// Parameters are numbered in the order in which operations have them.
  native::Parameter next(const at::Tensor& tensor) {
    if (!tensor.defined()) return {};
    const auto found = std::find_if(parameters_.begin(), parameters_.end(),
                                    [&](const at::Tensor& own) { return own.is_same(tensor); });
    const auto index = static_cast<std::size_t>(found - parameters_.begin());
    return {data(tensor), data(gradients_.at(index)), index};
  }

  std::vector<at::Tensor> parameters_;
  std::vector<at::Tensor> gradients_;
};

at::Tensor on_cpu(const at::Tensor& images) {
  return images.to(at::kCPU, at::kFloat);
}

native::ImageView view_of(const at::Tensor& images, std::int64_t channels) {
  if (images.dim() != 4 || images.size(1) != channels || images.numel() == 0) {
    throw core::InternalError(
        fmt::format("The images are not [N, {}, H, W] with at least one pixel", channels));
  }
  native::ImageView view{.data = images.data_ptr<float>()};
  for (std::size_t i = 0; i < 4; ++i) {
    view.sizes[i] = images.size(static_cast<std::int64_t>(i));
    view.strides[i] = images.stride(static_cast<std::int64_t>(i));
  }
  return view;
}

class NativeExecutor final : public Executor {
 public:
  NativeExecutor(const genome::Plan& plan, std::uint64_t seed, const native::Kernels& kernels)
      : channels_(plan.input_channels),
        tensors_(make_tensors(plan, at::kCPU, seed, at::kFloat)),
        weights_(tensors_.parameters),
        network_(plan, kernels, weights_.of(tensors_.ops)) {}

  using Executor::train_step;
  at::Tensor train_step(const at::Tensor& images, const at::Tensor& targets,
                        const StepOptions& options) override {
    if (options.drop_path > 0.0 || options.bf16 || options.frozen_norms ||
        options.norm_ranks != nullptr) {
      throw core::InternalError(
          "The native executor has no drop_path, no bf16, and norms of this rank's batch only");
    }
    const at::NoGradGuard without_gradients;
    const at::Tensor placed = on_cpu(images);
    const at::Tensor wanted =
        targets.to(at::kCPU, targets.is_floating_point() ? at::kFloat : at::kLong).contiguous();
    weights_.attach(!options.first);
    native::StepFrame frame{.factor = options.share, .add_gradients = !options.first};
    if (options.last) frame.gradient_ready = gradient_ready_;
    const double loss = network_.train(view_of(placed, channels_),
                                       targets_of(wanted, placed.size(0), options.label_smoothing),
                                       frame, at::get_num_threads());
    return at::scalar_tensor(loss, at::kFloat);
  }

  at::Tensor predict(const at::Tensor& images) override {
    const at::NoGradGuard without_gradients;
    const at::Tensor placed = on_cpu(images);
    const std::vector<float> logits =
        network_.predict(view_of(placed, channels_), at::get_num_threads());
    at::Tensor result = at::empty({placed.size(0), network_.classes()}, at::kFloat);
    std::copy(logits.begin(), logits.end(), result.data_ptr<float>());
    return result;
  }

  std::vector<NamedTensor> parameters() override { return tensors_.parameters; }
  std::vector<NamedTensor> buffers() override { return tensors_.buffers; }

  void place_gradients(std::vector<at::Tensor> memory) override {
    weights_.place_gradients(std::move(memory));
    weights_.attach(/*keep=*/false);
    network_.move_weights(weights_.of(tensors_.ops));
  }

  void on_gradient_ready(std::function<void(std::size_t)> callback) override {
    gradient_ready_ = std::move(callback);
  }

 private:
  native::Targets targets_of(const at::Tensor& targets, std::int64_t images,
                             double smoothing) const {
    native::Targets wanted{.smoothing = smoothing};
    if (targets.is_floating_point()) {
      TORCH_CHECK_VALUE(targets.sizes() == at::IntArrayRef({images, network_.classes()}),
                        "probabilities of all classes are needed for each image");
      wanted.probabilities = targets.data_ptr<float>();
      return wanted;
    }
    TORCH_CHECK_VALUE(targets.sizes() == at::IntArrayRef({images}),
                      "a label is needed for each image");
    wanted.labels = targets.data_ptr<std::int64_t>();
    const bool known = std::all_of(wanted.labels, wanted.labels + images, [this](auto label) {
      return label >= 0 && label < network_.classes();
    });
    TORCH_CHECK_INDEX(known, "a label is out of range");
    return wanted;
  }

  std::int64_t channels_;
  NetworkTensors tensors_;
  SharedWeights weights_;
  native::NativeNetwork network_;
  std::function<void(std::size_t)> gradient_ready_;
};

}  // namespace

bool can_run_natively(const genome::Plan& plan) {
  return native::Schedule::can_run(plan);
}

std::vector<std::string> native_instruction_sets() {
  std::vector<std::string> names;
  for (const native::Kernels* kernels : native::kernel_sets()) names.emplace_back(kernels->name);
  return names;
}

std::unique_ptr<Executor> make_native_executor(const genome::Plan& plan, std::uint64_t seed,
                                               const std::string& instruction_set) {
  const native::Kernels& kernels =
      instruction_set.empty() ? native::kernels_for(plan) : native::kernels_named(instruction_set);
  return std::make_unique<NativeExecutor>(plan, seed, kernels);
}

}  // namespace hierevo::nn
