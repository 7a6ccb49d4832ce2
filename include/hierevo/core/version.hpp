#pragma once

#include <string>

namespace hierevo::core {

/// "0.1.0"
std::string version();

/// What this library was built from and with: version, commit, compiler, build type, optional
/// parts. One fact a line.
std::string build_facts();

/// Of the LibTorch that this build trains with: "1.13.0". Empty for builds without.
std::string torch_version();

/// Whether this build can train on GPUs.
bool built_with_cuda();

}  // namespace hierevo::core
