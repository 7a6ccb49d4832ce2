#pragma once

#include <cstddef>
#include <functional>

namespace hierevo::core {

/// Calls work(i) for every i below `count`, in `threads` threads, including the calling one:
/// each takes the next i when it is done with one. Returns when all are done. When calls throw, the
/// others are made all the same, and then the exception of the smallest i leaves.
void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t i)>& work);

}  // namespace hierevo::core
