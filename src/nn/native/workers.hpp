#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace hierevo::nn::native {

/// A few threads that share work. Not Torch's: those take equal parts, and the slowest one
/// determines the time; these take one item after another.
class Workers {
 public:
  /// Called with an item and the number, from 0, of the worker that runs it.
  using Work = std::function<void(std::int64_t item, int worker)>;

  /// `count` workers, of which the calling thread is one.
  explicit Workers(int count);
  ~Workers();
  Workers(const Workers&) = delete;
  Workers& operator=(const Workers&) = delete;

  int count() const { return static_cast<int>(threads_.size()) + 1; }

  /// Does all items 0…items-1 and returns when they are done. When one of them throws, items that
  /// have not begun are skipped, and the first exception is rethrown once the others have finished.
  void run(std::int64_t items, const Work& work);

 private:
  void wait_for_work(int worker);
  void take_items(std::unique_lock<std::mutex>& lock, int worker);

  std::mutex mutex_;
  std::condition_variable begun_;
  std::condition_variable done_;
  const Work* work_ = nullptr;
  std::int64_t next_ = 0;
  std::int64_t items_ = 0;
  std::int64_t unfinished_ = 0;
  std::exception_ptr problem_;
  bool ending_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace hierevo::nn::native
