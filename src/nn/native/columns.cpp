#include "columns.hpp"

#include <algorithm>

namespace hierevo::nn::native {

namespace {

/// Channels that are contiguous both in a block of the image and in one of the columns.
struct Run {
  std::int64_t block;
  std::int64_t lane;
  std::int64_t column_block;
  std::int64_t column_lane;
  std::int64_t count;
};

template <typename Visit>
void for_each_run(const Columns& shape, int tap, const Visit& visit) {
  const std::int64_t lanes = shape.lanes;
  for (std::int64_t c = 0; c < shape.channels;) {
    const std::int64_t column = tap * shape.all + shape.first + c;
    const std::int64_t count =
        std::min({lanes - c % lanes, lanes - column % lanes, shape.channels - c});
    visit(Run{c / lanes, c % lanes, column / lanes, column % lanes, count});
    c += count;
  }
}

/// Calls visit(pixel out, pixel in or -1 outside) for all windows.
template <typename Visit>
void for_each_window(const Columns& shape, int tap, const Visit& visit) {
  std::int64_t pixel = 0;
  for (int row = 0; row < shape.out.height; ++row) {
    const int y = row * shape.stride + tap / shape.kernel - shape.kernel / 2;
    const bool row_inside = y >= 0 && y < shape.in.height;
    int x = tap % shape.kernel - shape.kernel / 2;
    for (int column = 0; column < shape.out.width; ++column, ++pixel, x += shape.stride) {
      const bool inside = row_inside && x >= 0 && x < shape.in.width;
      visit(pixel, inside ? std::int64_t{y} * shape.in.width + x : -1);
    }
  }
}

}  // namespace

void gather(const Columns& shape, const float* const* in, float* const* columns) {
  for (int tap = 0; tap < shape.kernel * shape.kernel; ++tap) {
    for_each_run(shape, tap, [&](const Run& run) {
      const float* from = in[run.block] + run.lane;
      float* to = columns[run.column_block] + run.column_lane;
      for_each_window(shape, tap, [&](std::int64_t window, std::int64_t pixel) {
        for (std::int64_t i = 0; i < run.count; ++i) {
          to[window * shape.lanes + i] = pixel < 0 ? 0.0F : from[pixel * shape.lanes + i];
        }
      });
    });
  }
}

void scatter(const Columns& shape, const float* const* columns, float* const* in) {
  for (int tap = 0; tap < shape.kernel * shape.kernel; ++tap) {
    for_each_run(shape, tap, [&](const Run& run) {
      const float* from = columns[run.column_block] + run.column_lane;
      float* to = in[run.block] + run.lane;
      for_each_window(shape, tap, [&](std::int64_t window, std::int64_t pixel) {
        if (pixel < 0) return;
        for (std::int64_t i = 0; i < run.count; ++i) {
          to[pixel * shape.lanes + i] += from[window * shape.lanes + i];
        }
      });
    });
  }
}

}  // namespace hierevo::nn::native
