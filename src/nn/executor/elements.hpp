#pragma once

#include <ATen/core/Tensor.h>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::nn {

/// The memory of a contiguous tensor, for Collectives. The tensor must outlive the operation.
comm::Elements elements_of(const at::Tensor& tensor);

}  // namespace hierevo::nn
