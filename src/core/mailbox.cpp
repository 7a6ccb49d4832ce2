#include "hierevo/core/mailbox.hpp"

#include <sys/eventfd.h>

#include <cerrno>

#include "hierevo/core/error.hpp"

namespace hierevo::core {

Bell::Bell() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw IoError("eventfd", "make", errno);
}

void Bell::ring() {
  ::eventfd_write(event_.get(), 1);
}

void Bell::silence() {
  eventfd_t ignored = 0;
  ::eventfd_read(event_.get(), &ignored);
}

}  // namespace hierevo::core
