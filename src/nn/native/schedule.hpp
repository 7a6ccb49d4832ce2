// A plan as the native executor runs it: what is computed when, fixed before any images arrive.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "hierevo/genome/plan.hpp"

namespace hierevo::nn::native {

struct GridSize {
  int height = 0;
  int width = 0;
  std::int64_t pixels() const { return std::int64_t{height} * width; }
};

/// The output of one operation. A concatenation has none: its users read its parts.
struct Piece {
  std::int64_t channels = 0;
  std::int64_t first_channel = 0;  ///< of the output of the plan's operation
  int first_block = 0;             ///< blocks are numbered across all pieces
  int blocks = 0;
  int grid = 0;
  int task = -1;                ///< the one that computes it; -1 for the images
  bool normalised = false;      ///< batch normalisation and ReLU come before its users
  bool needs_gradient = false;  ///< it depends on weights
  int first_use = -1;           ///< sweep of the first user: there it is normalised
  int last_use = -1;            ///< sweep of the last user; -1 for the logits
  int first_kept = -1;          ///< sweep of the first user whose backward pass reads it; -1: none
};

/// A piece that a task reads.
struct Source {
  int piece;
  bool adds = false;  ///< in the backward pass: to the parts of its gradient that others stored
};

/// One operation of the plan; of those that keep channels apart (pools, depthwise convolutions) its
/// work on one piece.
struct Task {
  genome::PlanOpKind kind{};
  int op = 0;  ///< index in the plan
  int kernel = 1;
  int stride = 1;
  std::vector<Source> sources{};
  int output = 0;
  int sweep = 0;

  /// Whether it is computed by columns: every window as a row of a matrix.
  bool by_columns() const {
    return kind == genome::PlanOpKind::conv && (kernel != 1 || stride != 1);
  }
};

/// What is computed between two synchronisations of a whole batch: image by image, so that what one
/// task writes is still in the cache when the next one reads it. Backward in the opposite order.
struct Sweep {
  std::vector<int> normalised;  ///< pieces that are normalised before the tasks
  std::vector<int> tasks;
};

/// Batch normalisation needs a whole batch, so a convolution's output can be used in the next sweep
/// at the earliest; everything else is used in the sweep that makes it. Every task runs as early as
/// that allows. Pools have no weights, so equal pools of one piece are merged.
class Schedule {
 public:
  /// Needs a plan for which can_run() holds.
  Schedule(const genome::Plan& plan, int lanes);

  static bool can_run(const genome::Plan& plan);

  int lanes() const { return lanes_; }
  const std::vector<Piece>& pieces() const { return pieces_; }
  const std::vector<Task>& tasks() const { return tasks_; }
  const std::vector<Sweep>& sweeps() const { return sweeps_; }
  const Piece& piece(int index) const { return pieces_[static_cast<std::size_t>(index)]; }
  const Task& task(int index) const { return tasks_[static_cast<std::size_t>(index)]; }
  const Piece& images() const { return pieces_.front(); }
  const Piece& logits() const { return pieces_.back(); }
  int blocks() const { return pieces_.back().first_block + pieces_.back().blocks; }

  /// Channels that a task reads, as the plan counts them.
  std::int64_t channels_in(const Task& task) const;
  int blocks_in(const Task& task) const;

  /// Height and width of each grid for images of `size`.
  std::vector<GridSize> sizes(GridSize size) const;

 private:
  /// Grids differ in height and width; grid 0 is that of the images.
  struct Grid {
    int from = 0;
    int stride = 1;  ///< 0: the mean over all pixels
  };
  class Compiler;

  int lanes_;
  std::vector<Grid> grids_ = {{}};
  std::vector<Piece> pieces_;
  std::vector<Task> tasks_;
  std::vector<Sweep> sweeps_;
};

}  // namespace hierevo::nn::native
