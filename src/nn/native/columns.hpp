// Dense k×k convolutions as products: every window of the input as a row of a matrix. They occur
// only at a network's beginning, so this need not be as fast as the rest.
#pragma once

#include <cstdint>

#include "schedule.hpp"

namespace hierevo::nn::native {

/// The windows.
struct Columns {
  int lanes = 0;
  int kernel = 1;
  int stride = 1;
  std::int64_t channels = 0;  ///< of one piece of the input
  std::int64_t first = 0;     ///< how many channels the pieces before it have
  std::int64_t all = 0;       ///< of all pieces
  GridSize in;
  GridSize out;
};

/// Writes a piece's part of the columns of one image. `in` are the planes of its blocks; `columns`
/// [block][pixels out][lanes], where tap and channel are counted as tap · all + channel.
void gather(const Columns& shape, const float* const* in, float* const* columns);

/// The opposite: adds the columns' gradient to that of the image.
void scatter(const Columns& shape, const float* const* columns, float* const* in);

}  // namespace hierevo::nn::native
