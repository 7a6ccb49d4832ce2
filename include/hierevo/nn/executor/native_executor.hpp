#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "hierevo/genome/plan.hpp"
#include "hierevo/nn/executor/executor.hpp"

namespace hierevo::nn {

/// Whether the native executor can run a plan: every one from make_plan(), however wide. (One that
/// is too wide for any memory is refused with std::bad_alloc when its executor is made.)
bool can_run_natively(const genome::Plan& plan);

/// Instruction sets that it was built for and this machine has, the widest first; the last one is
/// "portable".
std::vector<std::string> native_instruction_sets();

/// The network of `plan` on hierevo's own kernels for CPUs, in float32, with a backward pass
/// written out instead of Torch's autograd. Names, shapes and initial weights are those of
/// make_torch_executor(). It uses as many threads as Torch does (set_threads()), in training at
/// most sixteen. Its results do not depend on how many, bit for bit, but on the instruction set:
/// vectors of different widths add in different orders. `instruction_set` is one of the above; the
/// default is the fastest. Steps with drop_path, bf16, frozen_norms or norm_ranks throw
/// InternalError: only Torch's executor has these.
std::unique_ptr<Executor> make_native_executor(const genome::Plan& plan, std::uint64_t seed,
                                               const std::string& instruction_set = {});

}  // namespace hierevo::nn
