#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <thread>
#include <vector>

#include "crop_decoder.hpp"
#include "hierevo/data/jpeg_batches.hpp"
#include "hierevo/data/jpeg_files.hpp"

namespace hierevo::data {

/// An image of a batch that is to be made.
struct JpegTask {
  std::int64_t index = 0;  ///< among the files
  ImageCrop crop;
};

/// A request: some images of the batch of a step.
struct JpegRequest {
  std::int64_t step = 0;
  ImageRange range;

  bool operator==(const JpegRequest&) const = default;
};

/// Makes batches of crops on threads, those that will probably be requested ahead of time. A batch
/// depends on its request alone. Belongs to one thread.
class JpegLoader {
 public:
  /// The images of a request: called by the requesting thread, in the order of requests.
  using Tasks = std::function<std::vector<JpegTask>(const JpegRequest&)>;

  /// Keeps a reference to `files`. `threads` and `size` are at least 1. Throws UsageError where so
  /// many threads cannot be started.
  JpegLoader(const JpegFiles& files, std::int64_t size, int threads, Tasks tasks,
             PixelMemory memory = ordinary_memory);
  JpegLoader(const JpegLoader&) = delete;
  JpegLoader& operator=(const JpegLoader&) = delete;
  /// Waits only for the images that threads are working on.
  ~JpegLoader();

  /// The batch of `request`. Meanwhile and afterwards those of `following` are made, in this order;
  /// others that were begun are dropped, to limit memory. Throws UsageError or IoError that names
  /// the first bad image of the batch.
  DecodedBatch at(const JpegRequest& request, std::span<const JpegRequest> following);

 private:
  /// A batch in the making. Guarded by mutex_ except for the pixels.
  struct Job {
    JpegRequest request;
    std::vector<JpegTask> tasks;
    DecodedBatch batch;
    std::size_t next = 0;  ///< image that no thread has begun
    std::size_t left = 0;  ///< images that are not finished
    std::size_t bad = 0;   ///< index of the first bad image
    std::exception_ptr problem;
  };
  using JobPointer = std::shared_ptr<Job>;

  JobPointer job_of(const JpegRequest& request);
  JobPointer new_job(const JpegRequest& request) const;
  void work(const std::stop_token& stop);
  void make(Job& job, std::size_t place, CropDecoder& decoder, std::vector<std::byte>& file) const;

  const JpegFiles& files_;
  std::int64_t size_;
  Tasks tasks_;
  PixelMemory memory_;
  std::mutex mutex_;
  std::condition_variable_any begun_;
  std::condition_variable made_;
  std::deque<JobPointer> jobs_;  ///< in the order in which they will be needed
  std::vector<std::jthread> threads_;
};

}  // namespace hierevo::data
