#include "hierevo/core/mailbox.hpp"

#include <sys/eventfd.h>

#include <cerrno>

#include "hierevo/core/error.hpp"

namespace hierevo::core {

EventFd::EventFd() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!event_) throw IoError("eventfd", "make", errno);
}

void EventFd::notify() {
  ::eventfd_write(event_.get(), 1);
}

void EventFd::clear() {
  eventfd_t ignored = 0;
  ::eventfd_read(event_.get(), &ignored);
}

}  // namespace hierevo::core
