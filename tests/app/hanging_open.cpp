// Preloaded by tests: a file system that does not respond where a path contains HIEREVO_HANGS_AT.
#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdlib>
#include <cstring>

extern "C" int open(const char* path, int flags, ...) {
  const char* part = std::getenv("HIEREVO_HANGS_AT");
  while (part != nullptr && std::strstr(path, part) != nullptr) ::pause();
  mode_t mode = 0;
  if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
    std::va_list arguments;
    va_start(arguments, flags);
    mode = va_arg(arguments, mode_t);
    va_end(arguments);
  }
  using Open = int (*)(const char*, int, ...);
  static const auto real = reinterpret_cast<Open>(::dlsym(RTLD_NEXT, "open"));
  return real(path, flags, mode);
}
