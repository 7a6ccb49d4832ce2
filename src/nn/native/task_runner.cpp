#include "task_runner.hpp"

#include <algorithm>

#include "columns.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::nn::native {

using genome::PlanOpKind;

void TaskRunner::fit(const std::vector<std::int64_t>& images, const std::vector<GridSize>& sizes) {
  sizes_ = sizes;
  const std::int64_t lanes = network_.kernels.lanes;
  std::int64_t most = 0;
  for (const Task& task : network_.schedule.tasks()) {
    const TaskWeights& weights = network_.weights.of(task);
    const Piece& output = network_.schedule.piece(task.output);
    const bool has_middle = task.kind == PlanOpKind::separable || task.by_columns();
    const int planes = (has_middle ? 2 * weights.in_blocks : 0) + weights.out_blocks;
    most = std::max(most, planes * sizes[static_cast<std::size_t>(output.grid)].pixels() *
                              images[static_cast<std::size_t>(task.sweep)]);
  }
  scratch_.reserve(static_cast<std::size_t>(most * lanes) * sizeof(float));
  int width = 0;
  for (const GridSize& size : sizes) width = std::max(width, size.width);
  const auto zeros = static_cast<std::size_t>(width * lanes);
  zeros_.reserve(zeros * sizeof(float));
  std::fill_n(zeros_.floats(), zeros, 0.0F);
}

void TaskRunner::begin(const Task& task, const Memory& memory, data::ImageRange images) {
  const Schedule& schedule = network_.schedule;
  const Piece& output = schedule.piece(task.output);
  weights_ = &network_.weights.of(task);
  images_ = images;
  in_ = sizes_[static_cast<std::size_t>(schedule.piece(task.sources.front().piece).grid)];
  out_ = sizes_[static_cast<std::size_t>(output.grid)];
  window_ = {in_.height, in_.width, task.stride, zeros_.floats()};
  in_floats_ = in_.pixels() * network_.kernels.lanes;
  out_floats_ = out_.pixels() * network_.kernels.lanes;
  scratch_end_ = scratch_.floats();
  sources_.clear();
  for (const Source& source : task.sources) {
    const Piece& piece = schedule.piece(source.piece);
    for (int i = 0; i < piece.blocks; ++i) {
      sources_.push_back(memory.value(piece.first_block + i) + images.first * in_floats_);
    }
  }
  outputs_.clear();
  for (int i = 0; i < output.blocks; ++i) {
    const int block = output.first_block + i;
    float* planes = output.normalised ? memory.raw(block) : memory.value(block);
    outputs_.push_back(planes + images.first * out_floats_);
  }
}

/// Scratch for this many blocks of the output's size.
void TaskRunner::allot(Planes& planes, int blocks) {
  planes.clear();
  for (int i = 0; i < blocks; ++i) {
    planes.push_back(scratch_end_);
    scratch_end_ += images_.count * out_floats_;
  }
}

// --- Forward
// --------------------------------------------------------------------------------------

void TaskRunner::forward(const Task& task, const Memory& memory, data::ImageRange images) {
  begin(task, memory, images);
  switch (task.kind) {
    case PlanOpKind::conv:
      if (task.by_columns()) {
        fill_columns(task);
        multiply(middle_, outputs_, weights_->forward, Write::replace);
      } else {
        multiply(sources_, outputs_, weights_->forward, Write::replace);
      }
      return;
    case PlanOpKind::depthwise:
      filter(outputs_);
      return;
    case PlanOpKind::separable:
      allot(middle_, weights_->in_blocks);
      filter(middle_);
      multiply(middle_, outputs_, weights_->forward, Write::replace);
      return;
    case PlanOpKind::linear:
      multiply(sources_, outputs_, weights_->forward, Write::replace);
      add_bias(task);
      return;
    default:
      pool(task, memory);
  }
}

/// Each block of `to` from all of `from`. `weights` are in the order of `to`.
void TaskRunner::multiply(const Planes& from, const Planes& to, const float* weights,
                          Write write) const {
  network_.kernels.multiply(to.data(), static_cast<int>(to.size()), from.data(),
                            static_cast<int>(from.size()), weights, images_.count * out_.pixels(),
                            write);
}

void TaskRunner::filter(const Planes& to) const {
  const float* taps = weights_->taps;
  for (std::size_t i = 0; i < to.size(); ++i) {
    for (std::int64_t image = 0; image < images_.count; ++image) {
      network_.kernels.depthwise(to[i] + image * out_floats_, sources_[i] + image * in_floats_,
                                 taps, window_);
    }
    taps += std::int64_t{9} * network_.kernels.lanes;
  }
}

