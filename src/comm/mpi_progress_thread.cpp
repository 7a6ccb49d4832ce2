#include "mpi_progress_thread.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "hierevo/core/error.hpp"
#include "hierevo/core/log.hpp"
#include "hierevo/core/signals_blocked.hpp"
#include "mpi_check.hpp"
#include "readable.hpp"

namespace hierevo::comm::detail {

namespace {

using namespace std::chrono_literals;

/// Chunks on their way at a time: while one is summed, others travel.
constexpr std::size_t most_in_flight = 4;
/// Another rank may still need this one to take part in what has ended here: MPI works only when it
/// is called.
constexpr auto between_idle_looks = 100ms;

/// What `action` returns; an error of MPI is attributed to `job`.
template <typename Action>
bool naming(const MpiJob& job, Action action) {
  try {
    return action();
  } catch (const core::CommunicationError& error) {
    throw core::CommunicationError(-1, fmt::format("{} failed", describe(job.order, job.number)),
                                   error.what());
  }
}

}  // namespace

void MpiProgressThread::start_thread() {
  const core::SignalsBlocked blocked;
  // The thread may have to be left behind, and keeps what it uses.
  thread_ = std::thread([self = shared_from_this()] { self->run(); });
}

std::shared_ptr<MpiJob> MpiProgressThread::submit(const CollectiveOrder& order) {
  throw_if_dead();
  auto job = std::make_shared<MpiJob>();
  job->order = order;
  job->number = ++submissions_;
  submitted_.put(job);
  return job;
}

/// False where the thread hangs.
template <typename Condition>
bool MpiProgressThread::wait_for(std::unique_lock<std::mutex>& lock, Condition condition) {
  StallAwareTimeout patience(longest_call_);
  std::uint64_t seen = looks_;
  while (!changed_.wait_until(lock, patience.next_look(), condition)) {
    const std::uint64_t now_seen = looks_;
    if (now_seen != seen) {
      patience.restart();
    } else if (patience.spent()) {
      return false;
    }
    seen = now_seen;
  }
  return true;
}

void MpiProgressThread::wait(const MpiJob& job) {
  if (job.ended) return;
  bool hangs = false;
  {
    std::unique_lock lock(mutex_);
    hangs = !wait_for(lock, [&] { return job.ended || dead_; });
  }
  if (hangs)
    die(fmt::format("{}: MPI does not return from a call", describe(job.order, job.number)));
  if (!job.ended) throw_if_dead();
}

void MpiProgressThread::finish() {
  submitted_.put(nullptr);
  bool hangs = false;
  {
    std::unique_lock lock(mutex_);
    hangs = !wait_for(lock, [this] { return thread_ended_; });
  }
  if (!hangs) return thread_.join();
  die("MPI does not return from a call");
  thread_.detach();
  core::log(core::LogLevel::warning, "MPI does not return from a call (rank {}).", channels_.rank);
}

void MpiProgressThread::run() {
  try {
    serve();
    if (!dead_) free_channels();
  } catch (const std::exception& error) {
    die(error.what());
  }
  abandon();
  const std::scoped_lock lock(mutex_);
  thread_ended_ = true;
  changed_.notify_all();
}

void MpiProgressThread::serve() {
  while (!dead_) {
    ++looks_;
    take_submitted();
    if (jobs_.empty()) {
      if (finishing_) return;
      idle();
      continue;
    }
    const bool changed = look();
    const bool late = patience_.spent();
    if (changed) {
      backoff_.restart();
    } else if (late) {
      throw_late();
    } else {
      backoff_.pause(patience_.end(), submitted_.descriptor());
    }
  }
}

void MpiProgressThread::take_submitted() {
  while (auto job = submitted_.take()) {
    if (*job) {
      if (jobs_.empty()) patience_.restart();
      jobs_.push_back(std::move(*job));
    } else {
      finishing_ = true;
    }
  }
}

void MpiProgressThread::idle() {
  const int descriptor = submitted_.descriptor();
  if (!wait_until_readable({&descriptor, 1}, deadline_after(between_idle_looks))) {
    int something = 0;
    HIEREVO_MPI_CHECK(
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, channels_.first, &something, MPI_STATUS_IGNORE));
  }
  backoff_.restart();
}

