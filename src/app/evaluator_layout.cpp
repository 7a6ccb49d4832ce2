#include "evaluator_layout.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>
#include <string_view>
#include <utility>

#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"
#include "mps.hpp"

namespace hierevo::app {

namespace {

/// CUDA looks no further at a name that is none.
bool is_device(std::string_view name) {
  const bool numbered = !name.empty() && name.find_first_not_of("0123456789") == name.npos;
  return numbered || name.starts_with("GPU-") || name.starts_with("MIG-");
}

/// What CUDA_VISIBLE_DEVICES names, or else all that the system has.
std::vector<std::string> visible_devices() {
  std::vector<std::string> devices;
  if (const char* visible = std::getenv("CUDA_VISIBLE_DEVICES")) {
    std::istringstream names(visible);
    for (std::string name; std::getline(names, name, ',') && is_device(name);) {
      devices.push_back(name);
    }
    return devices;
  }
  std::error_code error;
  while (std::filesystem::exists(fmt::format("/dev/nvidia{}", devices.size()), error)) {
    devices.push_back(std::to_string(devices.size()));
  }
  return devices;
}

bool devices_are_own() {
  const char* text = std::getenv("HIEREVO_DEVICES");
  const std::string_view devices = text == nullptr ? "" : text;
  if (devices == "own") return true;
  if (devices.empty() || devices == "shared") return false;
  throw core::UsageError(fmt::format("HIEREVO_DEVICES is '{}'", devices), "",
                         "Set it to own or shared, or to nothing.");
}

std::vector<int> allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof set, &set) != 0) return cores;
  for (int core = 0; core < CPU_SETSIZE; ++core) {
    if (CPU_ISSET(core, &set)) cores.push_back(core);
  }
  return cores;
}

/// A launcher may tell the number of a rank and not how many there are.
int ranks_of(const NodeShare& node) {
  return std::max({node.local_ranks, node.local_rank + 1, 1});
}

/// Those of the rank of this number on the node.
std::vector<std::string> devices_of(const NodeShare& node, int local_rank) {
  if (node.devices.empty()) return {""};
  if (node.own_devices) return node.devices;
  const auto rank = static_cast<std::size_t>(std::max(local_rank, 0));
  const auto ranks = static_cast<std::size_t>(ranks_of(node));
  const std::size_t count = node.devices.size();
  // More ranks than devices, or a launcher that shows each rank its own: they share.
  if (count < ranks) return {node.devices[rank % count]};
  std::vector<std::string> devices;
  for (std::size_t i = rank; i < count; i += ranks) devices.push_back(node.devices[i]);
  return devices;
}

/// The device of each evaluator of that rank.
std::vector<std::string> evaluators_of(const NodeShare& node, int local_rank, int per_device) {
  std::vector<std::string> evaluators;
  for (const std::string& device : devices_of(node, local_rank)) {
    evaluators.insert(evaluators.end(), static_cast<std::size_t>(per_device), device);
  }
  if (local_rank == 0 && node.evaluators_of_rank_0) {
    evaluators.resize(static_cast<std::size_t>(*node.evaluators_of_rank_0));
  }
  return evaluators;
}

/// How many of all the evaluators that may use it are on the device.
int sharing_of(const std::string& device, const NodeShare& node, int per_device) {
  std::ptrdiff_t count = 0;
  for (int rank = 0; rank < ranks_of(node); ++rank) {
    const bool of_others = node.own_devices && rank != node.local_rank;
    if (of_others && !device.empty()) continue;  // another GPU of the same number
    count += std::ranges::count(evaluators_of(node, rank, per_device), device);
  }
  return static_cast<int>(count);
}

/// The least and the most evaluators on one of the GPUs; 0 where there are no GPUs.
std::pair<int, int> evaluators_of_a_gpu(const std::vector<EvaluatorPlace>& places) {
  std::pair<int, int> range(0, 0);
  for (const EvaluatorPlace& place : places) {
    if (place.device.empty()) continue;
    range.first = range.first == 0 ? place.sharing : std::min(range.first, place.sharing);
    range.second = std::max(range.second, place.sharing);
  }
  return range;
}

