#include "hierevo/core/parallel_for.hpp"

#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace hierevo::core {

void parallel_for(std::size_t count, int threads, const std::function<void(std::size_t i)>& work) {
  std::vector<std::exception_ptr> problems(count);
  std::atomic<std::size_t> next = 0;
  const auto take = [&] {
    for (std::size_t i = next++; i < count; i = next++) {
      try {
        work(i);
      } catch (...) {
        problems[i] = std::current_exception();
      }
    }
  };
  {
    std::vector<std::jthread> others;
    for (int i = 1; i < threads; ++i) others.emplace_back(take);
    take();
  }
  for (const auto& problem : problems) {
    if (problem) std::rethrow_exception(problem);
  }
}

}  // namespace hierevo::core
