#include "workers.hpp"

#include <algorithm>
#include <utility>

namespace hierevo::nn::native {

Workers::Workers(int count) {
  threads_.reserve(static_cast<std::size_t>(std::max(count - 1, 0)));
  try {
    for (int worker = 1; worker < count; ++worker) {
      threads_.emplace_back([this, worker] { wait_for_work(worker); });
    }
  } catch (const std::exception&) {
    // The system has no more threads, or no memory for them; the existing ones do the work.
  }
}

Workers::~Workers() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    ending_ = true;
  }
  begun_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void Workers::run(std::int64_t items, const Work& work) {
  if (threads_.empty()) {
    for (std::int64_t i = 0; i < items; ++i) work(i, 0);
    return;
  }
  std::unique_lock lock(mutex_);
  work_ = &work;
  next_ = 0;
  items_ = items;
  unfinished_ = items;
  begun_.notify_all();
  take_items(lock, 0);
  done_.wait(lock, [this] { return unfinished_ == 0; });
  if (problem_) std::rethrow_exception(std::exchange(problem_, nullptr));
}

void Workers::wait_for_work(int worker) {
  std::unique_lock lock(mutex_);
  while (true) {
    begun_.wait(lock, [this] { return ending_ || next_ < items_; });
    if (ending_) return;
    take_items(lock, worker);
  }
}

void Workers::take_items(std::unique_lock<std::mutex>& lock, int worker) {
  while (next_ < items_) {
    const std::int64_t item = next_++;
    const Work& work = *work_;
    lock.unlock();
    std::exception_ptr problem;
    try {
      work(item, worker);
    } catch (...) {
      problem = std::current_exception();
    }
    lock.lock();
    if (problem) {
      unfinished_ -= items_ - std::exchange(next_, items_);
      if (!problem_) problem_ = problem;
    }
    if (--unfinished_ == 0) done_.notify_one();
  }
}

}  // namespace hierevo::nn::native
