#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "hierevo/io/training_snapshot.hpp"

namespace hierevo::exchange {

/// Tensors as a file in the safetensors format, which holds numbers alone: reading it runs no code.
/// `metadata` is for whoever reads it.
std::vector<std::byte> safetensors(const std::vector<io::StoredTensor>& tensors,
                                   const std::map<std::string, std::string>& metadata);

}  // namespace hierevo::exchange
