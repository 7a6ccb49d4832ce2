// What the supervisor starts for a LaunchSpec.
#pragma once

#include "hierevo/process/start_program.hpp"
#include "hierevo/process/supervisor.hpp"

namespace hierevo::process::detail {

/// With `messages` as its descriptor 3 and `output` for all that it prints. It finds nothing of the
/// launcher that started this process, and ignores a job's signals as this process does.
Program program_for(const LaunchSpec& spec, int messages, int output);

}  // namespace hierevo::process::detail
