#pragma once

namespace hierevo::nn {

/// Lets Torch use `threads` threads for the operations that the calling thread starts, and one for
/// everything else. Call it once before any other use of Torch, and again from each thread that
/// trains. Throws UsageError when `threads` is below 1.
void set_threads(int threads);

}  // namespace hierevo::nn
