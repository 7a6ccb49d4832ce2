#include "schedule.hpp"

#include <algorithm>
#include <map>
#include <new>
#include <tuple>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::nn::native {

using genome::Plan;
using genome::PlanOp;
using genome::PlanOpKind;

namespace {

bool has_batch_norm(PlanOpKind kind) {
  return kind == PlanOpKind::conv || kind == PlanOpKind::depthwise || kind == PlanOpKind::separable;
}

/// Whether its backward pass reads what the forward pass read.
bool keeps_sources(PlanOpKind kind) {
  return has_batch_norm(kind) || kind == PlanOpKind::linear;
}

bool can_run_op(const PlanOp& op) {
  switch (op.kind) {
    case PlanOpKind::conv:
      return op.kernel % 2 == 1;
    case PlanOpKind::depthwise:
    case PlanOpKind::separable:
    case PlanOpKind::maxpool:
    case PlanOpKind::avgpool:
      return op.kernel == 3;
    default:
      return true;
  }
}

}  // namespace

bool Schedule::can_run(const Plan& plan) {
  if (plan.ops.size() < 2 || plan.ops.front().kind != PlanOpKind::input ||
      plan.ops.back().kind != PlanOpKind::linear) {
    return false;
  }
  std::vector<bool> used(plan.ops.size(), false);
  std::vector<bool> has_gradient(plan.ops.size(), false);  // of all its parts
  for (std::size_t i = 0; i < plan.ops.size(); ++i) {
    const PlanOp& op = plan.ops[i];
    if (i > 0 && (op.kind == PlanOpKind::input || op.operands.empty())) return false;
    if (!can_run_op(op) || op.stride < 1) return false;
    for (const int operand : op.operands) used[static_cast<std::size_t>(operand)] = true;
    // The place of the largest pixel is kept for its gradient: all pooled pieces must have one.
    const bool sources_have = std::all_of(op.operands.begin(), op.operands.end(), [&](int operand) {
      return has_gradient[static_cast<std::size_t>(operand)];
    });
    has_gradient[i] = keeps_sources(op.kind) || (i > 0 && sources_have);
    if (op.kind == PlanOpKind::maxpool && !sources_have) return false;
  }
  return std::all_of(used.begin(), used.end() - 1, [](bool is) { return is; });
}

class Schedule::Compiler {
 public:
  Compiler(const Plan& plan, Schedule& schedule) : plan_(plan), schedule_(schedule) {}

  void compile() {
    values_.resize(plan_.ops.size());
    values_[0] = {add_piece(plan_.ops[0].channels, 0)};
    available_ = {0};
    for (std::size_t i = 1; i < plan_.ops.size(); ++i) values_[i] = compile_op(static_cast<int>(i));
    fill_sweeps();
    note_uses();
    note_gradients();
  }

 private:
  using Value = std::vector<int>;  ///< pieces in channel order

  int add_piece(std::int64_t channels, int grid) {
    const int before = schedule_.pieces_.empty() ? 0 : schedule_.blocks();
    constexpr std::int64_t most_channels = std::int64_t{1} << 30;  // in total
    if (channels > most_channels - std::int64_t{before} * schedule_.lanes_) throw std::bad_alloc();
    Piece piece{.channels = channels, .first_block = before, .grid = grid};
    piece.blocks = static_cast<int>((channels + schedule_.lanes_ - 1) / schedule_.lanes_);
    schedule_.pieces_.push_back(piece);
    return static_cast<int>(schedule_.pieces_.size()) - 1;
  }

  int grid_behind(int grid, int stride) {
    if (stride == 1) return grid;
    const auto [place, is_new] =
        grids_.try_emplace({grid, stride}, static_cast<int>(schedule_.grids_.size()));
    if (is_new) schedule_.grids_.push_back({grid, stride});
    return place->second;
  }

  Value compile_op(int index) {
    const PlanOp& op = plan_.ops[static_cast<std::size_t>(index)];
    Value joined;
    for (const int operand : op.operands) {
      const Value& value = values_[static_cast<std::size_t>(operand)];
      joined.insert(joined.end(), value.begin(), value.end());
      // Widths can grow exponentially with the depth of a cell. No memory can hold such images.
      constexpr std::size_t most_joined = std::size_t{1} << 16;
      if (joined.size() > most_joined) throw std::bad_alloc();
    }
    switch (op.kind) {
      case PlanOpKind::concat:
        return joined;
      case PlanOpKind::maxpool:
      case PlanOpKind::avgpool:
      case PlanOpKind::global_average:
        for (int& piece : joined) piece = pooled(op, index, piece);
        return joined;
      case PlanOpKind::depthwise:
        return filtered(op, index, joined);
      default:
        return {add_task(op, index, joined, op.channels)};
    }
  }

  int pooled(const PlanOp& op, int index, int piece) {
    const auto [place, is_new] = pools_.try_emplace({op.kind, op.stride, piece}, 0);
    if (is_new) {
      place->second = add_task(op, index, {piece}, schedule_.piece(piece).channels);
    }
    return place->second;
  }

