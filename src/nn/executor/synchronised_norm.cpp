#include "synchronised_norm.hpp"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "elements.hpp"
#include "native/batch_norm.hpp"

namespace hierevo::nn {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

at::Tensor by_channel(const at::Tensor& values) {
  return values.view({1, -1, 1, 1});
}

/// Of each channel, [C], float64.
at::Tensor channel_sums(const at::Tensor& values) {
  return values.sum(at::IntArrayRef({0, 2, 3}), /*keepdim=*/false, at::kDouble);
}

/// The sums over all ranks of two rows [C], and of a number.
at::Tensor summed(const at::Tensor& rows, comm::Collectives& ranks) {
  at::Tensor sums = rows.contiguous();
  ranks.all_reduce(elements_of(sums)).wait();
  return sums;
}

struct Moments {
  at::Tensor mean;      ///< [C], float64
  at::Tensor variance;  ///< likewise
  at::Tensor count;     ///< values of a channel, [1], likewise: reading it from a GPU would wait
};

Moments moments_of(const at::Tensor& input, comm::Collectives& ranks) {
  const std::int64_t channels = input.size(1);
  const auto own = static_cast<double>(input.numel() / channels);
  const at::Tensor sums = summed(at::cat({channel_sums(input), channel_sums(input.square()),
                                          at::full({1}, own, input.options().dtype(at::kDouble))}),
                                 ranks);
  const at::Tensor count = sums.narrow(0, 2 * channels, 1);
  const at::Tensor mean = sums.narrow(0, 0, channels) / count;
  const at::Tensor variance = sums.narrow(0, channels, channels) / count - mean.square();
  return {mean, variance.clamp_min(0.0), count};
}

void update_running(const NormTensors& norm, const Moments& moments) {
  const at::Tensor unbiased = moments.variance * (moments.count / (moments.count - 1.0));
  const auto take_in = [](at::Tensor running, const at::Tensor& now) {
    running.mul_(1.0 - bn_momentum).add_(now.to(running.scalar_type()), bn_momentum);
  };
  take_in(norm.running_mean, moments.mean);
  take_in(norm.running_var, unbiased);
}

struct SynchronisedNorm : torch::autograd::Function<SynchronisedNorm> {
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& running_mean, const at::Tensor& running_var,
                            comm::Collectives* ranks) {
    const Moments moments = moments_of(input, *ranks);
    update_running({weight, bias, running_mean, running_var}, moments);
    const auto type = input.scalar_type();
    const at::Tensor inverse = (moments.variance + bn_epsilon).rsqrt();
    const at::Tensor mean = moments.mean.to(type);
    const at::Tensor scale = inverse.to(type);
    context->save_for_backward({input, weight, mean, scale, moments.count});
    context->saved_data["ranks"] = reinterpret_cast<std::int64_t>(ranks);
    return (input - by_channel(mean)) * by_channel(scale * weight) + by_channel(bias);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& weight = saved[1];
    const at::Tensor& scale = saved[3];
    const at::Tensor& count = saved[4];
    auto* ranks = reinterpret_cast<comm::Collectives*>(context->saved_data["ranks"].toInt());
    const at::Tensor& gradient = gradients[0];
    const at::Tensor normal = (saved[0] - by_channel(saved[2])) * by_channel(scale);
    const at::Tensor own = at::stack({channel_sums(gradient), channel_sums(gradient * normal)});
    const auto type = gradient.scalar_type();
    const at::Tensor means = (summed(own.clone(), *ranks) / count).to(type);
    const at::Tensor rest = gradient - by_channel(means[0]) - normal * by_channel(means[1]);
    // The parameters' gradients are this rank's share: they are summed with all the others later.
    return {rest * by_channel(scale * weight), own[1].to(type), own[0].to(type), {}, {}, {}};
  }
};

}  // namespace

at::Tensor synchronised_norm(const at::Tensor& input, const NormTensors& norm,
                             comm::Collectives& ranks) {
  return SynchronisedNorm::apply(input, norm.weight, norm.bias, norm.running_mean, norm.running_var,
                                 &ranks);
}

}  // namespace hierevo::nn
