// The function of a cell in double precision, on an image of 4×4 and with two channels a
// convolution.
#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "genome/independent_cell.hpp"
#include "hierevo/core/hash.hpp"

namespace hierevo::genome::test {

namespace {

using core::combine;

constexpr int side = 4;
constexpr std::uint64_t width = 2;

using Plane = std::array<double, side * side>;

/// `times` channels that are all the same. The label says what they are.
struct Channel {
  std::uint64_t label;
  double times;
  Plane plane;
};
using Channels = std::vector<Channel>;

/// In [-1, 1), of the label alone.
double weight(std::uint64_t label) {
  return static_cast<double>(core::mix(label) >> 11) * 0x1p-52 - 1.0;
}

template <typename Pixel>
Plane make_plane(Pixel&& pixel) {
  Plane plane{};
  for (int i = 0; i < side * side; ++i) plane[static_cast<std::size_t>(i)] = pixel(i);
  return plane;
}

/// Batch normalisation, over the image, and ReLU.
Plane bn_relu(const Plane& plane, std::uint64_t label) {
  double mean = 0.0;
  double square = 0.0;
  for (const double value : plane) mean += value / (side * side);
  for (const double value : plane) square += (value - mean) * (value - mean) / (side * side);
  const double scale = (1.5 + weight(combine(label, 20))) / std::sqrt(square + 1e-2);
  const double offset = weight(combine(label, 21));
  return make_plane([&](int i) {
    return std::max(0.0, (plane[static_cast<std::size_t>(i)] - mean) * scale + offset);
  });
}

/// Calls visit(tap, value) for the up to nine pixels around pixel i.
template <typename Visit>
void for_window(const Plane& plane, int i, Visit&& visit) {
  for (int tap = 0; tap < 9; ++tap) {
    const int y = i / side + tap / 3 - 1;
    const int x = i % side + tap % 3 - 1;
    if (y < 0 || x < 0 || y >= side || x >= side) continue;
    visit(static_cast<std::uint64_t>(tap), plane[static_cast<std::size_t>(y * side + x)]);
  }
}

Plane filtered(const Plane& plane, std::uint64_t label) {
  return make_plane([&](int i) {
    double sum = 0.0;
    for_window(plane, i, [&](std::uint64_t tap, double value) {
      sum += value * weight(combine(label, 30 + tap));
    });
    return sum;
  });
}

Plane pooled(const Plane& plane, Primitive kind) {
  return make_plane([&](int i) {
    double sum = 0.0;
    double largest = -std::numeric_limits<double>::infinity();
    double count = 0.0;
    for_window(plane, i, [&](std::uint64_t, double value) {
      sum += value;
      largest = std::max(largest, value);
      count += 1.0;
    });
    return kind == Primitive::maxpool3x3 ? largest : sum / count;
  });
}

/// An operation that makes each channel of one channel: so is what comes out named.
Channels channelwise(const Channels& input, Primitive kind) {
  Channels output;
  for (const auto& [label, times, plane] : input) {
    const std::uint64_t named = combine(label, static_cast<std::uint64_t>(kind) + 1);
    if (kind == Primitive::depthwise3x3) {
      output.push_back({named, times, bn_relu(filtered(plane, named), named)});
    } else if (kind == Primitive::separable3x3) {
      output.push_back({named, times, filtered(plane, named)});
    } else {
      output.push_back({named, times, pooled(plane, kind)});
    }
  }
  return output;
}

/// Sum over all channels, by weights that depend on the channel and `label`.
Plane mixed(const Channels& input, std::uint64_t label) {
  Plane sum{};
  for (const Channel& channel : input) {
    const double factor = channel.times * weight(combine(label, channel.label));
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += factor * channel.plane[i];
  }
  return sum;
}

Channels convolved(const Channels& input, Primitive kind) {
  std::uint64_t read = 0;
  for (const Channel& channel : input) {
    read += core::mix(combine(channel.label, static_cast<std::uint64_t>(channel.times)));
  }
  Channels output;
  for (std::uint64_t k = 0; k < width; ++k) {
    const std::uint64_t label = combine(combine(read, k), static_cast<std::uint64_t>(kind) + 1);
    output.push_back({label, 1.0, bn_relu(mixed(input, label), label)});
  }
  return output;
}

Channels computed(Primitive kind, const Channels& input) {
  if (kind == Primitive::conv1x1) return convolved(input, kind);
  if (kind == Primitive::separable3x3) return convolved(channelwise(input, kind), kind);
  return channelwise(input, kind);
}

Channels image() {
  Channels channels;
  for (std::uint64_t k = 0; k < width; ++k) {
    const std::uint64_t label = 1000 + k;
    channels.push_back({label, 1.0, make_plane([&](int i) {
                          return weight(combine(label, static_cast<std::uint64_t>(i)));
                        })});
  }
  return channels;
}

/// The parts' channels, those of one label taken together: in which pieces they come from
/// operations must not show.
Channels joined(const Parts& parts, const std::vector<Channels>& values) {
  std::map<std::uint64_t, Channel> by_label;
  for (const auto& [operation, times] : parts) {
    for (Channel channel : values[operation]) {
      channel.times *= static_cast<double>(times);
      const auto [known, fresh] = by_label.emplace(channel.label, channel);
      if (!fresh) known->second.times += channel.times;
    }
  }
  Channels channels;
  for (const auto& [label, channel] : by_label) channels.push_back(channel);
  return channels;
}

}  // namespace

double output_of(const IndependentCell& cell) {
  std::vector<Channels> values = {image()};
  for (std::size_t i = 1; i < cell.operations.size(); ++i) {
    const Operation& operation = cell.operations[i];
    values.push_back(computed(operation.kind, joined(operation.reads, values)));
  }
  double sum = 0.0;
  const Plane output = mixed(joined(cell.output, values), 3);
  for (std::size_t i = 0; i < output.size(); ++i) sum += output[i] * weight(40 + i);
  return sum;
}

}  // namespace hierevo::genome::test
