#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "hierevo/genome/cell_graph.hpp"

namespace hierevo::genome {

/// The three networks of Figure 2.
enum class ModelKind : std::uint8_t { cifar_small, cifar_large, imagenet };

/// A network around a cell. `channels` is c0, `cells` is N, the number of cells a group.
struct ModelSpec {
  ModelKind kind = ModelKind::cifar_small;
  int channels = 16;
  int cells = 1;
  int input_channels = 3;
  int classes = 10;

  /// Height and width of the images that costs are given for: 32, or 299 for ImageNet.
  int image_size() const { return kind == ModelKind::imagenet ? 299 : 32; }
  /// The paper's model of this kind: c0=16 N=1, c0=64 N=2, c0=64 N=2 with 1000 classes.
  static ModelSpec of(ModelKind kind);
  bool operator==(const ModelSpec&) const = default;

  // Nobody trains larger networks, and to find out what one costs would take minutes.
  static constexpr int most_channels = 1 << 16;
  static constexpr int most_cells = 100;
  static constexpr int most_classes = 1 << 16;
};

/// Names of the models, in the order of the enumeration.
inline constexpr std::array<std::string_view, 3> model_names = {"cifar-small", "cifar-large",
                                                                "imagenet"};

/// Throws UsageError for a name that is none of these.
ModelKind model_kind_named(std::string_view name);
/// The name by which model_kind_named() finds it.
std::string_view name(ModelKind kind);

/// The operations of a network.
enum class PlanOpKind : std::uint8_t {
  input,
  conv,       ///< kernel×kernel convolution, batch normalisation, ReLU
  depthwise,  ///< 3×3 depthwise convolution, batch normalisation, ReLU
  separable,  ///< 3×3 depthwise, 1×1 convolution, batch normalisation, ReLU
  maxpool,    ///< 3×3, padded
  avgpool,    ///< 3×3, padded, padding not counted
  concat,
  global_average,
  linear,
};

/// One operation of a network. Operands are indices of earlier operations; a convolution pads its
/// input by kernel/2 on each side.
struct PlanOp {
  PlanOpKind kind{};
  std::vector<int> operands{};
  std::string name{};  ///< unique; the weights' names begin with it: "cells.0.1-3.2-4"
  int kernel = 1;
  int stride = 1;
  std::int64_t channels = 0;  ///< of the output
};

/// A whole network as a list of operations in order: the one description that costs are computed
/// from and that executors run. The last operation gives the logits [N, classes].
struct Plan {
  std::vector<PlanOp> ops;
  int input_channels = 3;
  int classes = 10;
};

/// Making the names of the operations takes most of the time of making a plan; costs need none.
enum class PlanNames : std::uint8_t { given, omitted };

/// The network `spec` built from `cell` (Figure 2). Throws UsageError when the cell is invalid or a
/// size of `spec` is below 1 or above its bound.
Plan make_plan(const CellGraph& cell, const ModelSpec& spec, PlanNames names = PlanNames::given);

/// What a network costs, for one image; numbers too large for 64 bits stop at the largest.
struct Cost {
  std::int64_t parameters = 0;  ///< trainable numbers
  std::int64_t macs = 0;        ///< multiply-accumulates of a forward pass
  /// What training keeps for the backward pass, in float32: within some 5 % of what LibTorch does.
  std::int64_t activation_bytes = 0;
};

/// `image_size` is the height and width of the input.
Cost cost_of(const Plan& plan, int image_size);

/// Bytes that LibTorch takes to train on `images` at a time: weights, gradients, momentum and what
/// is kept for the backward pass.
double training_bytes(const Plan& plan, int image_size, std::int64_t images);

}  // namespace hierevo::genome
