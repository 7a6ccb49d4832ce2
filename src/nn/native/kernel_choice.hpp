#pragma once

#include <string_view>

#include "hierevo/genome/plan.hpp"
#include "kernels.hpp"

namespace hierevo::nn::native {

/// The kernels that run a plan fastest here: wide ones, unless most of their lanes would be empty.
const Kernels& kernels_for(const genome::Plan& plan);

/// Throws UsageError for a name that this machine cannot run.
const Kernels& kernels_named(std::string_view name);

}  // namespace hierevo::nn::native
