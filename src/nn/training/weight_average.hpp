#pragma once

#include <cstdint>
#include <vector>

#include "hierevo/nn/executor/executor.hpp"

namespace hierevo::nn {

/// A running average of tensors: average = d · average + (1 - d) · tensor, with d the smaller one
/// of `decay` and (1 + n) / (10 + n) after n updates, so that the first weights are soon forgotten.
class WeightAverage {
 public:
  /// Begins as a copy of `tensors`, which are those of a network.
  WeightAverage(const std::vector<NamedTensor>& tensors, double decay);

  /// Adds the network's present tensors to the averages, after `updates` earlier updates.
  void update(std::int64_t updates);

  /// Puts the averages into the network; swapping again brings the network's own values back.
  void swap();

  const std::vector<NamedTensor>& values() const { return averages_; }

 private:
  std::vector<NamedTensor> tensors_;
  std::vector<NamedTensor> averages_;
  double decay_;
};

}  // namespace hierevo::nn
