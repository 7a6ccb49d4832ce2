#pragma once

#include <string>

namespace hierevo::core {

/// "0.1.0"
std::string version();

/// What this library was built from and with: version, commit, compiler, build type, optional
/// parts. One fact a line.
std::string build_facts();

/// Whether this build can train on GPUs.
bool built_with_cuda();

}  // namespace hierevo::core
