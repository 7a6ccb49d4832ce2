#pragma once

#include <string>
#include <vector>

#include "hierevo/genome/genotype.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/io/training_snapshot.hpp"

namespace hierevo::exchange {

/// A network as other programs get it.
struct Network {
  genome::Genotype genotype;
  genome::ModelSpec model;
  std::string origin;  ///< what it was made from, for people
  /// Of a trained network: per input channel; inputs are (pixel - mean) * scale, pixels 0 to 255.
  std::vector<float> pixel_mean{};
  std::vector<float> pixel_scale{};
  std::vector<std::string> class_names{};   ///< in the order of the logits; empty where unknown
  std::vector<io::StoredTensor> weights{};  ///< by the names of the plan; empty where not trained

  /// Whether it has weights.
  bool trained() const { return !weights.empty(); }
};

/// Throws UsageError where the mean or the scale of pixels is no finite number: other programs
/// could not read it, or would compute nothing with it.
void require_finite_pixels(const Network& network);

}  // namespace hierevo::exchange
