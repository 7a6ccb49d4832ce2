#pragma once

#include <ATen/core/Tensor.h>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::nn {

/// The parameters and running statistics of a batch normalisation, [C].
struct NormTensors {
  at::Tensor weight;
  at::Tensor bias;
  at::Tensor running_mean;
  at::Tensor running_var;
};

/// Batch normalisation in training mode over the images of all ranks: forward and backward as if
/// `input` [N, C, H, W] had them all. Every rank calls it for the same normalisations in the same
/// order, forward and backward, each with at least one image. Sums are in float64. Throws
/// CommunicationError.
at::Tensor synchronised_norm(const at::Tensor& input, const NormTensors& norm,
                             comm::Collectives& ranks);

}  // namespace hierevo::nn
