#include "hierevo/nn/device/threads.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include "hierevo/core/error.hpp"

namespace hierevo::nn {

void set_threads(int threads) {
  if (threads < 1) {
    throw core::UsageError(fmt::format("{} threads", threads), "at least 1 is needed");
  }
  at::set_num_threads(threads);
  // Torch refuses a second call.
  if (at::get_num_interop_threads() != 1) at::set_num_interop_threads(1);
}

}  // namespace hierevo::nn