std::string gpus_text(const std::set<std::string>& devices, std::pair<int, int> sharing, bool mps) {
  std::string text = fmt::format("GPUs {}", fmt::join(devices, " "));
  const auto [least, most] = sharing;
  if (most < 2) return text;
  const std::string count =
      least == most ? std::to_string(most) : fmt::format("{} to {}", least, most);
  return text + fmt::format(" ({} evaluators on each, {} MPS)", count, mps ? "under" : "without");
}

/// Where the launcher has bound the rank and all threads have a core.
void bind(std::vector<EvaluatorPlace>& places, const NodeShare& node, int threads) {
  if (places.empty()) return;
  const std::size_t count = node.cores.size();
  const bool bound = static_cast<int>(count) < node.cores_of_node;
  if (!bound || count / places.size() < static_cast<std::size_t>(threads)) return;
  const auto from = [&](std::size_t place) {  // no core is left over
    return node.cores.begin() + static_cast<std::ptrdiff_t>(place * count / places.size());
  };
  for (std::size_t i = 0; i < places.size(); ++i) places[i].cores.assign(from(i), from(i + 1));
}

}  // namespace

NodeShare NodeShare::here() {
  NodeShare node;
  node.local_rank = comm::MpiSession::local_rank();
  node.local_ranks = comm::MpiSession::ranks_on_this_node();
  node.devices = visible_devices();
  node.own_devices = devices_are_own();
  node.cores = allowed_cores();
  node.mps = mps_runs();
  node.cores_of_node = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
  return node;
}

std::string place_text(const std::vector<EvaluatorPlace>& places, const NodeShare& node) {
  std::set<std::string> devices;
  std::set<int> cores;
  for (const EvaluatorPlace& place : places) {
    if (!place.device.empty()) devices.insert(place.device);
    cores.insert(place.cores.begin(), place.cores.end());
  }
  if (!devices.empty()) return gpus_text(devices, evaluators_of_a_gpu(places), node.mps);
  if (!cores.empty()) return fmt::format("cores {}", fmt::join(cores, " "));
  return fmt::format("any of {} cores", node.cores.size());
}

std::string advice_of_mps(const std::vector<EvaluatorPlace>& places, const NodeShare& node) {
  const int most = evaluators_of_a_gpu(places).second;
  if (most < 2 || node.mps) return "";
  return core::error_text(fmt::format("{} evaluators share a GPU without NVIDIA's MPS", most),
                          "their kernels take turns instead of running side by side",
                          "Start nvidia-cuda-mps-control -d on each node first: docs/gpus.md.");
}

std::vector<EvaluatorPlace> evaluator_places(const NodeShare& node, int per_device, int threads) {
  std::vector<EvaluatorPlace> places;
  for (const std::string& device : evaluators_of(node, node.local_rank, per_device)) {
    places.push_back(
        {.device = device, .sharing = sharing_of(device, node, per_device), .cores = {}});
  }
  bind(places, node, threads);
  return places;
}

int evaluators_of_node(const NodeShare& node, int per_device) {
  std::size_t count = 0;
  for (int rank = 0; rank < ranks_of(node); ++rank) {
    count += evaluators_of(node, rank, per_device).size();
  }
  return static_cast<int>(count);
}

std::vector<EvaluatorPlace> evaluator_places_alone(const NodeShare& node, int count, int threads) {
  std::vector<EvaluatorPlace> places;
  const std::vector<std::string> devices = devices_of(node, node.local_rank);
  const int turns = static_cast<int>(devices.size());
  for (int i = 0; i < count; ++i) {
    // The first devices have one more where they cannot all have as many.
    const int sharing = count / turns + (i % turns < count % turns ? 1 : 0);
    places.push_back(
        {.device = devices[static_cast<std::size_t>(i % turns)], .sharing = sharing, .cores = {}});
  }
  bind(places, node, threads);
  return places;
}

}  // namespace hierevo::app
