#include "hierevo/core/descriptor.hpp"

#include <unistd.h>

namespace hierevo::core {

bool Descriptor::close() {
  return ::close(std::exchange(value_, -1)) == 0;
}

void Descriptor::reset() {
  if (value_ >= 0) ::close(value_);
  value_ = -1;
}

}  // namespace hierevo::core
