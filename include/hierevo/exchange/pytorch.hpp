#pragma once

#include <string>
#include <vector>

#include "hierevo/exchange/network.hpp"

namespace hierevo::exchange {

/// A Python module that needs torch alone: a class for each motif that the cell uses, one for the
/// cell, and the network. With a trained one it loads the weights from `weights_file` beside it
/// (safetensors). Throws UsageError for an invalid cell and what require_finite_pixels() refuses.
std::string pytorch_module(const Network& network, const std::string& weights_file);

/// The weights by the names that they have in that module. Throws UsageError where they are those
/// of another network.
std::vector<io::StoredTensor> pytorch_weights(const Network& network);

}  // namespace hierevo::exchange
