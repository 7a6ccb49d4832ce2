// Elements that any rank can make for any other, and what must come of them: computed one by one,
// as the definition says.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "hierevo/comm/collectives.hpp"

namespace hierevo::test {

using Bytes = std::vector<std::byte>;

/// What `rank` has in operation `index`. Floating-point ones are of very different sizes, so that
/// the order in which they are added shows.
Bytes sample(int rank, std::uint64_t index, std::size_t count, comm::ElementType type);

/// The result of an all_reduce of the samples of ranks 0 … size-1.
Bytes reduced_samples(int size, std::uint64_t index, std::size_t count, comm::ElementType type);

/// The same of any elements: `inputs` by rank.
Bytes reduced(const std::vector<Bytes>& inputs, comm::ElementType type);

/// The bfloat16 nearest to `value`, of two equally near the even one, by trying.
std::uint16_t nearest_bfloat16(float value);
float from_bfloat16(std::uint16_t bits);

}  // namespace hierevo::test
