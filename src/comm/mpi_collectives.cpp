#include "hierevo/comm/mpi_collectives.hpp"

#include <fmt/format.h>
#include <mpi.h>

#include <utility>

#include "backoff.hpp"
#include "hierevo/core/error.hpp"
#include "mpi_check.hpp"
#include "mpi_progress_thread.hpp"
#include "stall_aware_timeout.hpp"

namespace hierevo::comm {

namespace {

using detail::MpiProgressThread;

int rank_in_world() {
  int rank = -1;
  HIEREVO_MPI_CHECK(MPI_Comm_rank(MPI_COMM_WORLD, &rank));
  return rank;
}

MPI_Comm duplicate_world(detail::StallAwareTimeout& patience) {
  // MPI writes it when the call ends, which may be after this function has given up.
  auto* const comm = new MPI_Comm(MPI_COMM_NULL);
  MPI_Request request = MPI_REQUEST_NULL;
  HIEREVO_MPI_CHECK(MPI_Comm_idup(MPI_COMM_WORLD, comm, &request));
  detail::Backoff backoff;
  int ended = 0;
  while (true) {
    HIEREVO_MPI_CHECK(MPI_Test(&request, &ended, MPI_STATUS_IGNORE));
    if (ended != 0) break;
    if (patience.spent()) {
      throw core::CommunicationError(rank_in_world(),
                                     "the group of ranks does not come together in time",
                                     "another rank has ended, stands still or does something else");
    }
    backoff.pause(patience.end());
  }
  const MPI_Comm duplicate = *comm;
  delete comm;
  HIEREVO_MPI_CHECK(MPI_Comm_set_errhandler(duplicate, MPI_ERRORS_RETURN));
  return duplicate;
}

class Started final : public Request::Operation {
 public:
  Started(std::shared_ptr<MpiProgressThread> thread, std::shared_ptr<detail::MpiJob> job)
      : thread_(std::move(thread)), job_(std::move(job)) {}

  bool done() override { return thread_->ended(*job_); }
  void wait() override { thread_->wait(*job_); }

 private:
  const std::shared_ptr<MpiProgressThread> thread_;
  const std::shared_ptr<detail::MpiJob> job_;
};

}  // namespace

MpiCollectives::MpiCollectives(std::chrono::nanoseconds timeout) {
  detail::require_mpi("A group of MPI's ranks");
  detail::require_mpi_for_threads("A group of MPI's ranks");
  detail::StallAwareTimeout patience(timeout);
  detail::MpiChannels channels;
  channels.first = duplicate_world(patience);
  channels.second = duplicate_world(patience);
  HIEREVO_MPI_CHECK(MPI_Comm_rank(channels.first, &channels.rank));
  HIEREVO_MPI_CHECK(MPI_Comm_size(channels.first, &channels.size));
  thread_ = std::make_shared<MpiProgressThread>(channels, timeout);
  thread_->start_thread();
}

MpiCollectives::~MpiCollectives() {
  thread_->finish();
}

int MpiCollectives::rank() const {
  return thread_->channels().rank;
}

int MpiCollectives::size() const {
  return thread_->channels().size;
}

Request MpiCollectives::all_reduce(Elements elements) {
  return start(detail::order_all_reduce(elements));
}

Request MpiCollectives::broadcast(Elements elements, int root) {
  return start(detail::order_broadcast(elements, root, size()));
}

Request MpiCollectives::all_gather(Elements own, Elements all) {
  return start(detail::order_all_gather(own, all, size()));
}

Request MpiCollectives::barrier() {
  return start({});
}

Request MpiCollectives::start(const detail::CollectiveOrder& order) {
  return Request(std::make_unique<Started>(thread_, thread_->submit(order)));
}

}  // namespace hierevo::comm
