#include "gradient_buckets.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <utility>

#include "executor/elements.hpp"

namespace hierevo::nn {

namespace {

/// Gradients begin at multiples of this many elements, for the sake of vector instructions.
constexpr std::int64_t alignment = 16;
/// Small networks too have several buffers, or no communication would be hidden; but each message
/// has a cost whatever its length.
constexpr std::size_t wanted_buckets = 4;
constexpr std::size_t least_bytes = std::size_t{1} << 18;

std::int64_t room_for(const at::Tensor& parameter) {
  return (parameter.numel() + alignment - 1) / alignment * alignment;
}

std::size_t bytes_of(const at::Tensor& parameter) {
  return static_cast<std::size_t>(room_for(parameter)) * parameter.element_size();
}

}  // namespace

GradientBuckets::GradientBuckets(Executor& executor, comm::Collectives& ranks,
                                 const Options& options)
    : executor_(executor), ranks_(ranks), options_(options) {
  const std::vector<NamedTensor> parameters = executor.parameters();
  std::size_t all = 0;
  for (const NamedTensor& parameter : parameters) all += bytes_of(parameter.tensor);
  assign(parameters, std::min(options.bytes, std::max(least_bytes, all / wanted_buckets)));
  gradients_ = make_room(parameters);
  is_ready_.resize(parameters.size());
  executor.place_gradients(gradients_);
  executor.on_gradient_ready([this](std::size_t parameter) { ready(parameter); });
}

GradientBuckets::~GradientBuckets() {
  executor_.on_gradient_ready({});
}

/// In reverse order of use, which is nearly the one in which gradients become complete.
void GradientBuckets::assign(const std::vector<NamedTensor>& parameters, std::size_t bytes) {
  bucket_of_.resize(parameters.size());
  std::size_t filled = 0;
  for (std::size_t i = parameters.size(); i-- > 0;) {
    const std::size_t own = bytes_of(parameters[i].tensor);
    if (buckets_.empty() || filled + own > bytes) {
      buckets_.emplace_back();
      filled = 0;
    }
    filled += own;
    bucket_of_[i] = buckets_.size() - 1;
    buckets_.back().parameters.push_back(i);
  }
}

std::vector<at::Tensor> GradientBuckets::make_room(const std::vector<NamedTensor>& parameters) {
  std::vector<at::Tensor> gradients(parameters.size());
  for (Bucket& bucket : buckets_) {
    std::int64_t size = 0;
    for (const std::size_t i : bucket.parameters) size += room_for(parameters[i].tensor);
    const at::TensorOptions like = parameters[bucket.parameters.front()].tensor.options();
    bucket.values = at::zeros({size}, like.requires_grad(false));
    if (options_.compress)
      bucket.narrow = at::empty({size}, bucket.values.options().dtype(at::kBFloat16));
    std::int64_t offset = 0;
    for (const std::size_t i : bucket.parameters) {
      const at::Tensor& parameter = parameters[i].tensor;
      gradients[i] = bucket.values.as_strided(parameter.sizes(), parameter.strides(), offset);
      offset += room_for(parameter);
    }
  }
  return gradients;
}

void GradientBuckets::begin() {
  const std::scoped_lock lock(mutex_);
  std::fill(is_ready_.begin(), is_ready_.end(), false);
  for (Bucket& bucket : buckets_) bucket.missing = bucket.parameters.size();
  next_ = 0;
}

void GradientBuckets::ready(std::size_t parameter) {
  const std::scoped_lock lock(mutex_);
  is_ready_[parameter] = true;
  --buckets_[bucket_of_[parameter]].missing;
  while (next_ < buckets_.size() && buckets_[next_].missing == 0) start(buckets_[next_++]);
}

void GradientBuckets::start(Bucket& bucket) {
  const at::NoGradGuard without_gradients;
  if (options_.compress) bucket.narrow.copy_(bucket.values);
  const at::Tensor& sent = options_.compress ? bucket.narrow : bucket.values;
  bucket.sum = ranks_.all_reduce(elements_of(sent));
}

void GradientBuckets::close() {
  const std::scoped_lock lock(mutex_);
  const at::NoGradGuard without_gradients;
  for (std::size_t i = 0; i < gradients_.size(); ++i) {
    if (!is_ready_[i]) gradients_[i].zero_();
  }
  while (next_ < buckets_.size()) start(buckets_[next_++]);
}

void GradientBuckets::finish() {
  const std::scoped_lock lock(mutex_);
  const auto start_time = std::chrono::steady_clock::now();
  const at::NoGradGuard without_gradients;
  for (Bucket& bucket : buckets_) {
    bucket.sum.wait();
    if (options_.compress) bucket.values.copy_(bucket.narrow);
  }
  waited_ += std::chrono::steady_clock::now() - start_time;
}

}  // namespace hierevo::nn
