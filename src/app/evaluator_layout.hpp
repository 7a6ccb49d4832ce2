// Which devices and cores the evaluators of a rank work on.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace hierevo::app {

/// What a rank finds on its node.
struct NodeShare {
  int local_rank = 0;  ///< among the ranks of this node
  int local_ranks = 1;
  std::vector<std::string> devices;  ///< GPUs as in CUDA_VISIBLE_DEVICES, those of all these ranks
  bool own_devices = false;          ///< or all of this rank alone
  std::vector<int> cores;            ///< that this process may run on
  int cores_of_node = 1;
  bool mps = false;  ///< NVIDIA's MPS serves processes here (mps.hpp)
  /// So many evaluators rank 0 of the search has, 0 or 1, as it coordinates, where it is the first
  /// rank of this node.
  std::optional<int> evaluators_of_rank_0;

  /// This process's, by the environment and the system: HIEREVO_DEVICES=own says that the launcher
  /// shows each rank GPUs of its own. Throws UsageError for another value of it than own or shared.
  static NodeShare here();
};

struct EvaluatorPlace {
  std::string device;  ///< one of NodeShare::devices; empty: the cores
  int sharing = 1;     ///< evaluators on this device, this one and those of other ranks included
  std::vector<int> cores;  ///< to be bound to; empty: to none
};

/// "GPUs 0 2", "GPUs 0 2 (4 evaluators on each, under MPS)", "cores 4 5", or "any of 8 cores" where
/// evaluators are bound to none.
std::string place_text(const std::vector<EvaluatorPlace>& places, const NodeShare& node);

/// What to do about GPUs that evaluators share without MPS; empty where there are none.
std::string advice_of_mps(const std::vector<EvaluatorPlace>& places, const NodeShare& node);

/// Each of the rank's devices, or the cores where there is none, gets `per_device` evaluators; rank
/// 0 of the search has its own number. Devices that are not the rank's own are dealt out to the
/// ranks of the node by turns. Evaluators are bound to cores where the launcher has bound their
/// rank and there are `threads` for each.
std::vector<EvaluatorPlace> evaluator_places(const NodeShare& node, int per_device, int threads);

/// The same for a rank that is alone: `count` evaluators in all, by turns on its devices.
std::vector<EvaluatorPlace> evaluator_places_alone(const NodeShare& node, int count, int threads);

/// So many evaluators the ranks of a node have in all, where the others have as many devices of
/// their own as this one.
int evaluators_of_node(const NodeShare& node, int per_device);

}  // namespace hierevo::app
