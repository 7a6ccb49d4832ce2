#include "packed_weights.hpp"

#include <algorithm>
#include <utility>

namespace hierevo::nn::native {

using genome::PlanOpKind;

namespace {

bool has_taps(const Task& task) {
  return task.kind == PlanOpKind::depthwise || task.kind == PlanOpKind::separable;
}

bool has_product(const Task& task) {
  return task.kind == PlanOpKind::conv || task.kind == PlanOpKind::separable ||
         task.kind == PlanOpKind::linear;
}

void put(float& to, float value, bool add) {
  to = add ? to + value : value;
}

}  // namespace

PackedWeights::PackedWeights(const Schedule& schedule, std::vector<OpWeights> ops)
    : schedule_(schedule), ops_(std::move(ops)), sums_(schedule.sweeps().size(), 0) {
  std::size_t floats = 0;
  for (const Task& task : schedule.tasks()) {
    TaskWeights& weights = tasks_.emplace_back();
    lay_out(task, weights);
    stretches_.push_back(stretches_of(task));
    std::size_t& in_sweep = sums_[static_cast<std::size_t>(task.sweep)];
    weights.first_sum = std::exchange(in_sweep, in_sweep + weights.sums());
    floats += place(weights, nullptr);
  }
  arena_.reserve(floats * sizeof(float));
  float* memory = arena_.floats();
  std::fill_n(memory, floats, 0.0F);
  for (TaskWeights& weights : tasks_) memory += place(weights, memory);
}

void PackedWeights::lay_out(const Task& task, TaskWeights& weights) const {
  const auto lanes = static_cast<std::size_t>(schedule_.lanes());
  weights.in_blocks = schedule_.blocks_in(task);
  weights.out_blocks = schedule_.piece(task.output).blocks;
  if (has_taps(task)) weights.tap_sums = static_cast<std::size_t>(weights.in_blocks) * 9 * lanes;
  if (task.by_columns()) {
    const std::int64_t columns = schedule_.channels_in(task) * task.kernel * task.kernel;
    weights.in_blocks = static_cast<int>((columns + schedule_.lanes() - 1) / schedule_.lanes());
  }
  if (has_product(task)) {
    weights.product_sums = static_cast<std::size_t>(weights.in_blocks) *
                           static_cast<std::size_t>(weights.out_blocks) * lanes * lanes;
  }
}

/// How many floats a task's weights take; with `memory` they are placed there.
std::size_t PackedWeights::place(TaskWeights& weights, float* memory) const {
  if (memory != nullptr) {
    weights.taps = memory;
    weights.forward = weights.taps + weights.tap_sums;
    weights.transposed = weights.forward + weights.product_sums;
  }
  return weights.tap_sums + 2 * weights.product_sums;
}

std::vector<PackedWeights::Stretch> PackedWeights::stretches_of(const Task& task) const {
  const std::int64_t channels = schedule_.channels_in(task);
  if (task.by_columns()) return {{0, 0, channels * task.kernel * task.kernel}};
  std::vector<Stretch> stretches;
  std::int64_t channel =
      task.kind == PlanOpKind::depthwise ? schedule_.piece(task.output).first_channel : 0;
  std::int64_t lane = 0;
  for (const Source& source : task.sources) {
    const Piece& piece = schedule_.piece(source.piece);
    stretches.push_back({channel, lane, piece.channels});
    channel += piece.channels;
    lane += std::int64_t{piece.blocks} * schedule_.lanes();
  }
  return stretches;
}

/// Length of a row of the product's tensor.
std::int64_t PackedWeights::row_size(const Task& task) const {
  // A separable convolution's kernel is that of its taps.
  const std::int64_t windows = task.by_columns() ? task.kernel * task.kernel : 1;
  return schedule_.channels_in(task) * windows;
}

/// Calls visit(channel, block, lane, count) for channels that are contiguous in tensor and block.
template <typename Visit>
void PackedWeights::for_each_run(const Task& task, const Visit& visit) const {
  const std::int64_t lanes = schedule_.lanes();
  for (const Stretch& stretch : stretches_[index_of(task)]) {
    for (std::int64_t i = 0; i < stretch.count;) {
      const std::int64_t lane = stretch.lane + i;
      const std::int64_t count = std::min(lanes - lane % lanes, stretch.count - i);
      visit(stretch.channel + i, lane / lanes, lane % lanes, count);
      i += count;
    }
  }
}

void PackedWeights::pack(const Task& task) {
  const TaskWeights& weights = of(task);
  const OpWeights& tensors = op(task);
  const std::int64_t lanes = schedule_.lanes();
  if (has_taps(task)) {
    for_each_run(
        task, [&](std::int64_t channel, std::int64_t block, std::int64_t lane, std::int64_t count) {
          for (std::int64_t i = 0; i < count; ++i) {
            for (std::int64_t tap = 0; tap < 9; ++tap) {
              weights.taps[(block * 9 + tap) * lanes + lane + i] =
                  tensors.depthwise.values[(channel + i) * 9 + tap];
            }
          }
        });
  }
  if (!has_product(task)) return;
  const std::int64_t outputs = schedule_.piece(task.output).channels;
  for (std::int64_t n = 0; n < outputs; ++n) {
    const float* row = tensors.weight.values + n * row_size(task);
    const std::int64_t out = n / lanes;
    const std::int64_t out_lane = n % lanes;
    for_each_run(
        task, [&](std::int64_t channel, std::int64_t in, std::int64_t lane, std::int64_t count) {
          float* forward =
              weights.forward + ((out * weights.in_blocks + in) * lanes + lane) * lanes + out_lane;
          float* transposed = weights.transposed +
                              ((in * weights.out_blocks + out) * lanes + out_lane) * lanes + lane;
          for (std::int64_t i = 0; i < count; ++i) {
            forward[i * lanes] = row[channel + i];
            transposed[i] = row[channel + i];
          }
        });
  }
}

void PackedWeights::unpack_gradient(const Task& task, const float* sums, bool add) const {
  const TaskWeights& weights = of(task);
  const OpWeights& tensors = op(task);
  const std::int64_t lanes = schedule_.lanes();
  const float* taps = sums + weights.product_sums;
  const std::int64_t outputs = has_product(task) ? schedule_.piece(task.output).channels : 0;
  for_each_run(
      task, [&](std::int64_t channel, std::int64_t block, std::int64_t lane, std::int64_t count) {
        for (std::int64_t i = 0; has_taps(task) && i < count; ++i) {
          for (std::int64_t tap = 0; tap < 9; ++tap) {
            put(tensors.depthwise.gradient[(channel + i) * 9 + tap],
                taps[(block * 9 + tap) * lanes + lane + i], add);
          }
        }
        for (std::int64_t n = 0; n < outputs; ++n) {
          float* row = tensors.weight.gradient + n * row_size(task) + channel;
          const float* tile =
              sums + ((n / lanes * weights.in_blocks + block) * lanes + n % lanes) * lanes + lane;
          for (std::int64_t i = 0; i < count; ++i) put(row[i], tile[i], add);
        }
      });
}

}  // namespace hierevo::nn::native
