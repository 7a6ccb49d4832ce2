// Pooling over 3×3 windows and over whole planes, and the gradients.
#pragma once

#include "depthwise_kernels.hpp"
#include "kernels.hpp"
#include "vector.hpp"

namespace hierevo::nn::native {
namespace {

/// The largest value so far and its place in the window.
struct Largest {
  Vec value;
  IntVec place;

  /// `other` comes later in the window: among equals the first counts. NaN counts as the largest,
  /// so that a diverging training is noticed.
  inline void take(Vec other, IntVec at) {
    const IntVec larger = (other > value) | (other != other);
    value = larger ? other : value;
    place = larger ? at : place;
  }
  inline void put(float* out, std::uint8_t* places, std::int64_t at) const {
    store(out + at, value);
    *reinterpret_cast<ByteVec*>(places + at) = __builtin_convertvector(place, ByteVec);
  }
};

/// The largest of one row of a window. Places are those of the window's first row.
template <int left, int right>
inline Largest largest_of_row(const float* row, int x) {
  Largest found{load(row + (x + left - 1) * lanes), IntVec{} + left};
  HIEREVO_UNROLL
  for (int j = left + 1; j <= right; ++j) {
    found.take(load(row + (x + j - 1) * lanes), IntVec{} + j);
  }
  return found;
}

/// Rows y … y+Rows-1; neighbours share the largest of their rows.
template <int Rows>
inline void maxpool_rows(float* out, std::uint8_t* places, const float* in, int y,
                         const Window& window) {
  const int above = y > 0 ? 0 : 1;
  const int below = y + Rows < window.height ? Rows + 2 : Rows + 1;
  const std::int64_t row_size = std::int64_t{window.width} * lanes;
  const float* const first = in + (y - 1) * row_size;
  for_each_column(window.width, [&]<int left, int right>(int x) {
    Largest rows[Rows + 2] = {};
    HIEREVO_UNROLL
    for (int i = 0; i < Rows + 2; ++i) {
      if (i >= above && i < below) rows[i] = largest_of_row<left, right>(first + i * row_size, x);
    }
    HIEREVO_UNROLL
    for (int row = 0; row < Rows; ++row) {
      Largest found = rows[row + 1];
      found.place += 3;
      if (row >= above) {
        found = rows[row];
        found.take(rows[row + 1].value, rows[row + 1].place + 3);
      }
      if (row + 2 < below) found.take(rows[row + 2].value, rows[row + 2].place + 6);
      found.put(out, places, (y + row) * row_size + x * lanes);
    }
  });
}

void maxpool(float* out, std::uint8_t* places, const float* in, const Window& window) {
  if (window.stride == 1) {
    for_each_row_group<2>(window.height,
                          [&]<int rows>(int y) { maxpool_rows<rows>(out, places, in, y, window); });
    return;
  }
  for_each_output(window, [&](std::int64_t at, int row, int column) {
    Largest found{};
    bool first = true;
    for_each_tap(window, row, column, [&](std::int64_t from, int t) {
      if (first) found = {load(in + from), IntVec{} + t};
      if (!first) found.take(load(in + from), IntVec{} + t);
      first = false;
    });
    found.put(out, places, at);
  });
}

inline Vec where_place_is(int place, const std::uint8_t* places, const float* values) {
  return widened(places) == place ? load(values) : Vec{};
}

void maxpool_to_input(float* in_gradient, const float* out_gradient, const std::uint8_t* places,
                      const Window& window, Write write) {
  if (window.stride != 1) {
    if (write == Write::replace) fill_zeros(in_gradient, window);
    for_each_output(window, [&](std::int64_t at, int row, int column) {
      for_each_tap(window, row, column, [&](std::int64_t to, int t) {
        store(in_gradient + to,
              load(in_gradient + to) + where_place_is(t, places + at, out_gradient + at));
      });
    });
    return;
  }
  const std::int64_t row_size = std::int64_t{window.width} * lanes;
  for (int y = 0; y < window.height; ++y) {
    const int above = y > 0 ? -1 : 0;
    const int below = y + 1 < window.height ? 1 : 0;
    for_each_column(window.width, [&]<int left, int right>(int x) {
      const std::int64_t at = y * row_size + x * lanes;
      Vec sum = write == Write::add ? load(in_gradient + at) : Vec{};
      HIEREVO_UNROLL
      for (int i = -1; i <= 1; ++i) {
        if (i < above || i > below) continue;
        HIEREVO_UNROLL
        for (int j = left - 1; j <= right - 1; ++j) {
          const std::int64_t from = at + i * row_size + j * lanes;
          sum += where_place_is((1 - i) * 3 + 1 - j, places + from, out_gradient + from);
        }
      }
      store(in_gradient + at, sum);
    });
  }
}

/// How many of three rows (or columns) around `at` are inside.
inline float inside(int at, int size) {
  return static_cast<float>(1 + (at > 0 ? 1 : 0) + (at + 1 < size ? 1 : 0));
}

/// Sums of three neighbours, from left to right: call next() for x = 0, 1, ….
template <typename ColumnSum>
struct RunningSum {
  const ColumnSum& column;
  int width;
  Vec before{};
  Vec here = column(0);

