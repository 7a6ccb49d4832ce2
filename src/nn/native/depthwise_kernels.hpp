// Depthwise 3×3 convolutions of a plane and their gradients.
#pragma once

#include "kernels.hpp"
#include "vector.hpp"

namespace hierevo::nn::native {
namespace {

/// The rows first-1 … first+Rows of a plane; zeros outside.
template <int Rows>
struct RowsAround {
  RowsAround(const float* plane, int first, const Window& window) {
    for (int i = 0; i < Rows + 2; ++i) {
      const int y = first - 1 + i;
      const bool inside = y >= 0 && y < window.height;
      row[i] = inside ? plane + std::int64_t{y} * window.width * lanes : window.zeros;
    }
  }
  const float* row[Rows + 2];
};

/// Calls column<left, right>(x) for each x, with the columns that the window has beside it there.
template <typename Column>
inline void for_each_column(int width, const Column& column) {
  if (width == 1) {
    column.template operator()<1, 1>(0);
    return;
  }
  column.template operator()<1, 2>(0);
  for (int x = 1; x < width - 1; ++x) column.template operator()<0, 2>(x);
  column.template operator()<0, 1>(width - 1);
}

/// Calls rows<R>(y) for groups of R rows, at most `most`, from the top to the bottom.
template <int most, typename Group>
inline void for_each_row_group(int height, const Group& rows) {
  int y = 0;
  for (; y + most <= height; y += most) rows.template operator()<most>(y);
  for (; y + 2 <= height; y += 2) rows.template operator()<2>(y);
  for (; y < height; ++y) rows.template operator()<1>(y);
}

/// `Rows` rows of outputs at once, as neighbours share most of what they read.
template <int Rows, Write write>
inline void filter_rows(float* out, const RowsAround<Rows>& in, const Vec (&taps)[9], int width) {
  for_each_column(width, [&]<int left, int right>(int x) {
    Vec sums[Rows];
    HIEREVO_UNROLL
    for (int row = 0; row < Rows; ++row) {
      sums[row] = write == Write::add ? load(out + (row * width + x) * lanes) : Vec{};
    }
    HIEREVO_UNROLL
    for (int i = 0; i < Rows + 2; ++i) {
      HIEREVO_UNROLL
      for (int j = left; j <= right; ++j) {
        const Vec value = load(in.row[i] + (x + j - 1) * lanes);
        HIEREVO_UNROLL
        for (int row = 0; row < Rows; ++row) {
          if (i >= row && i <= row + 2) sums[row] += taps[(i - row) * 3 + j] * value;
        }
      }
    }
    HIEREVO_UNROLL
    for (int row = 0; row < Rows; ++row) store(out + (row * width + x) * lanes, sums[row]);
  });
}

template <Write write>
inline void filter_plane(float* out, const float* in, const Vec (&taps)[9], const Window& window) {
  for_each_row_group<4>(window.height, [&]<int rows>(int y) {
    filter_rows<rows, write>(out + std::int64_t{y} * window.width * lanes,
                             RowsAround<rows>(in, y, window), taps, window.width);
  });
}

/// Calls tap(offset of the input, number of the tap) for the window's taps inside the plane.
template <typename Tap>
inline void for_each_tap(const Window& window, int row, int column, const Tap& tap) {
  for (int i = 0; i < 3; ++i) {
    const int y = row * window.stride + i - 1;
    if (y < 0 || y >= window.height) continue;
    for (int j = 0; j < 3; ++j) {
      const int x = column * window.stride + j - 1;
      if (x < 0 || x >= window.width) continue;
      tap((std::int64_t{y} * window.width + x) * lanes, i * 3 + j);
    }
  }
}

/// Calls pixel(offset of the output, row, column) for each output.
template <typename Pixel>
inline void for_each_output(const Window& window, const Pixel& pixel) {
  const int width = window.out_width();
  for (int row = 0; row < window.out_height(); ++row) {
    for (int column = 0; column < width; ++column) {
      pixel((std::int64_t{row} * width + column) * lanes, row, column);
    }
  }
}

inline void fill_zeros(float* plane, const Window& window) {
  const std::int64_t pixels = std::int64_t{window.height} * window.width;
  for (std::int64_t i = 0; i < pixels; ++i) store(plane + i * lanes, Vec{});
}

void depthwise(float* out, const float* in, const float* taps, const Window& window) {
  if (window.stride == 1) {
    Vec weights[9];
    for (int t = 0; t < 9; ++t) weights[t] = load(taps + t * lanes);
    filter_plane<Write::replace>(out, in, weights, window);
    return;
  }
  for_each_output(window, [&](std::int64_t at, int row, int column) {
    Vec sum{};
    for_each_tap(window, row, column, [&](std::int64_t from, int t) {
      sum += load(taps + t * lanes) * load(in + from);
    });
    store(out + at, sum);
  });
}

void depthwise_to_input(float* in_gradient, const float* out_gradient, const float* taps,
                        const Window& window, Write write) {
  if (window.stride == 1) {  // the same with the taps reversed
    Vec weights[9];
    for (int t = 0; t < 9; ++t) weights[t] = load(taps + (8 - t) * lanes);
    if (write == Write::add) {
      filter_plane<Write::add>(in_gradient, out_gradient, weights, window);
    } else {
      filter_plane<Write::replace>(in_gradient, out_gradient, weights, window);
    }
    return;
  }
  if (write == Write::replace) fill_zeros(in_gradient, window);
  for_each_output(window, [&](std::int64_t at, int row, int column) {
    const Vec gradient = load(out_gradient + at);
    for_each_tap(window, row, column, [&](std::int64_t to, int t) {
      store(in_gradient + to, load(in_gradient + to) + gradient * load(taps + t * lanes));
    });
  });
}

template <int Rows>
inline void add_tap_gradients(Vec (&sums)[9], const float* out_gradient, const RowsAround<Rows>& in,
                              int width) {
  for_each_column(width, [&]<int left, int right>(int x) {
    Vec gradients[Rows];
    HIEREVO_UNROLL
    for (int row = 0; row < Rows; ++row) {
      gradients[row] = load(out_gradient + (row * width + x) * lanes);
    }
    HIEREVO_UNROLL
    for (int i = 0; i < Rows + 2; ++i) {
      HIEREVO_UNROLL
      for (int j = left; j <= right; ++j) {
        const Vec value = load(in.row[i] + (x + j - 1) * lanes);
        HIEREVO_UNROLL
        for (int row = 0; row < Rows; ++row) {
          if (i >= row && i <= row + 2) sums[(i - row) * 3 + j] += gradients[row] * value;
        }
      }
    }
  });
}

void depthwise_to_taps(float* taps_gradient, const float* out_gradient, const float* in,
                       const Window& window) {
  Vec sums[9];
  for (int t = 0; t < 9; ++t) sums[t] = load(taps_gradient + t * lanes);
  if (window.stride == 1) {
    for_each_row_group<4>(window.height, [&]<int rows>(int y) {
      add_tap_gradients<rows>(sums, out_gradient + std::int64_t{y} * window.width * lanes,
                              RowsAround<rows>(in, y, window), window.width);
    });
  } else {
    for_each_output(window, [&](std::int64_t at, int row, int column) {
      const Vec gradient = load(out_gradient + at);
      for_each_tap(window, row, column,
                   [&](std::int64_t from, int t) { sums[t] += gradient * load(in + from); });
    });
  }
  for (int t = 0; t < 9; ++t) store(taps_gradient + t * lanes, sums[t]);
}

}  // namespace
}  // namespace hierevo::nn::native
