// The system's functions, for those of the same name that take their place.
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>

#include <cstdarg>

namespace hierevo::test {

/// The system's function of that name, behind the one that calls this.
template <typename Function>
Function* system_call(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// The mode behind the flags of open(), which has one where it may make a file.
inline mode_t mode_behind(int flags, std::va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace hierevo::test
