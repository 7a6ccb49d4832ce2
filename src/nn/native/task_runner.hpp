// One task of a schedule, forward or backward, for a few images.
#pragma once

#include <cstdint>
#include <vector>

#include "arena.hpp"
#include "hierevo/data/images.hpp"
#include "kernels.hpp"
#include "memory.hpp"
#include "norms.hpp"
#include "packed_weights.hpp"
#include "schedule.hpp"

namespace hierevo::nn::native {

/// What all runners of a network share.
struct Network {
  const Kernels& kernels;
  const Schedule& schedule;
  const PackedWeights& weights;
  const Norms& norms;
};

/// Holds the scratch memory of a task; each worker has its own.
class TaskRunner {
 public:
  explicit TaskRunner(const Network& network) : network_(network) {}

  /// Makes room for tasks on as many images at once as each sweep has. `sizes` are those of the
  /// grids.
  void fit(const std::vector<std::int64_t>& images, const std::vector<GridSize>& sizes);

  /// From the values of the sources to the task's output: raw where it is to be normalised.
  void forward(const Task& task, const Memory& memory, data::ImageRange images);
  /// From the gradient of the output to those of the sources; adds those of the weights to `sums`.
  void backward(const Task& task, const Memory& memory, data::ImageRange images, float* sums);

 private:
  using Planes = std::vector<float*>;  ///< of blocks, from the first of the images on

  void begin(const Task& task, const Memory& memory, data::ImageRange images);
  void allot(Planes& planes, int blocks);

  void multiply(const Planes& from, const Planes& to, const float* weights, Write write) const;
  void filter(const Planes& to) const;
  void fill_columns(const Task& task);
  void add_bias(const Task& task);
  void pool(const Task& task, const Memory& memory);

  void begin_backward(const Task& task, const Memory& memory);
  void add_products(const Planes& from, float* sums) const;
  void filter_backward(const Planes& gradients, float* sums) const;
  void product_to_sources() const;
  void columns_to_sources(const Task& task);
  void pool_backward(const Task& task, const Memory& memory) const;

  template <typename Visit>
  void for_each_columns(const Task& task, const Planes& planes, const Visit& visit) const;

  Network network_;
  std::vector<GridSize> sizes_;
  Arena zeros_;
  Arena scratch_;

  // Of the present task:
  const TaskWeights* weights_ = nullptr;
  data::ImageRange images_;
  GridSize in_;
  GridSize out_;
  Window window_;
  std::int64_t in_floats_ = 0;  ///< of a plane
  std::int64_t out_floats_ = 0;
  float* scratch_end_ = nullptr;
  Planes sources_;           ///< of each block that it reads
  Planes source_gradients_;  ///< of each of these; null where none is needed
  std::vector<Write> writes_;
  Planes outputs_;
  Planes output_gradients_;  ///< before normalisation
  Planes middle_;            ///< between taps and product, or the columns
  Planes middle_gradients_;
};

}  // namespace hierevo::nn::native
