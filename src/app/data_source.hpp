// Where the images of --dataset come from: files of their publishers, or a pack.
#pragma once

#include "hierevo/data/dataset.hpp"
#include "training_options.hpp"

namespace hierevo::app {

/// The data set that --dataset (a name or a pack) and --data-dir choose. Throws UsageError.
data::Dataset read_dataset(const DataOptions& options);

}  // namespace hierevo::app
