#include "hierevo/genome/plan.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"

namespace hierevo::genome {

namespace {

/// Widths of concatenations can grow exponentially; beyond this a network is refused anyway.
constexpr std::int64_t widest = std::numeric_limits<std::int64_t>::max() / 4;

class PlanBuilder {
 public:
  PlanBuilder(const CellGraph& cell, const ModelSpec& spec, PlanNames names)
      : cell_(cell), spec_(spec), names_(names) {
    plan_.input_channels = spec.input_channels;
    plan_.classes = spec.classes;
  }

  Plan build() {
    plan_.ops.reserve(expected_operations());
    last_ = add({.kind = PlanOpKind::input, .name = "input", .channels = spec_.input_channels});
    add_stem();
    const int groups = spec_.kind == ModelKind::imagenet ? 4 : 3;
    std::int64_t channels = spec_.channels;
    for (int group = 0; group < groups; ++group) {
      const bool single = spec_.kind == ModelKind::imagenet && group == 0;
      const int cells = single ? 1 : spec_.cells;
      for (int i = 0; i < cells; ++i) {
        add_cell(channels);
        const bool reduces = i == cells - 1 && group < groups - 1;
        if (reduces) channels *= 2;
        add_separator(channels, reduces ? 2 : 1);
      }
    }
    last_ = add({.kind = PlanOpKind::global_average,
                 .operands = {last_},
                 .name = "pool",
                 .channels = channels});
    add({.kind = PlanOpKind::linear,
         .operands = {last_},
         .name = "classifier",
         .channels = spec_.classes});
    return std::move(plan_);
  }

 private:
  /// Growing would move all of them, time and again. The largest networks may grow.
  std::size_t expected_operations() const {
    constexpr std::size_t groups = 4;
    constexpr std::size_t most = 4096;
    const std::size_t in_cells =
        groups * static_cast<std::size_t>(spec_.cells) * (cell_.nodes.size() + 1);
    constexpr std::size_t around_cells = 5;  // input, stem, pool, classifier
    return std::min(most, around_cells + in_cells);
  }

  template <typename... Parts>
  std::string name(fmt::format_string<const Parts&...> format, const Parts&... parts) const {
    return names_ == PlanNames::omitted ? std::string() : fmt::format(format, parts...);
  }

  int add(PlanOp op) {
    plan_.ops.push_back(std::move(op));
    return static_cast<int>(plan_.ops.size()) - 1;
  }

  std::int64_t channels_of(int op) const {
    return plan_.ops[static_cast<std::size_t>(op)].channels;
  }

  void add_stem_conv(int index, std::int64_t channels, int stride) {
    last_ = add({.kind = PlanOpKind::conv,
                 .operands = {last_},
                 .name = name("stem.{}", index),
                 .kernel = 3,
                 .stride = stride,
                 .channels = channels});
  }

  void add_stem() {
    if (spec_.kind == ModelKind::imagenet) {  // 299 → 150 → 75
      add_stem_conv(0, (spec_.channels + 1) / 2, 2);
      add_stem_conv(1, spec_.channels, 2);
    } else {
      add_stem_conv(0, spec_.channels, 1);
    }
  }

  void add_separator(std::int64_t channels, int stride) {
    last_ = add({.kind = PlanOpKind::separable,
                 .operands = {last_},
                 .name = name("separators.{}", cells_built_ - 1),
                 .kernel = 3,
                 .stride = stride,
                 .channels = channels});
  }

  void add_cell(std::int64_t channels) {
    std::vector<int> placed(cell_.nodes.size());
    placed[0] = last_;
    for (std::size_t i = 1; i < cell_.nodes.size(); ++i) {
      placed[i] = add(cell_op(cell_.nodes[i], placed, channels));
    }
    last_ = placed[static_cast<std::size_t>(cell_.output)];
    ++cells_built_;
  }

  PlanOp cell_op(const CellNode& node, const std::vector<int>& placed,
                 std::int64_t channels) const {
    PlanOp op{.kind = PlanOpKind::concat, .name = name("cells.{}.{}", cells_built_, node.path)};
    std::int64_t width = 0;
    for (const int operand : node.operands) {
      op.operands.push_back(placed[static_cast<std::size_t>(operand)]);
      width = std::min(widest, width + channels_of(op.operands.back()));
    }
    op.channels = width;
    switch (node.kind) {
      case CellNodeKind::input:
      case CellNodeKind::concat:
        break;
      case CellNodeKind::conv1x1:
        op.kind = PlanOpKind::conv;
        op.channels = channels;
        break;
      case CellNodeKind::depthwise3x3:
        op.kind = PlanOpKind::depthwise;
        op.kernel = 3;
        break;
      case CellNodeKind::separable3x3:
        op.kind = PlanOpKind::separable;
        op.kernel = 3;
        op.channels = channels;
        break;
      case CellNodeKind::maxpool3x3:
        op.kind = PlanOpKind::maxpool;
        op.kernel = 3;
        break;
      case CellNodeKind::avgpool3x3:
        op.kind = PlanOpKind::avgpool;
        op.kernel = 3;
        break;
    }
    return op;
  }

  const CellGraph& cell_;
  const ModelSpec& spec_;
  PlanNames names_;
  Plan plan_;
  int last_ = 0;
  int cells_built_ = 0;
};

void check(const ModelSpec& spec) {
  const auto within = [](std::string_view what, int value, int most) {
    if (value >= 1 && value <= most) return;
    throw core::UsageError(fmt::format("A network with {} {}", value, what),
                           fmt::format("it can have 1 to {}", most));
  };
  within("channels", spec.channels, ModelSpec::most_channels);
  within("cells a group", spec.cells, ModelSpec::most_cells);
  within("input channels", spec.input_channels, ModelSpec::most_channels);
  within("classes", spec.classes, ModelSpec::most_classes);
}

}  // namespace

ModelSpec ModelSpec::of(ModelKind kind) {
  switch (kind) {
    case ModelKind::cifar_small:
      return {kind, 16, 1, 3, 10};
    case ModelKind::cifar_large:
      return {kind, 64, 2, 3, 10};
    case ModelKind::imagenet:
      return {kind, 64, 2, 3, 1000};
  }
  throw core::InternalError("Unknown model kind");
}

ModelKind model_kind_named(std::string_view name) {
  for (std::size_t i = 0; i < model_names.size(); ++i) {
    if (model_names[i] == name) return static_cast<ModelKind>(i);
  }
  const std::vector<std::string> known(model_names.begin(), model_names.end());
  throw core::unknown_name("model", name, known);
}

std::string_view name(ModelKind kind) {
  return model_names[static_cast<std::size_t>(kind)];
}

Plan make_plan(const CellGraph& cell, const ModelSpec& spec, PlanNames names) {
  check(spec);
  if (!cell.valid()) {
    throw core::UsageError("The cell is invalid",
                           "its sink is not reached from its source, so it computes nothing",
                           "Choose another genotype.");
  }
  return PlanBuilder(cell, spec, names).build();
}

}  // namespace hierevo::genome
