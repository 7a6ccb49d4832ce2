#include "op_weights.hpp"

#include <fmt/format.h>

#include <unordered_map>

#include "hierevo/core/error.hpp"

namespace hierevo::exchange {

namespace {

using genome::PlanOp;
using genome::PlanOpKind;
using Shape = std::vector<std::size_t>;

/// The roles of an operation's tensors, with their shapes.
std::map<std::string, Shape> roles_of(const PlanOp& op, std::size_t width) {
  const auto channels = static_cast<std::size_t>(op.channels);
  const auto kernel = static_cast<std::size_t>(op.kernel);
  std::map<std::string, Shape> roles;
  switch (op.kind) {
    case PlanOpKind::conv:
      roles["weight"] = {channels, width, kernel, kernel};
      break;
    case PlanOpKind::depthwise:
      roles["weight"] = {width, 1, kernel, kernel};
      break;
    case PlanOpKind::separable:
      roles["depthwise.weight"] = {width, 1, kernel, kernel};
      roles["pointwise.weight"] = {channels, width, 1, 1};
      break;
    case PlanOpKind::linear:
      return {{"weight", {channels, width}}, {"bias", {channels}}};
    default:
      return {};
  }
  for (const char* role : {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"}) {
    roles[role] = {channels};
  }
  return roles;
}

[[noreturn]] void refuse(const std::string& why) {
  throw core::UsageError("The weights are those of another network", why,
                         "Give the weights of a training of this cell.");
}

}  // namespace

std::vector<OpWeights> weights_of(const Network& network) {
  std::unordered_map<std::string, const io::StoredTensor*> left;
  for (const io::StoredTensor& tensor : network.weights) left.emplace(tensor.name, &tensor);
  const genome::Plan plan = make_plan(genome::assemble(network.genotype), network.model);
  std::vector<OpWeights> all;
  for (const PlanOp& op : plan.ops) {
    std::size_t width = 0;
    for (const int operand : op.operands) {
      width += static_cast<std::size_t>(plan.ops[static_cast<std::size_t>(operand)].channels);
    }
    OpWeights weights{op, {}};
    for (const auto& [role, shape] : roles_of(op, width)) {
      const std::string name = op.name + "." + role;
      const auto found = left.find(name);
      if (found == left.end()) refuse(fmt::format("there is no '{}'", name));
      if (found->second->shape != shape) refuse(fmt::format("'{}' has another shape", name));
      weights.tensors.emplace(role, found->second);
      left.erase(found);
    }
    all.push_back(std::move(weights));
  }
  if (!left.empty()) refuse(fmt::format("there is a '{}' too many", left.begin()->first));
  return all;
}

}  // namespace hierevo::exchange