/// Calls visit(columns' shape, planes of a piece, offset of the columns) for each piece of each
/// image; `planes` are those of all that the task reads, null where a piece is to be left out.
template <typename Visit>
void TaskRunner::for_each_columns(const Task& task, const Planes& planes,
                                  const Visit& visit) const {
  const Schedule& schedule = network_.schedule;
  Columns shape{.lanes = network_.kernels.lanes,
                .kernel = task.kernel,
                .stride = task.stride,
                .all = schedule.channels_in(task),
                .in = in_,
                .out = out_};
  std::size_t first_block = 0;
  for (const Source& source : task.sources) {
    const Piece& piece = schedule.piece(source.piece);
    shape.channels = piece.channels;
    const bool left_out = planes[first_block] == nullptr;
    for (std::int64_t image = 0; !left_out && image < images_.count; ++image) {
      Planes of_piece;
      for (int i = 0; i < piece.blocks; ++i) {
        of_piece.push_back(planes[first_block + static_cast<std::size_t>(i)] + image * in_floats_);
      }
      visit(shape, of_piece, image * out_floats_);
    }
    shape.first += piece.channels;
    first_block += static_cast<std::size_t>(piece.blocks);
  }
}

void TaskRunner::fill_columns(const Task& task) {
  allot(middle_, weights_->in_blocks);
  std::fill_n(middle_.front(), weights_->in_blocks * images_.count * out_floats_, 0.0F);
  for_each_columns(task, sources_,
                   [this](const Columns& shape, const Planes& piece, std::int64_t offset) {
                     Planes columns = middle_;
                     for (float*& planes : columns) planes += offset;
                     gather(shape, piece.data(), columns.data());
                   });
}

void TaskRunner::add_bias(const Task& task) {
  const std::int64_t lanes = network_.kernels.lanes;
  const float* bias = network_.weights.op(task).bias.values;
  const std::int64_t channels = network_.schedule.piece(task.output).channels;
  for (std::int64_t c = 0; c < channels; ++c) {
    float* to = outputs_[static_cast<std::size_t>(c / lanes)] + c % lanes;
    for (std::int64_t i = 0; i < images_.count * out_.pixels(); ++i) to[i * lanes] += bias[c];
  }
}

void TaskRunner::pool(const Task& task, const Memory& memory) {
  const int first_block = network_.schedule.piece(task.output).first_block;
  for (std::size_t i = 0; i < sources_.size(); ++i) {
    for (std::int64_t image = 0; image < images_.count; ++image) {
      const float* in = sources_[i] + image * in_floats_;
      float* out = outputs_[i] + image * out_floats_;
      if (task.kind == PlanOpKind::maxpool) {
        std::uint8_t* places = memory.places(first_block + static_cast<int>(i));
        network_.kernels.maxpool(out, places + (images_.first + image) * out_floats_, in, window_);
      } else if (task.kind == PlanOpKind::avgpool) {
        network_.kernels.avgpool(out, in, window_);
      } else {
        network_.kernels.average(out, in, in_.pixels());
      }
    }
  }
}

// --- Backward
// -------------------------------------------------------------------------------------

void TaskRunner::backward(const Task& task, const Memory& memory, data::ImageRange images,
                          float* sums) {
  begin(task, memory, images);
  begin_backward(task, memory);
  switch (task.kind) {
    case PlanOpKind::conv:
      if (task.by_columns()) {
        fill_columns(task);
        add_products(middle_, sums);
        columns_to_sources(task);
      } else {
        add_products(sources_, sums);
        product_to_sources();
      }
      return;
    case PlanOpKind::depthwise:
      filter_backward(output_gradients_, sums);
      return;
    case PlanOpKind::separable:
      allot(middle_, weights_->in_blocks);
      filter(middle_);  // cheaper to recompute than to keep
      add_products(middle_, sums);
      allot(middle_gradients_, weights_->in_blocks);
      multiply(output_gradients_, middle_gradients_, weights_->transposed, Write::replace);
      filter_backward(middle_gradients_, sums + weights_->product_sums);
      return;
    case PlanOpKind::linear:
      add_products(sources_, sums);
      product_to_sources();
      return;
    default:
      pool_backward(task, memory);
  }
}

void TaskRunner::begin_backward(const Task& task, const Memory& memory) {
  const Schedule& schedule = network_.schedule;
  source_gradients_.clear();
  writes_.clear();
  for (const Source& source : task.sources) {
    const Piece& piece = schedule.piece(source.piece);
    for (int i = 0; i < piece.blocks; ++i) {
      float* planes = memory.gradient(piece.first_block + i);
      source_gradients_.push_back(piece.needs_gradient ? planes + images_.first * in_floats_
                                                       : nullptr);
      writes_.push_back(source.adds ? Write::add : Write::replace);
    }
  }
  const Piece& output = schedule.piece(task.output);
  const auto gradient_of = [&](int i) {
    return memory.gradient(output.first_block + i) + images_.first * out_floats_;
  };
  output_gradients_.clear();
  if (output.normalised) allot(output_gradients_, output.blocks);
  for (int i = 0; i < output.blocks && output.needs_gradient; ++i) {
    if (output.normalised) {
      const auto at = static_cast<std::size_t>(i);
      network_.kernels.normalise_to_input(output_gradients_[at], gradient_of(i), outputs_[at],
                                          network_.norms.of(output.first_block + i),
                                          images_.count * out_.pixels());
    } else {
      output_gradients_.push_back(gradient_of(i));
    }
  }
}

