#pragma once

namespace hierevo::process {

/// Closes all of this process's descriptors from `first` on. False, with `errno`, where there is no
/// way to know which are open. May be called between fork() and exec(): it takes no memory. What
/// glibc 2.34 has for it, closefrom(), ends the process instead of failing.
bool close_descriptors_from(int first);

}  // namespace hierevo::process
