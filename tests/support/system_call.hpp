// The system's functions, for functions of the same name that replace them.
#pragma once

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/types.h>

#include <cstdarg>

namespace hierevo::test {

/// The system's function of that name, which the caller replaces.
template <typename Function>
Function* system_call(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

/// The mode after the flags of open(), which has one if it may create a file.
inline mode_t mode_behind(int flags, std::va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

}  // namespace hierevo::test
