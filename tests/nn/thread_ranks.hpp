// Ranks that are threads, for tests of what they do together.
#pragma once

#include <ATen/Parallel.h>

#include <chrono>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

#include "hierevo/comm/thread_collectives.hpp"

namespace hierevo::nn {

/// Runs `work` as each of `size` ranks, and throws what the first of them throws.
inline void as_ranks(int size, const std::function<void(comm::Collectives&)>& work) {
  comm::ThreadCollectivesGroup group(size, std::chrono::seconds(60));
  std::vector<std::exception_ptr> errors(static_cast<std::size_t>(size));
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank) {
    threads.emplace_back([&, rank] {
      at::set_num_threads(1);
      try {
        work(group.collectives(rank));
      } catch (...) {
        errors[static_cast<std::size_t>(rank)] = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& error : errors) {
    if (error) std::rethrow_exception(error);
  }
}

}  // namespace hierevo::nn
