#include "mixing.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <cmath>

namespace hierevo::nn {

double draw_beta(double alpha, core::RandomStream& random) {
  // By inversion: the standard library's gamma distribution differs from machine to machine.
  const boost::math::beta_distribution<double> beta(alpha, alpha);
  return boost::math::quantile(beta, random.unit());
}

Box draw_box(std::int64_t height, std::int64_t width, double area, core::RandomStream& random) {
  const double side = std::sqrt(area);
  const auto span = [&](std::int64_t end, std::int64_t& from, std::int64_t& to) {
    const auto length = std::llround(side * static_cast<double>(end));
    const auto middle = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(end)));
    from = std::clamp<std::int64_t>(middle - length / 2, 0, end);
    to = std::clamp<std::int64_t>(middle - length / 2 + length, 0, end);
  };
  Box box{};
  span(height, box.top, box.bottom);
  span(width, box.left, box.right);
  return box;
}

void mix_up(at::Tensor& images, const at::Tensor& partners, double own) {
  const at::Tensor others = partners.flip(0).mul_(1.0 - own);
  images.mul_(own).add_(others);
}

void cut_mix(at::Tensor& images, const at::Tensor& partners, const Box& box) {
  const auto part = [&box](const at::Tensor& of) {
    return of.slice(2, box.top, box.bottom).slice(3, box.left, box.right);
  };
  part(images).copy_(part(partners).flip(0));
}

at::Tensor mixed_targets(std::span<const std::int64_t> labels,
                         std::span<const std::int64_t> partners, double own, std::int64_t classes) {
  const std::size_t count = labels.size();
  at::Tensor targets = at::zeros({static_cast<std::int64_t>(count), classes}, at::kFloat);
  float* target = targets.data_ptr<float>();
  for (std::size_t i = 0; i < count; ++i, target += classes) {
    target[labels[i]] += static_cast<float>(own);
    target[partners[count - 1 - i]] += static_cast<float>(1.0 - own);
  }
  return targets;
}

}  // namespace hierevo::nn
