#include "launch.hpp"

namespace hierevo::process::detail {

Program program_for(const LaunchSpec& spec, int messages, int output) {
  static_assert(messages_descriptor == 3);
  return {.command = spec.command,
          .environment = environment_with(spec.environment),
          .descriptors = {no_descriptor, output, output, messages},
          .ends_by_job_signals = false,
          .memory_limit = spec.memory_limit,
          .cpus = spec.cpus};
}

}  // namespace hierevo::process::detail
