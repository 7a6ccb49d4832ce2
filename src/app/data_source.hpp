// Where images come from and go to: between data sets of Torch tensors and packs without Torch.
#pragma once

#include <cstdint>

#include "hierevo/nn/dataset.hpp"
#include "training_options.hpp"

namespace hierevo::app {

/// The data set that --dataset (a name or a pack) and --data-dir choose. Throws UsageError.
nn::Dataset read_dataset(const DataOptions& options);

/// As io::fingerprint_of; the images must be in the host's memory.
std::uint64_t fingerprint_of(const nn::Images& images);

}  // namespace hierevo::app
