// The process that starts programs for another one.
#pragma once

#include <sys/types.h>

#include "hierevo/core/descriptor.hpp"

namespace hierevo::process::detail {

/// Serves requests from `socket` until its other end is closed or `client` is dead; then kills all
/// that was started, and ends. To be called with all signals blocked.
[[noreturn]] void run_supervisor(core::Descriptor socket, pid_t client);

}  // namespace hierevo::process::detail
