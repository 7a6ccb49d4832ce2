#include "kernel_choice.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "hierevo/core/closest_match.hpp"
#include "hierevo/core/error.hpp"
#include "schedule.hpp"

namespace hierevo::nn::native {

namespace {

/// Floats that a network outputs for an image, including empty lanes.
double floats_of(const Schedule& schedule) {
  const std::vector<GridSize> sizes = schedule.sizes({32, 32});
  double floats = 0.0;
  for (const Piece& piece : schedule.pieces()) {
    floats += static_cast<double>(piece.blocks * schedule.lanes()) *
              static_cast<double>(sizes[static_cast<std::size_t>(piece.grid)].pixels());
  }
  return floats;
}

/// Time per float, relative to the widest kernels: twice as wide is not twice as fast.
double time_of(int lanes) {
  return lanes >= 16 ? 1.0 : lanes >= 8 ? 1.3 : 4.0;
}

}  // namespace

const Kernels& kernels_for(const genome::Plan& plan) {
  const auto sets = kernel_sets();
  const auto time = [&plan](const Kernels* kernels) {
    return floats_of(Schedule(plan, kernels->lanes)) * time_of(kernels->lanes);
  };
  return **std::min_element(sets.begin(), sets.end(),
                            [&](const Kernels* a, const Kernels* b) { return time(a) < time(b); });
}

const Kernels& kernels_named(std::string_view name) {
  std::vector<std::string> known;
  for (const Kernels* kernels : kernel_sets()) {
    if (kernels->name == name) return *kernels;
    known.emplace_back(kernels->name);
  }
  throw core::unknown_name("instruction set", std::string(name), known);
}

}  // namespace hierevo::nn::native
