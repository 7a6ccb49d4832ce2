// Tensors of networks as they are stored in files of trainings.
#pragma once

#include <vector>

#include "hierevo/io/training_snapshot.hpp"
#include "hierevo/nn/executor/executor.hpp"

namespace hierevo::app {

/// Copies to the host, as float.
std::vector<float> floats(const at::Tensor& values);
std::vector<io::StoredTensor> stored(const std::vector<nn::NamedTensor>& tensors);

/// On the host.
std::vector<nn::NamedTensor> loaded(const std::vector<io::StoredTensor>& tensors);

}  // namespace hierevo::app