/// Whether anything has changed.
bool MpiProgressThread::look() {
  bool changed = false;
  while (in_flight_.size() < most_in_flight && begin_next_chunk()) changed = true;
  bool turn = true;
  for (auto& [job, chunk] : in_flight_) {
    if (naming(*job, [&, &part = chunk] { return part->advance(turn); })) changed = true;
    if (chunk->done()) --job->in_flight;
    turn = turn && !chunk->second_is_ahead();
  }
  std::erase_if(in_flight_, [this](ChunkInFlight& entry) {
    if (entry.chunk->done()) buffers_.give_back(entry.chunk->take_buffer());
    return entry.chunk->done();
  });
  return end_jobs() || changed;
}

/// A barrier has one chunk although it has no elements.
std::size_t MpiProgressThread::elements_of(const MpiJob& job) const {
  return job.order.kind == CollectiveKind::barrier ? 1 : job.order.elements.count;
}

bool MpiProgressThread::begin_next_chunk() {
  while (next_job_ < jobs_.size()) {
    const auto& job = jobs_[next_job_];
    const std::size_t left = elements_of(*job) - job->begun;
    const std::size_t count = std::min(left, most_in_a_chunk(job->order, channels_.size));
    if (count == left) ++next_job_;
    if (count == 0) continue;
    in_flight_.push_back({job, make_chunk(channels_, job->order, job->begun, count, buffers_)});
    job->begun += count;
    ++job->in_flight;
    return naming(*job, [this] {
      in_flight_.back().chunk->begin();
      return true;
    });
  }
  return false;
}

/// Whether there was one; those without elements end without any chunk.
bool MpiProgressThread::end_jobs() {
  bool any = false;
  while (!jobs_.empty() && next_job_ > 0 && jobs_.front()->in_flight == 0) {
    {
      const std::scoped_lock lock(mutex_);
      jobs_.front()->ended = true;
      changed_.notify_all();
    }
    jobs_.pop_front();
    --next_job_;
    patience_.restart();
    any = true;
  }
  return any;
}

void MpiProgressThread::throw_late() const {
  const auto& job = *jobs_.front();
  const std::chrono::duration<double> limit = timeout_;
  throw core::CommunicationError(
      -1, fmt::format("{} {}", describe(job.order, job.number), late_text(limit.count())),
      "another rank has ended, stands still or does something else");
}

/// Where all has ended well nobody sends there any more. MPI libraries do not wait for others in
/// this call; one that did would count as hanging.
void MpiProgressThread::free_channels() const {
  for (MPI_Comm channel : {channels_.first, channels_.second}) {
    HIEREVO_MPI_CHECK(MPI_Comm_free(&channel));
  }
}

/// MPI may still read and write the memory of what has not ended: it must outlive everything.
void MpiProgressThread::abandon() {
  if (in_flight_.empty()) return;
  static auto& mutex = *new std::mutex;
  static auto& abandoned = *new std::vector<std::deque<ChunkInFlight>>;
  const std::scoped_lock lock(mutex);
  abandoned.push_back(std::move(in_flight_));
}

/// The first reason stays.
void MpiProgressThread::die(std::string reason) {
  const std::scoped_lock lock(mutex_);
  if (dead_) return;
  reason_ = std::move(reason);
  dead_ = true;
  changed_.notify_all();
}

void MpiProgressThread::throw_if_dead() const {
  if (!dead_) return;
  throw core::CommunicationError(channels_.rank, "its group cannot be used any more", reason_,
                                 "Start the program again; if ranks were only slow, give them more "
                                 "time.");
}

}  // namespace hierevo::comm::detail
