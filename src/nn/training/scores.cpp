#include "hierevo/nn/training/scores.hpp"

#include <ATen/ATen.h>

#include <algorithm>

#include "rank_scores.hpp"

namespace hierevo::nn {

namespace {

/// How many of a batch have the label first, and among the first five: [2], int64, on its device.
at::Tensor hits_of(Executor& executor, const Batch& batch) {
  const at::Tensor logits = executor.predict(batch.images);
  const at::Tensor labels = batch.targets.to(logits.device());
  const std::int64_t five = std::min<std::int64_t>(5, logits.size(1));
  const at::Tensor finite = at::isfinite(logits).all(1, /*keepdim=*/true);
  const at::Tensor hits =
      std::get<1>(logits.topk(five, 1)).eq(labels.unsqueeze(1)).logical_and(finite);
  return at::stack({hits.select(1, 0).sum(), hits.sum()});
}

/// Of the images `range`, `batch` at a time: nothing when `should_continue`, which is called
/// `rounds` times, returned false.
std::optional<at::Tensor> hits_of(Executor& executor, TestBatches& images, data::ImageRange range,
                                  std::int64_t batch, std::int64_t rounds,
                                  const ShouldContinue& should_continue) {
  at::Tensor right;  // stays on the device until all batches are queued
  for (std::int64_t round = 0; round < rounds; ++round) {
    if (should_continue && !should_continue()) return std::nullopt;
    const std::int64_t done = round * batch;
    if (done >= range.count) continue;
    const at::Tensor counts =
        hits_of(executor, images.at({range.first + done, std::min(batch, range.count - done)}));
    right = right.defined() ? right + counts : counts;
  }
  return right.defined() ? right : at::zeros({2}, at::kLong);
}

std::int64_t rounds_of(std::int64_t images, std::int64_t batch) {
  return images / batch + (images % batch != 0 ? 1 : 0);
}

Scores scores_from(const at::Tensor& hits, std::int64_t images) {
  const auto share = [&](std::int64_t i) {
    return hits[i].item<double>() / static_cast<double>(images);
  };
  return {share(0), share(1)};
}

}  // namespace

std::optional<Scores> scores_of(Executor& executor, TestBatches& images, std::int64_t batch,
                                const ShouldContinue& should_continue) {
  const std::int64_t count = images.size();
  const auto hits =
      hits_of(executor, images, {0, count}, batch, rounds_of(count, batch), should_continue);
  if (!hits) return std::nullopt;
  return scores_from(*hits, count);
}

std::optional<Scores> scores_of_ranks(Executor& executor, TestBatches& images, std::int64_t batch,
                                      Replicas& replicas, const ShouldContinue& should_continue) {
  comm::Collectives& ranks = replicas.ranks();
  const std::int64_t most = data::part_of(images.size(), 0, ranks.size()).count;
  const data::ImageRange own = data::part_of(images.size(), ranks.rank(), ranks.size());
  images.expect(own);
  auto hits = hits_of(executor, images, own, batch, rounds_of(most, batch),
                      [&] { return !replicas.any(should_continue && !should_continue()); });
  if (!hits) return std::nullopt;
  replicas.sum(*hits);
  return scores_from(*hits, images.size());
}

}  // namespace hierevo::nn
