#include "native_network.hpp"

#include <algorithm>
#include <utility>

namespace hierevo::nn::native {

namespace {

/// A batch is computed in this many parts, whatever the number of threads.
constexpr std::int64_t most_parts = 16;
/// About this many pixels are computed at once: enough for the kernels, few enough for the cache.
constexpr std::int64_t pixels_at_once = 576;

/// Copies images into blocks, padded with zeros. `planes` are those of the first of them.
void copy_images(const ImageView& view, data::ImageRange images, int lanes,
                 const std::vector<float*>& planes) {
  const auto [count, channels, height, width] = view.sizes;
  const std::int64_t pixels = height * width;
  for (std::size_t block = 0; block < planes.size(); ++block) {
    for (std::int64_t image = 0; image < images.count; ++image) {
      const float* from = view.data + (images.first + image) * view.strides[0];
      float* to = planes[block] + image * pixels * lanes;
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        const float* at = from + pixel / width * view.strides[2] + pixel % width * view.strides[3];
        for (int lane = 0; lane < lanes; ++lane) {
          const std::int64_t channel = static_cast<std::int64_t>(block) * lanes + lane;
          *to++ = channel < channels ? at[channel * view.strides[1]] : 0.0F;
        }
      }
    }
  }
}

}  // namespace

/// Computes one image after another.
struct NativeNetwork::Predictor {
  explicit Predictor(const Network& network)
      : one_image(network.schedule.sweeps().size(), 1),
        memory(network.schedule, Purpose::prediction),
        runner(network) {}

  void fit(const std::vector<GridSize>& sizes) {
    memory.fit(1, sizes);
    runner.fit(one_image, sizes);
  }

  void predict(const Network& network, const ImageView& view, std::int64_t image, float* logits) {
    const Schedule& schedule = network.schedule;
    const std::int64_t lanes = network.kernels.lanes;
    std::vector<float*> planes;
    for (int i = 0; i < schedule.images().blocks; ++i) planes.push_back(memory.value(i));
    copy_images(view, {image, 1}, network.kernels.lanes, planes);
    const std::vector<GridSize> sizes =
        schedule.sizes({static_cast<int>(view.sizes[2]), static_cast<int>(view.sizes[3])});
    for (const Task& task : schedule.tasks()) {
      runner.forward(task, memory, {0, 1});
      const Piece& output = schedule.piece(task.output);
      for (int i = 0; i < output.blocks && output.normalised; ++i) {
        const int block = output.first_block + i;
        network.kernels.normalise(memory.value(block), memory.raw(block), network.norms.of(block),
                                  sizes[static_cast<std::size_t>(output.grid)].pixels());
      }
    }
    for (std::int64_t c = 0; c < schedule.logits().channels; ++c) {
      const auto block = schedule.logits().first_block + static_cast<int>(c / lanes);
      logits[c] = memory.value(block)[c % lanes];
    }
  }

  std::vector<std::int64_t> one_image;  ///< at once, in each sweep
  Memory memory;
  TaskRunner runner;
};

NativeNetwork::NativeNetwork(const genome::Plan& plan, const Kernels& kernels,
                             std::vector<OpWeights> ops)
    : kernels_(kernels),
      schedule_(plan, kernels.lanes),
      weights_(schedule_, std::move(ops)),
      norms_(schedule_),
      network_{kernels_, schedule_, weights_, norms_},
      memory_(schedule_, Purpose::training) {}

NativeNetwork::~NativeNetwork() = default;

void NativeNetwork::use_threads(int threads) {
  if (workers_ && threads == threads_) return;
  auto workers = std::make_unique<Workers>(threads);
  std::vector<TaskRunner> runners;
  std::vector<std::unique_ptr<Predictor>> predictors;
  for (int i = 0; i < workers->count(); ++i) {
    runners.emplace_back(network_);
    predictors.push_back(std::make_unique<Predictor>(network_));
  }
  workers_ = std::move(workers);
  runners_ = std::move(runners);
  predictors_ = std::move(predictors);
  threads_ = threads;
}

void NativeNetwork::pack() {
  workers_->run(static_cast<std::int64_t>(schedule_.tasks().size()),
                [this](std::int64_t task, int /*worker*/) {
                  weights_.pack(schedule_.task(static_cast<int>(task)));
                });
}

