#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace hierevo::genome {

/// The operations of level 1 (Liu et al., section 2.2). All have stride 1 and keep the height and
/// width; the convolutions are followed by batch normalisation and ReLU.
enum class Primitive : std::uint8_t {
  conv1x1,       ///< 1×1 convolution to C channels
  depthwise3x3,  ///< 3×3 depthwise convolution, keeps its input's channels
  separable3x3,  ///< 3×3 depthwise, then 1×1 convolution to C channels
  maxpool3x3,
  avgpool3x3,  ///< padding is not counted in the average
  identity,
};

/// In the order of the enumeration: gene k (from 1) of a level-2 motif is primitive k-1.
inline constexpr std::array<std::string_view, 6> primitive_names = {
    "conv1x1", "depthwise3x3", "separable3x3", "maxpool3x3", "avgpool3x3", "identity"};

/// The name of a primitive.
constexpr std::string_view name(Primitive primitive) {
  return primitive_names[static_cast<std::size_t>(primitive)];
}

/// The primitive of this name; nothing where there is none.
std::optional<Primitive> primitive_named(std::string_view name);

}  // namespace hierevo::genome
