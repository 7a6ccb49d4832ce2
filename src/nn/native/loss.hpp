#pragma once

#include <cstdint>
#include <vector>

namespace hierevo::nn::native {

/// The targets of images: labels, or the probabilities of all classes.
struct Targets {
  const std::int64_t* labels = nullptr;  ///< [images], each in [0, classes)
  const float* probabilities = nullptr;  ///< [images, classes], used without labels
  double smoothing = 0.0;                ///< share that is spread over all classes
};

/// The mean cross-entropy of `logits` [images][classes]. Replaces them by its gradient, times
/// `factor`.
double cross_entropy(std::vector<float>& logits, std::int64_t images, const Targets& targets,
                     double factor);

}  // namespace hierevo::nn::native