// --- Prediction
// -----------------------------------------------------------------------------------

std::vector<float> NativeNetwork::predict(const ImageView& images, int threads) {
  use_threads(threads);
  const std::vector<GridSize> sizes =
      schedule_.sizes({static_cast<int>(images.sizes[2]), static_cast<int>(images.sizes[3])});
  for (const auto& predictor : predictors_) predictor->fit(sizes);
  std::vector<float> logits(static_cast<std::size_t>(images.sizes[0] * classes()));
  pack();
  for (const Piece& piece : schedule_.pieces()) {
    if (piece.normalised) norms_.use_running(piece, weights_of(piece));
  }
  workers_->run(images.sizes[0], [&](std::int64_t image, int worker) {
    predictors_[static_cast<std::size_t>(worker)]->predict(network_, images, image,
                                                           logits.data() + image * classes());
  });
  return logits;
}

// --- Training
// -------------------------------------------------------------------------------------

double NativeNetwork::train(const ImageView& images, const Targets& targets, const StepFrame& frame,
                            int threads) {
  use_threads(threads);
  fit(images);
  pack();
  workers_->run(parts(), [&](std::int64_t part, int /*worker*/) {
    const data::ImageRange own = images_of(part);
    copy_images(images, own, kernels_.lanes, planes_of_images(own.first));
  });
  for (std::size_t sweep = 0; sweep < schedule_.sweeps().size(); ++sweep) forward(sweep);
  const double loss = turn_round(targets, frame);
  incomplete_.clear();
  for (const Sweep& sweep : schedule_.sweeps()) {
    for_each_gradient(sweep, [this](std::size_t parameter) {
      if (parameter >= incomplete_.size()) incomplete_.resize(parameter + 1, 0);
      ++incomplete_[parameter];
    });
  }
  for (std::size_t sweep = schedule_.sweeps().size(); sweep-- > 0;) backward(sweep, frame);
  return loss;
}

/// Allocates all memory that a step needs.
void NativeNetwork::fit(const ImageView& images) {
  images_ = images.sizes[0];
  sizes_ = schedule_.sizes({static_cast<int>(images.sizes[2]), static_cast<int>(images.sizes[3])});
  parts_.resize(static_cast<std::size_t>(std::min(images_, most_parts)));
  const std::int64_t in_part = (images_ + parts() - 1) / parts();
  group_.clear();
  std::size_t most_sums = 0;
  for (std::size_t sweep = 0; sweep < schedule_.sweeps().size(); ++sweep) {
    std::int64_t pixels = 1;
    for (const int task : schedule_.sweeps()[sweep].tasks) {
      const Piece& first = schedule_.piece(schedule_.task(task).sources.front().piece);
      pixels = std::max(pixels, pixels_of(first));
    }
    group_.push_back(std::clamp(pixels_at_once / pixels, std::int64_t{1}, in_part));
    most_sums = std::max(most_sums, weights_.sums_of_sweep(sweep));
  }
  for (TaskRunner& runner : runners_) runner.fit(group_, sizes_);
  constexpr std::size_t line = 16;  // floats
  const std::size_t sums = (most_sums + line - 1) / line * line;
  sums_.reserve(parts_.size() * sums * sizeof(float));
  const auto moments =
      static_cast<std::size_t>(schedule_.blocks()) * 2 * static_cast<std::size_t>(kernels_.lanes);
  for (std::size_t part = 0; part < parts_.size(); ++part) {
    parts_[part].sums = sums_.floats() + part * sums;
    parts_[part].moments.resize(moments);
  }
  memory_.fit(images_, sizes_);
}

data::ImageRange NativeNetwork::images_of(std::int64_t part) const {
  const std::int64_t first = images_ * part / parts();
  return {first, images_ * (part + 1) / parts() - first};
}

std::vector<float*> NativeNetwork::planes_of_images(std::int64_t first) const {
  std::vector<float*> planes;
  for (int i = 0; i < schedule_.images().blocks; ++i) {
    planes.push_back(memory_.value(i) + first * sizes_.front().pixels() * kernels_.lanes);
  }
  return planes;
}

/// Calls visit(images) for the groups of images of a part that are computed at once.
template <typename Visit>
void NativeNetwork::for_each_group(std::size_t sweep, std::int64_t part, const Visit& visit) const {
  const auto [first, count] = images_of(part);
  for (std::int64_t done = 0; done < count; done += group_[sweep]) {
    visit(data::ImageRange{first + done, std::min(group_[sweep], count - done)});
  }
}

