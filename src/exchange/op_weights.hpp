// The weights of a network, operation by operation.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "hierevo/exchange/network.hpp"

namespace hierevo::exchange {

struct OpWeights {
  genome::PlanOp op;
  std::map<std::string, const io::StoredTensor*> tensors;  ///< by their role: "bn.running_var"
};

/// All operations of the network's plan, in order. Throws UsageError where the weights are not
/// exactly those that the plan has, or have other shapes.
std::vector<OpWeights> weights_of(const Network& network);

}  // namespace hierevo::exchange
