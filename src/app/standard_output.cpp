#include "standard_output.hpp"

#include <fcntl.h>
#include <stdio_ext.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <iostream>

#include "hierevo/core/error.hpp"
#include "hierevo/core/printable.hpp"

namespace hierevo::app {

namespace {

/// Some network file systems tell only then that they have no room.
bool closes_well(int descriptor) {
  const int copy = ::dup(descriptor);
  return copy < 0 || ::close(copy) == 0;
}

}  // namespace

void print_line(std::string_view text) {
  std::cout << core::printable(text) << '\n';
}

void flush_output() {
  errno = 0;
  std::cout.flush();  // and with it stdout, which it shares
  const bool written = std::cout.good() && std::ferror(stdout) == 0 && closes_well(STDOUT_FILENO);
  if (written) return;
  const int error = errno;
  std::cout.clear();
  std::clearerr(stdout);
  ::__fpurge(stdout);  // or the next flush would report the same once more
  throw core::IoError("standard output", "write to", error,
                      "The output is incomplete: free some space, or write it elsewhere.");
}

void occupy_closed_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) >= 0) continue;
    // The first free one is this one.
    [[maybe_unused]] const int opened =
        ::open("/dev/null", descriptor == STDIN_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace hierevo::app
