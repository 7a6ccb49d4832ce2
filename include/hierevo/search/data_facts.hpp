#pragma once

#include <cstdint>
#include <string>

#include "hierevo/genome/plan.hpp"

namespace hierevo::search {

/// The data that a search or a training learns from: what a model takes from them, and what
/// distinguishes them from others.
struct DataFacts {
  int input_channels = 3;
  int classes = 10;
  std::uint64_t fingerprint = 0;  ///< of the content: equal for equal data, wherever they lie
  /// Height and width of the images; of others than squares, those of a square of as many pixels.
  int image_size = 32;
  std::string name{};  ///< for people
  std::int64_t training_images = 0;
  std::int64_t held_out_images = 0;  ///< of the training set, to validate on

  bool operator==(const DataFacts&) const = default;
};

/// Whether all but the name is equal.
bool same_data(const DataFacts& one, const DataFacts& other);

/// 16 hexadecimal digits.
std::string fingerprint_text(std::uint64_t fingerprint);

/// For people: "'A' (45 images of 32×32 to train on and 15 to validate on, 2 classes, fingerprint
/// 1f…)".
std::string description(const DataFacts& data);

/// `model` with the input channels and classes of the data.
inline genome::ModelSpec adapted(genome::ModelSpec model, const DataFacts& data) {
  model.input_channels = data.input_channels;
  model.classes = data.classes;
  return model;
}

}  // namespace hierevo::search
