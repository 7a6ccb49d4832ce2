#pragma once

namespace hierevo::nn {

/// Lets Torch use `threads` threads for the operations that the calling thread starts, and one for
/// everything else. These are settings of the whole process: call it before any other work of
/// Torch's, from the thread that trains. Throws UsageError when `threads` is below 1.
void set_threads(int threads);

}  // namespace hierevo::nn
