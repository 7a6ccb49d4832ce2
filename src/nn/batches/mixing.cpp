#include "mixing.hpp"

#include <ATen/ATen.h>

#include <algorithm>
#include <boost/math/distributions/beta.hpp>
#include <cmath>

namespace hierevo::nn {

namespace {

at::Tensor mixed_targets(const at::Tensor& labels, const at::Tensor& others, double own,
                         std::int64_t classes) {
  const auto sure = [classes](const at::Tensor& of) {
    return at::one_hot(of, classes).to(at::kFloat);
  };
  return sure(labels) * own + sure(others) * (1.0 - own);
}

}  // namespace

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

void mix_up(Batch& batch, const Batch& others, double own, std::int64_t classes) {
  batch.images = batch.images * own + others.images * (1.0 - own);
  batch.targets = mixed_targets(batch.targets, others.targets, own, classes);
}

void cut_mix(Batch& batch, const Batch& others, const Box& box, std::int64_t classes) {
  const auto part = [&box](const at::Tensor& images) {
    return images.slice(2, box.top, box.bottom).slice(3, box.left, box.right);
  };
  part(batch.images).copy_(part(others.images));
  const auto cut = static_cast<double>((box.bottom - box.top) * (box.right - box.left));
  const auto all = static_cast<double>(batch.images.size(2) * batch.images.size(3));
  batch.targets = mixed_targets(batch.targets, others.targets, 1.0 - cut / all, classes);
}

}  // namespace hierevo::nn
