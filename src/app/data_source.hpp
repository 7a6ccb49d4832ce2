// Where images come from and go to: between data sets of Torch tensors and packs without Torch.
#pragma once

#include <cstdint>
#include <vector>

#include "hierevo/nn/dataset.hpp"
#include "training_options.hpp"

namespace hierevo::app {

/// The data set that --dataset (a name or a pack) and --data-dir choose. Throws UsageError.
nn::Dataset read_dataset(const DataOptions& options);

/// A hash of all pixels and labels.
std::uint64_t fingerprint_of(const std::vector<const nn::Images*>& parts);

}  // namespace hierevo::app
