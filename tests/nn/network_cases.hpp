// Networks, images and labels for the tests of the executor.
#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "hierevo/genome/mutation.hpp"
#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"

namespace hierevo::nn {

using genome::ModelKind;
using genome::ModelSpec;
using genome::Plan;
using genome::PlanOp;
using genome::PlanOpKind;
using genome::SearchSpace;

inline Plan plan_of(const genome::Genotype& genotype, const ModelSpec& spec) {
  return genome::make_plan(genome::assemble(genotype), spec);
}

/// The plan of a random cell, valid and of at most `most_parameters`.
inline Plan random_plan(const SearchSpace& space, const ModelSpec& spec, std::uint64_t seed,
                        std::int64_t most_parameters) {
  core::RandomStream random(seed);
  while (true) {
    const auto cell = genome::assemble(genome::random_genotype(space, random));
    if (!cell.valid()) continue;
    Plan plan = genome::make_plan(cell, spec);
    if (genome::cost_of(plan, 32).parameters <= most_parameters) return plan;
  }
}

/// Uniform in [-1, 1), float64.
inline at::Tensor noise(at::IntArrayRef shape, std::uint64_t seed) {
  core::RandomStream random(seed);
  at::Tensor values = at::empty(shape, at::kDouble);
  auto* value = values.data_ptr<double>();
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    value[i] = 2.0 * random.unit() - 1.0;
  }
  return values;
}

inline at::Tensor random_labels(std::int64_t count, std::int64_t classes, std::uint64_t seed) {
  core::RandomStream random(seed);
  at::Tensor labels = at::empty({count}, at::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    labels[i] = static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(classes)));
  }
  return labels;
}

inline at::Tensor named(const std::vector<NamedTensor>& tensors, const std::string& name) {
  for (const NamedTensor& entry : tensors) {
    if (entry.name == name) return entry.tensor.detach();
  }
  ADD_FAILURE() << "no tensor " << name;
  return {};
}

}  // namespace hierevo::nn