void TaskRunner::add_products(const Planes& from, float* sums) const {
  const std::int64_t lanes = network_.kernels.lanes;
  for (const float* out : output_gradients_) {
    network_.kernels.add_outer_products(sums, out, from.data(), static_cast<int>(from.size()),
                                        images_.count * out_.pixels());
    sums += static_cast<std::int64_t>(from.size()) * lanes * lanes;
  }
}

void TaskRunner::product_to_sources() const {
  const auto blocks = static_cast<int>(output_gradients_.size());
  const std::int64_t lanes = network_.kernels.lanes;
  const auto begin = source_gradients_.begin();
  const auto joins = [&](std::size_t first, std::size_t next) {
    const auto own = begin + static_cast<std::ptrdiff_t>(next);
    return (source_gradients_[first] == nullptr) == (*own == nullptr) &&
           writes_[first] == writes_[next] &&
           std::find(begin + static_cast<std::ptrdiff_t>(first), own, *own) == own;
  };
  // As many at once as are written in the same way, but none twice: a concatenation may repeat one.
  std::size_t end = 0;
  for (std::size_t first = 0; first < source_gradients_.size(); first = end) {
    end = first + 1;
    while (end < source_gradients_.size() && joins(first, end)) ++end;
    if (source_gradients_[first] == nullptr) continue;
    const float* weights =
        weights_->transposed + static_cast<std::int64_t>(first) * blocks * lanes * lanes;
    network_.kernels.multiply(source_gradients_.data() + first, static_cast<int>(end - first),
                              output_gradients_.data(), blocks, weights,
                              images_.count * out_.pixels(), writes_[first]);
  }
}

/// From the gradients after the taps to those of the taps and of the sources.
void TaskRunner::filter_backward(const Planes& gradients, float* sums) const {
  const Kernels& kernels = network_.kernels;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    const std::int64_t taps = static_cast<std::int64_t>(i) * 9 * kernels.lanes;
    for (std::int64_t image = 0; image < images_.count; ++image) {
      const float* gradient = gradients[i] + image * out_floats_;
      kernels.depthwise_to_taps(sums + taps, gradient, sources_[i] + image * in_floats_, window_);
      if (source_gradients_[i] == nullptr) continue;
      kernels.depthwise_to_input(source_gradients_[i] + image * in_floats_, gradient,
                                 weights_->taps + taps, window_, writes_[i]);
    }
  }
}

void TaskRunner::columns_to_sources(const Task& task) {
  bool needed = false;
  for (std::size_t i = 0; i < source_gradients_.size(); ++i) {
    if (source_gradients_[i] == nullptr) continue;
    needed = true;
    if (writes_[i] == Write::add) continue;
    std::fill_n(source_gradients_[i], images_.count * in_floats_, 0.0F);
  }
  if (!needed) return;
  allot(middle_gradients_, weights_->in_blocks);
  multiply(output_gradients_, middle_gradients_, weights_->transposed, Write::replace);
  for_each_columns(task, source_gradients_,
                   [this](const Columns& shape, const Planes& piece, std::int64_t offset) {
                     Planes columns = middle_gradients_;
                     for (float*& planes : columns) planes += offset;
                     scatter(shape, columns.data(), piece.data());
                   });
}

void TaskRunner::pool_backward(const Task& task, const Memory& memory) const {
  const int first_block = network_.schedule.piece(task.output).first_block;
  for (std::size_t i = 0; i < output_gradients_.size(); ++i) {
    for (std::int64_t image = 0; image < images_.count; ++image) {
      const float* gradient = output_gradients_[i] + image * out_floats_;
      float* to = source_gradients_[i] + image * in_floats_;
      if (task.kind == PlanOpKind::maxpool) {
        const std::uint8_t* places = memory.places(first_block + static_cast<int>(i));
        network_.kernels.maxpool_to_input(
            to, gradient, places + (images_.first + image) * out_floats_, window_, writes_[i]);
      } else if (task.kind == PlanOpKind::avgpool) {
        network_.kernels.avgpool_to_input(to, gradient, window_, writes_[i]);
      } else {
        network_.kernels.average_to_input(to, gradient, in_.pixels(), writes_[i]);
      }
    }
  }
}

}  // namespace hierevo::nn::native
