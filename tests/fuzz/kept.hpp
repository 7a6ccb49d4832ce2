// What was read must still be there after saving and reading it again.
#pragma once

#include "hierevo/io/snapshot.hpp"

namespace hierevo::fuzz {

/// Throws BrokenProperty if the next snapshot would lose something, or could not be read.
void require_kept(io::Snapshot snapshot);

}  // namespace hierevo::fuzz