std::int64_t NativeNetwork::pixels_of(const Piece& piece) const {
  return sizes_[static_cast<std::size_t>(piece.grid)].pixels();
}

const OpWeights& NativeNetwork::weights_of(const Piece& piece) const {
  return weights_.op(schedule_.task(piece.task));
}

double* NativeNetwork::moments_of(int block, Part& part) const {
  return part.moments.data() + std::int64_t{block} * 2 * kernels_.lanes;
}

void NativeNetwork::clear_moments(const Piece& piece, Part& part) const {
  std::fill_n(moments_of(piece.first_block, part), piece.blocks * 2 * kernels_.lanes, 0.0);
}

/// Adds the moments of all other parts to those of the first.
const double* NativeNetwork::joined_moments(const Piece& piece) {
  double* joined = moments_of(piece.first_block, parts_.front());
  for (std::size_t part = 1; part < parts_.size(); ++part) {
    const double* others = moments_of(piece.first_block, parts_[part]);
    for (int i = 0; i < piece.blocks * 2 * kernels_.lanes; ++i) joined[i] += others[i];
  }
  return joined;
}

void NativeNetwork::forward(std::size_t sweep) {
  const Sweep& work = schedule_.sweeps()[sweep];
  workers_->run(parts(), [&](std::int64_t index, int worker) {
    Part& part = parts_[static_cast<std::size_t>(index)];
    for (const int task : work.tasks) {
      clear_moments(schedule_.piece(schedule_.task(task).output), part);
    }
    for_each_group(sweep, index, [&](data::ImageRange images) {
      forward_part(work, part, runners_[static_cast<std::size_t>(worker)], images);
    });
  });
  for (const int task : work.tasks) {
    const Piece& output = schedule_.piece(schedule_.task(task).output);
    if (!output.normalised) continue;
    norms_.use_batch(output, weights_of(output), joined_moments(output),
                     images_ * pixels_of(output));
  }
}

void NativeNetwork::forward_part(const Sweep& sweep, Part& part, TaskRunner& runner,
                                 data::ImageRange images) {
  for (const int index : sweep.normalised) {
    const Piece& piece = schedule_.piece(index);
    const std::int64_t offset = images.first * pixels_of(piece) * kernels_.lanes;
    for (int block = piece.first_block; block < piece.first_block + piece.blocks; ++block) {
      kernels_.normalise(memory_.value(block) + offset, memory_.raw(block) + offset,
                         norms_.of(block), images.count * pixels_of(piece));
    }
  }
  for (const int index : sweep.tasks) {
    const Task& task = schedule_.task(index);
    runner.forward(task, memory_, images);
    const Piece& output = schedule_.piece(task.output);
    if (!output.normalised) continue;
    const std::int64_t offset = images.first * pixels_of(output) * kernels_.lanes;
    for (int block = output.first_block; block < output.first_block + output.blocks; ++block) {
      kernels_.add_moments(moments_of(block, part), memory_.raw(block) + offset,
                           images.count * pixels_of(output));
    }
  }
}

/// From the logits to the loss and to their gradient.
double NativeNetwork::turn_round(const Targets& targets, const StepFrame& frame) {
  const Piece& logits = schedule_.logits();
  const std::int64_t lanes = kernels_.lanes;
  std::vector<float> rows(static_cast<std::size_t>(images_ * classes()));
  for (std::int64_t i = 0; i < images_ * classes(); ++i) {
    const std::int64_t channel = i % classes();
    rows[static_cast<std::size_t>(i)] =
        memory_.value(logits.first_block +
                      static_cast<int>(channel / lanes))[i / classes() * lanes + channel % lanes];
  }
  const double loss = cross_entropy(rows, images_, targets, frame.factor);
  const Parameter& bias = weights_of(logits).bias;
  for (std::int64_t channel = 0; channel < logits.blocks * lanes; ++channel) {
    float* to =
        memory_.gradient(logits.first_block + static_cast<int>(channel / lanes)) + channel % lanes;
    double sum = 0.0;
    for (std::int64_t image = 0; image < images_; ++image) {
      const float gradient =
          channel < classes() ? rows[static_cast<std::size_t>(image * classes() + channel)] : 0.0F;
      to[image * lanes] = gradient;
      sum += static_cast<double>(gradient);
    }
    if (channel >= classes()) continue;
    if (frame.add_gradients) sum += static_cast<double>(bias.gradient[channel]);
    bias.gradient[channel] = static_cast<float>(sum);
  }
  return loss;
}

