// The table of the kernels of one instruction set; HIEREVO_KERNELS is its name.
#pragma once

#include "depthwise_kernels.hpp"
#include "kernels.hpp"
#include "normalisation_kernels.hpp"
#include "pointwise_kernels.hpp"
#include "pooling_kernels.hpp"

namespace hierevo::nn::native {
namespace {

constexpr Kernels kernel_table(std::string_view name) {
  return {.name = name,
          .lanes = lanes,
          .multiply = multiply,
          .add_outer_products = add_outer_products,
          .depthwise = depthwise,
          .depthwise_to_input = depthwise_to_input,
          .depthwise_to_taps = depthwise_to_taps,
          .maxpool = maxpool,
          .maxpool_to_input = maxpool_to_input,
          .avgpool = avgpool,
          .avgpool_to_input = avgpool_to_input,
          .average = average,
          .average_to_input = average_to_input,
          .add_moments = add_moments,
          .normalise = normalise,
          .add_gradient_moments = add_gradient_moments,
          .normalise_to_input = normalise_to_input};
}

}  // namespace
}  // namespace hierevo::nn::native
