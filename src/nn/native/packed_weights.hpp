// The weights of a network as the kernels read them, and sums of their gradients.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "arena.hpp"
#include "schedule.hpp"

namespace hierevo::nn::native {

/// A trainable tensor, contiguous; its channels of the input are the last index.
struct Parameter {
  float* values = nullptr;
  float* gradient = nullptr;
  std::size_t index = 0;  ///< among the network's parameters
};

/// What an operation of the plan holds; null where it has none.
struct OpWeights {
  Parameter depthwise;  ///< [I, 3, 3]
  Parameter weight;     ///< [O, k, k, I]
  Parameter bias;       ///< [O]
  Parameter bn_weight;  ///< [O]
  Parameter bn_bias;    ///< [O]
  float* running_mean = nullptr;
  float* running_var = nullptr;
};

/// The part of a schedule's weights that one task has, in blocks of lanes; unused lanes of a block
/// are 0.
struct TaskWeights {
  int in_blocks = 0;  ///< of the product: of what is read, or of columns
  int out_blocks = 0;
  float* taps = nullptr;        ///< [block in][9][lanes]
  float* forward = nullptr;     ///< [block out][block in][lane in][lane out]
  float* transposed = nullptr;  ///< [block in][block out][lane out][lane in]

  // Sums of the gradients: first of the product, [block out][block in][lane out][lane in], then of
  // the taps, as they are.
  std::size_t first_sum = 0;  ///< among the sums of its sweep
  std::size_t product_sums = 0;
  std::size_t tap_sums = 0;
  std::size_t sums() const { return product_sums + tap_sums; }
};

class PackedWeights {
 public:
  PackedWeights(const Schedule& schedule, std::vector<OpWeights> ops);

  /// The tensors are elsewhere in memory from now on, in the same shapes.
  void move_to(std::vector<OpWeights> ops) { ops_ = std::move(ops); }

  const OpWeights& op(const Task& task) const { return ops_[static_cast<std::size_t>(task.op)]; }
  const TaskWeights& of(const Task& task) const { return tasks_[index_of(task)]; }
  /// Number of sums of all tasks of a sweep.
  std::size_t sums_of_sweep(std::size_t sweep) const { return sums_[sweep]; }

  /// Reads the values of a task's tensors.
  void pack(const Task& task);
  /// The opposite, for gradients: stores `sums` of a task in its tensors' gradients, or adds them.
  void unpack_gradient(const Task& task, const float* sums, bool add) const;

 private:
  /// Channels that are contiguous in both numberings.
  struct Stretch {
    std::int64_t channel;  ///< in the tensor
    std::int64_t lane;     ///< counted over all blocks
    std::int64_t count;
  };

  std::size_t index_of(const Task& task) const {
    return static_cast<std::size_t>(schedule_.piece(task.output).task);
  }
  std::vector<Stretch> stretches_of(const Task& task) const;
  std::int64_t row_size(const Task& task) const;
  template <typename Visit>
  void for_each_run(const Task& task, const Visit& visit) const;
  void lay_out(const Task& task, TaskWeights& weights) const;
  std::size_t place(TaskWeights& weights, float* memory) const;

  const Schedule& schedule_;
  std::vector<OpWeights> ops_;
  std::vector<TaskWeights> tasks_;
  std::vector<std::vector<Stretch>> stretches_;  ///< of each task
  std::vector<std::size_t> sums_;                ///< of each sweep
  Arena arena_;
};

}  // namespace hierevo::nn::native
