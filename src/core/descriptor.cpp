#include "hierevo/core/descriptor.hpp"

#include <unistd.h>

namespace hierevo::core {

void Descriptor::reset() {
  if (value_ >= 0) ::close(value_);
  value_ = -1;
}

}  // namespace hierevo::core
