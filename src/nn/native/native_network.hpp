// The network of a plan with forward and backward pass, on plain memory, without Torch.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "hierevo/genome/plan.hpp"
#include "kernels.hpp"
#include "loss.hpp"
#include "memory.hpp"
#include "norms.hpp"
#include "packed_weights.hpp"
#include "schedule.hpp"
#include "task_runner.hpp"
#include "workers.hpp"

namespace hierevo::nn::native {

/// Images [N, C, H, W] anywhere in memory.
struct ImageView {
  const float* data = nullptr;
  std::array<std::int64_t, 4> sizes{};
  std::array<std::int64_t, 4> strides{};  ///< in floats
};

struct StepFrame {
  double factor = 1.0;         ///< of the gradients
  bool add_gradients = false;  ///< instead of replacing existing ones
  /// Called with the index of each parameter whose gradient is complete; may be empty.
  std::function<void(std::size_t parameter)> gradient_ready{};
};

/// Sums over a batch have the same order whatever the number of threads, so that it changes no
/// result: they have sixteen parts, the most threads that training uses.
class NativeNetwork {
 public:
  /// `ops` are the weights of the plan's operations; they are read at the beginning of each call.
  NativeNetwork(const genome::Plan& plan, const Kernels& kernels, std::vector<OpWeights> ops);
  ~NativeNetwork();
  NativeNetwork(const NativeNetwork&) = delete;
  NativeNetwork& operator=(const NativeNetwork&) = delete;

  /// The weights or their gradients are elsewhere in memory from now on, in the same shapes.
  void move_weights(std::vector<OpWeights> ops) { weights_.move_to(std::move(ops)); }

  /// A pass in training mode; returns the mean loss. Throws std::bad_alloc, most likely before
  /// anything has changed: memory for the whole step is allocated first.
  double train(const ImageView& images, const Targets& targets, const StepFrame& frame,
               int threads);
  /// Logits [N][classes] in evaluation mode.
  std::vector<float> predict(const ImageView& images, int threads);

  std::int64_t classes() const { return schedule_.logits().channels; }

 private:
  struct Predictor;
  /// What is summed over a part of the images.
  struct Part {
    std::vector<double> moments;  ///< [block][2][lanes], as blocks of pieces are numbered
    float* sums = nullptr;        ///< of the weights' gradients of a sweep
  };

  std::int64_t parts() const { return static_cast<std::int64_t>(parts_.size()); }
  data::ImageRange images_of(std::int64_t part) const;
  std::vector<float*> planes_of_images(std::int64_t first) const;
  std::int64_t pixels_of(const Piece& piece) const;
  const OpWeights& weights_of(const Piece& piece) const;
  template <typename Visit>
  void for_each_group(std::size_t sweep, std::int64_t part, const Visit& visit) const;

  void use_threads(int threads);
  void fit(const ImageView& images);
  void pack();

  void forward(std::size_t sweep);
  void forward_part(const Sweep& sweep, Part& part, TaskRunner& runner, data::ImageRange images);
  double turn_round(const Targets& targets, const StepFrame& frame);
  void backward(std::size_t sweep, const StepFrame& frame);
  void backward_part(const Sweep& sweep, Part& part, TaskRunner& runner, data::ImageRange images);

  double* moments_of(int block, Part& part) const;
  void clear_moments(const Piece& piece, Part& part) const;
  const double* joined_moments(const Piece& piece);
  void join_sums(const Sweep& sweep, const StepFrame& frame);
  void tell_ready(const Sweep& sweep, const StepFrame& frame);
  template <typename Visit>
  void for_each_gradient(const Sweep& sweep, const Visit& visit) const;

  const Kernels& kernels_;
  Schedule schedule_;
  PackedWeights weights_;
  Norms norms_;
  Network network_;
  Memory memory_;
  int threads_ = 0;                  ///< requested
  std::vector<TaskRunner> runners_;  ///< of each worker
  std::vector<std::unique_ptr<Predictor>> predictors_;

  // Of the present batch:
  std::int64_t images_ = 0;
  std::vector<GridSize> sizes_;
  std::vector<std::int64_t> group_;  ///< images at once, for each sweep
  std::vector<Part> parts_;
  std::vector<int> incomplete_;  ///< for each parameter: how many parts of its gradient are missing
  Arena sums_;

  std::unique_ptr<Workers> workers_;  ///< destroyed before what they work on
};

}  // namespace hierevo::nn::native