  Value filtered(const PlanOp& op, int index, const Value& pieces) {
    Value outputs;
    std::int64_t first_channel = 0;
    for (const int piece : pieces) {
      const std::int64_t channels = schedule_.piece(piece).channels;
      outputs.push_back(add_task(op, index, {piece}, channels));
      schedule_.pieces_.back().first_channel = first_channel;
      first_channel += channels;
    }
    return outputs;
  }

  int add_task(const PlanOp& op, int index, const Value& sources, std::int64_t channels) {
    Task task{.kind = op.kind, .op = index, .kernel = op.kernel, .stride = op.stride};
    for (const int piece : sources) {
      task.sources.push_back({piece});
      task.sweep = std::max(task.sweep, available_[static_cast<std::size_t>(piece)]);
    }
    const int grid = schedule_.piece(sources.front()).grid;
    for (const int piece : sources) {
      if (schedule_.piece(piece).grid != grid) {
        throw core::InternalError("An operation joins pieces of different sizes");
      }
    }
    const int stride = op.kind == PlanOpKind::global_average ? 0 : op.stride;
    task.output = add_piece(channels, grid_behind(grid, stride));
    Piece& output = schedule_.pieces_.back();
    output.task = static_cast<int>(schedule_.tasks_.size());
    output.normalised = has_batch_norm(op.kind);
    output.needs_gradient =
        keeps_sources(op.kind) || schedule_.piece(sources.front()).needs_gradient;
    available_.push_back(task.sweep + (output.normalised ? 1 : 0));
    schedule_.tasks_.push_back(std::move(task));
    return schedule_.tasks_.back().output;
  }

  void fill_sweeps() {
    for (std::size_t i = 0; i < schedule_.tasks_.size(); ++i) {
      const auto sweep = static_cast<std::size_t>(schedule_.tasks_[i].sweep);
      if (sweep >= schedule_.sweeps_.size()) schedule_.sweeps_.resize(sweep + 1);
      schedule_.sweeps_[sweep].tasks.push_back(static_cast<int>(i));
    }
  }

  void note_uses() {
    for (const Sweep& sweep : schedule_.sweeps_) {
      for (const int index : sweep.tasks) {
        const Task& task = schedule_.task(index);
        for (const Source& source : task.sources) {
          Piece& piece = schedule_.pieces_[static_cast<std::size_t>(source.piece)];
          if (piece.first_use < 0) piece.first_use = task.sweep;
          piece.last_use = task.sweep;
          if (piece.first_kept < 0 && keeps_sources(task.kind)) piece.first_kept = task.sweep;
        }
      }
    }
    for (std::size_t i = 0; i < schedule_.pieces_.size(); ++i) {
      const Piece& piece = schedule_.pieces_[i];
      if (!piece.normalised) continue;
      schedule_.sweeps_[static_cast<std::size_t>(piece.first_use)].normalised.push_back(
          static_cast<int>(i));
    }
  }

  /// The first task of the backward pass that has a part of a gradient stores it, the others add.
  void note_gradients() {
    std::vector<bool> begun(schedule_.pieces_.size(), false);
    for (auto sweep = schedule_.sweeps_.rbegin(); sweep != schedule_.sweeps_.rend(); ++sweep) {
      for (auto index = sweep->tasks.rbegin(); index != sweep->tasks.rend(); ++index) {
        for (Source& source : schedule_.tasks_[static_cast<std::size_t>(*index)].sources) {
          source.adds = begun[static_cast<std::size_t>(source.piece)];
          begun[static_cast<std::size_t>(source.piece)] = true;
        }
      }
    }
  }

  const Plan& plan_;
  Schedule& schedule_;
  std::vector<Value> values_;   ///< of each operation of the plan
  std::vector<int> available_;  ///< sweep from which each piece can be used
  std::map<std::pair<int, int>, int> grids_;
  std::map<std::tuple<PlanOpKind, int, int>, int> pools_;
};

Schedule::Schedule(const Plan& plan, int lanes) : lanes_(lanes) {
  if (!can_run(plan)) {
    throw core::InternalError("The native executor cannot run this plan");
  }
  Compiler(plan, *this).compile();
}

std::int64_t Schedule::channels_in(const Task& task) const {
  std::int64_t channels = 0;
  for (const Source& source : task.sources) channels += piece(source.piece).channels;
  return channels;
}

int Schedule::blocks_in(const Task& task) const {
  int blocks = 0;
  for (const Source& source : task.sources) blocks += piece(source.piece).blocks;
  return blocks;
}

std::vector<GridSize> Schedule::sizes(GridSize size) const {
  std::vector<GridSize> sizes = {size};
  for (std::size_t i = 1; i < grids_.size(); ++i) {
    const GridSize from = sizes[static_cast<std::size_t>(grids_[i].from)];
    const int stride = grids_[i].stride;
    if (stride == 0) {
      sizes.push_back({1, 1});
    } else {
      sizes.push_back({(from.height + stride - 1) / stride, (from.width + stride - 1) / stride});
    }
  }
  return sizes;
}

}  // namespace hierevo::nn::native
