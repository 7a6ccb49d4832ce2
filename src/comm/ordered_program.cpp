#include "ordered_program.hpp"

namespace hierevo::comm::detail {

core::Program ordered_program(const ProcessOrder& order, int messages, int output) {
  static_assert(messages_descriptor == 3);
  return {.command = order.command,
          .environment = core::environment_with(order.environment),
          .descriptors = {core::no_descriptor, output, output, messages},
          .ends_by_job_signals = false,
          .memory_limit = order.memory_limit,
          .cpus = order.cpus};
}

}  // namespace hierevo::comm::detail