  inline Vec next(int x) {
    const Vec after = x + 1 < width ? column(x + 1) : Vec{};
    const Vec sum = before + here + after;
    before = here;
    here = after;
    return sum;
  }
};

void avgpool(float* out, const float* in, const Window& window) {
  if (window.stride != 1) {
    for_each_output(window, [&](std::int64_t at, int row, int column) {
      Vec sum{};
      float count = 0.0F;
      for_each_tap(window, row, column, [&](std::int64_t from, int /*t*/) {
        sum += load(in + from);
        count += 1.0F;
      });
      store(out + at, sum / count);
    });
    return;
  }
  for (int y = 0; y < window.height; ++y) {
    const RowsAround<1> rows(in, y, window);
    const auto column = [&rows](int x) {
      return load(rows.row[0] + x * lanes) + load(rows.row[1] + x * lanes) +
             load(rows.row[2] + x * lanes);
    };
    RunningSum<decltype(column)> running{column, window.width};
    float* const to = out + std::int64_t{y} * window.width * lanes;
    const float row_share = 1.0F / inside(y, window.height);
    for (int x = 0; x < window.width; ++x) {
      store(to + x * lanes, running.next(x) * (row_share / inside(x, window.width)));
    }
  }
}

void avgpool_to_input(float* in_gradient, const float* out_gradient, const Window& window,
                      Write write) {
  if (window.stride != 1) {
    if (write == Write::replace) fill_zeros(in_gradient, window);
    for_each_output(window, [&](std::int64_t at, int row, int column) {
      float count = 0.0F;
      for_each_tap(window, row, column, [&](std::int64_t, int) { count += 1.0F; });
      const Vec share = load(out_gradient + at) / count;
      for_each_tap(window, row, column, [&](std::int64_t to, int) {
        store(in_gradient + to, load(in_gradient + to) + share);
      });
    });
    return;
  }
  for (int y = 0; y < window.height; ++y) {
    const RowsAround<1> rows(out_gradient, y, window);
    float shares[3];
    for (int i = 0; i < 3; ++i) shares[i] = 1.0F / inside(y - 1 + i, window.height);
    const auto column = [&](int x) {
      const Vec sum = load(rows.row[0] + x * lanes) * shares[0] +
                      load(rows.row[1] + x * lanes) * shares[1] +
                      load(rows.row[2] + x * lanes) * shares[2];
      return sum * (1.0F / inside(x, window.width));
    };
    RunningSum<decltype(column)> running{column, window.width};
    float* const to = in_gradient + std::int64_t{y} * window.width * lanes;
    for (int x = 0; x < window.width; ++x) {
      const Vec sum = running.next(x);
      store(to + x * lanes, write == Write::add ? load(to + x * lanes) + sum : sum);
    }
  }
}

void average(float* out, const float* in, std::int64_t pixels) {
  Vec sum{};
  for (std::int64_t i = 0; i < pixels; ++i) sum += load(in + i * lanes);
  store(out, sum / static_cast<float>(pixels));
}

void average_to_input(float* in_gradient, const float* out_gradient, std::int64_t pixels,
                      Write write) {
  const Vec share = load(out_gradient) / static_cast<float>(pixels);
  for (std::int64_t i = 0; i < pixels; ++i) {
    float* const to = in_gradient + i * lanes;
    store(to, write == Write::add ? load(to) + share : share);
  }
}

}  // namespace
}  // namespace hierevo::nn::native
