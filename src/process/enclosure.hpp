// The process between one that has a program started and the program, which leaves nothing of it
// behind. Its code runs in a process that was forked off with other threads around: only system
// calls are allowed, and no memory is taken.
#pragma once

#include <sys/types.h>

namespace hierevo::process {

/// Makes this process, a child of `parent`, the new parent of whatever loses its own below it. Ends
/// it where `parent` has ended already.
void begin_enclosure(pid_t parent);
/// Waits for `program`, which this process has started, kills what it has left behind, and ends as
/// it has ended. SIGTERM, or the end of the thread that has started this process, kills all.
[[noreturn]] void enclose(pid_t program);

}  // namespace hierevo::process
