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

#include "hierevo/comm/mpi_session.hpp"
#include "hierevo/core/error.hpp"

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

std::vector<std::string> devices_of(const NodeShare& node) {
  if (node.devices.empty()) return {""};
  if (node.own_devices) return node.devices;
  // A launcher may tell the number of a rank and not how many there are.
  const auto rank = static_cast<std::size_t>(std::max(node.local_rank, 0));
  const auto ranks = std::max(static_cast<std::size_t>(std::max(node.local_ranks, 1)), rank + 1);
  const std::size_t count = node.devices.size();
  // More ranks than devices, or a launcher that shows each rank its own: they share.
  if (count < ranks) return {node.devices[rank % count]};
  std::vector<std::string> devices;
  for (std::size_t i = rank; i < count; i += ranks) devices.push_back(node.devices[i]);
  return devices;
}

/// Where the launcher has bound the rank and all threads have a core.
void bind(std::vector<EvaluatorPlace>& places, const NodeShare& node, int threads) {
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
  if (!devices.empty()) return fmt::format("GPUs {}", fmt::join(devices, " "));
  if (!cores.empty()) return fmt::format("cores {}", fmt::join(cores, " "));
  return fmt::format("any of {} cores", node.cores.size());
}

std::vector<EvaluatorPlace> evaluator_places(const NodeShare& node, int per_device, int threads) {
  std::vector<EvaluatorPlace> places;
  for (const std::string& device : devices_of(node)) {
    for (int i = 0; i < per_device; ++i) places.push_back({device, {}});
  }
  bind(places, node, threads);
  return places;
}

int evaluators_of_node(const NodeShare& node, int per_device) {
  if (node.own_devices) {
    return node.local_ranks * std::max(1, static_cast<int>(node.devices.size())) * per_device;
  }
  // Ranks that share devices have evaluators each; a rank may also have several devices.
  return std::max(node.local_ranks, static_cast<int>(node.devices.size())) * per_device;
}

std::vector<EvaluatorPlace> evaluator_places_alone(const NodeShare& node, int count, int threads) {
  std::vector<EvaluatorPlace> places;
  const std::vector<std::string> devices = devices_of(node);
  while (places.size() < static_cast<std::size_t>(count)) {
    places.push_back({devices[places.size() % devices.size()], {}});
  }
  bind(places, node, threads);
  return places;
}

}  // namespace hierevo::app
