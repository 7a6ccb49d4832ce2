// Fork and exec of a program, as the supervisor does it.
#pragma once

#include <sys/types.h>

#include "hierevo/comm/process_supervisor.hpp"

namespace hierevo::comm::detail {

struct ProgramStart {
  pid_t pid = -1;
  int error = 0;  ///< errno when it could not be started
};
/// Starts the program with `messages` as its descriptor 3 and `output` for all that it prints.
/// Nothing else is left open in it, it dies with this process, and it is a process group.
ProgramStart start_program(const ProcessOrder& order, int messages, int output);

}  // namespace hierevo::comm::detail
