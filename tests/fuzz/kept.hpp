// What was read has to be there when it was saved and read again.
#pragma once

#include "hierevo/io/snapshot.hpp"

namespace hierevo::fuzz {

/// Throws BrokenProperty when the next snapshot would lose something, or could not be read.
void require_kept(io::Snapshot snapshot);

}  // namespace hierevo::fuzz
