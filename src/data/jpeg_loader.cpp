#include "jpeg_loader.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <system_error>
#include <utility>

#include "hierevo/core/error.hpp"

namespace hierevo::data {

JpegLoader::JpegLoader(const JpegFiles& files, std::int64_t size, int threads, Tasks tasks,
                       PixelMemory memory)
    : files_(files), size_(size), tasks_(std::move(tasks)), memory_(std::move(memory)) {
  try {
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
  } catch (const std::system_error& error) {
    throw core::UsageError(fmt::format("Cannot start {} threads that decode images", threads),
                           error.code().message(), "Use fewer.");
  }
}

JpegLoader::~JpegLoader() {
  for (auto& thread : threads_) thread.request_stop();  // wakes waiting threads
}

JpegLoader::JobPointer JpegLoader::new_job(const JpegRequest& request) const {
  auto job = std::make_shared<Job>();
  job->request = request;
  job->tasks = tasks_(request);
  job->left = job->tasks.size();
  const std::size_t image = static_cast<std::size_t>(size_ * size_ * 3);
  job->batch.pixels = memory_(job->tasks.size() * image);
  for (const auto& task : job->tasks) job->batch.labels.push_back(files_.label(task.index));
  return job;
}

/// The job that is being made, or a new one.
JpegLoader::JobPointer JpegLoader::job_of(const JpegRequest& request) {
  {
    const std::scoped_lock lock(mutex_);
    const auto found = std::find_if(jobs_.begin(), jobs_.end(),
                                    [&](const JobPointer& job) { return job->request == request; });
    if (found != jobs_.end()) return *found;
  }
  return new_job(request);
}

DecodedBatch JpegLoader::at(const JpegRequest& request, std::span<const JpegRequest> following) {
  std::deque<JobPointer> jobs = {job_of(request)};
  const JobPointer wanted = jobs.front();
  {
    // The threads begin with the batch that is waited for, while the others are listed.
    const std::scoped_lock lock(mutex_);
    if (std::find(jobs_.begin(), jobs_.end(), wanted) == jobs_.end()) jobs_.push_front(wanted);
  }
  begun_.notify_all();
  for (const auto& next : following) {
    if (next != request) jobs.push_back(job_of(next));  // a batch is handed over only once
  }
  std::unique_lock lock(mutex_);
  jobs_ = std::move(jobs);
  begun_.notify_all();
  made_.wait(lock, [&] { return wanted->left == 0; });
  jobs_.pop_front();
  if (wanted->problem) std::rethrow_exception(wanted->problem);
  return std::move(wanted->batch);
}

void JpegLoader::work(const std::stop_token& stop) {
  CropDecoder decoder;
  std::vector<std::byte> file;
  std::unique_lock lock(mutex_);
  while (!stop.stop_requested()) {
    const auto open = [&] {
      return std::find_if(jobs_.begin(), jobs_.end(),
                          [](const JobPointer& job) { return job->next < job->tasks.size(); });
    };
    if (!begun_.wait(lock, stop, [&] { return open() != jobs_.end(); })) return;
    const JobPointer job = *open();
    const std::size_t place = job->next++;
    lock.unlock();
    std::exception_ptr problem;
    try {
      make(*job, place, decoder, file);
    } catch (...) {
      problem = std::current_exception();
    }
    lock.lock();
    // The first in the batch, whichever thread was faster.
    if (problem && (!job->problem || place < job->bad)) {
      job->problem = problem;
      job->bad = place;
    }
    if (--job->left == 0) made_.notify_all();
  }
}

void JpegLoader::make(Job& job, std::size_t place, CropDecoder& decoder,
                      std::vector<std::byte>& file) const {
  const JpegTask& task = job.tasks[place];
  const auto image = static_cast<std::size_t>(size_ * size_ * 3);
  files_.read(task.index, file);
  try {
    decoder.decode(file, files_.image_size(task.index), task.crop, size_,
                   {job.batch.pixels.get() + place * image, image});
  } catch (const BadJpeg& bad) {
    refuse_image(files_.name(task.index), bad);
  }
}

}  // namespace hierevo::data
