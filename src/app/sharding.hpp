// How `hierevo prepare` makes a folder of JPEG shards.
#pragma once

#include "packing.hpp"

namespace hierevo::app {

/// Makes the shards that are missing and that no other process is making, then, when all are there,
/// the index. Several processes may do the same job at once. Throws Interrupted when the user asks
/// to stop; whole shards are kept. Throws UsageError, when it has named all broken images and made
/// the shards without any.
void make_shards(const PackingJob& job);

}  // namespace hierevo::app
