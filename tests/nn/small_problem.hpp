// A network and data small enough to train within a test.
#pragma once

#include <string>

#include "hierevo/core/error.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/dataset.hpp"

namespace hierevo::nn {

/// A flat cell of three nodes: separable convolution, then max-pooling beside a 1×1 convolution.
inline genome::Plan small_plan(int classes = 10, int input_channels = 1) {
  const genome::Genotype genotype(genome::SearchSpace({{1, 3}}), {3, 1, 4});
  return genome::make_plan(
      genome::assemble(genotype),
      {.channels = 8, .cells = 1, .input_channels = input_channels, .classes = classes});
}

/// The message of the UsageError that `call` throws.
template <typename Call>
std::string usage_error(Call&& call) {
  try {
    call();
  } catch (const core::UsageError& error) {
    return error.what();
  }
  return "no error";
}

}  // namespace hierevo::nn
