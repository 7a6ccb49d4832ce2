#include "hierevo/nn/executor/make_executor.hpp"

#include "hierevo/nn/executor/native_executor.hpp"
#include "hierevo/nn/executor/torch_executor.hpp"

namespace hierevo::nn {

std::unique_ptr<Executor> make_executor(const genome::Plan& plan, c10::Device device,
                                        std::uint64_t seed, const TrainingOptions& options) {
  const bool native = device.is_cpu() && options.drop_path == 0.0 && !options.bf16 &&
                      !options.sync_batchnorm && can_run_natively(plan);
  return native ? make_native_executor(plan, seed) : make_torch_executor(plan, device, seed);
}

}  // namespace hierevo::nn
