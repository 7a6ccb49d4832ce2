#include "replicas.hpp"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "executor/elements.hpp"
#include "hierevo/core/error.hpp"
#include "hierevo/core/hash.hpp"

namespace hierevo::nn {

namespace {

using Clock = std::chrono::steady_clock;

/// Checksum of the bytes of a tensor without gaps in memory.
std::uint64_t hash_of(const at::Tensor& tensor, std::uint64_t hash) {
  const at::Tensor here = tensor.detach().cpu();
  const auto* bytes = static_cast<const char*>(here.data_ptr());
  const std::size_t size = static_cast<std::size_t>(here.numel()) * here.element_size();
  for (std::size_t i = 0; i < size; i += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes + i, std::min(sizeof word, size - i));
    hash = core::combine(hash, word);
  }
  return hash;
}

}  // namespace

Replicas::Replicas(Executor& executor, const DataParallel& parallel)
    : executor_(executor),
      ranks_(*parallel.ranks),
      check_every_(parallel.check_every),
      device_(executor.parameters().front().tensor.device()),
      late_stop_(parallel.late_stop.value_or(!device_.is_cpu())),
      buckets_(executor, ranks_,
               {.bytes = parallel.bucket_bytes, .compress = parallel.compress_gradients}) {
  copy_from_rank_0(executor.parameters());
  copy_from_rank_0(executor.buffers());
}

Replicas::Step Replicas::finish_step(const at::Tensor& loss, bool wants_to_stop) {
  const at::Tensor own = loss.to(at::kDouble);
  const at::Tensor both = at::stack({own, at::full_like(own, wants_to_stop ? 1.0 : 0.0)});
  buckets_.close();
  comm::Request sum = ranks_.all_reduce(elements_of(both));
  buckets_.finish();
  const auto start = Clock::now();
  sum.wait();
  waited_ += Clock::now() - start;
  AsyncScalar wish(both[1]);
  if (!late_stop_) return {both[0], wish.value() > 0.0};
  const bool stop = wish_before_ && wish_before_->value() > 0.0;
  wish_before_ = std::move(wish);
  return {both[0], stop};
}

/// Numbers for other ranks are on the device of the group.
at::TensorOptions Replicas::here() const {
  return at::TensorOptions(at::kLong).device(device_);
}

bool Replicas::any(bool own) {
  at::Tensor values = at::full({1}, own ? 1 : 0, at::kLong);
  sum(values);
  return values.item<std::int64_t>() > 0;
}

void Replicas::sum(at::Tensor& values) {
  const at::Tensor there = values.to(device_);
  ranks_.all_reduce(elements_of(there)).wait();
  values = there.cpu();
}

std::int64_t Replicas::from_rank_0(std::int64_t value) {
  const at::Tensor told = at::full({1}, value, here());
  ranks_.broadcast(elements_of(told), 0).wait();
  return told.item<std::int64_t>();
}

void Replicas::copy_from_rank_0(const std::vector<NamedTensor>& tensors) {
  if (tensors.empty()) return;
  const at::NoGradGuard without_gradients;
  std::vector<at::Tensor> flat;
  for (const NamedTensor& one : tensors) flat.push_back(one.tensor.detach().reshape({-1}));
  const at::Tensor all = at::cat(flat).to(device_);
  ranks_.broadcast(elements_of(all), 0).wait();
  if (ranks_.rank() == 0) return;
  std::int64_t offset = 0;
  for (const NamedTensor& one : tensors) {
    const std::int64_t count = one.tensor.numel();
    at::Tensor(one.tensor).copy_(all.narrow(0, offset, count).view(one.tensor.sizes()));
    offset += count;
  }
}

std::uint64_t Replicas::weights_hash() const {
  std::uint64_t hash = 0;
  for (const NamedTensor& parameter : executor_.parameters())
    hash = hash_of(parameter.tensor, hash);
  return hash;
}

void Replicas::compare_weights_when_due(std::int64_t step) {
  if (check_every_ <= 0 || step % check_every_ != 0) return;
  const auto hash = static_cast<std::int64_t>(weights_hash());
  const at::Tensor own = at::full({1}, hash, here());
  const at::Tensor gathered = at::empty({ranks_.size()}, here());
  ranks_.all_gather(elements_of(own), elements_of(gathered)).wait();
  const at::Tensor all = gathered.cpu();
  std::vector<int> others;
  for (int rank = 1; rank < ranks_.size(); ++rank) {
    if (all[rank].item<std::int64_t>() != all[0].item<std::int64_t>()) others.push_back(rank);
  }
  if (others.empty()) return;
  throw core::CommunicationError(
      others.front(),
      fmt::format("The weights of rank {} are not those of rank 0 after step {}",
                  fmt::join(others, ", "), step),
      "every rank makes the same steps, so a machine computes wrongly or differs from the "
      "others",
      "Look at these ranks' machines; the same command resumes from the last save.");
}

double Replicas::waited_seconds() const {
  return std::chrono::duration<double>(waited_ + buckets_.waited()).count();
}

}  // namespace hierevo::nn
