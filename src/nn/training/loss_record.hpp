#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

namespace hierevo::nn {

/// The losses of the steps so far. Reading one from a GPU waits for it, so there they are read in
/// groups.
class LossRecord {
 public:
  LossRecord() = default;
  explicit LossRecord(std::vector<double> losses) : read_(std::move(losses)) {}

  /// `loss` is a scalar.
  void add(const at::Tensor& loss);
  /// Reads what is left; needed before mean_of_last_tenth() and values().
  void read();

  /// Whether all losses read so far were finite. After one that was not, none is kept.
  bool finite() const;
  double last() const { return read_.empty() ? 0.0 : read_.back(); }
  double mean_of_last_tenth() const;
  const std::vector<double>& values() const { return read_; }

 private:
  std::vector<at::Tensor> unread_;
  std::vector<double> read_;
};

}  // namespace hierevo::nn
