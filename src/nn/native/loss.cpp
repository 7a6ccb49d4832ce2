#include "loss.hpp"

#include <algorithm>
#include <cmath>

namespace hierevo::nn::native {

double cross_entropy(std::vector<float>& logits, std::int64_t images, const Targets& targets,
                     double factor) {
  const auto classes = static_cast<std::int64_t>(logits.size()) / images;
  const double spread = targets.smoothing / static_cast<double>(classes);
  double loss = 0.0;
  std::vector<double> wanted(static_cast<std::size_t>(classes));
  for (std::int64_t image = 0; image < images; ++image) {
    float* row = logits.data() + image * classes;
    for (std::int64_t c = 0; c < classes; ++c) {
      const double given = targets.labels != nullptr
                               ? (targets.labels[image] == c ? 1.0 : 0.0)
                               : static_cast<double>(targets.probabilities[image * classes + c]);
      wanted[static_cast<std::size_t>(c)] = (1.0 - targets.smoothing) * given + spread;
    }
    const auto largest = static_cast<double>(*std::max_element(row, row + classes));
    double sum = 0.0;
    double all_wanted = 0.0;  // 1 for a distribution; other sums are allowed
    for (std::int64_t c = 0; c < classes; ++c) {
      sum += std::exp(static_cast<double>(row[c]) - largest);
      all_wanted += wanted[static_cast<std::size_t>(c)];
    }
    const double log_sum = largest + std::log(sum);
    for (std::int64_t c = 0; c < classes; ++c) {
      const double log_probability = static_cast<double>(row[c]) - log_sum;
      const double target = wanted[static_cast<std::size_t>(c)];
      // Also 0 · -∞ is 0.
      if (target != 0.0 || std::isnan(log_probability)) loss -= target * log_probability;
      row[c] = static_cast<float>((std::exp(log_probability) * all_wanted - target) * factor /
                                  static_cast<double>(images));
    }
  }
  return loss / static_cast<double>(images);
}

}  // namespace hierevo::nn::native
