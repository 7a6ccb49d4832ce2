// What the supervisor starts for an order.
#pragma once

#include "hierevo/comm/process_supervisor.hpp"
#include "hierevo/core/start_program.hpp"

namespace hierevo::comm::detail {

/// With `messages` as its descriptor 3 and `output` for all that it prints. It finds nothing of the
/// launcher that started this process, and ignores a job's signals as this process does.
core::Program ordered_program(const ProcessOrder& order, int messages, int output);

}  // namespace hierevo::comm::detail
