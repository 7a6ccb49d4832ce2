// NVIDIA's Multi-Process Service, by which kernels of several processes run on a GPU side by side.
#pragma once

#include <filesystem>

namespace hierevo::app {

/// Where CUDA would look for it: CUDA_MPS_PIPE_DIRECTORY, or else NVIDIA's default.
std::filesystem::path mps_folder();

/// Whether its control daemon (nvidia-cuda-mps-control) serves this user there. CUDA uses it then.
/// The daemon does not notice the question.
bool mps_runs(const std::filesystem::path& folder = mps_folder());

}  // namespace hierevo::app