void NativeNetwork::backward(std::size_t sweep, const StepFrame& frame) {
  const Sweep& work = schedule_.sweeps()[sweep];
  workers_->run(parts(), [&](std::int64_t index, int worker) {
    Part& part = parts_[static_cast<std::size_t>(index)];
    std::fill_n(part.sums, weights_.sums_of_sweep(sweep), 0.0F);
    for (const int piece : work.normalised) clear_moments(schedule_.piece(piece), part);
    for_each_group(sweep, index, [&](data::ImageRange images) {
      backward_part(work, part, runners_[static_cast<std::size_t>(worker)], images);
    });
  });
  join_sums(work, frame);
  for (const int index : work.normalised) {
    const Piece& piece = schedule_.piece(index);
    norms_.use_gradient(piece, weights_of(piece), joined_moments(piece), images_ * pixels_of(piece),
                        frame.add_gradients);
  }
  if (frame.gradient_ready) tell_ready(work, frame);
}

void NativeNetwork::backward_part(const Sweep& sweep, Part& part, TaskRunner& runner,
                                  data::ImageRange images) {
  for (auto index = sweep.tasks.rbegin(); index != sweep.tasks.rend(); ++index) {
    const Task& task = schedule_.task(*index);
    runner.backward(task, memory_, images, part.sums + weights_.of(task).first_sum);
  }
  for (const int index : sweep.normalised) {
    const Piece& piece = schedule_.piece(index);
    const std::int64_t offset = images.first * pixels_of(piece) * kernels_.lanes;
    for (int block = piece.first_block; block < piece.first_block + piece.blocks; ++block) {
      kernels_.add_gradient_moments(moments_of(block, part), memory_.gradient(block) + offset,
                                    memory_.raw(block) + offset, norms_.of(block),
                                    images.count * pixels_of(piece));
    }
  }
}

/// Adds the sums of all other parts to those of the first, and stores them in the tensors.
void NativeNetwork::join_sums(const Sweep& sweep, const StepFrame& frame) {
  workers_->run(static_cast<std::int64_t>(sweep.tasks.size()), [&](std::int64_t i, int) {
    const Task& task = schedule_.task(sweep.tasks[static_cast<std::size_t>(i)]);
    const TaskWeights& weights = weights_.of(task);
    float* joined = parts_.front().sums + weights.first_sum;
    for (std::size_t part = 1; part < parts_.size(); ++part) {
      const float* others = parts_[part].sums + weights.first_sum;
      for (std::size_t k = 0; k < weights.sums(); ++k) joined[k] += others[k];
    }
    weights_.unpack_gradient(task, joined, frame.add_gradients);
  });
}

/// Calls visit(parameter) for the weights of a sweep's tasks and for the normalisations before
/// them: the parameters whose gradients, or parts of them, its backward pass computes.
template <typename Visit>
void NativeNetwork::for_each_gradient(const Sweep& sweep, const Visit& visit) const {
  const auto visit_own = [&visit](const Parameter& parameter) {
    if (parameter.values != nullptr) visit(parameter.index);
  };
  for (const int index : sweep.tasks) {
    const OpWeights& weights = weights_.op(schedule_.task(index));
    visit_own(weights.depthwise);
    visit_own(weights.weight);
    visit_own(weights.bias);
  }
  for (const int index : sweep.normalised) {
    const OpWeights& weights = weights_of(schedule_.piece(index));
    visit_own(weights.bn_weight);
    visit_own(weights.bn_bias);
  }
}

void NativeNetwork::tell_ready(const Sweep& sweep, const StepFrame& frame) {
  std::vector<std::size_t> ready;
  for_each_gradient(sweep, [&](std::size_t parameter) {
    if (--incomplete_[parameter] == 0) ready.push_back(parameter);
  });
  std::sort(ready.rbegin(), ready.rend());
  for (const std::size_t parameter : ready) frame.gradient_ready(parameter);
}

}  // namespace hierevo::nn::native
