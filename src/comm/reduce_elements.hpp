#pragma once

#include <cstddef>
#include <span>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::comm::detail {

/// Puts at `out` the sum or the mean of the `count` elements at each of `inputs`, added in their
/// order, as Collectives::all_reduce says. `out` may be one of `inputs`. Not for uint8.
void reduce_elements(std::span<const std::byte* const> inputs, std::byte* out, std::size_t count,
                     ElementType type);

}  // namespace hierevo::comm::detail
